"""
Records out of a file that may be lines, one JSON document, a JSON array, or prose with marks.

Which of these it is shows in its first line.  A document that is one JSON object is one record;
an array is a record an element (the edge reads long ones piece by piece); what begins with
neither bracket is one record that holds the text.
"""

import json
from collections.abc import Callable

from .lines import Damage, Record, records, value_of
from .values import TEXT

_BLANK = b"\0\r\n\t "


def records_of(data: bytes, damage: Damage, is_known: Callable[[Record], bool]) -> list[Record]:
    """
    The records of a whole file.

    Args:
        data: The file in UTF-8.
        damage: Counts what was lost.
        is_known: Whether a format reads a text of this kind.
    """
    body = data.strip(_BLANK)
    if body.startswith(b"["):
        return _elements(body, damage)
    if body.startswith(b"{"):
        document = document_of(body)
        return list(records(data, damage)) if document is None else [document]
    text = as_record(data)
    return [text] if body and is_known(text) else list(records(data, damage))


def as_record(data: bytes) -> Record:
    """A text as the one record that stands for it."""
    return {TEXT: data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", "")}


def document_of(body: bytes) -> Record | None:
    """The one object that a body is; None if its first line is one alone and more follow."""
    end = body.find(b"\n")
    if end > 0 and _object(body[:end]) is not None:
        return None
    return _object(body)


def _elements(body: bytes, damage: Damage) -> list[Record]:
    """The objects of an array that is short enough to be read whole."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        damage.bad += 1
        return []
    objects = [each for each in found if isinstance(each, dict)]
    damage.bad += len(found) - len(objects)
    return objects


def _object(body: bytes) -> Record | None:
    try:
        value = value_of(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
