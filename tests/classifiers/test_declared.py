"""What is declared of an account stands in a line that only the custodian's edge can write."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.stub import TOO_LARGE_STUB
from classifiers.worker import classify
from privacy.codebook import codebook
from privacy.declared import Declared, split
from privacy.errors import VerificationError
from tests.classifiers.logs import agent, log, person

STAFF, OTHERS = Declared(staff=True).line, Declared().line
TALK = log(person("Mend the sum, please."), agent("Done."))


def staff(sealed: bytes) -> str:
    """What the record of a sealed session says."""
    record = classify(sealed, month="2026-02", account=bytes(16))
    column = [field.name for field in codebook().fields].index("staff")
    return codebook().field("staff").labels[record.labels[column]]


def test_a_record_says_what_was_declared() -> None:
    """Also of a session that nobody can rate: who is staff is known without reading it."""
    for data in (TALK, b"no log at all", b"", TOO_LARGE_STUB):
        assert (staff(STAFF + data), staff(OTHERS + data), staff(data)) == ("yes", "no", "no")
    assert len(STAFF) == len(OTHERS)


@given(
    lines=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([STAFF, STAFF.strip(), b'{"type":"clerestory","staff":"yes"}']),
            st.sampled_from(TALK.splitlines()),
        ),
        max_size=8,
    )
)
def test_no_log_can_declare_its_author_staff(lines: list[bytes]) -> None:
    """Whatever lines a log holds, and whether or not a line of ours stands before them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_bytes(b"\n".join((*lines, TALK)))
        found = list(read_source(path, lambda _: "ann", RunMemory(), Tally()))
    for session in found:
        assert session.blob[:1] == b"{"
        assert (staff(session.blob), staff(OTHERS + session.blob)) == ("no", "no")
        assert staff(STAFF + session.blob) == "yes"  # the control: the edge can


def test_words_that_look_like_a_declaration_are_words() -> None:
    """The line counts at the very beginning alone."""
    talk = log(person(STAFF.decode()), agent(json.dumps({"staff": "yes"})))
    assert split(OTHERS + STAFF + talk) == (Declared(), STAFF + talk)
    assert split(talk + STAFF) == (Declared(), talk + STAFF)
    assert staff(OTHERS + talk) == "no"


def test_a_line_of_another_version_is_refused_and_tells_nothing() -> None:
    """What it declares is not known, so it must not be taken for nothing."""
    newer = b"\x1eclerestory/declared/2 staff=yes\n" + TALK
    with pytest.raises(VerificationError, match="DECLARATION_UNKNOWN"):
        split(newer)
    record = classify(newer, month="2026-02", account=bytes(16))
    status = [field.name for field in codebook().fields].index("status")
    assert codebook().field("status").labels[record.labels[status]] == "unreadable"
