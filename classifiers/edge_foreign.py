"""
Files that are not lines of Claude Code: which format they have, and what each holds.

A file is lines, one document, an array, an evaluation's archive or prose; an array is read
element by element, so that memory stays flat over an export of many conversations, and lines
likewise.  A format that fails on a file, ours or a plug-in, costs that file and no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from .edge_archives import evaluation
from .edge_arrays import elements
from .edge_files import Unreadable, chunks_of, head_of, lines_of, whole_of
from .formats import FORMATS, OTHERS
from .formats.documents import as_record, decoded, document_of
from .formats.lines import Damage, Record, line_records, value_of
from .formats.plugins import Splits
from .formats.portions import Portion
from .sessions import UnreadableError

LOOKED_AT = 50
"""Records in which a format other than Claude Code's shows."""


def recognise(path: Path, more: tuple[Splits, ...], limit: int) -> Splits | None:
    """
    The format of a file, by its first records; None if it may be lines of Claude Code.

    What others have added is asked when none of ours knows any of these records.

    Raises:
        Unreadable: It cannot be taken.
    """
    met: list[Record] = []
    for record in islice(records_at(path, Damage(), (*OTHERS, *more), limit), LOOKED_AT):
        if FORMATS[0].claims(record):
            return None  # what stands behind costs itself and not the file
        for ours in OTHERS:
            if ours.claims(record):
                return ours
        met.append(record)
    return next((each for record in met for each in more if each.claims(record)), None)


def records_at(
    path: Path, damage: Damage, known: tuple[Splits, ...], limit: int
) -> Iterator[Record]:
    """
    A file's records: its lines, its document, the elements of its array, or its text as one.

    Args:
        path: The file.
        damage: Counts what was lost.
        known: Formats that may claim a text.
        limit: Bytes up to which a file is read whole.

    Raises:
        Unreadable: It cannot be taken.
    """
    try:
        yield from _records_at(path, damage, known, limit)
    except UnreadableError as error:  # a record whose values take far more room than its bytes
        raise Unreadable(error.reason) from None


def _records_at(
    path: Path, damage: Damage, known: tuple[Splits, ...], limit: int
) -> Iterator[Record]:
    try:
        head = decoded(head_of(path)).strip(b"\0\r\n\t ")
    except Unreadable as error:
        if error.code != "COMPRESSED":
            raise
        yield from evaluation(path, damage, limit)
        return
    if head.startswith(b"["):
        yield from elements(chunks_of(path), damage)
        return
    if head.startswith(b"{"):
        lines = (line for line in lines_of(path) if line.strip(b"\0\r\n\t "))
        first = next(lines, b"")
        if not _is_object(first) and (document := document_of(whole_of(path, limit).strip())):
            yield document
            return
        for line in chain((first,), lines):
            yield from line_records(line, damage)
    elif any(each.claims(as_record(head)) for each in known):
        yield as_record(whole_of(path, limit))
    elif b"{" in head:
        for line in lines_of(path):
            yield from line_records(line, damage) if line.strip(b"\0\r\n\t ") else ()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(value_of(line), dict)
    except (ValueError, RecursionError):
        return False


@dataclass(slots=True)
class Content:
    """What the first reading of a file tells."""

    sessions: list[tuple[str, str, str, bool, int]] = field(default_factory=list)
    """(account it states, name, parent, whether portions join, parts) of each portion."""
    sent: dict[tuple[str, str], str] = field(default_factory=dict)
    """(account, name) of a sub-agent → its parent, where the parent's log says so."""
    began: str = "~"
    """The earliest time in it; after every digit if it has none."""


def content_of(path: Path, known: Splits, limit: int) -> Content:
    """
    What a file holds, without keeping any of it.

    Raises:
        Unreadable: It cannot be read, or the format fails on it.
    """
    found = Content()
    for portion in portions_of(path, known, Damage(), limit):
        facts = (portion.account, portion.name, portion.parent, portion.joins, len(portion.parts))
        found.sessions.append(facts)
        found.sent.update({(portion.account, each): portion.name for each in portion.children})
        if portion.began:
            found.began = min(found.began, portion.began.isoformat())
    return found


def portions_of(path: Path, known: Splits, damage: Damage, limit: int) -> Iterator[Portion]:
    """
    The portions of a file that have a name.

    Raises:
        Unreadable: It cannot be read, or the format fails on it (FORMAT_FAILED).
    """
    try:
        for portion in known.split(records_at(path, damage, (known,), limit)):
            if portion.name:
                yield portion
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001 - a plug-in may raise anything; no file stops the run
        raise Unreadable("FORMAT_FAILED") from None
