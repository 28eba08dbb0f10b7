"""Gemini CLI's chats: one document, the same as lines, and the streamed form."""

from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.sessions import UnreadableError
from tests.classifiers.formats.made import (
    TIME,
    Json,
    answered,
    counted,
    document,
    lines,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import log, person, said

HEAD = {"sessionId": "g-1", "projectHash": "h", "startTime": TIME, "lastUpdated": TIME}


def wrote(**more: object) -> Json:
    """A call that writes a file of two lines."""
    answer = [{"functionResponse": {"response": {"output": "written"}}}]
    return {
        "id": "w-1",
        "name": "write_file",
        "args": {"file_path": "a.md", "content": "one\ntwo\n"},
        "result": answer,
        "status": "success",
    } | more


def chat(*messages: Json, **more: object) -> Json:
    """A chat's document."""
    told = [{"id": f"m{n}", "timestamp": TIME} | each for n, each in enumerate(messages)]
    return {**HEAD, "messages": told, **more}


PROMPT: Json = {"type": "user", "content": "write two lines"}


def test_a_document_is_one_session(tmp_path: Path) -> None:
    """Prompts, answers, a call with its result; thoughts are not kept."""
    reply = {"type": "gemini", "content": "Written.", "model": "gemini-2.5-pro",
             "thoughts": [{"subject": "secret"}], "toolCalls": [wrote()]}  # fmt: skip
    (one,), _ = sealed(tmp_path, here=document(chat(PROMPT, reply)))
    assert (one.session, one.month) == ("g-1", "2026-02")
    assert b"secret" not in one.blob
    found = read_session(one.blob)
    assert said(found) == [("prompt", "write two lines")]
    assert answered(found) == ["Written."]
    assert outcomes(found) == [("write", "a.md", "ok")]
    assert counted(found) == (1, 1, 2, 0)
    assert found.format == "gemini_cli"


def test_how_a_call_ended_and_what_it_changed() -> None:
    """A cancelled call is refused by the person, and changed nothing."""
    stat = {"diffStat": {"model_added_lines": 5, "model_removed_lines": 4}}
    calls = [
        wrote(id="1", resultDisplay=stat),
        wrote(id="2", status="cancelled", resultDisplay=stat),
        wrote(id="3", status="error"),
        wrote(id="4", result=[{"functionResponse": {"response": {"error": "no"}}}]),
        wrote(id="5", status="executing"),
        wrote(id="6", resultDisplay={"fileDiff": "--- a\n+++ b\n@@\n-x\n+y\n+z\n"}),
    ]
    found = read_session(
        document(chat(PROMPT, {"type": "gemini", "content": "", "toolCalls": calls}))
    )
    ended = [outcome for _, _, outcome in outcomes(found)]
    assert ended == ["ok", "rejected", "error", "error", "missing", "ok"]
    assert counted(found)[2:] == (5 + 2, 4 + 1)


def test_lines_hold_the_same_and_the_last_of_an_id_counts(tmp_path: Path) -> None:
    """Newer versions append; a message is written again when its calls have ended."""
    first = {"id": "a", "timestamp": TIME, "type": "user", "content": [{"text": "write two lines"}]}
    early = {"id": "b", "timestamp": TIME, "type": "gemini", "content": "", "toolCalls": []}
    late = early | {"content": "Written.", "toolCalls": [wrote()]}
    found = through(tmp_path, lines(HEAD, first, early, {"$set": {"summary": "s"}}, late))
    assert said(found) == [("prompt", "write two lines")]
    assert counted(found) == (1, 1, 2, 0)
    assert answered(found) == ["Written."]
    assert found.completeness.unknown_types == 0


def test_files_that_were_named_are_not_the_persons_words() -> None:
    """`@file` puts the file's text behind the prompt."""
    content = [{"text": "see @a.md"}, {"text": "\n--- Content from referenced files ---\nlong"}]
    assert said(read_session(document(chat({"type": "user", "content": content})))) == [
        ("prompt", "see @a.md")
    ]


def test_a_stream_is_a_run_without_a_person(tmp_path: Path) -> None:
    """Pieces of one answer are one answer."""
    found = through(
        tmp_path,
        lines(
            {"type": "init", "timestamp": TIME, "session_id": "g-2", "model": "gemini-3"},
            {"type": "message", "role": "user", "content": "list"},
            {"type": "message", "role": "assistant", "content": "Let me ", "delta": True},
            {"type": "message", "role": "assistant", "content": "look.", "delta": True},
            {
                "type": "tool_use",
                "tool_name": "run_shell_command",
                "tool_id": "t",
                "parameters": {"command": "ls"},
            },
            {"type": "tool_result", "tool_id": "t", "status": "error", "output": "no"},
            {"type": "result", "status": "success"},
        ),
    )
    assert answered(found) == ["Let me look."]
    assert outcomes(found) == [("shell", "ls", "error")]
    assert not found.interactive


def test_a_chat_in_which_nobody_spoke_is_none(tmp_path: Path) -> None:
    """A warning at the start is written too."""
    warned = chat({"type": "warning", "content": "careful"})
    assert sealed(tmp_path, here=document(warned))[1].sessions == {"NO_CONVERSATION": 1}
    with pytest.raises(UnreadableError, match="NO_CONVERSATION"):
        read_session(document(warned))
    with pytest.raises(UnreadableError, match="SUBAGENT_ALONE"):
        read_session(document(chat(PROMPT, kind="subagent")))
    assert sealed(tmp_path, here=document(chat(PROMPT)))[1].sessions == {"TAKEN": 1}


def test_the_content_tells_the_format_and_not_the_name(tmp_path: Path) -> None:
    """T29: a file that is said to be Gemini's may be Claude Code's, and a `.jsonl` a document."""
    (tmp_path / "gemini-session.json").write_bytes(log(person("hello")))
    (tmp_path / "full.jsonl").write_bytes(document(chat(PROMPT)))
    found, _ = sealed(tmp_path)
    assert {read_session(each.blob).format for each in found} == {"claude_code", "gemini_cli"}
