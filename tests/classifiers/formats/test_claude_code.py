"""Claude Code's log as a file: copies in it, encodings, and what is refused.  Traps: test_traps."""

import json

import pytest

from classifiers.formats import read_session
from classifiers.sessions import UnreadableError
from tests.classifiers.logs import agent, log, person, queue, said, session


def test_a_repeated_record_counts_once() -> None:
    """Some versions wrote history twice into one file."""
    twice = person("row")
    found = session(twice, agent("Rowing."), twice)
    assert len(said(found)) == 1
    assert found.completeness.duplicate_records == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "EMPTY"),
        (b"\n \0\n", "EMPTY"),
        (b"\xe9\xe8\xff\xc0", "UNREADABLE_ENCODING"),
        (b"path,account\na,b\n", "NOT_A_SESSION_LOG"),
        (b'{"messages": [], "sessionId": "x"}', "NOT_A_SESSION_LOG"),
        (log(queue("enqueue", "alone")), "NO_CONVERSATION"),
    ],
)
def test_what_is_no_session_is_refused_by_reason(data: bytes, reason: str) -> None:
    """A reason is all that leaves."""
    with pytest.raises(UnreadableError) as caught:
        read_session(data)
    assert str(caught.value) == reason


def test_a_byte_order_mark_and_utf16_are_read() -> None:
    """A redirected shell on Windows writes these."""
    text = json.dumps(person("grüße")) + "\n"
    for data in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert said(read_session(data)) == [("prompt", "grüße")]
