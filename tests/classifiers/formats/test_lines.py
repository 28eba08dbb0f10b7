"""Damaged lines give what can be read of them, and a count of the rest."""

import json
from io import BytesIO

import pytest

from classifiers.formats.lines import Damage, Record, records, timestamp, value_of

ONE, TWO = {"type": "user", "uuid": "1", "a": 1}, {"type": "user", "uuid": "2", "a": 2}
FIRST, SECOND = json.dumps(ONE).encode(), json.dumps(TWO).encode()


def read(data: bytes) -> tuple[list[Record], Damage]:
    """Records and damage of some bytes."""
    damage = Damage()
    return list(records(BytesIO(data), damage)), damage


@pytest.mark.parametrize(
    ("data", "found", "bad", "joined"),
    [
        (FIRST + b"\n" + SECOND, [ONE, TWO], 0, 0),
        (FIRST + b"\r\n\r\n" + SECOND + b"\n", [ONE, TWO], 0, 0),
        (FIRST + SECOND + b"\n", [ONE, TWO], 0, 1),  # two objects on a line
        (FIRST[:12] + SECOND, [TWO], 1, 0),  # the beginning of one, then a whole one
        (FIRST + b"\n" + SECOND[:-4], [ONE], 1, 0),  # cut off at the end
        (b"\0\0\0\n" + b"\0\0" + FIRST, [ONE], 0, 0),  # runs of NUL bytes
        (b'null\n3\n"text"\n[1]\n' + FIRST, [ONE], 4, 0),
        (b"", [], 0, 0),
    ],
)
def test_what_can_be_read_is_read(data: bytes, found: list[Record], bad: int, joined: int) -> None:
    """Each of these was met in real logs."""
    got, damage = read(data)
    assert (got, damage.bad, damage.joined) == (found, bad, joined)


def test_only_a_line_feed_ends_a_line() -> None:
    """Other separators stand inside strings; `str.splitlines` would cut records in two."""
    inside = {"type": "user", "text": "a\u2028b\u2029c\u0085d"}
    data = json.dumps(inside, ensure_ascii=False).encode()
    assert len(data.decode().splitlines()) == 4  # the control
    assert read(data)[0] == [inside]


def test_bytes_that_are_not_utf8_lose_a_letter_and_not_the_record() -> None:
    """One broken byte must not cost a prompt."""
    got, damage = read(b'{"type":"user","text":"caf\xe9"}')
    assert got == [{"type": "user", "text": "caf\ufffd"}]
    assert damage.bad == 0


def test_deep_nesting_is_a_bad_line() -> None:
    """The parser's recursion limit must not end the worker."""
    got, damage = read(b'{"a":' * 100_000 + b"\n" + FIRST)
    assert (got, damage.bad) == ([ONE], 1)


@pytest.mark.parametrize(
    ("stated", "year"),
    [("2026-02-03T04:05:06.789Z", 2026), ("0001-01-01T00:00:00Z", None), ("yesterday", None),
     ("2026-02-03T04:05:06", None), (1738555506, None)],
)  # fmt: skip
def test_a_time_has_a_zone_and_a_sane_year(stated: object, year: int | None) -> None:
    """A month must not depend on where the worker runs."""
    found = timestamp({"timestamp": stated})
    assert (found.year if found else None) == year


def test_no_line_is_guessed_to_be_in_another_encoding() -> None:
    """What a torn file in UTF-16 leaves is a bad line to every reader, and a record to none."""
    torn = FIRST.decode().encode("utf-16-be")
    assert json.loads(torn) == ONE  # the control: the parser guesses
    with pytest.raises(ValueError, match="Expecting"):
        value_of(torn)
    assert value_of(FIRST) == ONE
