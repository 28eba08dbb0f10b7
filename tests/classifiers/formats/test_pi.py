"""pi's log: a tree of entries, forks that copy them, a person's own commands."""

from pathlib import Path

from classifiers.formats import read_session
from classifiers.sessions import Actor
from tests.classifiers.formats.made import (
    TIME,
    Json,
    answered,
    counted,
    lines,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import said

HEAD: Json = {"type": "session", "version": 3, "id": "p-1", "timestamp": TIME, "cwd": "/secret"}


def entry(kind: str, name: str, **more: object) -> Json:
    """A line behind the first."""
    return {"type": kind, "id": name, "parentId": None, "timestamp": TIME, **more}


def message(name: str, role: str, content: object = None, **more: object) -> Json:
    """A message of some role."""
    return entry("message", name, message={"role": role, "content": content, **more})


def call(call_id: str, tool: str, **given: object) -> Json:
    """A call among an answer's blocks."""
    return {"type": "toolCall", "id": call_id, "name": tool, "arguments": given}


def result(name: str, call_id: str, *, failed: bool = False, **details: object) -> Json:
    """A call's result."""
    content = [{"type": "text", "text": "done"}]
    return message(name, "toolResult", content, toolCallId=call_id, isError=failed, details=details)


SESSION = [
    HEAD,
    message("a0", "system", "be kind"),
    message("a1", "user", [{"type": "text", "text": "mend it"}]),
    message(
        "a2",
        "assistant",
        [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "I mend."},
            call("c1", "edit", path="a.py", edits=[{"oldText": "x", "newText": "y"}]),
            call("c2", "write", path="b.py", content="one\ntwo\n"),
            call("c3", "bash", command="pytest -q"),
        ],
        model="gpt-5",
        stopReason="toolUse",
    ),
    result("a3", "c1", patch="--- a\n+++ b\n@@\n-x\n+y\n+z\n"),
    result("a4", "c2", fullOutputPath="/secret/log"),
    result("a5", "c3", failed=True),
    message("a6", "bashExecution", command="git status", output="clean"),
    entry("compaction", "a7", summary="so far"),
    message("a8", "assistant", [], stopReason="aborted"),
]


def test_a_log_is_a_session(tmp_path: Path) -> None:
    """Where it was held is not sealed, what the system said is nobody's prompt."""
    (one,), _ = sealed(tmp_path, here=lines(*SESSION))
    assert b"secret" not in one.blob
    found = read_session(one.blob)
    assert said(found) == [("prompt", "mend it"), ("shell", "git status")]
    assert answered(found) == ["I mend."]
    assert outcomes(found) == [
        ("edit", "a.py", "ok"),
        ("write", "b.py", "ok"),
        ("shell", "pytest -q", "error"),
    ]
    # two lines with a plus and one with a minus in the patch, two lines written
    assert counted(found) == (1, 3, 2 + 2, 1)
    assert (found.turns[0].interrupted, found.turns[0].compactions) == (True, 1)
    assert [each.via for each in found.utterances if each.actor is Actor.MODEL][-1] == "summary"
    assert (found.format, found.completeness.unknown_types) == ("pi", 0)


def test_an_edit_without_a_patch_counts_by_its_input() -> None:
    """Older versions tell no more than what was asked."""
    log = [*SESSION[:5], result("a4", "c2"), result("a3", "c1")]
    assert counted(read_session(lines(*log[:4], log[6]))) == (1, 3, 1, 1)


def test_a_fork_keeps_what_it_copied_with_the_older_session(tmp_path: Path) -> None:
    """Short ids recur; with their times they are a copy's."""
    later = message("b1", "user", "and the door")
    fork = [HEAD | {"id": "p-2", "timestamp": "2026-03-01T00:00:00Z"}, *SESSION[1:], later]
    other = [
        HEAD | {"id": "p-3"},
        message("a1", "user", "else") | {"timestamp": "2026-02-09T00:00:00Z"},
    ]
    found, _ = sealed(tmp_path, a=lines(*SESSION), b=lines(*fork), c=lines(*other))
    by_name = {each.session: said(read_session(each.blob)) for each in found}
    assert by_name["p-2"] == [("prompt", "and the door")]
    assert by_name["p-3"] == [("prompt", "else")]
    assert len(by_name["p-1"]) == 2


def test_types_and_roles_that_are_not_known_are_counted(tmp_path: Path) -> None:
    """T36: they are the only ones."""
    log = [*SESSION, entry("moonrise", "m"), message("n", "moon"), entry("label", "l")]
    assert through(tmp_path, lines(*log)).completeness.unknown_types == 2
