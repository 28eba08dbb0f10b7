"""OpenCode's exports: calls with their results, and sub-agents that look like sessions."""

from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.sessions import UnreadableError
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

REFUSED = "The user rejected permission to use this tool."
WHEN = 1_770_091_506_000
"""2026-02-03 04:05:06 UTC in milliseconds."""


def message(role: str, *parts: Json, name: str = "", **info: object) -> Json:
    """A message of an export."""
    about = {"id": f"msg_{role}{name}", "role": role, "time": {"created": WHEN}, **info}
    return {"info": about, "parts": list(parts)}


def text(words: str, **more: object) -> Json:
    """A part of text."""
    return {"type": "text", "text": words, **more}


def tool(name: str, call_id: str = "c", status: str = "completed", **state: object) -> Json:
    """A call with its result."""
    return {"type": "tool", "tool": name, "callID": call_id, "state": {"status": status, **state}}


def export(name: str, *messages: Json, **info: object) -> Json:
    """A session's document."""
    about = {"id": name, "title": "private title", "time": {"created": WHEN}, **info}
    return {"info": about, "messages": list(messages)}


def test_an_export_is_one_session(tmp_path: Path) -> None:
    """Synthetic text is the program's; the title is not sealed."""
    diff = "Index: a.py\n--- a.py\n+++ a.py\n@@\n-x\n+y\n"
    main = export(
        "ses_1",
        message("user", text("mend it"), text("file contents", synthetic=True)),
        message(
            "assistant",
            {"type": "step-start"},
            tool("edit", "1", input={"filePath": "a.py"}, output="ok", metadata={"diff": diff}),
            tool("bash", "2", input={"command": "pytest"}, output="no", metadata={"exit": 1}),
            tool("bash", "3", "error", input={"command": "rm"}, error=REFUSED),
            tool("read", "4", "running", input={"filePath": "b.py"}),
            text("Mended."),
            {"type": "aurora"},
            modelID="claude-sonnet-4-5",
        ),
    )  # fmt: skip
    (one,), _ = sealed(tmp_path, here=document(main))
    assert (one.session, one.month) == ("ses_1", "2026-02")
    assert b"private title" not in one.blob
    found = read_session(one.blob)
    assert said(found) == [("prompt", "mend it")]
    assert outcomes(found) == [
        ("edit", "a.py", "ok"),
        ("shell", "pytest", "error"),
        ("shell", "rm", "rejected"),
        ("read", "b.py", "missing"),
    ]
    assert counted(found) == (1, 4, 1, 1)
    assert answered(found) == ["Mended."]
    assert found.completeness.unknown_types == 1


def test_sub_agents_hang_on_their_parents_call(tmp_path: Path) -> None:
    """T32: most sessions of a repository may be sub-agents; none of them is a session."""
    call = tool("task", input={"prompt": "look"}, output="seen", metadata={"sessionId": "ses_2"})
    main = export("ses_1", message("user", text("go")), message("assistant", call))
    child = export(
        "ses_2",
        message("user", text("look"), name="2"),
        message("assistant", tool("grep", "g", input={"pattern": "x"}, output=""), name="2"),
        parentID="ses_1",
    )
    deeper = export("ses_3", message("assistant", text("deep"), name="3"), parentID="ses_2")
    (one,), tally = sealed(tmp_path, a=document(deeper), b=document(child), c=document(main))
    found = read_session(one.blob)
    assert tally.sessions == {"TAKEN": 1}
    assert counted(found)[:2] == (1, 2)
    (agent,) = [call.subagent for call in found.calls if call.subagent]
    assert agent.is_subagent
    assert said(agent) == []
    assert len(list(found.all_sessions)) == 3


def test_a_sub_agent_alone_is_no_session(tmp_path: Path) -> None:
    """Its parent may not have been exported; a loop of parents has no head either."""
    alone = export("ses_2", message("user", text("look")), parentID="ses_1")
    assert sealed(tmp_path, a=document(alone))[1].sessions == {"SUBAGENT_ALONE": 1}
    with pytest.raises(UnreadableError, match="SUBAGENT_ALONE"):
        read_session(document(alone))
    loop = export("ses_1", message("user", text("look"), name="b"), parentID="ses_2")
    _, tally = sealed(tmp_path, b=document(loop))
    assert tally.sessions["TAKEN"] == 0


def test_an_interrupt_a_summary_and_a_failure(tmp_path: Path) -> None:
    """A message's error says why it ended."""
    picture = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,QUJD"}
    found = through(
        tmp_path,
        lines(
            export(
                "ses_1",
                message("user", text("go")),
                message("assistant", text("so far"), name="1", summary=True),
                message("assistant", name="2", error={"name": "MessageAbortedError"}),
                message("assistant", name="3", error={"name": "APIError"}),
                message("user", picture, name="4"),
            )
        ),
    )  # fmt: skip
    assert found.turns[0].interrupted
    assert {"summary", "api_error"} <= {each.via for each in found.utterances}
    assert said(found) == [("prompt", "go"), ("image", "")]
