"""What `codex exec --json` prints: items once, as they ended, and nobody sat before it."""

from pathlib import Path

from classifiers.formats import read_session
from tests.classifiers.formats.made import (
    Json,
    answered,
    counted,
    lines,
    outcomes,
    sealed,
    through,
)

START = {"type": "thread.started", "thread_id": "t-1"}


def test_items_count_once_as_they_ended(tmp_path: Path) -> None:
    """An item is printed as it begins, changes and ends."""
    begun = {
        "id": "item_0",
        "type": "command_execution",
        "command": "pytest",
        "status": "in_progress",
    }
    ended = begun | {"status": "failed", "exit_code": 1, "aggregated_output": "1 failed"}
    change = {"id": "item_1", "type": "file_change", "changes": [{"path": "a.py", "kind": "add"}]}
    found = through(
        tmp_path,
        lines(
            START,
            {"type": "turn.started"},
            {"type": "item.started", "item": begun},
            {"type": "item.completed", "item": ended},
            {"type": "item.completed", "item": change},
            {
                "type": "item.completed",
                "item": {"id": "item_2", "type": "web_search", "query": "q"},
            },
            {"type": "turn.started"},
            {
                "type": "item.completed",
                "item": {"id": "item_0", "type": "agent_message", "text": "Done."},
            },
            {"type": "item.completed", "item": {"id": "item_1", "type": "hum"}},
            {"type": "turn.completed", "usage": {}},
        ),
    )
    assert outcomes(found) == [
        ("shell", "pytest", "error"),
        ("edit", "a.py", "ok"),
        ("web", "q", "ok"),
    ]
    assert answered(found) == ["Done."]
    assert counted(found)[0] == 0
    assert (found.format, found.interactive) == ("codex_exec", False)
    assert found.completeness.unknown_types == 1


def test_the_first_version_printed_the_programs_own_events(tmp_path: Path) -> None:
    """Its lines name no thread: two runs in one file are told apart by how they begin."""
    settings: Json = {"model": "gpt-5", "workdir": "/x", "provider": "openai", "approval": "never"}

    def event(kind: str, **more: object) -> Json:
        return {"id": "0", "msg": {"type": kind, **more}}

    change = {"a.py": {"add": {"content": "one\ntwo\n"}}}
    run = [
        settings,
        {"prompt": "make a.py"},
        event("task_started"),
        event("exec_command_begin", call_id="1", command=["bash", "-lc", "pytest -q"]),
        event("exec_command_end", call_id="1", stdout="no", exit_code=1),
        event("patch_apply_begin", call_id="2", changes=change),
        event("patch_apply_end", call_id="2", success=True, stdout="Done"),
        event("agent_reasoning", text="thinking is not said"),
        event("agent_message", message="Made."),
    ]
    other = [settings, {"prompt": "look"}, event("agent_message", message="Seen.")]
    found, _ = sealed(tmp_path, here=lines(*run, *other))
    assert len(found) == 2
    made = next(each for each in map(read_session, (f.blob for f in found)) if list(each.calls))
    assert outcomes(made) == [("shell", "pytest -q", "error"), ("edit", "a.py", "ok")]
    # two lines of the file that was added; what is asked of a run is a task and no prompt
    assert counted(made) == (0, 2, 2, 0)
    assert answered(made) == ["Made."]
    assert not made.interactive


def test_earlier_names_and_later_items_are_known() -> None:
    """Between the two lies a version that called a thread a session."""
    found = read_session(
        lines(
            {"type": "session.created", "session_id": "s"},
            {
                "type": "item.completed",
                "item": {"id": "1", "item_type": "assistant_message", "text": "Hm."},
            },
            {
                "type": "item.completed",
                "item": {
                    "id": "2",
                    "type": "collab_tool_call",
                    "tool": "spawn_agent",
                    "prompt": "look",
                    "status": "completed",
                },
            },
            {
                "type": "item.completed",
                "item": {
                    "id": "3",
                    "type": "command_execution",
                    "command": "rm",
                    "status": "declined",
                },
            },
        )
    )
    assert answered(found) == ["Hm."]
    assert outcomes(found) == [("agent", "look", "ok"), ("shell", "rm", "rejected")]
    assert found.completeness.unknown_types == 0
