"""Cline's and Roo Code's tasks: says and asks, among which the person's are few."""

import json
from pathlib import Path

from classifiers.formats import read_session
from tests.classifiers.formats.made import (
    Json,
    answered,
    counted,
    document,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import said

WHEN = 1_770_091_506_000
"""2026-02-03 04:05:06 UTC in milliseconds."""
EDIT = "------- SEARCH\nkept\nold\n=======\nkept\nnew\nmore\n+++++++ REPLACE\n"
ROOS = "<<<<<<< SEARCH\n:start_line:3\n-------\nold\n=======\nnew\n>>>>>>> REPLACE"


def say(kind: str, text: object = "", after: int = 1, **more: object) -> Json:
    """Something said; what is no text is JSON in one."""
    words = text if isinstance(text, str) else json.dumps(text)
    return {"ts": WHEN + after, "type": "say", "say": kind, "text": words, **more}


def ask(kind: str, text: object = "") -> Json:
    """Something asked."""
    told = say(kind, text)
    return {**told, "type": "ask", "ask": kind} | {"say": None}


TASK = [
    say("task", "mend it", 0, images=["data:image/png;base64,QUJD"]),
    say("api_req_started", {"request": "secret"}, 1, modelInfo={"modelId": "claude-x"}),
    say("reasoning", "hm"),
    say("text", "I mend"),
    say("text", "I mend it.", partial=False),
    say("text", "I mend it. And", partial=True),
    say("tool", {"tool": "readFile", "path": "a.py", "content": "/x/a.py"}),
    ask("tool", {"tool": "editedExistingFile", "path": "a.py", "diff": EDIT}),
    ask("tool", {"tool": "appliedDiff", "path": "b.py", "diff": ROOS}),
    say("tool", {"tool": "newFileCreated", "path": "c.py", "content": "one\ntwo\n"}),
    ask("command", "pytest -q"),
    say("command_output", "1 passed"),
    ask("followup", {"question": "Which?", "options": ["red", "blue"]}),
    say("user_feedback", "red"),
    say("api_req_started", {"cancelReason": "user_cancelled"}, 2),
    say("user_feedback", "and lint"),
    say("completion_result", "Done."),
]


def test_a_task_is_a_session(tmp_path: Path) -> None:
    """The first message is the task; answers to questions are no prompts."""
    (one,), tally = sealed(tmp_path, here=document(TASK))
    assert one.month == "2026-02"
    assert not any(word in one.blob for word in (b"QUJD", b"secret", b"hm"))
    assert tally.sessions == {"TAKEN": 1}
    found = read_session(one.blob)
    assert said(found) == [
        ("prompt", "mend it"),
        ("question_answer", "red"),
        ("prompt", "and lint"),
    ]
    assert [each.own for each in found.human] == [True, False, True]
    assert answered(found) == ["I mend", "I mend it.", "Which?", "Done."]
    assert outcomes(found) == [
        ("read", "a.py", "ok"),
        ("edit", "a.py", "ok"),
        ("edit", "b.py", "ok"),
        ("write", "c.py", "ok"),
        ("shell", "pytest -q", "ok"),
    ]
    # one line gives way to two, one to one, and two are written
    assert counted(found) == (2, 5, 2 + 1 + 2, 1 + 1)
    assert (found.format, found.surface, found.completeness.images) == ("cline", "ide", 1)
    assert found.turns[0].interrupted
    assert ["".join(model) for model in found.models] == ["claude-x"]


def test_a_task_that_grew_is_one_and_another_is_another(tmp_path: Path) -> None:
    """Its first message names it; of two captures the longer stands."""
    other = [say("text", "mend it", 9), say("text", "No.")]
    found, tally = sealed(tmp_path, a=document(TASK[:5]), b=document(TASK), c=document(other))
    assert len(found) == 2
    assert tally.records["REPEATED"] == 5


def test_a_roo_task_begins_with_a_text_and_a_server_is_asked(tmp_path: Path) -> None:
    """Programs of one family differ in how they call the first message."""
    used = {"serverName": "docs", "toolName": "find", "arguments": '{"query": "q"}'}
    log = [say("text", "mend it", 0), say("use_mcp_server", used), say("condense_context", ""),
           say("error", "no"), ask("command", "ls"), say("text", "Hm.")]  # fmt: skip
    found = through(tmp_path, document(log))
    assert said(found) == [("prompt", "mend it")]
    assert outcomes(found) == [("mcp", "q", "ok"), ("shell", "ls", "ok")]
    assert found.turns[0].compactions == 1
    assert "api_error" in [each.via for each in found.utterances]
