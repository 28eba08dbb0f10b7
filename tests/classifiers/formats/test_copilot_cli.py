"""GitHub Copilot CLI's events: what was typed, asked for and done, sub-agents apart."""

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

DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n-x\n+y\n+z\n"


def event(kind: str, name: str, /, **data: object) -> Json:
    """A line of the log."""
    return {"type": kind, "id": name, "parentId": None, "timestamp": TIME, "data": data}


START = event("session.start", "e0", sessionId="h-1", context={"cwd": "/secret"})


def asked(name: str, text: str, **more: object) -> Json:
    """A prompt, and what the program makes of it."""
    wrapped = f"<current_datetime>now</current_datetime>\n{text}"
    return event("user.message", name, content=text, transformedContent=wrapped, **more)


def answer(name: str, text: str, *calls: tuple[str, str, Json], **more: object) -> Json:
    """An answer and the calls that it asks for."""
    requests = [{"toolCallId": c, "name": n, "arguments": a} for c, n, a in calls]
    about = {"messageId": name, "content": text, "toolRequests": requests}
    return event("assistant.message", name, **(about | more))


def done(name: str, call: str, *, failed: str = "", shown: str = "", **more: object) -> Json:
    """A call's end."""
    about: Json = {"toolCallId": call, "success": not failed, **more}
    if failed:
        about["error"] = {"message": "no", "code": failed}
    else:
        about["result"] = {"content": "done", "detailedContent": shown}
    return event("tool.execution_complete", name, **about)


SESSION = [
    START,
    event("session.model_change", "e1", newModel="claude-sonnet-4.5"),
    asked("u1", "mend it"),
    event("assistant.turn_start", "t1", turnId="0"),
    answer(
        "m1",
        "I mend.",
        ("c1", "edit", {"path": "a.py", "old_str": "x", "new_str": "y"}),
        ("c2", "bash", {"command": "pytest -q"}),
        ("c3", "bash", {"command": "git push"}),
        ("c4", "view", {"path": "b.py"}),
    ),
    event("tool.execution_start", "s1", toolCallId="c1", toolName="edit"),
    done("d1", "c1", shown=DIFF),
    done("d2", "c2", failed="failure"),
    done("d3", "c3", failed="rejected"),
    done("d4", "c4", shown=DIFF),
    answer("m2", "Mended."),
]


def test_a_log_is_a_session(tmp_path: Path) -> None:
    """The prompt as it was typed; a file that was only looked at changed nothing."""
    (one,), _ = sealed(tmp_path, here=lines(*SESSION))
    assert b"secret" not in one.blob
    assert b"current_datetime" not in one.blob
    found = read_session(one.blob)
    assert said(found) == [("prompt", "mend it")]
    assert answered(found) == ["I mend.", "Mended."]
    assert outcomes(found) == [
        ("edit", "a.py", "ok"),
        ("shell", "pytest -q", "error"),
        ("shell", "git push", "rejected"),
        ("read", "b.py", "ok"),
    ]
    # the hunk of the edit has two lines with a plus and one with a minus
    assert counted(found) == (1, 4, 2, 1)
    assert (found.format, found.surface, found.model_calls) == ("copilot_cli", "cli", 2)
    assert ["".join(model) for model in found.models] == ["claude-sonnet-4.5"]
    assert found.completeness.duplicate_records == 0


def test_what_the_program_says_in_a_persons_name_is_not_the_persons() -> None:
    """A skill's text, another agent's prompt, and going on by itself."""
    log = [
        *SESSION,
        asked("u2", "a skill's text", source="skill-pdf"),
        asked("u3", "look", source="agent-7"),
        asked("u4", "go on", isAutopilotContinuation=True),
        asked("u5", "thanks", source="user"),
    ]
    found = read_session(lines(*log))
    assert said(found) == [("prompt", "mend it"), ("prompt", "thanks")]
    assert [each.actor for each in found.utterances].count(Actor.HARNESS) == 3


def test_a_sub_agents_events_hang_on_the_call_that_sent_it(tmp_path: Path) -> None:
    """Older versions name the call in the data, newer ones the agent beside it."""
    sent = ("k1", "task", {"prompt": "look"})
    log = [
        START,
        asked("u1", "mend it"),
        answer("m1", "", sent, ("k2", "task", {"prompt": "see"})),
        event("subagent.started", "b1", toolCallId="k2") | {"agentId": "ag"},
        answer("m2", "Looked.", ("c1", "bash", {"command": "ls"}), parentToolCallId="k1"),
        done("d1", "c1", parentToolCallId="k1"),
        answer("m3", "Seen.") | {"agentId": "ag"},
        done("d2", "k1"),
        done("d3", "k2"),
    ]
    found = through(tmp_path, lines(*log))
    told = [answered(call.subagent) for call in found.calls if call.subagent]
    assert told == [["Looked."], ["Seen."]]
    assert answered(found) == []
    assert counted(found)[:2] == (1, 3)
    assert found.subagents == ()


def test_what_passed_while_it_was_written_is_not_sealed(tmp_path: Path) -> None:
    """Pieces of an answer repeat it; an interrupt and a summary are noted."""
    piece = event("assistant.message_delta", "x", deltaContent="I me") | {"ephemeral": True}
    log = [
        *SESSION,
        piece,
        event("session.compaction_complete", "y", summaryContent="so far"),
        event("abort", "z", reason="user"),
        event("session.error", "w", message="no"),
    ]
    (one,), _ = sealed(tmp_path, here=lines(*log))
    assert b"deltaContent" not in one.blob
    found = read_session(one.blob)
    assert (found.turns[0].interrupted, found.turns[0].compactions) == (True, 1)
    assert [each.via for each in found.utterances][-1] == "api_error"
