"""The edge takes every session once, refuses by reason code, and never stops."""

import json
import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import edge
from classifiers.edge import RunMemory, SessionBytes, Tally, read_source
from classifiers.formats import read_session
from classifiers.stub import TOO_LARGE_STUB
from tests.classifiers.logs import agent, log, person, queue, said


def taken(
    source: Path, memory: RunMemory | None = None, account: str | None = "ann"
) -> tuple[list[SessionBytes], Tally]:
    """What the edge makes of a source."""
    tally = Tally()
    found = list(read_source(source, lambda _: account, memory or RunMemory(), tally))
    return found, tally


def test_sessions_are_split_and_joined_across_files(tmp_path: Path) -> None:
    """A file may hold two sessions, and a session lie in two files and a sub-agent's."""
    folder = tmp_path / "s" / "subagents"
    folder.mkdir(parents=True)
    (tmp_path / "1.jsonl").write_bytes(
        log(person("one"), person("other", sessionId="session-b"), agent("Yes."))
    )
    (tmp_path / "2.jsonl").write_bytes(log(person("two")))
    side = {"isSidechain": True, "agentId": "a"}
    (folder / "agent-a.jsonl").write_bytes(log(person("look", **side), agent("Seen.", **side)))

    found, tally = taken(tmp_path)

    assert {each.session for each in found} == {"session-a", "session-b"}
    whole = read_session(next(each.blob for each in found if each.session == "session-a"))
    assert said(whole) == [("prompt", "one"), ("prompt", "two")]
    assert len(whole.subagents) == 1
    assert [each.month for each in found] == ["2026-02", "2026-02"]
    assert set(tally.files.values()) == {"READ"}


def test_every_file_is_read_or_refused_by_code(tmp_path: Path) -> None:
    """A tree holds anything; nothing may be passed over in silence or stop the run."""
    files = {
        "good.jsonl": log(person("hello")),
        "renamed.txt": log(person("also", sessionId="session-t")),
        "empty.jsonl": b"",
        "blank.jsonl": b"\n\0 \n",
        "table.csv": b"a,b\n",
        "foreign.jsonl": b'{"sessionId":"x","type":"other"}\n' * 3,
        "noise.bin": b"\xff\xfa{\xc0\xc1\xf5" * 50,
        "picture.png": bytes(range(1, 120)),
        "side.jsonl": log(person("alone", isSidechain=True, sessionId="session-s")),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "good.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")

    found, tally = taken(tmp_path)

    assert {path.name: code for path, code in tally.files.items()} == {
        "good.jsonl": "READ",
        "renamed.txt": "READ",
        "empty.jsonl": "EMPTY",
        "blank.jsonl": "EMPTY",
        "table.csv": "NOT_A_SESSION_LOG",
        "foreign.jsonl": "NOT_A_SESSION_LOG",
        "noise.bin": "UNREADABLE_ENCODING",
        "picture.png": "NOT_A_SESSION_LOG",
        "side.jsonl": "READ",
        "link.jsonl": "NOT_A_FILE",
        "pipe.jsonl": "NOT_A_FILE",
    }
    assert {each.session for each in found} == {"session-a", "session-t"}
    assert tally.sessions == {"TAKEN": 2, "SUBAGENT_ALONE": 1}
    assert taken(tmp_path / "gone.jsonl")[1].files == {tmp_path / "gone.jsonl": "UNREADABLE_FILE"}
    assert set(taken(tmp_path, account=None)[1].files.values()) >= {"NO_ACCOUNT"}


def test_a_log_that_names_no_account_is_nobodys(tmp_path: Path) -> None:
    """Else all such logs together would be one account's, and count as one person."""
    (tmp_path / "a.jsonl").write_bytes(log(person("one"), agent("Yes.")))
    assert len(taken(tmp_path)[0]) == 1  # the control: the custodian may say whose it is
    found, tally = taken(tmp_path, account=edge.STATED)
    assert (found, set(tally.files.values())) == ([], {"NO_ACCOUNT"})


