"""Qwen Code's log: it looks like Claude Code's from without, and is Google's within."""

from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.sessions import Actor, UnreadableError
from tests.classifiers.formats.made import (
    TIME,
    Json,
    answered,
    counted,
    lines,
    outcomes,
    sealed,
)
from tests.classifiers.logs import log, person, said


def record(kind: str, uuid: str, *parts: Json, session: str = "q-1", **more: object) -> Json:
    """A line of a log."""
    role = "model" if kind == "assistant" else "user"
    return {
        "uuid": uuid,
        "parentUuid": None,
        "sessionId": session,
        "timestamp": TIME,
        "type": kind,
        "cwd": "/secret",
        "version": "0.24.7",
        "message": {"role": role, "parts": list(parts)},
        **more,
    }


def called(call_id: str, name: str, **args: object) -> Json:
    """A call among an answer's parts."""
    return {"functionCall": {"id": call_id, "name": name, "args": args}}


def returned(call_id: str, uuid: str, status: str = "success", **more: object) -> Json:
    """A call's result."""
    answer = {"functionResponse": {"id": call_id, "name": "x", "response": {"output": "done"}}}
    about = {"callId": call_id, "status": status, **more}
    return record("tool_result", uuid, answer, toolCallResult=about)


ASKED = record("user", "1", {"text": "run the tests"})
THOUGHT: Json = {"text": "They want tests.", "thought": True}
RAN = record(
    "assistant",
    "2",
    THOUGHT,
    {"text": "I run them."},
    called("c1", "run_shell_command", command="npm test"),
    called("c2", "write_file", file_path="a.md", content="one\ntwo\n"),
    called("c3", "edit", file_path="b.md", old_string="a", new_string="b"),
    model="qwen3-coder-plus",
)
SESSION = [ASKED, RAN, returned("c1", "3"), returned("c2", "4"), returned("c3", "5", "cancelled")]


def test_prompts_answers_and_calls_are_told_apart(tmp_path: Path) -> None:
    """A thought is not said, a refused edit changes nothing."""
    (one,), _ = sealed(tmp_path, here=lines(*SESSION))
    assert not any(word in one.blob for word in (b"They want", b"/secret"))
    found = read_session(one.blob)
    assert said(found) == [("prompt", "run the tests")]
    assert answered(found) == ["I run them."]
    assert outcomes(found) == [
        ("shell", "npm test", "ok"),
        ("write", "a.md", "ok"),
        ("edit", "b.md", "rejected"),
    ]
    assert counted(found) == (1, 3, 2, 0)
    assert (found.format, found.model_calls) == ("qwen_code", 1)
    assert [call.tested for call in found.calls] == [True, False, False]


def test_such_a_log_is_not_taken_for_claude_codes(tmp_path: Path) -> None:
    """Both have `uuid`, `sessionId` and the same types; the contents differ."""
    found, _ = sealed(tmp_path, a=lines(*SESSION), b=log(person("hello")))
    assert {read_session(each.blob).format for each in found} == {"qwen_code", "claude_code"}


def test_what_the_person_did_not_type_is_not_the_persons() -> None:
    """A file's text is added to a prompt, and clocks and agents prompt, too."""
    shown = {"displayText": "read @a.md", "hookContext": "secret"}
    long = record("user", "a", {"text": "read @a.md\nall of a.md"}, systemPayload=shown)
    clock = record("user", "b", {"text": "every hour"}, provenance="cron")
    typed = record("user", "c", {"text": "thanks"}, provenance="real_user")
    found = read_session(lines(ASKED, long, clock, typed))
    assert said(found) == [
        ("prompt", "run the tests"),
        ("prompt", "read @a.md"),
        ("prompt", "thanks"),
    ]
    assert [each.actor for each in found.utterances].count(Actor.HARNESS) == 1


def test_a_summary_and_a_sub_agent_are_noted(tmp_path: Path) -> None:
    """The history that a summary replaces is not sealed again."""
    payload = {"info": {}, "compressedHistory": [{"role": "user", "parts": [{"text": "again"}]}]}
    squeezed = record("system", "s", subtype="chat_compression", systemPayload=payload)
    side: Json = {"isSidechain": True, "agentId": "explore-1"}
    asked = record("user", "6", {"text": "look"}) | side
    seen = record("assistant", "7", called("d", "read_file", file_path="a")) | side
    (one,), _ = sealed(tmp_path, here=lines(*SESSION, squeezed, asked, seen))
    assert b"again" not in one.blob
    found = read_session(one.blob)
    assert found.turns[0].compactions == 1
    assert len(found.subagents) == 1
    assert counted(found)[:2] == (1, 4)
    with pytest.raises(UnreadableError, match="SUBAGENT_ALONE"):
        read_session(lines(asked, seen))


def test_a_fork_keeps_the_older_ones_records_with_the_older_one(tmp_path: Path) -> None:
    """They keep their ids; only what is new makes the new session."""
    fork = [each | {"sessionId": "q-2"} for each in SESSION]
    fork.append(record("user", "9", {"text": "and lint"}, session="q-2"))
    found, _ = sealed(tmp_path, a=lines(*SESSION), b=lines(*fork))
    by_name = {each.session: said(read_session(each.blob)) for each in found}
    assert by_name == {"q-1": [("prompt", "run the tests")], "q-2": [("prompt", "and lint")]}
