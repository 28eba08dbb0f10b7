"""Ask on the control descriptor for a connection, and talk on what comes: all behind the seal."""

import os
from contextlib import suppress

from privacy.sandbox.channel import Channel
from privacy.sandbox.control import ask, inherited
from privacy.sandbox.syscalls import syscall
from privacy.sealing import KeyPair

_wish: list[bytes] = []


def prepare(plan: bytes) -> None:
    """Remember what to do."""
    _wish[:] = [plan]


def run(channel: Channel, key: KeyPair) -> None:
    """Say what came back through the connection, or why none came."""
    del key
    control = inherited()
    if control is None:
        channel.send(b"no control")
        return
    if _wish[0].isdigit():
        with suppress(OSError):  # no such message, or no socket: an answer of the kernel's own
            syscall("recvmsg", int(_wish[0]), None, 0)
        channel.send(b"survived")
        return
    answer, descriptor = ask(control, b"api.example:443")
    if descriptor is None:
        channel.send(answer)
        return
    os.write(descriptor, b"hello")
    channel.send(answer + os.read(descriptor, 64))
    os.close(descriptor)
