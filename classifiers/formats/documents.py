"""
Records out of a file that may be lines, one JSON document, a JSON array, or prose with marks.

Which of these it is shows in its first line.  Lines and elements of an array are records that are
read one by one, so that their number does not matter; a document that is one JSON object is one
record, and what begins with neither bracket is one that holds the text.  Those two are read
whole, up to `limits.LARGEST`.
"""

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import BinaryIO

from classifiers.limits import LARGEST, LONGEST_RECORD, MOST_VALUES, too_large

from .lines import BLANK, Damage, Record, records, value_of
from .values import TEXT

LONGEST_ELEMENT = 64 * 2**20
"""Characters: a longer element of an array is no session that could be sealed."""
HEAD = 64 * 2**10
"""bytes by which prose is known."""
_CHUNK = 2**20
_BETWEEN = " \t\r\n,\ufeff\0"
_decoder = json.JSONDecoder()
_utf8 = getincrementaldecoder("utf-8")


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
        yield from elements(_texts(file), damage)
    elif head.startswith(b"{"):
        yield from _objects(file, start, damage)
    elif head and is_known(as_record(head)):
        yield as_record(_whole(file))
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


def elements(chunks: Iterable[str], damage: Damage) -> Iterator[Record]:
    """
    The objects of an array, each as soon as it is whole.

    An element is tried again only when the text has doubled, so that the work stays linear.

    Raises:
        UnreadableError: TOO_LARGE.
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
            if len(text) > MOST_VALUES and sum(map(text.count, "[{,")) > MOST_VALUES:
                raise too_large()
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


def _texts(file: BinaryIO) -> Iterator[str]:
    """The rest of a file as text, a mebibyte at a time."""
    decoder = _utf8("replace")
    while chunk := file.read(_CHUNK):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


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
