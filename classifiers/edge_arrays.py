"""
Elements of a JSON array, each as soon as it is whole: an export of years is one array.

The text is taken apart by ijson, by its events alone.  Its `items` would build a text for the
place of every value: of two hundred kilobytes of brackets it makes gigabytes.  What is longer
or deeper than a session could be is not put together; it is counted, and what follows is read.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import ijson

from .formats.lines import Damage, Record

LONGEST_ELEMENT = 64 * 2**20
"""Characters of an element: a longer one is no session that could be sealed."""
DEEPEST = 200
"""Objects and lists within each other; inputs of tools nest a dozen deep."""
_OVERLONG = (ValueError, SystemError)
"""What ijson 3.6 raises at an integer of more digits than Python reads."""
_PLAIN = 8
"""Characters that a number, a bracket or the like counts for."""


class _Paced:
    """Chunks of a text, as long as something comes of them: one string may be the whole file."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = chunks
        self.waiting = 0
        """Characters since anything came of them."""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.waiting += len(chunk)
            if self.waiting > 2 * LONGEST_ELEMENT:
                return
            yield chunk.encode("utf-8", "replace")


def elements(chunks: Iterable[str], damage: Damage) -> Iterator[Record]:
    """
    The objects of an array; `damage` counts what is none, too large or torn.

    Args:
        chunks: The text, from the array's bracket on.
        damage: Counts what was lost.
    """
    source = _Paced(chunks)
    depth = size = 0
    element: ijson.ObjectBuilder | None = None
    try:
        for event, value in ijson.basic_parse(ijson.from_iter(iter(source))):
            source.waiting = 0
            is_start, is_end = event.startswith("start"), event.startswith("end")
            if depth == 1:
                element, size = ijson.ObjectBuilder(), 0
            depth += is_start - is_end
            if depth == 0:
                return
            size += len(value) if isinstance(value, str) else _PLAIN
            if depth > DEEPEST or size > LONGEST_ELEMENT:
                element = None
            if element is not None:
                element.event(event, float(value) if isinstance(value, Decimal) else value)
            if depth > 1 or is_start:
                continue
            if element is not None and isinstance(element.value, dict):
                yield element.value
            else:
                damage.bad += 1
    except (ijson.JSONError, *_OVERLONG):
        damage.bad += 1
