"""
Values out of records of which nothing is known: what has another shape counts as not there.

A time without a zone is taken as UTC; a number is seconds since 1970, or milliseconds where
seconds would lie beyond the year 2200.
"""

from datetime import UTC, datetime

from .lines import Record

_LATEST = 7_258_118_400  # 2200-01-01
TEXT = "\0text"
"""The one key of a record that stands for a document which is no JSON."""


def text_of(value: object) -> str:
    """The string itself; empty for anything else."""
    return value if isinstance(value, str) else ""


def dict_of(value: object) -> Record:
    """The object itself; empty for anything else."""
    return value if isinstance(value, dict) else {}


def dicts_of(value: object) -> list[Record]:
    """The objects in a list; none for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number_of(value: object) -> int:
    """A count; 0 for what is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count and isinstance(value, int) else 0


def time_of(value: object) -> datetime | None:
    """A time with its zone, from ISO 8601 or a number; None if it is none, or not of our days."""
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value.strip())
            time = time if time.tzinfo else time.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            time = datetime.fromtimestamp(value if value < _LATEST else value / 1000, UTC)
        else:
            return None
        return time.astimezone(UTC) if 1970 < time.year < 2200 else None
    except (ValueError, OverflowError, OSError):
        return None


def words_in(value: object) -> str:
    """
    The text in a content of any usual shape.

    A string; a list of strings and of objects with `text`, `content` or `output`; such an object.
    """
    found: list[str] = []
    waiting: list[object] = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, list):
            waiting.extend(reversed(part))
        elif isinstance(part, dict):
            inner = (part.get(key) for key in ("text", "content", "output"))
            waiting.append(next((each for each in inner if each is not None), None))
    return "\n".join(found)


def without(text: str, start: str, end: str) -> str:
    """A text without what lies between two marks, the marks included; in one pass."""
    kept: list[str] = []
    position = 0
    while (opened := text.find(start, position)) >= 0:
        closed = text.find(end, opened)
        if closed < 0:
            break
        kept.append(text[position:opened])
        position = closed + len(end)
    return "".join((*kept, text[position:]))


def pictures_in(value: object) -> int:
    """How many blocks of a content are pictures or files."""
    kinds = ("image", "input_image", "image_url", "file", "document", "local_image")
    return sum(
        text_of(block.get("type")) in kinds or "inlineData" in block or "fileData" in block
        for block in dicts_of(value)
    )
