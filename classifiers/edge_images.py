"""Pictures and files inside records, as base64: emptied, in whichever shape a format has them."""

from .formats.lines import Record

_PREFIX = "data:"
_MARK = ";base64,"


def without_images(record: Record) -> int:
    """Empty every base64 string in a record; returns how many there were."""
    emptied = 0
    waiting: list[object] = [record]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for key in _of_dict(part):
                emptied += 1
                part[key] = ""
            waiting.extend(value for value in part.values() if isinstance(value, dict | list))
        elif isinstance(part, list):
            for place, value in enumerate(part):
                if isinstance(value, str) and _is_data(value):
                    emptied += 1
                    part[place] = ""
            waiting.extend(value for value in part if isinstance(value, dict | list))
    return emptied


def _of_dict(part: Record) -> list[str]:
    """Keys under which a picture's bytes stand."""
    keys = [key for key, value in part.items() if isinstance(value, str) and _is_data(value)]
    if isinstance(part.get("base64"), str):
        keys.append("base64")
    if part.get("type") == "base64" or ("mimeType" in part and isinstance(part.get("data"), str)):
        keys.append("data")
    return keys


def _is_data(text: str) -> bool:
    return text.startswith(_PREFIX) and _MARK in text[:200]
