"""
A connection in clear, to a server on the keeper's own machine.

There is no TLS here and so no promise about who answers: whoever listens at that port of this
machine is sent everything, and who relays reads it.  Only an address of loopback, in numbers, can
be written in a plan so (`privacy.endpoint`).
"""

from typing import Any

import httpcore2

from .wire import Wire


class ClearStream(httpcore2.NetworkStream):
    """Bytes as they are.  Timeouts that are passed are the deadline's business."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes.  The end is an error, however it came: each answer says its length."""
        del timeout
        try:
            data = self._wire.read(max_bytes)
        except OSError:
            data = b""
        if not data:
            raise httpcore2.ReadError("broken off") from None
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        del timeout
        try:
            self._wire.write(buffer)
        except OSError:
            raise httpcore2.WriteError("broken off") from None

    def close(self) -> None:
        """Let go, without a goodbye."""
        self._wire.close()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        """Whether the server has closed an idle connection; nothing else is known."""
        return self._wire.is_readable() if info == "is_readable" else None
