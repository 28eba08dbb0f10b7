"""Traps of Claude Code's log: sessions of many megabytes.  T35."""

import json
import tracemalloc
from pathlib import Path

import pytest

from classifiers import limits
from classifiers.formats import read_session
from classifiers.sessions import UnreadableError
from tests.classifiers.logs import agent, call, log, person, result

RESULT = "a line of a long result\n" * 10_000
"""240 kB: what a session of many megabytes is made of."""


def written(path: Path, results: int) -> Path:
    """A session whose results are long."""
    with path.open("wb") as file:
        file.write(log(person("read everything")))
        for number in range(results):
            name = f"toolu-{number}"
            file.write(log(call("Bash", name, command="cat"), result(RESULT, name)))
        file.write(log(agent("Read.")))
    return path


def peak(path: Path) -> int:
    """How many bytes of memory reading a session takes at most."""
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            found = read_session(file)
        assert len(list(found.calls)) > 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_t35_memory_does_not_grow_with_a_log(tmp_path: Path) -> None:
    """
    Four times the log takes the memory of one, and what is kept of its calls.

    Of a result 4,000 characters stay, and a call takes some 2 kB beside: 90 more calls, under 1 MB.
    """
    small, large = written(tmp_path / "s", 30), written(tmp_path / "l", 120)
    assert large.stat().st_size > 28_000_000
    grown = peak(large) - peak(small)
    assert grown < 1_000_000
    tracemalloc.start()  # the control: all records at once would show
    records = [json.loads(line) for line in large.read_bytes().split(b"\n") if line]
    assert tracemalloc.get_traced_memory()[0] > 28_000_000
    tracemalloc.stop()
    assert records


def test_t35_what_is_larger_than_we_read_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit in seconds would make a label depend on who else is at work."""
    path = written(tmp_path / "s", 3)
    assert len(list(read_session(path.read_bytes()).calls)) == 3
    monkeypatch.setattr(limits, "MOST_KEPT", 9_000)  # two results of 4,000 and some words
    with pytest.raises(UnreadableError, match=r"^TOO_LARGE$"):
        read_session(path.read_bytes())


@pytest.mark.parametrize(
    ("place", "limit", "within", "beyond"),
    [
        ("classifiers.formats.lines.MOST_RECORDS", 20, b"\n" * 10, b"\n" * 20),
        (
            "classifiers.formats.lines.LONGEST_RECORD",
            5_000,
            log(person("word " * 800)),
            log(person("word " * 1_200)),
        ),
        (
            "classifiers.limits.MOST_EVENTS",
            60,
            log(*(agent(f"answer {n}") for n in range(9))),
            log(*(agent(f"answer {n}") for n in range(90))),
        ),
        (
            "classifiers.limits.MOST_PARTS",
            5,
            b"",
            log(*(person("more", sessionId=f"session-{n}") for n in range(9))),
        ),
    ],
)
def test_t35_each_limit_of_lines_and_events_is_held(
    place: str, limit: int, within: bytes, beyond: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes of a line, lines of a log, what is said in it, and by whom: each ends the reading."""
    start = log(person("begin"), agent("Begun."))
    read_session(start + beyond)  # the control: as it is, nothing here is too large
    monkeypatch.setattr(place, limit)
    read_session(start + within)
    with pytest.raises(UnreadableError, match=r"^TOO_LARGE$"):
        read_session(start + beyond)
