"""
What an escape would reach: real sockets that listen, a real secret, a real victim process.

The battery proves something only if its targets are there.  The launcher sets them up beside
every worker it starts, on loopback and in a folder of its own, and takes them down after the
probe report; so the keeper itself is never the one that is attacked.
"""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from .target import Target

_LOOPBACK = "127.0.0.1"
_LONGEST_SOCKET_PATH = 100
"""bytes: the kernel's limit is 108 with the closing zero."""


@dataclass(frozen=True, slots=True)
class Lure:
    """A target, seen from outside."""

    target: Target
    udp: socket.socket

    def delivered(self) -> list[bytes]:
        """Datagrams that have arrived since the last question."""
        arrived = []
        while True:
            try:
                arrived.append(self.udp.recv(16))
            except BlockingIOError:
                return arrived


@contextmanager
def lure() -> Iterator[Lure]:
    """Set up a target for one worker, and take it down."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        (folder / "secret").write_text(secrets.token_hex(), encoding="ascii")
        named = _listen(stack, socket.AF_UNIX, str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        name = f"clerestory-{secrets.token_hex(8)}"
        _listen(stack, socket.AF_UNIX, "\0" + name)
        tcp = _listen(stack, socket.AF_INET, (_LOOPBACK, 0))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind((_LOOPBACK, 0))
        udp.settimeout(0)
        victim = stack.enter_context(_victim())
        target = Target(
            tcp_port=tcp.getsockname()[1],
            udp_port=udp.getsockname()[1],
            abstract_socket=name,
            folder=str(Path(named.getsockname()).parent),
            victim=victim.pid,
            address=_readable_address(victim.pid),
        )
        yield Lure(target, udp)


@contextmanager
def _folder() -> Iterator[Path]:
    parent = None
    if len(os.fsencode(os.environ.get("TMPDIR", ""))) > _LONGEST_SOCKET_PATH - 32:
        parent = "/tmp"  # noqa: S108 - the folder below it is made safely, with a random name
    with TemporaryDirectory(prefix="clerestory-", dir=parent) as name:
        folder = Path(name)
        folder.chmod(0o1777)  # so that only the sandbox, not ownership, keeps a worker out
        yield folder


def _listen(stack: ExitStack, family: int, address: str | tuple[str, int]) -> socket.socket:
    listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    listener.bind(address)
    listener.listen(8)
    return listener


@contextmanager
def _victim() -> Iterator[subprocess.Popen[bytes]]:
    sleep = which("sleep")
    idle = [sleep, "600"] if sleep else [sys.executable, "-ISBc", "import time; time.sleep(600)"]
    with subprocess.Popen(  # noqa: S603 - a fixed program that waits
        idle,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _readable_address(pid: int) -> int:
    try:
        first = Path(f"/proc/{pid}/maps").read_text(encoding="ascii").split("-", 1)[0]
        return int(first, 16)
    except (OSError, ValueError):  # no /proc: attempts on memory fail by themselves
        return 0