def test_a_fork_leaves_each_record_with_its_first_session(tmp_path: Path) -> None:
    """Copies would multiply what one account weighs."""
    first, second = person("plant"), queue("enqueue", "water")
    tail = person("prune", sessionId="session-b", timestamp="2026-03-01T00:00:00Z")
    copies = [first | {"sessionId": "session-b"}, second | {"sessionId": "session-b"}]
    (tmp_path / "b.jsonl").write_bytes(log(first, second))
    (tmp_path / "a.jsonl").write_bytes(log(*copies, tail))
    (tmp_path / "c.jsonl").write_bytes(log(first | {"sessionId": "session-c"}))

    found, tally = taken(tmp_path)

    assert sum(b"plant" in each.blob for each in found) == 1
    assert sum(b"water" in each.blob for each in found) == 1
    assert sum(b"prune" in each.blob for each in found) == 1
    assert tally.sessions["DUPLICATE"] == 2  # of three that begin alike the first file's stands
    assert tally.records["COPY"] == 3
    # The control: in another account's hands the same records are that account's.
    tally = Tally()
    by_file = list(read_source(tmp_path, lambda path: path.name, RunMemory(), tally))
    assert sum(b"plant" in each.blob for each in by_file) == 3


def test_a_session_that_grew_is_whole_again_and_a_later_fork_is_not(tmp_path: Path) -> None:
    """The older sealed self is superseded, so the newer one must hold everything."""
    memory, path = RunMemory(), tmp_path / "a.jsonl"
    start, more = person("sow"), person("reap")
    path.write_bytes(log(start))
    assert len(taken(path, memory)[0]) == 1
    path.write_bytes(log(start, more))
    (grown,), _ = taken(path, memory)
    assert said(read_session(grown.blob)) == [("prompt", "sow"), ("prompt", "reap")]
    path.write_bytes(log(start | {"sessionId": "session-z"}, more | {"sessionId": "session-z"}))
    assert taken(path, memory)[1].sessions == {"DUPLICATE": 1}


def test_images_and_records_nobody_needs_are_dropped(tmp_path: Path) -> None:
    """What is not sealed cannot be lost."""
    secret = "QUJD" * 100
    picture = {"type": "image", "source": {"type": "base64", "data": secret}}
    read = person([picture], toolUseResult={"type": "image", "file": {"base64": secret}})
    title = {"type": "custom-title", "customTitle": "private", "sessionId": "session-a"}
    plain = person("a sound line")
    (tmp_path / "a.jsonl").write_bytes(log(plain, read, title))
    (found,), tally = taken(tmp_path)
    assert secret.encode() not in found.blob
    assert b"private" not in found.blob
    assert log(plain) in found.blob  # byte for byte
    assert (tally.records["IMAGE"], tally.records["NOT_NEEDED"]) == (2, 1)


def test_damaged_lines_and_other_encodings_become_sound(tmp_path: Path) -> None:
    """What is sealed reads the same as what lay on disk."""
    one, two = log(person("one")).strip(), log(person("two")).strip()
    (tmp_path / "a.jsonl").write_bytes(one + two + b"\n{torn\n" + log(person("thr\xe9e\ud800")))
    (found,), tally = taken(tmp_path)
    assert len(said(read_session(found.blob))) == 3
    assert tally.records["BAD_LINE"] == 1
    wide = tmp_path / "wide.jsonl"
    wide.write_bytes((json.dumps(person("wide")) + "\n").encode("utf-16"))
    assert said(read_session(taken(wide)[0][0].blob)) == [("prompt", "wide")]


def test_a_session_that_is_too_large_becomes_a_stub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is a label; none of its text is sealed."""
    monkeypatch.setattr(edge, "LARGEST", 2_000)
    small, large = person("s", sessionId="session-s"), [person("x" * 300) for _ in range(9)]
    (tmp_path / "a.jsonl").write_bytes(log(small, *large))
    found, tally = taken(tmp_path)
    by_name = {each.session: each for each in found}
    assert by_name["session-a"].blob == TOO_LARGE_STUB
    assert by_name["session-a"].month == "2026-02"
    assert by_name["session-s"].blob == log(small)
    assert tally.sessions["TOO_LARGE"] == 1


@pytest.mark.parametrize("time", [None, "soon", "1999-01-01T00:00:00Z"])
def test_a_session_without_a_usable_time_is_of_no_month(tmp_path: Path, time: object) -> None:
    """The codebook names its months; everything else is `unknown`."""
    (tmp_path / "a.jsonl").write_bytes(log(person("when", timestamp=time)))
    (found,), tally = taken(tmp_path)
    assert found.month == "unknown"
    assert tally.sessions["NO_TIMESTAMP"] == 1


def test_what_is_sealed_is_not_shown() -> None:
    """A traceback prints the repr of what it holds."""
    shown = repr(SessionBytes("ann", "session-a", "2026-02", b"words", ("uuid",)))
    assert "words" not in shown


@settings(max_examples=100, deadline=None)
@given(
    value=st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=4,
    ),
    key=st.sampled_from(["type", "uuid", "sessionId", "timestamp", "message", "isSidechain"]),
    tail=st.binary(max_size=20),
)
def test_no_file_stops_the_run(value: object, key: str, tail: bytes) -> None:
    """Whatever a file holds, the next one is still read."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "1.jsonl").write_bytes(log(person("odd") | {key: value}) + tail)
        (Path(folder) / "2.jsonl").write_bytes(log(person("sound", sessionId="session-s")))
        found, _ = taken(Path(folder))
    assert "session-s" in {each.session for each in found}


