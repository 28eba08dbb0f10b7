"""
Serve until interrupted, under an authority of one's own.

The port is taken before the root is written, and a root is written over an older one of this
server's only: where it lies, something of value may lie.
"""

import errno
import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import FrameType

from clerestory.devstub.answers import MESSAGES
from clerestory.devstub.authority import NAME, authority, named
from clerestory.devstub.batches import Batches
from clerestory.devstub.contract import fault_of
from clerestory.devstub.likes import LIKES, SERVED, Local, Manners, like_of
from clerestory.devstub.loopback import Reply, running
from clerestory.devstub.script import LINES, WAYS, Manner, Script, exceptions
from clerestory.devstub.server import Asked, Stub
from privacy.errors import ConfigurationError

FIRST_PORT, LAST_PORT = 1024, 65535


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    roots: Path | None
    """Where the root goes; without one it serves in clear, like a server on this machine."""
    like: str
    """A server that it is like; empty for the API."""
    window: int
    port: int
    usual: str
    at: tuple[str, ...]
    every: tuple[str, ...]
    lines: tuple[str, ...]
    looks: int
    per_minute: int
    retry_after: int
    pause: float
    seed: int


def serve(wanted: Wanted, ready: Callable[[dict[str, str]], None]) -> None:
    """
    Serve until SIGINT or SIGTERM.

    Args:
        wanted: Where, and how requests are answered.
        ready: Told address, file of the root and its SHA-256, as study and policy name them.

    Raises:
        ConfigurationError: A way or a server is unknown, the port cannot be had, the file of the
            root is something else's, or there is none for the API.
    """
    usual = exceptions([f"1={wanted.usual}"], WAYS)[1]
    script = Script(usual, exceptions(wanted.at, WAYS), exceptions(wanted.every, WAYS))
    lines = Script("good", exceptions(wanted.lines, (*MESSAGES, *LINES)))
    manner = Manner(wanted.seed, wanted.retry_after, wanted.pause)
    ours = authority()
    if wanted.roots is not None:
        _may_be_written(wanted.roots)
    pem = None if wanted.roots is None else ours.sign()

    def otherwise(asked: Asked) -> Reply | None:
        way = script.next()
        return None if way == "good" else manner.reply(way, asked.body)

    def made(port: int) -> Stub:
        if wanted.like:
            like = Manners(like_of(wanted.like), wanted.window, wanted.seed)
            return Local(like, pem, port=port, otherwise=otherwise)
        return Stub(
            pem,
            lambda asked: manner.reply(script.next(), asked.body, asked.cached),
            port=port,
            batches=Batches(lines, wanted.looks, wanted.seed),
            per_minute=wanted.per_minute,
        )

    if wanted.roots is None and not wanted.like:
        raise ConfigurationError(
            "ROOTS_MISSING",
            rule="The server speaks TLS as the API does; in clear it is like one on this machine.",
            found="neither a place for its root nor a server that it is like.",
            remedy=f"give --roots FILE, or --like with one of: {', '.join(LIKES)}.",
        )
    stub = _listening(wanted.port, made)
    with _until_told() as stop, running(stub):
        for kind in ("messages", "count_tokens", "batches"):
            fault_of({}, kind)  # a second that the first request need not wait
        gc.freeze()  # the SDK's types are there for good, and too many to be looked through
        told = {"url": stub.url}
        if wanted.like:
            told["model"] = SERVED
        if wanted.roots is not None:
            wanted.roots.write_text(ours.roots, encoding="ascii")
            told["roots"] = str(wanted.roots)
            told["sha256"] = sha256(ours.roots.encode()).hexdigest()
        ready(told)
        sys.stdout.flush()
        stop.wait()


def _may_be_written(path: Path) -> None:
    """Whether nothing lies there, or an older root of ours."""
    if not path.exists() and not path.is_symlink():
        return
    try:
        if not path.is_symlink() and named(path.read_bytes()) == f"{NAME} root":
            return
    except ValueError:
        pass
    raise ConfigurationError(
        "ROOTS_EXIST",
        rule="A root is written over nothing but an older one of this server's.",
        found="another file of that name.",
        remedy="choose another name.",
    )


def _listening(port: int, made: Callable[[int], Stub]) -> Stub:
    if port and not FIRST_PORT <= port <= LAST_PORT:
        raise ConfigurationError(
            "PORT_UNUSABLE",
            rule=f"The server listens from {FIRST_PORT} to {LAST_PORT}, or where there is room.",
            found="another port.",
            remedy="give a port of that range, or 0.",
        )
    try:
        return made(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise ConfigurationError(
            "PORT_IN_USE",
            rule="A server has its port to itself.",
            found="a port at which somebody listens.",
            remedy="give another port, or 0.",
        ) from None


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, for as long as the block runs."""
    stop = threading.Event()

    def told(_: int, __: FrameType | None) -> None:
        stop.set()

    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.signal(number, told))
        yield stop
