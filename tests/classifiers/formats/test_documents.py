"""Lines, one document, an array, prose: told by the first line, and read piece by piece."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.formats.documents import document_of, elements, records_of
from classifiers.formats.lines import Damage
from classifiers.formats.values import TEXT

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
        ("[", 0, 0),
        ("[]", 0, 0),
        ("[x]", 0, 1),
        ('[{"a":' + "[" * 100_000, 0, 1),
    ],
)
def test_what_is_lost_of_an_array_is_counted(text: str, found: int, bad: int) -> None:
    """A torn export gives what came before."""
    damage = Damage()
    assert len(list(elements([text], damage))) == found
    assert damage.bad == bad


def test_the_first_line_tells_lines_from_a_document() -> None:
    """A document may be printed on one line or on many."""
    one, two = {"a": 1}, {"b": 2}
    read = [json.dumps(one).encode(), json.dumps(one, indent=1).encode()]
    assert [document_of(data) for data in read] == [one, one]
    assert document_of(b"\n".join((read[0], json.dumps(two).encode()))) is None
    assert document_of(b'{"a": 1\n{"b": 2}') is None


def test_a_text_is_one_record_only_if_a_format_claims_it() -> None:
    """Otherwise the lines of a damaged log are looked for."""
    data = b'torn {"type":"x","uuid":"u"}\n'
    assert records_of(data, Damage(), lambda _: True) == [{TEXT: data.decode()}]
    assert records_of(data, Damage(), lambda _: False) == [{"type": "x", "uuid": "u"}]
    assert records_of(b" \n", Damage(), lambda _: True) == []