def test_a_torn_record_without_a_message_makes_no_session(tmp_path: Path) -> None:
    """Found by fuzzing: it was sealed, and then no reader knew it for a log."""
    torn = {"type": "user", "uuid": "u", "sessionId": "session-t"}
    (tmp_path / "torn.jsonl").write_bytes(log(person("whole"), torn))
    found, tally = taken(tmp_path)
    assert [each.session for each in found] == ["session-a"]
    assert tally.sessions == {"TAKEN": 1, "NO_CONVERSATION": 1}
    whole = person("whole", sessionId="session-t")
    (tmp_path / "torn.jsonl").write_bytes(log(person("whole"), whole))  # the control
    assert len(taken(tmp_path)[0]) == 2


def test_a_session_names_the_files_it_lies_in_and_a_file_its_codes(tmp_path: Path) -> None:
    """The custodian is told of each file what became of it; a session counts where it begins."""
    side = {"isSidechain": True, "agentId": "a", "timestamp": "2026-02-03T04:05:00.000Z"}
    (tmp_path / "0-agent").write_bytes(log(person("look", **side)))
    (tmp_path / "1").write_bytes(log(person("one")) + b"torn\n")
    (tmp_path / "2").write_bytes(log(person("two"), {"type": "summary", "sessionId": "session-a"}))
    (found,), tally = taken(tmp_path)
    assert [path.name for path in found.files] == ["1", "2", "0-agent"]  # trunk first
    codes = {path.name: dict(told) for path, told in tally.by_file.items()}
    assert codes == {"0-agent": {}, "1": {"TAKEN": 1, "BAD_LINE": 1}, "2": {"NOT_NEEDED": 1}}
    assert sum(tally.by_file.values(), Counter()) == tally.sessions + tally.records


def test_what_a_session_is_called_is_not_shown(tmp_path: Path) -> None:
    """Found by fuzzing: its name in the logs stood in the repr, and comes from a log."""
    (tmp_path / "a").write_bytes(log(person("one", sessionId="canary")))
    (found,), _ = taken(tmp_path)
    assert found.session == "canary"
    assert "canary" not in repr(found)


@pytest.mark.parametrize("kind", ["user", "generic", "nothing"])
def test_a_record_of_too_many_values_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Found beside fuzzing: its refusal, meant for the worker, ended the whole run at the edge."""
    values = b",".join([b"[]"] * 2_000)
    dense = {
        "user": b'{"type":"user","uuid":"u","sessionId":"s","message":{"content":[%s]}}\n',
        "generic": b'{"session_id":"s","messages":[{"role":"user"},%s]}\n',
        "nothing": b'{"x":[%s]}\n',
    }[kind] % values
    (tmp_path / "dense").write_bytes(dense)
    (tmp_path / "behind").write_bytes(log(person("one")) + dense)
    (tmp_path / "sound").write_bytes(log(person("two", sessionId="session-b")))
    before, _ = taken(tmp_path)  # the control: within the limit nothing is lost
    assert {"session-a", "session-b"} <= {each.session for each in before}
    monkeypatch.setattr("classifiers.formats.lines.LONGEST_RECORD", 1_000)
    found, tally = taken(tmp_path)
    assert {each.session for each in found} == {"session-a", "session-b"}
    assert tally.files[tmp_path / "dense"] == "TOO_LARGE"
    assert tally.records["TOO_LARGE"] == 1
