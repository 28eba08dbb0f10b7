"""
Frames over two descriptors: a length of four bytes, big-endian, then that many bytes.

Both ends use the same class.  The keeper's end has a timeout for every frame and trusts no
length: it sets aside no more than the caller's limit.  Only `read`, `write` and `poll` are
called, which a sealed worker may do.
"""

import os
import select
from struct import Struct
from time import monotonic

from privacy.errors import IncompleteError, RefusedError

_LENGTH = Struct(">I")
LONGEST = 2**32 - 1


class Channel:
    """
    One end of a conversation in frames.

    Args:
        read_fd: Descriptor that the other end writes to.
        write_fd: Descriptor that the other end reads from.
        timeout: Seconds for each frame; None waits for ever.
    """

    def __init__(self, read_fd: int, write_fd: int, *, timeout: float | None = None) -> None:
        self._read_fd, self._write_fd, self.timeout = read_fd, write_fd, timeout
        if timeout is not None:
            os.set_blocking(read_fd, False)
            os.set_blocking(write_fd, False)

    def receive(self, limit: int) -> bytes:
        """
        Wait for one frame.

        Args:
            limit: Most bytes that the frame may have.

        Raises:
            IncompleteError: The other end is gone, in the middle or before, or too slow.
            RefusedError: The frame says that it is longer.
        """
        deadline = self._deadline()
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        if length > limit:
            raise RefusedError(
                "FRAME_TOO_LONG",
                rule="A frame between keeper and worker has a largest length.",
                found=f"{length} bytes where {limit} are allowed.",
                remedy="treat the worker as compromised: keep its answers out.",
            )
        return self._read(length, deadline)

    def send(self, frame: bytes) -> None:
        """
        Send one frame.

        Raises:
            IncompleteError: The other end is gone, or too slow.
            ValueError: The frame is longer than four bytes can say.
        """
        if len(frame) > LONGEST:
            raise ValueError("a frame has less than 2**32 bytes")
        deadline = self._deadline()
        for part in (_LENGTH.pack(len(frame)), frame):
            rest = memoryview(part)
            while rest:
                self._wait(self._write_fd, select.POLLOUT, deadline)
                try:
                    rest = rest[os.write(self._write_fd, rest) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise _gone() from None

    def _read(self, length: int, deadline: float | None) -> bytes:
        buffer = bytearray(length)
        rest = memoryview(buffer)
        while rest:
            self._wait(self._read_fd, select.POLLIN, deadline)
            try:
                count = os.readv(self._read_fd, [rest])
            except BlockingIOError:
                continue
            except OSError:
                raise _gone() from None
            if count == 0:
                raise _gone()
            rest = rest[count:]
        return bytes(buffer)

    def _deadline(self) -> float | None:
        return None if self.timeout is None else monotonic() + self.timeout

    def _wait(self, descriptor: int, event: int, deadline: float | None) -> None:
        if deadline is None:  # a blocking descriptor waits by itself
            return
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, deadline - monotonic()) * 1000):
            raise IncompleteError(
                "CHANNEL_TIMEOUT",
                rule="Keeper and worker answer each other in time.",
                found=f"no answer within {self.timeout:g} seconds.",
                remedy="run the command again; if it happens again, look at the machine's load.",
            )


def _gone() -> IncompleteError:
    return IncompleteError(
        "CHANNEL_CLOSED",
        rule="Keeper and worker stay until the last frame.",
        found="the other end is gone.",
        remedy="run the command again; it goes on where it stopped.",
    )
