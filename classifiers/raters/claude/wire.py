"""
Bytes in and out of a sealed worker: a descriptor that the broker gave, and a deadline.

Behind the seal there is no `connect` and no name to look up.  The worker writes one fixed word on
its control descriptor and receives one end of a Unix stream; `read`, `write` and `poll` are all
that it calls from then on.  Time is the monotonic clock's: a server that sends a byte a minute is
too slow all the same.
"""

import os
import select
import socket
from collections.abc import Callable
from struct import calcsize
from time import monotonic
from typing import Protocol

from classifiers.broker import CONNECT, Reply
from classifiers.raters import Halted
from privacy.halts import Halt


class Deadline:
    """The time until which a call must be answered."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self._end = monotonic() + self.seconds

    def wait(self, descriptor: int, event: int) -> None:
        """
        Wait until a descriptor is ready.

        Raises:
            Halted: It was not, in time.
        """
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, self._end - monotonic()) * 1000):
            raise Halted(Halt.SLOW)


class Wire(Protocol):
    """Where ciphertext goes, and where it comes from."""

    def read(self, size: int) -> bytes:
        """Some bytes; none if the other end has closed."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of it."""
        ...

    def is_readable(self) -> bool:
        """Whether something has come, be it the end."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


Dial = Callable[[], Wire]
"""Makes a connection to the plan's endpoint."""


class DescriptorWire:
    """A descriptor that blocks nobody, and its deadline."""

    def __init__(self, descriptor: int, deadline: Deadline) -> None:
        self._descriptor, self._deadline = descriptor, deadline

    def read(self, size: int) -> bytes:
        """As in `Wire`; OSError if the other end broke off."""
        while True:
            self._deadline.wait(self._descriptor, select.POLLIN)
            try:
                return os.read(self._descriptor, size)
            except BlockingIOError:
                continue

    def write(self, data: bytes) -> None:
        """As in `Wire`; OSError if the other end broke off."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # seldom: a request has room in the pipe
                self._deadline.wait(self._descriptor, select.POLLOUT)

    def is_readable(self) -> bool:
        """As in `Wire`."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """As in `Wire`; a second time does nothing, since the number may be another's by then."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def through(control: socket.socket, deadline: Deadline) -> Dial:
    """Connections by the broker behind a control socket."""

    def dial() -> Wire:
        try:
            os.write(control.fileno(), CONNECT)
            deadline.wait(control.fileno(), select.POLLIN)
            # Room for one descriptor: the kernel closes what else was sent.
            reply, ancillary, _, _ = control.recvmsg(
                1, socket.CMSG_SPACE(calcsize("i")), socket.MSG_CMSG_CLOEXEC
            )
        except OSError:
            raise Halted(Halt.UNREACHABLE) from None
        descriptors = [int.from_bytes(data[:4], "little") for _, _, data in ancillary]
        if reply == bytes([Reply.YES]) and len(descriptors) == 1:
            return DescriptorWire(descriptors[0], deadline)
        raise Halted(Halt.CAPPED if reply == bytes([Reply.TOO_MANY]) else Halt.UNREACHABLE)

    return dial
