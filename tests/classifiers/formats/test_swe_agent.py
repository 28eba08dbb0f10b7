"""SWE-agent's trajectories: a machine asked, so nothing in them is a person's."""

import json
from pathlib import Path

import pytest

from classifiers.formats import read_session
from tests.classifiers.formats.made import Json, answered, counted, document, outcomes, sealed
from tests.classifiers.logs import said


def run(task: str, *steps: tuple[str, str, str]) -> Json:
    """A trajectory of steps: thought, action, observation."""
    history: list[Json] = [
        {"role": "system", "content": "You are …", "agent": "main"},
        {"role": "user", "content": "a demonstration", "agent": "main", "is_demo": True},
        {"role": "user", "content": task, "agent": "main"},
    ]
    for thought, action, shown in steps:
        history.append({"role": "assistant", "thought": thought, "action": action, "agent": "main"})
        history.append({"role": "user", "content": shown, "agent": "main"})
    told = [{"thought": t, "action": a, "observation": o, "response": t} for t, a, o in steps]
    return {"environment": "main", "trajectory": told, "history": history, "info": {}}


STEPS = (
    ("Look.", 'find_file "a.py"', "found"),
    ("Edit.", "edit 3:4\nnew\nlines\nhere\nend_of_edit", "[File: a.py]"),
    ("Try.", "python -m pytest", "1 passed"),
    ("Done.", "submit", ""),
)


def test_actions_are_kept_and_no_prompt_is_a_persons(tmp_path: Path) -> None:
    """Studies exclude what is not interactive."""
    (one,), tally = sealed(tmp_path, here=document(run("mend", *STEPS)))
    found = read_session(one.blob)
    assert said(found) == []
    assert [kind for kind, _, _ in outcomes(found)] == ["search", "edit", "shell", "other"]
    # lines 3 to 4 became three lines
    assert counted(found) == (0, 4, 3, 2)
    assert answered(found) == ["Look.", "Edit.", "Try.", "Done."]
    assert (found.format, found.interactive) == ("swe_agent", False)
    assert tally.sessions == {"TAKEN": 1, "NO_TIMESTAMP": 1}
    assert one.month == "unknown"


def test_a_refused_edit_changes_no_line() -> None:
    """The agent's linter takes an edit back."""
    refused = "Your proposed edit has introduced new syntax error(s)."
    found = read_session(document(run("mend", (*STEPS[1][:2], refused))))
    assert (outcomes(found)[0][2], counted(found)[2:]) == ("error", (0, 0))


def test_a_demonstration_of_messages_only_is_read() -> None:
    """Older files have no steps; the actions stand beside the messages."""
    whole = run("mend", *STEPS)
    found = read_session(document({"history": whole["history"]}))
    assert counted(found)[1] == 4


def test_runs_without_ids_are_told_apart_by_how_they_begin(tmp_path: Path) -> None:
    """Two runs of one task differ in their first answers; a copy of a file does not count twice."""
    other = (("Think first.", "ls", ""), *STEPS[1:])
    found, tally = sealed(
        tmp_path,
        a=document(run("mend", *STEPS)),
        b=document(run("mend", *STEPS)),
        c=document(run("mend", *other)),
    )
    assert len(found) == 2
    assert tally.records["REPEATED"] == len(run("mend", *STEPS)["history"])


def test_an_editors_texts_are_quoted_as_for_a_shell() -> None:
    """Newer runs edit by texts; what cannot be taken apart still is an edit."""
    edit = "str_replace_editor str_replace /a.py --old_str 'x = 1' --new_str 'x = 2\ny = '\"'\"'3'"
    steps = (
        ("Edit.", edit, "The file /a.py has been edited."),
        ("Make.", "str_replace_editor create /b.py --file_text 'one\ntwo\n'", "created"),
        ("Look.", "str_replace_editor view /a.py --view_range 1 9", "1\tx"),
        ("Odd.", "str_replace_editor str_replace /c.py --old_str 'x", "no"),
    )
    found = read_session(document(run("mend", *steps)))
    assert outcomes(found) == [
        ("edit", "/a.py", "ok"),
        ("write", "/b.py", "ok"),
        ("read", "/a.py", "ok"),
        ("edit", "/c.py", "ok"),
    ]
    # one line gives way to two; two are written
    assert counted(found)[2:] == (2 + 2, 1)


@pytest.mark.parametrize("version", ["mini-swe-agent-1", "mini-swe-agent-1.1"])
def test_the_small_agents_answers_hold_their_commands(tmp_path: Path, version: str) -> None:
    """As a block of code in the first version, as a call in the next."""
    block = version == "mini-swe-agent-1"

    def answer(thought: str, command: str) -> Json:
        if block:
            return {"role": "assistant", "content": f"{thought}\n\n```bash\n{command}\n```"}
        call = {"function": {"name": "bash", "arguments": json.dumps({"command": command})}}
        return {"role": "assistant", "content": thought, "tool_calls": [call]}

    def shown(code: int) -> Json:
        text = f"<returncode>{code}</returncode>\n<output>\nhm\n</output>"
        return {"role": "user" if block else "tool", "content": text}

    log = {
        "trajectory_format": version,
        "info": {"exit_status": "Submitted"},
        "messages": [
            {"role": "system", "content": "You are …"},
            {"role": "user", "content": "mend"},
            answer("Try.", "pytest -q"),
            shown(1),
            answer("Look.", "ls"),
            shown(0),
        ],
    }
    (one,), _ = sealed(tmp_path, here=document(log))
    found = read_session(one.blob)
    assert (found.format, found.interactive, said(found)) == ("swe_agent", False, [])
    assert outcomes(found) == [("shell", "pytest -q", "error"), ("shell", "ls", "ok")]
    assert answered(found) == ["Try.", "Look."]
