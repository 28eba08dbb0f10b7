"""Chats in VS Code: a document, or a log of changes to one."""

from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.sessions import Actor, UnreadableError
from tests.classifiers.formats.made import (
    Json,
    answered,
    counted,
    document,
    lines,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import said

WHEN = 1_770_091_506_000
"""2026-02-03 04:05:06 UTC in milliseconds."""


def round_of(name: str, text: str, *calls: tuple[str, str, str]) -> Json:
    """A round with the model."""
    asked = [{"id": c, "name": n, "arguments": a} for c, n, a in calls]
    return {"id": name, "response": text, "toolCalls": asked}


def request(name: str, text: str, *rounds: Json, **more: object) -> Json:
    """What was typed and what came of it."""
    results = {"c1": {"content": [{"value": "done"}]}, "c2": {"content": []}}
    about = {"toolCallRounds": list(rounds), "toolCallResults": results, "codeBlocks": ["secret"]}
    return {
        "requestId": name,
        "timestamp": WHEN,
        "modelId": "copilot/gpt-5",
        "message": {"text": text, "parts": [{"text": text}]},
        "variableData": {"variables": [{"value": "secret"}]},
        "response": [{"kind": "thinking", "value": "hm"}, {"value": "Ment."}, {"value": " It."}],
        "result": {"metadata": about},
        **more,
    }


def chat(*requests: Json) -> Json:
    """A chat's document."""
    return {"version": 3, "responderUsername": "x", "sessionId": "v-1", "requests": list(requests)}


WORK = request(
    "r1",
    "mend it",
    round_of("1", "I mend.", ("c1", "replace_string_in_file",
             '{"filePath": "a.py", "oldString": "x", "newString": "y\\nz"}')),
    round_of("2", "", ("c2", "run_in_terminal", '{"command": "pytest -q"}'),
             ("c3", "read_file", '{"filePath": "b.py"}')),
    round_of("3", "Mended."),
)  # fmt: skip


def test_a_document_is_one_session(tmp_path: Path) -> None:
    """What was attached and looked up stays behind; thinking is not said."""
    (one,), _ = sealed(tmp_path, here=document(chat(WORK)))
    assert b"secret" not in one.blob
    assert (one.session, one.month) == ("v-1", "2026-02")
    found = read_session(one.blob)
    assert said(found) == [("prompt", "mend it")]
    assert answered(found) == ["I mend.", "Mended."]
    assert outcomes(found) == [
        ("edit", "a.py", "ok"),
        ("shell", "pytest -q", "ok"),
        ("read", "b.py", "missing"),
    ]
    # one line gives way to two
    assert counted(found) == (1, 3, 2, 1)
    assert (found.format, found.surface, found.model_calls) == ("vscode_chat", "ide", 3)
    assert ["".join(model) for model in found.models] == ["gpt-5"]


def test_an_answer_without_rounds_is_what_is_shown() -> None:
    """Plain questions have no calls."""
    found = read_session(document(chat(request("r1", "why?"))))
    assert answered(found) == ["Ment. It."]
    assert found.model_calls == 1


def test_how_a_request_ended_and_who_made_it() -> None:
    """The program asks, too; a cancelled request is a person's stop."""
    found = read_session(
        document(
            chat(
                request("r1", "sow", isCanceled=True),
                request("r2", "go on", isSystemInitiated=True),
                request("r3", "reap", result={"errorDetails": {"message": "no"}}),
            )
        )
    )
    assert said(found) == [("prompt", "sow"), ("prompt", "reap")]
    assert found.turns[0].interrupted
    assert [each.actor for each in found.utterances].count(Actor.HARNESS) == 2
    assert "api_error" in [each.via for each in found.utterances]


def test_a_log_of_changes_makes_the_document(tmp_path: Path) -> None:
    """Its first line never changes; what follows sets, adds, cuts and deletes."""
    log: list[Json] = [
        {"kind": 0, "v": {"version": 3, "sessionId": "v-1", "requests": []}},
        {"kind": 1, "k": ["customTitle"], "v": "private title"},
        {"kind": 2, "k": ["requests"], "v": [request("r0", "draft")]},
        {"kind": 2, "k": ["requests"], "i": 0, "v": [WORK | {"response": [], "result": {}}]},
        {"kind": 2, "k": ["requests", 0, "response"], "v": [{"value": "Mended."}]},
        {"kind": 1, "k": ["requests", 0, "result"], "v": WORK["result"]},
        {"kind": 1, "k": ["requests", 9, "result"], "v": {}},
        {"kind": 3, "k": ["customTitle"]},
        {"kind": 1, "k": [], "v": {}},
        {"kind": 7, "k": ["requests"], "v": 1},
    ]
    found, tally = sealed(tmp_path, here=lines(*log))
    assert b"private" not in found[0].blob
    assert tally.sessions == {"TAKEN": 1}
    assert counted(read_session(found[0].blob)) == counted(read_session(document(chat(WORK))))
    # The control: without its last changes there is no call.
    assert counted(through(tmp_path, lines(*log[:5])))[:2] == (1, 0)


def test_a_chat_in_which_nothing_was_said_is_no_session() -> None:
    """A window that was opened and closed leaves one."""
    with pytest.raises(UnreadableError, match="NO_CONVERSATION"):
        read_session(document(chat()))
