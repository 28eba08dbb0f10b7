"""The gate: bytes are a record of the codebook, or a refusal that repeats none of them."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.codebook import UNCLEAR, codebook
from privacy.errors import RefusedError
from privacy.labels import (
    PSEUDONYM_BYTES,
    SESSION_KEY_BYTES,
    LabelRecord,
    bucket_of,
    pack_bucket,
    record_width,
    row_width,
    unpack_bucket,
)

BOOK = codebook()
WIDTH = record_width(BOOK)
COLUMNS, MEASURES = len(BOOK.fields), len(BOOK.measures)

accounts = st.binary(min_size=PSEUDONYM_BYTES, max_size=PSEUDONYM_BYTES)
keys = st.binary(min_size=SESSION_KEY_BYTES, max_size=SESSION_KEY_BYTES)
records = st.builds(
    LabelRecord,
    st.tuples(*(st.integers(0, len(field.labels) - 1) for field in BOOK.fields)),
    st.tuples(*(st.integers(0, measure.top) for measure in BOOK.measures)),
    accounts,
)


@given(records)
def test_every_record_has_one_width_and_reads_back(record: LabelRecord) -> None:
    """A length must say nothing about a session."""
    data = record.encode()
    assert len(data) == WIDTH == COLUMNS + 2 * MEASURES + 16
    assert LabelRecord.decode(data, BOOK) == record


@given(st.one_of(st.binary(min_size=WIDTH, max_size=WIDTH), st.binary(max_size=2 * WIDTH)))
def test_any_bytes_are_a_record_or_a_refusal_that_holds_none_of_them(data: bytes) -> None:
    """What a compromised worker writes is either nothing but labels, or is not repeated."""
    refusal = None
    try:
        record = LabelRecord.decode(data, BOOK)
    except RefusedError as error:
        refusal = error
    else:
        assert record.encode() == data
    if refusal:
        # All that a refusal can say is known beforehand, so no byte can hide in it.
        assert refusal.code == "LABEL_GATE"
        assert refusal.found in {
            f"{len(data)} bytes instead of {WIDTH}.",
            *(f"no such label in the column {field.name}." for field in BOOK.fields),
            *(f"a value above the public bound of {m.name}." for m in BOOK.measures),
        }
        assert (refusal.__cause__, refusal.__context__) == (None, None)


@given(records, st.integers(0, WIDTH - PSEUDONYM_BYTES - 1), st.integers(0, 255))
def test_one_byte_more_than_a_column_allows_is_refused(
    record: LabelRecord, place: int, value: int
) -> None:
    """The gate looks at every column and every measure, not at the first alone."""
    data = bytearray(record.encode())
    data[place] = value
    if place < COLUMNS:
        lawful = value < len(BOOK.fields[place].labels)
    else:
        number = (place - COLUMNS) // 2
        start = COLUMNS + 2 * number
        lawful = int.from_bytes(data[start : start + 2]) <= BOOK.measures[number].top
    if lawful:
        assert LabelRecord.decode(bytes(data), BOOK).encode() == bytes(data)
    else:
        with pytest.raises(RefusedError, match="LABEL_GATE"):
            LabelRecord.decode(bytes(data), BOOK)


def test_a_record_made_from_names_abstains_where_nothing_is_said() -> None:
    """`unclear` is the default of an instrument; a context that is missing is an error."""
    contexts = {field.name: field.labels[0] for field in BOOK.contexts}
    measures = {measure.name: 3.0 for measure in BOOK.measures}
    record = LabelRecord.of(BOOK, {**contexts, "outcome": "failed"}, measures, bytes(16))

    told = {
        field.name: field.labels[position]
        for field, position in zip(BOOK.fields, record.labels, strict=True)
    }
    assert told["outcome"] == "failed"
    assert {told[i.name] for i in BOOK.instruments if i.name != "outcome"} == {UNCLEAR}
    with pytest.raises(KeyError):
        LabelRecord.of(BOOK, {}, measures, bytes(16))
    with pytest.raises(KeyError) as refusal:
        LabelRecord.of(BOOK, {**contexts, "outcome": "secret words"}, measures, bytes(16))
    assert "secret" not in repr(refusal.value)


@pytest.mark.parametrize("status", ["refused", "invalid", "too_large", "unreadable"])
def test_a_session_that_nobody_rated_has_a_record_of_full_width(status: str) -> None:
    """Whether a session could be read is a label value, and nothing else is claimed of it."""
    record = LabelRecord.unrated(BOOK, status=status, month="2026-01", account=bytes(16))
    told = {
        field.name: field.labels[position]
        for field, position in zip(BOOK.fields, record.labels, strict=True)
    }
    assert len(record.encode()) == WIDTH
    assert (told["status"], told["month"], told["wrote_code"]) == (status, "2026-01", "no")
    assert record.measures == (0,) * MEASURES
    assert LabelRecord.decode(record.encode(), BOOK) == record


rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 255)), max_size=30)


def row(session: int, account: int, value: int) -> tuple[bytes, bytes]:
    """A session's key and a stand-in for its record; only the last 16 bytes are looked at."""
    owner = sha256(bytes([account])).digest()[:PSEUDONYM_BYTES]
    body = bytes([value]) * (WIDTH - PSEUDONYM_BYTES)
    return sha256(bytes([session, account])).digest()[:SESSION_KEY_BYTES], body + owner


@given(rows)
def test_a_bucket_is_sorted_by_account_and_keeps_the_newest_of_a_session(
    made: list[tuple[int, int, int]],
) -> None:
    """Bounding is local to a bucket: an account lies together, a session counts once."""
    given_rows = [row(*parts) for parts in made]
    found = list(unpack_bucket(pack_bucket(given_rows), BOOK))

    assert dict(found) == dict(given_rows)  # the later of two rows of one session stands
    assert len(found) == len(dict(given_rows))
    assert found == sorted(found, key=lambda r: (r[1][-PSEUDONYM_BYTES:], r[0]))
    assert pack_bucket(found) == pack_bucket(given_rows)


@given(st.lists(st.tuples(keys, accounts), max_size=20), st.integers(1, 64))
def test_an_account_lies_whole_in_one_bucket(
    sessions: list[tuple[bytes, bytes]], buckets: int
) -> None:
    """Split over two buckets an account would weigh twice."""
    for _, account in sessions:
        assert 0 <= bucket_of(account, buckets) < buckets
        assert bucket_of(account, buckets) == bucket_of(bytes(account), buckets)
    for one in (b"\0" * 16, b"\xff" * 16):
        assert bucket_of(one, buckets) == (0 if one[0] == 0 else buckets - 1)


def test_a_bucket_that_is_cut_off_is_refused() -> None:
    """Half a row would shift every column after it."""
    data = pack_bucket([row(1, 1, 7), row(2, 1, 8)])
    assert len(data) == 2 * row_width(BOOK)
    assert len(list(unpack_bucket(data, BOOK))) == 2
    for cut in (1, row_width(BOOK) - 1, row_width(BOOK) + 1):
        with pytest.raises(RefusedError, match="LABEL_GATE"):
            list(unpack_bucket(data[:cut], BOOK))
