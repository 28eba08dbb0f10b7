"""
Records out of a file that may be lines, one JSON document, a JSON array, or prose with marks.

Which of these it is shows in its first line.  A document that is one JSON object is one record;
an array is a record an element, read one by one so that its length does not matter; what begins
with neither bracket is one record that holds the text.
"""

import json
from collections.abc import Callable, Iterable, Iterator

from .lines import Damage, Record, records, value_of
from .values import TEXT

LONGEST_ELEMENT = 64 * 2**20
"""Characters: a longer element of an array is no session that could be sealed."""
_BETWEEN = " \t\r\n,\ufeff\0"
_BLANK = b"\0\r\n\t "
_decoder = json.JSONDecoder()


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
        return list(elements([body.decode("utf-8", "replace")], damage))
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


def elements(chunks: Iterable[str], damage: Damage) -> Iterator[Record]:
    """
    The objects of an array, each as soon as it is whole.

    An element is tried again only when the text has doubled, so that the work stays linear.
    """
    source = iter(chunks)
    text, position, wanted, is_open, is_whole = "", 0, 0, False, False
    while not is_whole:
        more = next(source, None)
        text, position, is_whole = text[position:] + (more or ""), 0, more is None
        if not is_open:
            text = text.lstrip(_BETWEEN)
            is_open = text.startswith("[")
            position = int(is_open)
        while True:
            while position < len(text) and text[position] in _BETWEEN:
                position += 1
            if position == len(text) or (not is_whole and len(text) - position < wanted):
                break
            if text[position] == "]":
                return
            try:
                value, position = _decoder.raw_decode(text, position)
            except (ValueError, RecursionError) as error:
                wanted = 2 * (len(text) - position)
                is_hopeless = text[position] != "{" or isinstance(error, RecursionError)
                if is_hopeless or is_whole or wanted > 2 * LONGEST_ELEMENT:
                    damage.bad += 1
                    return
                break
            wanted = 0
            if isinstance(value, dict):
                yield value
            else:
                damage.bad += 1


def _object(body: bytes) -> Record | None:
    try:
        value = value_of(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
