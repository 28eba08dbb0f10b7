"""
Formats of logs, told apart by what is in them and never by a file's name.

A format is a module with `NAME`, `claims(record)`, `split(records)` and `read(records, damage)`.
Ours are named here; `plugins` finds those of others, for the custodian's edge only.

Reading never raises anything but `UnreadableError`, which holds a reason of a closed list and
nothing of the input.
"""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import BinaryIO, Protocol

from classifiers.sessions import Session, UnreadableError

from . import (
    aider,
    atif,
    claude_ai,
    claude_code,
    cline,
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
from .documents import in_utf8, records_of, start_of
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

    def read(self, found: Iterable[Record], damage: Damage, /) -> Session:
        """The session that the records make, which are met once and in order."""
        ...


class Whole(Format, Protocol):
    """A format other than Claude Code's: it says itself what a file holds of each session."""

    def split(self, found: Iterator[Record], /) -> Iterator[Portion]:
        """What a file holds of each session."""
        ...


OTHERS: tuple[Whole, ...] = (
    codex, codex_exec, gemini, qwen, opencode, copilot_cli, pi, vscode_chat, cline, claude_ai,
    compliance, atif, swe_agent, inspect_log, generic, cursor, specstory, aider, console,
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


def read_session(log: bytes | BinaryIO) -> Session:
    """
    Read the log of one session.

    Args:
        log: A log as it lies on disk or as the edge sealed it, or a file of it; the lines of
            sub-agents may follow.  Lines of a file are read one by one.

    Raises:
        UnreadableError: With a reason of `sessions.REASONS`.
    """
    damage, file = Damage(), in_utf8(log)
    found = records_of(file, damage, _is_known)
    first = next(found, None)
    if first is None:
        raise UnreadableError(_emptiness(file))
    if known := sniff((first,)):
        return known.read(chain((first,), found), damage)
    known = sniff(found)
    if known is None:
        raise UnreadableError("NOT_A_SESSION_LOG")
    damage = Damage()  # what was looked through was not kept: from the beginning again
    return known.read(records_of(file, damage, _is_known), damage)


def _is_known(record: Record) -> bool:
    return sniff((record,)) is not None


def _emptiness(file: BinaryIO) -> str:
    start_of(file)
    decoder, found = getincrementaldecoder("utf-8")(), "EMPTY"
    try:
        while chunk := file.read(2**20):
            decoder.decode(chunk)
            found = "NOT_A_SESSION_LOG"
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "UNREADABLE_ENCODING"
    return found
