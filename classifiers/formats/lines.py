"""
Records out of lines that may be damaged.

A line ends at a line feed and nowhere else: other line separators occur inside strings.  A line may
hold two objects, the end of a torn record before a whole one, runs of NUL bytes, bytes that
are not UTF-8, or no object at all.  What can be read is read, the rest is counted.

Lines are taken one by one, and a record is gone when its reader asks for the next: what a log takes
in memory is its longest line, within `limits`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from classifiers.limits import BYTES_A_VALUE, LONGEST_RECORD, MOST_RECORDS, too_large

Record = dict[str, object]
_decoder = json.JSONDecoder()
_SPACE = " \t\r\n"
"""What JSON takes for space."""
BLANK = b"\0\r\n\t "
"""What may stand around a record; files that were never written to have runs of NUL bytes."""
MARKS = (b"[", b"{", b",")
"""Before every value but the first of a document stands one of them."""
DEEPEST = 50
"""Openings of brackets a repaired line may try; beyond it is noise, not a torn record."""


@dataclass(slots=True)
class Damage:
    """How many lines were not one record each."""

    bad: int = 0
    joined: int = 0


def type_of(record: Record) -> str:
    """A record's type; empty if it states none."""
    stated = record.get("type")
    return stated if isinstance(stated, str) else ""


def records(file: BinaryIO, damage: Damage) -> Iterator[Record]:
    """
    All records of a log from where it stands, in order; `damage` counts what was lost or joined.

    Raises:
        UnreadableError: TOO_LARGE.
    """
    count = 0
    while line := file.readline(LONGEST_RECORD + 1):
        count += 1
        if count > MOST_RECORDS:
            raise too_large()
        if line.strip(BLANK):
            if len(line) > LONGEST_RECORD:
                raise too_large()
            yield from line_records(line, damage)


def line_records(line: bytes, damage: Damage) -> list[Record]:
    """The records of one line that is not blank: one, unless it is damaged."""
    try:
        value = value_of(line)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return repaired(line, damage)
    if isinstance(value, dict):
        return [value]
    damage.bad += 1
    return []


def value_of(data: bytes) -> object:
    """
    The one JSON value that some bytes are.

    Raises:
        ValueError: They are none.
        RecursionError: It is nested too deeply.
        UnreadableError: TOO_LARGE, where the values would take far more room than the bytes.
    """
    most = max(len(data), LONGEST_RECORD) // BYTES_A_VALUE
    if len(data) > most and sum(map(data.count, MARKS)) > most:
        raise too_large()
    # From bytes, `json.loads` would guess another encoding by where NUL bytes stand: a line torn
    # out of a file in UTF-16 would be read by one reader and lost by the next.
    text = data.decode("utf-8", "surrogatepass").strip(_SPACE)
    value: object
    value, end = _decoder.raw_decode(text)  # as `json.loads`, which looks for space twice a line
    if end != len(text):
        raise json.JSONDecodeError("more behind it", text, end)
    return value


def repaired(line: bytes, damage: Damage) -> list[Record]:
    """The records that can still be read in a line that is not one JSON value."""
    text = line.decode("utf-8", "replace").replace("\0", "").strip()
    found: list[Record] = []
    position, tries, lost = 0, 0, False
    while tries < DEEPEST and (position := text.find('{"', position)) >= 0:
        tries += 1
        try:
            value, position = _decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            # A torn record: look for the next one that begins like a record of a log.
            lost, position = True, position + 1
            continue
        # An object inside a torn record is no record: those name their type.
        if isinstance(value, dict) and isinstance(value.get("type"), str):
            if not lost or "sessionId" in value or "uuid" in value:
                found.append(value)
        else:
            lost = True
    damage.bad += lost or not found
    damage.joined += len(found) > 1
    return found


def timestamp(record: Record) -> datetime | None:
    """A record's time with its zone; None if it has none that can be read."""
    stated = record.get("timestamp")
    if not isinstance(stated, str):
        return None
    try:
        time = datetime.fromisoformat(stated)
    except ValueError:
        return None
    return time if time.tzinfo and 1970 < time.year < 2200 else None
