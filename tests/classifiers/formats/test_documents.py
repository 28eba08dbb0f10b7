"""Lines, one document, an array, prose: told by the first line, and read piece by piece."""

import json

from classifiers.formats.documents import document_of, records_of
from classifiers.formats.lines import Damage
from classifiers.formats.values import TEXT


def test_an_array_is_a_record_an_element() -> None:
    """What has been read whole: the edge reads longer ones piece by piece."""
    damage = Damage()
    assert records_of(b'[{"a": 1}, 7, {"b": 2}]', damage, lambda _: False) == [{"a": 1}, {"b": 2}]
    assert damage.bad == 1
    assert records_of(b'[{"a": 1}, {"b"', damage, lambda _: False) == []
    assert damage.bad == 2


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
