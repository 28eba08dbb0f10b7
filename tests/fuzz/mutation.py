"""
How logs are spoilt: at the level of records, of values, and of bytes.

Every choice comes from one source of chance, so that hypothesis can shrink what it found and
the fuzzer can do it again.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.pipeline import MARK

ODD: tuple[object, ...] = (
    None, True, False, 0, -1, 10**30, -(10**400), 1e308, float("nan"), float("inf"), "", MARK,
    [], {}, [[]], [MARK], {"type": MARK}, {"text": MARK}, "\ud800" + MARK, "\0" + MARK,
    "\u2028" + MARK, "\x1b[31m" + MARK, "検査" + MARK, "1970-01-01T00:00:00Z", "9999-12-31",
    "0001-01-01T00:00:00+23:59", "2026-02-03T04:05:06Z", '{"a":1}', "[" * 400, "<" + MARK + ">",
    "<command-name>" + MARK, "user", "assistant", "tool_result", "image", 253402300800,
)  # fmt: skip
"""Values that readers of logs trip over."""
DEEPEST = 120
"""Levels in which a value is looked into."""
_TORN = (b"}{", b"\0" * 64, b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n", b"{", b"[", b"\\ud83d",
         "\u2028".encode(), b'"', MARK.encode(), b"\xe9", b"\x1b[2J", b"[" * 3000, b'{"a":' * 500,
         b"9" * 5000, b"NaN", b"1e999")  # fmt: skip


def mutated(data: bytes, chance: Random, others: list[bytes]) -> bytes:
    """
    A log with one to four things wrong.

    Args:
        data: The log.
        chance: Where every choice comes from.
        others: Logs that it may be mixed with.
    """
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(_WAYS)(data, chance, others)
    return data


def _records(data: bytes, chance: Random, others: list[bytes]) -> bytes:
    """Records moved, left out, doubled, or another log's put between."""
    lines = data.split(b"\n")
    at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            lines[at], lines[to] = lines[to], lines[at]
        case 1:
            del lines[at]
        case 2:
            lines.insert(to, lines[at])
        case 3:
            strange = chance.choice(others).split(b"\n")
            lines[to:to] = strange[: chance.randint(1, 8)]
        case 4:
            lines[at:] = lines[at:][::-1]
        case _:
            lines[at : at + 2] = [b"".join(lines[at : at + 2])]
    return b"\n".join(lines)


def _values(data: bytes, chance: Random, _: list[bytes]) -> bytes:
    """One value of one record becomes something else."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    for start, line in ((at, lines[at]), (-1, data)):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        try:
            changed = json.dumps(_changed(value, chance)).encode()
        except (ValueError, RecursionError):
            return data
        if start < 0:
            return changed
        lines[start] = changed
        return b"\n".join(lines)
    return data


def _changed(value: Any, chance: Random, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """A value with a change somewhere in it: at every level it may go on or stop."""
    if depth < DEEPEST and isinstance(value, dict | list) and value and chance.random() < 0.85:
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        key, copy = chance.choice(keys), value.copy()
        match chance.randrange(12):
            case 0:
                del copy[key]
            case 1:
                copy[key] = value[chance.choice(keys)]
            case 2 if isinstance(copy, list):
                copy.insert(key, value[key])
            case 2 if isinstance(copy, dict):
                copy[MARK] = value[key]
            case _:
                copy[key] = _changed(value[key], chance, depth + 1)
        return copy
    match chance.randrange(5):
        case 0:
            for _ in range(chance.choice((1, 2, 60, 400))):
                value = [value] if chance.random() < 0.5 else {"content": value}
            return value
        case 1 if isinstance(value, str):
            return (value + MARK) * chance.choice((1, 2, 200))
        case 2 if isinstance(value, list):
            return value * chance.choice((2, 50))
        case _:
            return chance.choice(ODD)


def _bytes(data: bytes, chance: Random, others: list[bytes]) -> bytes:
    """Cut off, torn, joined with another file, or written in another way."""
    at = chance.randrange(len(data) + 1)
    match chance.randrange(8):
        case 0:
            return data[:at]
        case 1:
            return data[at:]
        case 2:
            return data[:at] + chance.choice(others)
        case 3:
            return data.decode("utf-8", "replace").encode("utf-16", "replace")
        case 4:
            return data.replace(b"\n", chance.choice((b"", b"\r\n", b"\0", b"\n\n", b"\r")))
        case 5:
            return data[:at] + data[at + chance.randint(1, 40) :]
        case 6:
            return chance.choice((b"\xef\xbb\xbf", b"[", b"\n\n", b"\0" * 9, b"null\n")) + data
        case _:
            return data[:at] + chance.choice(_TORN) + data[at:]


_WAYS: tuple[Callable[[bytes, Random, list[bytes]], bytes], ...] = (
    _records, _values, _values, _values, _bytes,
)  # fmt: skip
