"""
Formats of logs, told apart by what is in them and never by a file's name.

A format is a module with `NAME`, `claims(record)`, `split(records)` and `read(records, damage)`.
Ours are named here; `plugins` finds those of others, for the custodian's edge only.

Reading never raises anything but `UnreadableError`, which holds a reason of a closed list and
nothing of the input.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

from classifiers.sessions import Session, UnreadableError

from . import (
    aider,
    atif,
    claude_ai,
    claude_code,
    codex,
    codex_exec,
    compliance,
    console,
    copilot_cli,
    cursor,
    gemini,
    generic,
    inspect_log,
    opencode,
    pi,
    qwen,
    specstory,
    swe_agent,
    vscode_chat,
)
from .documents import records_of
from .lines import Damage, Record
from .portions import Portion

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


class Whole(Format, Protocol):
    """A format other than Claude Code's: it says itself what a file holds of each session."""

    def split(self, found: Iterator[Record], /) -> Iterator[Portion]:
        """What a file holds of each session."""
        ...


OTHERS: tuple[Whole, ...] = (
    codex, codex_exec, gemini, qwen, opencode, copilot_cli, pi, vscode_chat, claude_ai, compliance,
    atif, swe_agent, inspect_log, generic, cursor, specstory, aider, console,
)  # fmt: skip
"""The narrower claims first: prose marks are looked for only where nothing else fits."""
FORMATS: tuple[Format, ...] = (claude_code, *OTHERS)


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
    found = records_of(text, damage, lambda record: sniff((record,)) is not None)
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
