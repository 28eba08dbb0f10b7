"""Lines, one document, an array, prose: told by the first line, and read piece by piece."""

import json
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from classifiers.formats.documents import HEAD, document_of, in_utf8, records_of
from classifiers.formats.lines import Damage, Record
from classifiers.formats.values import TEXT


def found(data: bytes, damage: Damage | None = None, *, is_known: bool = False) -> list[Record]:
    """All records of a file."""
    return list(records_of(in_utf8(data), damage or Damage(), lambda _: is_known))


def test_an_array_is_a_record_an_element() -> None:
    """What has been read whole: the edge reads longer ones piece by piece."""
    damage = Damage()
    assert found(b'[{"a": 1}, 7, {"b": 2}]', damage) == [{"a": 1}, {"b": 2}]
    assert damage.bad == 1
    assert found(b'[{"a": 1}, {"b"', damage) == []
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
    assert found(data, is_known=True) == [{TEXT: data.decode()}]
    assert found(data) == [{"type": "x", "uuid": "u"}]
    assert found(b" \n", is_known=True) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(
    record=st.dictionaries(st.text(max_size=5), VALUES),
    indent=st.sampled_from([None, 0, 1, 4]),
    plain=st.booleans(),
    before=st.sampled_from([b"", b"\xef\xbb\xbf", b"\n\n", b"\0" * 9]),
    after=st.sampled_from([b"", b"\n", b"\r\n", b"\0" * 9]),
)
def test_a_document_is_one_record_however_it_is_printed(
    record: Record, indent: int | None, *, plain: bool, before: bytes, after: bytes
) -> None:
    """Where its first line ends says nothing; that the line is no whole object does."""
    text = json.dumps(record, indent=indent, ensure_ascii=plain)
    assert found(before + text.encode() + after) == [record]
    assert found(text.encode("utf-16")) == [record]


def test_a_torn_first_line_is_no_reason_to_read_a_log_whole() -> None:
    """Only a line that could go on as a document is tried as one: a log may be very long."""

    class Counted(BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, len(data := super().read(size)))
            return data

    line = b'{"type":"user","uuid":"u"}\n'
    torn, printed = Counted(line[:9] + line * 9_000), Counted(b'{\n"type":[\n' + line * 9_000)
    assert len(list(records_of(torn, Damage(), lambda _: False))) == 9_000
    list(records_of(printed, Damage(), lambda _: False))
    assert torn.most <= HEAD < len(line) * 9_000 < printed.most  # the control is read whole
