"""An array is read element by element, whatever its length and whatever lies in it."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import edge_arrays
from classifiers.edge_arrays import elements
from classifiers.formats.lines import Damage

ELEMENTS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.lists(st.text(max_size=5))),
    max_size=6,
)


@given(values=ELEMENTS, size=st.integers(1, 40), indent=st.sampled_from([None, 1]))
def test_an_array_reads_the_same_in_whichever_pieces_it_comes(
    values: list[dict[str, object]], size: int, indent: int | None
) -> None:
    """An element may be cut anywhere by the end of a chunk."""
    text = json.dumps(values, indent=indent)
    damage = Damage()
    chunks = (text[place : place + size] for place in range(0, len(text), size))
    assert list(elements(chunks, damage)) == values
    assert damage.bad == 0


@pytest.mark.parametrize(
    ("text", "found", "bad"),
    [
        ('[{"a":1},{"b":2', 1, 1),
        ('[{"a":1},7,{"b":2}]', 2, 1),
        ('[{"a":1},,{"b":2}]', 1, 1),
        ("[", 0, 1),
        ("[]", 0, 0),
        ("[x]", 0, 1),
        ('[{"a":' + "9" * 9_000 + "}]", 0, 1),
        ('[{"a":' + "[" * 100_000, 0, 1),
        ('[{"a":' + "[" * 500 + "]" * 500 + '},{"b":1}]', 1, 1),
        ('[{"a":"\\ud800","b":' + "9" * 30 + ',"c":1e999}]', 1, 0),
    ],
)
def test_what_is_lost_of_an_array_is_counted(text: str, found: int, bad: int) -> None:
    """A torn export gives what came before."""
    damage = Damage()
    assert len(list(elements([text], damage))) == found
    assert damage.bad == bad


def test_an_element_that_is_too_long_is_left_out_and_the_next_one_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One conversation with a library in it costs itself, not the export."""
    monkeypatch.setattr(edge_arrays, "LONGEST_ELEMENT", 1_000)
    long = {"a": ["x" * 100] * 20}
    text, damage = json.dumps([long, {"b": 1}, long]), Damage()
    chunks = (text[place : place + 100] for place in range(0, len(text), 100))
    assert list(elements(chunks, damage)) == [{"b": 1}]
    assert damage.bad == 2


def test_a_string_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be held in memory, however long the file goes on."""
    monkeypatch.setattr(edge_arrays, "LONGEST_ELEMENT", 1_000)
    given = 0

    def endless() -> Iterator[str]:
        nonlocal given
        yield '[{"b": 1}, "'
        while True:
            given += 1
            yield "x" * 100

    damage = Damage()
    assert list(elements(endless(), damage)) == [{"b": 1}]
    assert damage.bad == 1
    assert given < 30  # 2 × 1,000 characters in pieces of 100, and what was under way


def test_memory_does_not_grow_with_the_array() -> None:
    """Sixteen times the elements take the same memory: one element is held, not the export."""

    def peak(count: int) -> int:
        one = json.dumps({"a": ["x" * 1_000] * 9})
        chunks = (one + ("," if n < count - 1 else "]") for n in range(count))
        tracemalloc.start()
        found = sum(1 for _ in elements(chain(("[",), chunks), Damage()))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == count
        return most

    assert peak(1_600) < 1.5 * peak(100)
