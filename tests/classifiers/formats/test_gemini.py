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


def test_a_nudge_of_the_programs_is_no_prompt() -> None:
    """It stands among the person's messages and makes the model go on."""
    nudges = ["System: Please continue.", "System: Potential loop detected. Step back.",
              "Please continue."]  # fmt: skip
    said_too = "System: Please continue. is what it says, why?"
    messages = [{"type": "user", "content": each} for each in (*nudges, "please continue")]
    found = read_session(document(chat(PROMPT, *messages)))
    assert said(found) == [("prompt", "write two lines"), ("prompt", "please continue")]
    # The price: who begins a prompt with the program's own words is taken for it.
    assert said(read_session(document(chat(PROMPT, {"type": "user", "content": said_too})))) == [
        ("prompt", "write two lines")
    ]


def test_messages_in_a_change_of_the_sessions_data_are_messages(tmp_path: Path) -> None:
    """A session that was restored has its history in one line."""
    told = [{"id": "a", "timestamp": TIME} | PROMPT]
    change = {"$set": {"lastUpdated": TIME, "messages": told}}
    later = {"id": "b", "timestamp": TIME, "type": "user", "content": "and a third"}
    found = through(tmp_path, lines(HEAD, change, later, told[0]))
    assert said(found) == [("prompt", "write two lines"), ("prompt", "and a third")]


def test_a_sub_agents_chat_hangs_on_the_call_that_names_it(tmp_path: Path) -> None:
    """Its own file names no parent; alone it is no session."""
    task: Json = {"id": "t", "name": "delegate_to_agent", "args": {"objective": "look"}}
    sent = task | {"status": "success", "agentId": "g-9", "result": []}
    parent = document(chat(PROMPT, {"type": "gemini", "content": "", "toolCalls": [sent]}))
    head = HEAD | {"sessionId": "g-9", "kind": "subagent"}
    asked = {"id": "x", "timestamp": TIME, "type": "user", "content": "look"}
    child = lines(head, asked, {"id": "y", "type": "gemini", "toolCalls": [wrote()]})
    (one,), tally = sealed(tmp_path, a=child, b=parent)
    found = read_session(one.blob)
    assert one.session == "g-1"
    assert [call.subagent is not None for call in found.calls] == [True]
    assert said(found) == [("prompt", "write two lines")]
    assert counted(found) == (1, 2, 2, 0)
    assert tally.sessions == {"TAKEN": 1}
    (tmp_path / "b").unlink()
    assert sealed(tmp_path)[1].sessions == {"SUBAGENT_ALONE": 1}


def test_answers_to_the_agents_questions_are_the_persons() -> None:
    """What was offered is chosen; other words are the person's own."""
    options = [{"label": "red"}, {"label": "blue"}]
    ask: Json = {
        "id": "q",
        "name": "ask_user",
        "args": {"questions": [{"question": "Which?", "options": options}]},
        "status": "success",
    }
    output = '{"answers": {"0": "red, blue", "1": "whichever is cheap"}}'
    ask["result"] = [{"functionResponse": {"response": {"output": output}}}]
    found = read_session(document(chat(PROMPT, {"type": "gemini", "toolCalls": [ask]})))
    assert [(each.via, each.own) for each in found.human][1:] == [
        ("question_answer", False),
        ("question_answer", True),
    ]


def test_files_as_they_were_and_folders_are_not_sealed(tmp_path: Path) -> None:
    """The program keeps both sides of an edit whole; its lines are in the difference."""
    shown = {"fileDiff": "@@\n-x\n+y\n", "originalContent": "secret", "newContent": "secret"}
    reply = {"type": "gemini", "content": "", "toolCalls": [wrote(resultDisplay=shown)]}
    whole = chat(PROMPT, reply, directories=["/secret"], memoryScratchpad={"x": "secret"})
    changes = [{"$set": {"memoryScratchpad": "secret"}}, {"$patch": {"content": "secret"}}]
    told = [{"id": str(n), "timestamp": TIME} | each for n, each in enumerate((PROMPT, reply))]
    found, _ = sealed(
        tmp_path,
        document=document(whole | {"sessionId": "g-0"}),
        lines=lines(HEAD | {"directories": ["/secret"]}, *told, *changes),
    )
    assert len(found) == 2
    for one in found:
        assert b"secret" not in one.blob
        assert counted(read_session(one.blob)) == (1, 1, 1, 1)
