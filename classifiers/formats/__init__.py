"""
Formats of logs, told apart by what is in them and never by a file's name.

Adding a format is adding a module with `claims(record)` and `read(records, damage)` and naming
it here.  Reading never raises anything but `UnreadableError`, which holds a reason of a closed
list and nothing of the input.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Protocol

from classifiers.sessions import Session, UnreadableError

from . import claude_code
from .lines import Damage, Record, records

SNIFFED = 10_000
"""Records looked at before a log is said to be foreign; old logs begin with many summaries."""


class Format(Protocol):
    """What a module of a format offers."""

    NAME: str

    def claims(self, record: Record, /) -> bool:
        """Whether a record can only come from this format."""
        ...

    def read(self, found: list[Record], damage: Damage, /) -> Session:
        """The session that the records make."""
        ...


FORMATS: tuple[Format, ...] = (claude_code,)


def sniff(found: Iterable[Record]) -> Format | None:
    """The format of a log's first records; None if it is foreign."""
    for record in islice(found, SNIFFED):
        for known in FORMATS:
            if known.claims(record):
                return known
    return None


def read_session(data: bytes) -> Session:
    """
    Read the log of one session.

    Args:
        data: A log as it lies on disk or as the edge sealed it; the lines of sub-agents may follow.

    Raises:
        UnreadableError: With a reason of `sessions.REASONS`.
    """
    damage = Damage()
    text = decoded(data)
    found = list(records(text, damage))
    if not found:
        raise UnreadableError(_emptiness(text))
    known = sniff(found)
    if known is None:
        raise UnreadableError("NOT_A_SESSION_LOG")
    return known.read(found, damage)


def decoded(data: bytes) -> bytes:
    """Bytes without a byte-order mark; UTF-16 (a redirected shell's) becomes UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    return data.removeprefix(b"\xef\xbb\xbf")


def _emptiness(data: bytes) -> str:
    if not data.strip(b"\0\r\n\t "):
        return "EMPTY"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "UNREADABLE_ENCODING"
    return "NOT_A_SESSION_LOG"
