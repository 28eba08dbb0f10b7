"""Inspect's logs: tests of a model, a session a sample."""

from pathlib import Path

from classifiers.formats import read_session
from tests.classifiers.formats.made import Json, answered, document, outcomes, sealed


def sample(name: int) -> Json:
    """One sample."""
    call = {"id": "1", "function": "bash", "arguments": {"command": f"ls {name}"}}
    return {
        "id": name,
        "epoch": 1,
        "messages": [
            {"role": "system", "content": "rules"},
            {"role": "user", "content": f"task {name}", "source": "input"},
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "Ok."}],
                "tool_calls": [call],
            },
            {"role": "tool", "tool_call_id": "1", "content": "no", "error": {"type": "timeout"}},
        ],
    }


def test_each_sample_is_a_session_that_is_not_interactive(tmp_path: Path) -> None:
    """Studies exclude what is not interactive."""
    about = {
        "task": "t",
        "model": "openai/gpt-5",
        "created": "2026-02-03T04:05:06+00:00",
        "run_id": "r",
    }
    log = {"version": 2, "status": "success", "eval": about, "samples": [sample(1), sample(2)]}
    found, _ = sealed(tmp_path, here=document(log))
    assert [each.month for each in found] == ["2026-02", "2026-02"]
    sessions = [read_session(each.blob) for each in found]
    assert [outcomes(each) for each in sessions] == [
        [("shell", "ls 1", "error")],
        [("shell", "ls 2", "error")],
    ]
    assert {(each.format, each.interactive) for each in sessions} == {("inspect", False)}
    assert answered(sessions[0]) == ["Ok."]
    assert sealed(tmp_path, here=document(log | {"samples": []}))[0] == []
