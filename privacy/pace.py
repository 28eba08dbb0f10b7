"""
How fast a server may be asked: one byte of four behind the records of a worker that asked it.

Where a worker had to stop, the byte is its `Halt` instead, and the run stops with it; so a batch's
answer has one byte behind its rows in any case, of which no value is both.
"""

from .closing import Pace

_FIRST = 0xF0
"""Above every `Halt`."""


def pace_byte(pace: Pace) -> bytes:
    """What is sent."""
    return bytes([_FIRST + pace])


def pace_of(byte: bytes) -> Pace | None:
    """The pace that a byte stands for; None for any other byte."""
    found = byte[0] - _FIRST if len(byte) == 1 else -1
    return Pace(found) if found in set(Pace) else None
