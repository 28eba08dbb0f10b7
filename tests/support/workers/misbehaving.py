"""Whatever a worker must not do; the plan says which, and carries the canary to leak by it."""

import ctypes
import faulthandler
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from privacy.sandbox.channel import Channel
from privacy.sealing import KeyPair

_wish: list[str] = []


def prepare(plan: bytes) -> None:
    """Remember what to do; do it now if it is to be done before the seal."""
    _wish[:] = plan.decode().split(":")
    act, canary = _wish
    if act in BEFORE:
        BEFORE[act](canary)


def run(channel: Channel, key: KeyPair) -> None:
    """Do it behind the seal, then say that it was survived."""
    del key
    act, canary = _wish
    if act in BEHIND:
        BEHIND[act](canary)
    channel.send(b"survived")


def _raise(canary: str) -> None:
    raise ValueError(canary)


def _exit(canary: str) -> None:
    raise SystemExit(canary)


def _talk(canary: str) -> None:
    print(canary, flush=True)
    print(canary, file=sys.stderr, flush=True)
    warnings.warn(canary, stacklevel=1)
    for descriptor in (0, 1, 2):
        os.write(descriptor, canary.encode())
    sys.excepthook(ValueError, ValueError(canary), None)


def _dump(canary: str) -> None:
    faulthandler.dump_traceback()
    sys.stderr.write(canary)


def _connect(canary: str) -> None:
    with socket.socket() as attempt:
        attempt.connect((canary, 80))


def _open(canary: str) -> None:
    try:
        Path("/etc", canary).read_bytes()
    except PermissionError:
        return
    _raise(canary)


def _exit_hard(_: str) -> None:
    os._exit(99)


def _crash(canary: str) -> None:
    _wish.append(canary)
    ctypes.string_at(0)


def _keep_thread(canary: str) -> None:
    threading.Thread(target=threading.Event().wait, name=canary, daemon=True).start()


def _hang(_: str) -> None:
    threading.Event().wait()


BEFORE: dict[str, Callable[[str], None]] = {
    "raise_before": _raise,
    "exit_before": _exit,
    "talk": _talk,
    "thread": _keep_thread,
}
BEHIND: dict[str, Callable[[str], None]] = {
    "raise": _raise,
    "exit": _exit,
    "exit_hard": _exit_hard,
    "crash": _crash,
    "talk": _talk,
    "dump": _dump,
    "connect": _connect,
    "open": _open,
    "hang": _hang,
}
