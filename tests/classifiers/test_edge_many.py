"""A file of many sessions: each is given away when the last line that names it has been read."""

import json
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.edge_split import Splitter
from tests.classifiers.logs import agent, log, person

NAMES = ("a", "b", "c", "")
LINE = st.tuples(st.sampled_from(NAMES), st.integers(0, 5), st.sampled_from((*NAMES, "x")))
"""The session that a record names, its id, and one that it quotes."""


def line(name: str, number: int, quoted: str) -> bytes:
    """One record; a name that is quoted within it is none of its own."""
    record: dict[str, Any] = person(f"carve {number}", uuid=f"id-{number}")
    record["timestamp"] = "2026-02-03T04:05:06.000Z"
    record["quoted"] = {"sessionId": quoted} if quoted else "nothing"
    record.pop("sessionId")
    return log(record | ({"sessionId": name} if name else {}))


def sealed(folder: Path) -> tuple[list[tuple[str, bytes]], Tally]:
    """The sessions of a folder, and what was told."""
    tally = Tally()
    found = read_source(folder, lambda _: "one", RunMemory(), tally)
    return sorted((each.session, each.blob) for each in found), tally


@settings(max_examples=60, deadline=None)
@given(files=st.lists(st.lists(LINE, min_size=1, max_size=12), min_size=1, max_size=3))
def test_sessions_are_the_same_as_if_they_were_given_at_the_end(
    files: list[list[tuple[str, int, str]]],
) -> None:
    """In whichever order lines, copies, quotations and lines without a name come."""
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        for number, lines in enumerate(files):
            (Path(place) / f"{number}.jsonl").write_bytes(b"".join(line(*each) for each in lines))
        early, told = sealed(Path(place))
        patch.setattr(Splitter, "expect", lambda *_: None)
        late, told_late = sealed(Path(place))
    assert early == late
    assert (told.codes, told.by_file) == (told_late.codes, told_late.by_file)


def peak(path: Path) -> int:
    """How many bytes of memory splitting a file takes at most."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_source(path, lambda _: "one", RunMemory(), Tally()))
        assert count == json.loads(path.stem)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_sessions_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs of years that were put into one file must not need a machine of their size."""
    for sessions in (4, 10):
        with (tmp_path / f"{sessions}.jsonl").open("wb") as file:
            for number in range(sessions):
                name = f"session-{number}"
                said = [agent("word " * 20_000, sessionId=name) for _ in range(10)]
                file.write(log(person("tell me everything", sessionId=name), *said))
    few, many = (peak(tmp_path / f"{sessions}.jsonl") for sessions in (4, 10))
    assert many - few < 1_500_000  # six sessions more, of a megabyte each, cost what names them
    monkeypatch.setattr(Splitter, "expect", lambda *_: None)
    assert peak(tmp_path / "10.jsonl") - few > 4_000_000  # the control


def test_a_session_that_was_given_is_not_given_again(tmp_path: Path) -> None:
    """A name written with an escape is not seen beforehand; two of one key would break a batch."""
    lines = [line("a", 1, ""), line("b", 2, ""), line("a", 3, "").replace(b'"a"', b'"\\u0061"')]
    (tmp_path / "one.jsonl").write_bytes(b"".join(lines))
    found, tally = sealed(tmp_path)
    assert [name for name, _ in found] == ["a", "b"]
    assert tally.records["NOT_NEEDED"] == 1
