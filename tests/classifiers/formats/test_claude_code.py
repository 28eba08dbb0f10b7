"""Claude Code's log as a file: copies in it, encodings, and what is refused.  Traps: test_traps."""

import json
from pathlib import Path
from time import process_time

import pytest

from classifiers.edge import RunMemory, Tally, read_source
from classifiers.formats import read_session
from classifiers.formats.claude_code_queue import Queue
from classifiers.rendering import render
from classifiers.sessions import UnreadableError
from classifiers.structure import measures
from tests.classifiers.logs import (
    agent,
    attachment,
    call,
    log,
    person,
    queue,
    record,
    said,
    session,
)


def test_a_repeated_record_counts_once() -> None:
    """Some versions wrote history twice into one file."""
    twice = person("row")
    found = session(twice, agent("Rowing."), twice)
    assert len(said(found)) == 1
    assert found.completeness.duplicate_records == 1


def test_a_long_queue_takes_no_longer_by_the_word() -> None:
    """
    Whoever writes a log must not be able to stop a run: 20,000 words taken from behind.

    Looking through the queue for each would take 200 million comparisons, some seconds.
    """
    words = [f"word {number}" for number in range(20_000)]
    put = [queue("enqueue", word) for word in words]
    taken = [queue("remove", word) for word in reversed(words)]
    told, began = Queue(), process_time()
    assert not any(told.operation(each) for each in put)
    assert [told.operation(each) for each in taken] == words[::-1]
    assert process_time() - began < 1.5


def test_words_beside_a_result_join_the_turn() -> None:
    """Some clients send what was typed meanwhile in the record of a result."""
    block = {"type": "tool_result", "tool_use_id": "call-1", "content": "done"}
    both = record("user", [block, {"type": "text", "text": "and the door"}])
    found = session(person("paint"), call("Bash", command="paint"), both)
    assert said(found) == [("prompt", "paint"), ("steering", "and the door")]
    assert len(found.turns) == 1


def test_thoughts_are_counted_apart_and_not_kept() -> None:
    """They are no words of the agent's to anybody; thinking that the log withholds is none."""
    blocks = [{"type": "thinking", "thinking": "paint dries slowly"}, {"type": "thinking"}]
    withheld = record("assistant", [{"type": "redacted_thinking", "data": "QUJD"}])
    found = session(person("paint"), record("assistant", blocks), withheld, agent("Painted."))
    assert (found.thinking_words, measures(found)["words_out"]) == (3, 1)
    assert found.completeness.unknown_types == 0
    assert "slowly" not in "".join(render(found).text)


def test_what_names_people_and_hosts_is_not_sealed(tmp_path: Path) -> None:
    """The program notes the account's address in attachments, which say nothing of a session."""
    address = "ann" + "@" + "example.org"
    about = record("attachment", "") | {
        "attachment": {"type": "session_context", "userEmail": address}
    }
    bridge = {"type": "bridge-session", "sessionId": "session-a", "account": address}
    (tmp_path / "a.jsonl").write_bytes(
        log(about, bridge, person("weave"), attachment("in blue", "human"))
    )
    tally = Tally()
    (sealed,) = read_source(tmp_path, lambda _: "ann", RunMemory(), tally)
    assert address.encode() not in sealed.blob
    assert tally.records["NOT_NEEDED"] == 2
    assert said(read_session(sealed.blob)) == [("prompt", "weave"), ("steering", "in blue")]


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
