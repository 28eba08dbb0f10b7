"""
What an escape would reach: real sockets that listen, a real secret, a real victim process.

The battery proves something only if its targets are there.  The launcher sets them up once for a
zygote and all its workers, on loopback and in a folder of its own, and takes them down with it;
so the keeper itself is never the one that is attacked.

What has arrived is remembered: where several workers share a lure, one that got through speaks
against all that are asked after it, for nobody can tell them apart.
"""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from threading import Lock

from .target import Target

_LOOPBACK = "127.0.0.1"
_LONGEST_SOCKET_PATH = 100
"""bytes: the kernel's limit is 108 with the closing zero."""


@dataclass(frozen=True, slots=True)
class Lure:
    """A target, seen from outside; several threads may ask it."""

    target: Target
    udp: socket.socket
    listeners: tuple[socket.socket, ...]
    _arrived: set[bytes] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def delivered(self) -> frozenset[bytes]:
        """Datagrams that have ever arrived; also makes room for the next to connect."""
        for listener in self.listeners:
            with suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
        with self._lock, suppress(BlockingIOError):
            while True:
                self._arrived.add(self.udp.recv(16))
        return frozenset(self._arrived)


@contextmanager
def lure() -> Iterator[Lure]:
    """Set up a target, and take it down."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        (folder / "secret").write_text(secrets.token_hex(), encoding="ascii")
        named = _listen(stack, socket.AF_UNIX, str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        name = f"clerestory-{secrets.token_hex(8)}"
        abstract = _listen(stack, socket.AF_UNIX, "\0" + name)
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
        yield Lure(target, udp, (named, abstract, tcp))


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
    listener.listen(64)
    listener.settimeout(0)
    return listener


@contextmanager
def _victim() -> Iterator[subprocess.Popen[bytes]]:
    # It reads from a pipe that nobody writes to, so it lives as long as the lure and its keeper.
    cat = which("cat")
    idle = [cat] if cat else [sys.executable, "-ISBc", "import sys; sys.stdin.buffer.read()"]
    with subprocess.Popen(  # noqa: S603 - a fixed program that waits
        idle,
        stdin=subprocess.PIPE,
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
