"""
The custodian's edge for telemetry: a collector's files become one closed form a session.

Whose a point is the custodian says, as with logs: by the file that it lies in, or by the id by
which telemetry names an account.  That a client names a session proves nothing: a session's key
is keyed over the account as well, so that a point claims sessions of its own account alone.

Which session it is the point says.  Where that id is no session of the account, the calls decide:
what the Compliance API hands out has ids of its own, and its calls have not.  Calls of one
session take the counters along; calls of several are given each to its own, and what cannot be
divided is dropped.  Telemetry without ids joins by its calls alone.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.codebook import codebook

from .edge_files import Unreadable, head_of, lines_of
from .edge_foreign import LOOKED_AT, records_at
from .formats.lines import DEEPEST, Damage, Record, value_of
from .otlp import Point, Reader, is_telemetry, month_of
from .sessions import UnreadableError
from .telemetry import Call, Telemetry, call_record
from .telemetry_sums import Sums, together

if TYPE_CHECKING:
    from .edge import Seen, Tally

Whose = Callable[[Path, str], str | None]
"""(file, id by which a point names its account) → the account; None if nobody's."""

MOST_POINTS = 3_000_000
"""What one run remembers, to tell a repeated point from a new one: 120 to 190 bytes each, so half a
gigabyte, for some gigabytes of files."""
_BEGINS = re.compile(r'\{\s*"resource(?:Metrics|Logs|Spans|_metrics|_logs|_spans)"')
_decoder = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class TelemetryBytes:
    """The telemetry of one session, ready to be sealed."""

    account: str
    session: bytes
    """The session's key."""
    month: str
    """`YYYY-MM` of its first point, or `unknown`."""
    blob: bytes = field(repr=False)
    """Its closed form."""
    points: int
    began: int
    """Second of its first point."""


@dataclass(slots=True)
class _Joined:
    """Pieces of telemetry that are one session's."""

    pieces: list[Telemetry] = field(default_factory=list)
    points: int = 0
    began: int = 2**64


def holds_telemetry(path: Path, limit: int) -> bool:
    """Whether a file is a collector's, by its first records; what cannot be read is not."""
    try:
        if not _BEGINS.search(head_of(path).decode("utf-8", "replace")):
            return False
        return any(map(is_telemetry, islice(_exports(path, Damage(), limit), LOOKED_AT)))
    except Unreadable:
        return False


def read_telemetry(
    paths: Iterable[Path], whose: Whose, seen: "Seen", tally: "Tally", limit: int
) -> Iterator[TelemetryBytes]:
    """
    Read a collector's files into telemetry of sessions; after the sessions themselves.

    Args:
        paths: All files that may hold pieces of the same sessions.
        whose: Which account a point is of.
        seen: What was sealed.
        tally: Filled with what became of files and points.
        limit: Bytes up to which a file that is no lines is read.
    """
    read = list(paths)
    sums = _sums(read, whose, tally, limit)
    if sums is None:
        tally.files.update(dict.fromkeys(read, "TELEMETRY_TOO_LARGE"))
        return
    joined: dict[tuple[str, bytes], _Joined] = defaultdict(_Joined)
    for (account, name), told in sums.items():
        for key, piece, points in _routed(account, name, told, seen, tally):
            whole = joined[account, key]
            whole.pieces.append(piece)
            whole.points += points
            whole.began = min(whole.began, told.began)
    for (account, key), whole in joined.items():
        data = together(whole.pieces).encode()
        month = month_of(whole.began)
        month = month if month in codebook().field("month").labels else "unknown"
        seconds = whole.began // 10**9
        yield TelemetryBytes(account, key, month, data, whole.points, seconds)


def look_into(path: Path, limit: int) -> tuple[int, Counter[str]]:
    """
    How many sessions a collector's file tells of, and what it holds besides, by reason code.

    Raises:
        Unreadable: It cannot be read.
    """
    reader, names = Reader(), set[str]()
    for point in _points(path, reader, limit):
        names.add(point.session)
    return len(names - {""}), +reader.codes


def _sums(
    paths: list[Path], whose: Whose, tally: "Tally", limit: int
) -> dict[tuple[str, str], Sums] | None:
    """Sums by account and the session's id; None if there is too much to remember."""
    sums: dict[tuple[str, str], Sums] = defaultdict(Sums)
    held, reader = 0, Reader()
    for path in paths:
        try:
            accounts: dict[str, str | None] = {}
            somebodys = False
            for point in _points(path, reader, limit):
                if point.account not in accounts:
                    accounts[point.account] = whose(path, point.account)
                if (account := accounts[point.account]) is None:
                    reader.codes["TELEMETRY_NOBODYS"] += 1
                    continue
                somebodys = True
                held += sums[account, point.session].add(point)
                if held > MOST_POINTS:
                    return None
            tally.files[path] = "READ" if somebodys else "TELEMETRY_NOBODYS"
        except Unreadable as error:
            tally.files[path] = error.code
    tally.records.update(+reader.codes)
    return sums


def _points(path: Path, reader: Reader, limit: int) -> Iterator[Point]:
    damage = Damage()
    for export in _exports(path, damage, limit):
        try:
            yield from list(reader.points(export))
        except RecursionError:  # what could just be read may be too deep to be written
            damage.bad += 1
    reader.codes["TELEMETRY_BAD_LINE"] += damage.bad


def _exports(path: Path, damage: Damage, limit: int) -> Iterator[Record]:
    """A file's exports: one a line, or a document or an array that somebody made of them."""
    lines = (line for line in lines_of(path) if line.strip(b"\0\r\n\t "))
    first = next(lines, b"")
    if not _BEGINS.search(first.decode("utf-8", "replace")):
        yield from records_at(path, damage, (), limit)
        return
    for line in chain((first,), lines):
        yield from _on(line, damage)


def _on(line: bytes, damage: Damage) -> Iterator[Record]:
    """The exports on one line: behind a torn one there may be a whole one."""
    try:
        value = value_of(line)
    except UnreadableError:  # its values would take far more room than its bytes
        damage.bad += 1
        return
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        yield value
        return
    text, end = line.decode("utf-8", "replace"), 0
    damage.bad += 1
    for begin in islice(_BEGINS.finditer(text), DEEPEST):
        if begin.start() >= end:
            try:
                value, end = _decoder.raw_decode(text, begin.start())
            except (ValueError, RecursionError):
                continue
            yield value


def _routed(
    account: str, name: str, told: Sums, seen: "Seen", tally: "Tally"
) -> Iterator[tuple[bytes, Telemetry, int]]:
    """(key of the session, what is said of it, points) for each session that is spoken of."""
    key = seen.session(account, name) if name else None
    if key and seen.known(key):
        yield key, Telemetry(told.counts, told.calls), told.points
        return
    calls: dict[bytes, dict[str, Call]] = defaultdict(dict)
    for hashed, call in told.calls.items():
        if owner := seen.owner(account, call_record(hashed)):
            calls[owner][hashed] = call
    if name and len(calls) == 1:
        (owner,) = calls
        yield owner, Telemetry(told.counts, told.calls, by_calls=True), told.points
        return
    if key and not calls:
        tally.records["TELEMETRY_EARLY"] += 1
        yield key, Telemetry(told.counts, told.calls), told.points
        return
    if told.counts or len(told.calls) > sum(map(len, calls.values())):
        tally.records["TELEMETRY_UNJOINED"] += 1
    for owner, its in calls.items():
        yield owner, Telemetry(None, its, by_calls=True), len(its)
