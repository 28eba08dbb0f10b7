"""
Records out of a file that may be lines, one JSON document, a JSON array, or prose with marks.

Which of these it is shows in its first line.  Lines are read one by one, so that their number does
not matter.  The others are read whole, up to `limits.LARGEST`: a document that is one JSON object
is one record; an array is a record an element (the edge reads long ones piece by piece); what
begins with neither bracket is one record that holds the text.
"""

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO

from classifiers.limits import LARGEST, LONGEST_RECORD, MOST_RECORDS, too_large

from .lines import BLANK, Damage, Record, records, value_of
from .values import TEXT

HEAD = 64 * 2**10
"""bytes by which prose is known."""


def records_of(
    file: BinaryIO, damage: Damage, is_known: Callable[[Record], bool]
) -> Iterator[Record]:
    """
    The records of a whole file, from its beginning.

    Args:
        file: The file in UTF-8.
        damage: Counts what was lost.
        is_known: Whether a format reads a text of this kind.

    Raises:
        UnreadableError: TOO_LARGE.
    """
    start = start_of(file)
    head = file.read(HEAD)
    file.seek(start)
    if head.startswith(b"["):
        yield from _elements(_whole(file), damage)
    elif head.startswith(b"{"):
        yield from _objects(file, start, damage)
    elif head and is_known(as_record(head)):
        yield as_record(_prose(file))
    else:
        yield from records(file, damage)


def in_utf8(data: bytes | BinaryIO) -> BinaryIO:
    """A log as a file in UTF-8; UTF-16 (a redirected shell's) is read whole."""
    file = BytesIO(data) if isinstance(data, bytes) else data
    file.seek(0)
    is_wide = file.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE)
    file.seek(0)
    return BytesIO(decoded(_whole(file))) if is_wide else file


def decoded(data: bytes) -> bytes:
    """Bytes without a byte-order mark; UTF-16 becomes UTF-8."""
    if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    return data.removeprefix(BOM_UTF8)


def start_of(file: BinaryIO) -> int:
    """Where the first byte lies that is not blank, and go there; the end if there is none."""
    file.seek(0)
    position = len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0
    file.seek(position)
    while chunk := file.read(HEAD):
        rest = len(chunk.lstrip(BLANK))
        position += len(chunk) - rest
        if rest:
            break
    return file.seek(position)


def as_record(data: bytes) -> Record:
    """A text as the one record that stands for it."""
    return {TEXT: data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", "")}


def document_of(body: bytes) -> Record | None:
    """The one object that a body is; None if its first line is one alone and more follow."""
    end = body.find(b"\n")
    if end > 0 and _object(body[:end]) is not None:
        return None
    return _object(body)


def _elements(body: bytes, damage: Damage) -> Iterator[Record]:
    """The objects of an array that is short enough to be read whole."""
    try:
        found = value_of(body.strip(BLANK))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        damage.bad += 1
        return
    for each in found:
        if isinstance(each, dict):
            yield each
        else:
            damage.bad += 1


def _objects(file: BinaryIO, start: int, damage: Damage) -> Iterator[Record]:
    """Lines; or one document, if the first line breaks off within an object or is too long."""
    first = file.readline(LONGEST_RECORD + 1)
    is_long = len(first) > LONGEST_RECORD
    document = None if is_long else _object(first)
    if document is None and (is_long or _breaks_off(first)):
        file.seek(start)
        document = _object(_whole(file))
    if document is None:
        file.seek(start)
    else:
        yield document
    yield from records(file, damage)


def _breaks_off(line: bytes) -> bool:
    """Whether a line is a sound beginning of a JSON value that goes on behind it."""
    try:
        value_of(line.strip(BLANK))
    except json.JSONDecodeError as error:  # a string that is not closed is met where it opens
        return error.pos >= len(error.doc)
    except (ValueError, RecursionError):
        return False
    return False


def _object(body: bytes) -> Record | None:
    try:
        value = value_of(body.strip(BLANK))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _prose(file: BinaryIO) -> bytes:
    data = _whole(file)
    if data.count(b"\n") > MOST_RECORDS:
        raise too_large()
    return data


def _whole(file: BinaryIO) -> bytes:
    """
    The rest of a file.

    Raises:
        UnreadableError: TOO_LARGE.
    """
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise too_large()
    return data
