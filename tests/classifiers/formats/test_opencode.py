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


def tree(*pieces: Json) -> dict[str, bytes]:
    """A storage's files; they lie in folders, which say nothing."""
    return {f"f{n}": document(each) for n, each in enumerate(pieces)}


def piece(kind: str, name: str, session: str = "ses_1", **more: object) -> Json:
    """A small file of a storage."""
    return {"id": f"{kind}_{name}", "sessionID": session, **more}


MAIN: Json = {"id": "ses_1", "projectID": "p", "title": "private title", "time": {"created": WHEN}}
PIECES = [
    piece("prt", "4", messageID="msg_2", type="text", text="Mended."),
    piece("prt", "3", messageID="msg_2", **tool("bash", "1", input={"command": "ls"}, output="a",
                                                  metadata={"sessionId": "ses_2"})),
    piece("msg", "2", role="assistant", modelID="m", time={"created": WHEN + 1}),
    piece("prt", "1", messageID="msg_1", type="text", text="mend it"),
    piece("prt", "0", messageID="msg_1", type="text", text="file", synthetic=True),
    piece("msg", "1", role="user", time={"created": WHEN}),
    MAIN,
]  # fmt: skip
CHILD = [
    {"id": "ses_2", "projectID": "p", "parentID": "ses_1", "time": {"created": WHEN}},
    piece("msg", "8", "ses_2", role="user"),
    piece("prt", "8", "ses_2", messageID="msg_8", type="text", text="look"),
]


def test_a_tree_of_small_files_is_one_session(tmp_path: Path) -> None:
    """Older versions keep a file a part; a sub-agent's pieces go with its parent's."""
    (one,), tally = sealed(tmp_path, None, "ann", **tree(*PIECES, *CHILD))
    assert set(tally.files.values()) == {"READ"}
    assert (one.session, one.month) == ("ses_1", "2026-02")
    assert b"private title" not in one.blob
    found = read_session(one.blob)
    assert said(found) == [("prompt", "mend it")]
    assert answered(found) == ["Mended."]
    assert outcomes(found) == [("shell", "ls", "ok")]
    assert [call.subagent is not None for call in found.calls] == [True]


def test_a_session_in_a_tree_and_in_an_export_is_one(tmp_path: Path) -> None:
    """Whichever holds more of it, nothing counts twice."""
    parts = [each for each in PIECES if each["id"].startswith("prt")]
    told = [
        {"info": each, "parts": [part for part in parts if part["messageID"] == each["id"]]}
        for each in sorted(PIECES, key=lambda each: str(each["id"]))
        if each["id"].startswith("msg")
    ]
    whole = {"info": MAIN, "messages": told}
    (one,), _ = sealed(tmp_path, None, "ann", export=document(whole), **tree(*PIECES))
    found = read_session(one.blob)
    assert said(found) == [("prompt", "mend it")]
    assert answered(found) == ["Mended."]
    assert counted(found)[1] == 1
    # The control: the export by itself says the same.
    assert said(read_session(document(whole))) == said(found)


def test_a_sub_agents_tree_alone_is_no_session(tmp_path: Path) -> None:
    """T32: most of a repository's sessions may be sub-agents."""
    _, tally = sealed(tmp_path, None, "ann", **tree(*CHILD))
    assert tally.sessions == {"SUBAGENT_ALONE": 1}


def test_thinking_and_folders_are_not_sealed(tmp_path: Path) -> None:
    """Neither of an export nor of a tree."""
    hidden = [{"type": "reasoning", "text": "secret"}, {"type": "snapshot", "snapshot": "secret"}]
    told = message("assistant", text("Mended."), *hidden, path={"cwd": "/secret"}, system="secret")
    export_ = document(export("ses_1", message("user", text("mend it")), told))
    tree_ = [piece("prt", str(n), messageID="msg_2", **each) for n, each in enumerate(hidden, 6)]
    about = piece("msg", "2", role="assistant", path={"cwd": "/secret"})
    for files in ({"a": export_}, tree(*PIECES, about, *tree_)):
        folder = tmp_path / str(len(files))
        folder.mkdir()
        (one,), _ = sealed(folder, None, "ann", **files)
        assert b"secret" not in one.blob
        assert answered(read_session(one.blob)) == ["Mended."]
