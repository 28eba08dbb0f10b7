"""What `codex exec --json` prints: items once, as they ended, and nobody sat before it."""

from pathlib import Path

from tests.classifiers.formats.made import answered, counted, lines, outcomes, through

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
