"""Codex' two logs in one: every message once, and only a person's words as a person's."""

from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.sessions import UnreadableError
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

PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-old\n+new\n+more\n*** End Patch"


def line(kind: str, /, **payload: object) -> Json:
    """One line of a log."""
    return {"timestamp": TIME, "type": kind, "payload": payload}


def meta(name: str = "s-1", **more: object) -> Json:
    """A log's first line."""
    return line(
        "session_meta", **{"id": name, "originator": "codex_cli_rs", "source": "cli"} | more
    )


def item(kind: str, /, **payload: object) -> Json:
    """Something that the model got or gave."""
    return line("response_item", type=kind, **payload)


def event(kind: str, /, **payload: object) -> Json:
    """Something that the program showed."""
    return line("event_msg", type=kind, **payload)


def message(role: str, text: str) -> Json:
    """A message as the model gets it."""
    return item("message", role=role, content=[{"type": "input_text", "text": text}])


def typed(text: str) -> list[Json]:
    """A prompt: it stands in both logs."""
    return [message("user", text), event("user_message", message=text, kind="plain")]


def spoken(text: str) -> list[Json]:
    """An answer: it stands in both logs."""
    return [message("assistant", text), event("agent_message", message=text)]


def ran(call_id: str, output: object, **arguments: object) -> list[Json]:
    """A shell command."""
    given = repr(arguments).replace("'", '"')
    return [
        item("function_call", name="shell", arguments=given, call_id=call_id),
        item("function_call_output", call_id=call_id, output=output),
    ]


SESSION = [
    meta(),
    message("user", "# AGENTS.md instructions for here\n\nBe kind."),
    message("user", "<environment_context>\n<cwd>x</cwd>\n</environment_context>"),
    line("turn_context", model="gpt-5-codex"),
    event("task_started"),
    *typed("mend the roof"),
    *ran("c1", '{"output":"ok","metadata":{"exit_code":0}}', command=["bash", "-lc", "pytest -q"]),
    item("custom_tool_call", name="apply_patch", input=PATCH, call_id="c2"),
    item("custom_tool_call_output", call_id="c2", output="Exit code: 0\nSuccess."),
    *typed("mind the cat"),
    *spoken("The roof is mended."),
    event("task_complete"),
]


def test_every_message_counts_once_and_what_the_program_added_not_at_all(tmp_path: Path) -> None:
    """T31: two logs in one, and AGENTS.md comes in the role of the user."""
    found = through(tmp_path, lines(*SESSION))
    assert said(found) == [("prompt", "mend the roof"), ("steering", "mind the cat")]
    assert answered(found) == ["The roof is mended."]
    assert outcomes(found) == [("shell", "pytest -q", "ok"), ("edit", "a.py", "ok")]
    # the patch has two lines with a plus and one with a minus
    assert counted(found) == (2, 2, 2, 1)
    assert (found.format, found.interactive, found.surface) == ("codex_rollout", True, "cli")
    assert ["".join(model) for model in found.models] == ["gpt-5-codex"]
    assert [call.tested for call in found.calls] == [True, False]
    assert found.completeness.unknown_types == 0


def test_with_one_of_the_two_logs_missing_the_other_is_read() -> None:
    """Older versions wrote only what the model got, a quiet one may show only events."""
    items = [each for each in SESSION if each["type"] != "event_msg"]
    assert said(read_session(lines(*items))) == [
        ("prompt", "mend the roof"),
        ("prompt", "mind the cat"),
    ]
    events = [each for each in SESSION if each["type"] != "response_item"]
    found = read_session(lines(*events))
    assert (len(said(found)), answered(found)) == (2, ["The roof is mended."])


def test_the_first_shape_without_envelopes_is_read(tmp_path: Path) -> None:
    """Sessions of 2025's first half: a line of data, then bare items."""
    head: Json = {"id": "s-0", "timestamp": TIME, "instructions": None, "git": {}}
    items = [each["payload"] for each in SESSION if each["type"] == "response_item"]
    found = through(tmp_path, lines(head, {"record_type": "state"}, *items))
    assert len(said(found)) == 2
    assert counted(found)[1] == 2
    assert found.completeness.unknown_types == 0


@pytest.mark.parametrize(
    ("output", "outcome"),
    [
        ('{"output":"no","metadata":{"exit_code":2}}', "error"),
        ("Exit code: 1\nWall time: 1 s\nOutput:\nno", "error"),
        ("Process exited with code 0\nOutput:\nyes", "ok"),
        ({"content": "no", "success": False}, "error"),
        ([{"type": "input_text", "text": "yes"}], "ok"),
        ("exec command rejected by user", "rejected"),
        ("aborted by user after 3 s", "interrupted"),
        ("failed in sandbox: denied", "denied"),
    ],
)
def test_how_a_call_ended_is_told_from_its_output(output: object, outcome: str) -> None:
    """Outputs have had many shapes; a refused commit is no commit."""
    calls = ran("c", output, command=["git", "commit", "-m", "x"])
    (call,) = read_session(lines(meta(), *typed("go"), *calls)).calls
    assert call.outcome == outcome
    assert call.committed is (outcome == "ok")


def test_an_editor_adds_what_is_open_and_a_person_runs_commands() -> None:
    """Only the request behind the editor's context is typed; `!ls` is the person's own."""
    text = "# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nsing"
    shell = "<user_shell_command>\n<command>ls</command>\n<result>a</result>\n</user_shell_command>"
    log = [meta(originator="codex_vscode"), *typed(text), message("user", shell)]
    found = read_session(lines(*log))
    assert said(found) == [("prompt", "sing"), ("shell", "ls")]
    assert found.surface == "ide"


def test_an_interrupt_a_summary_and_an_image_are_noted(tmp_path: Path) -> None:
    """They are events of a turn; an image's bytes are not sealed."""
    url = "data:image/png;base64," + "QUJD" * 50
    log = [
        meta(),
        event("task_started"),
        event("user_message", message="", images=[url]),
        item("message", role="user", content=[{"type": "input_image", "image_url": url}]),
        line("compacted", message="so far"),
        event("turn_aborted", reason="interrupted"),
        event("sunrise"),
        line("response_item", type="sunset"),
    ]
    (one,), tally = sealed(tmp_path, here=lines(*log))
    assert b"QUJD" not in one.blob
    assert tally.records["IMAGE"] == 2
    found = read_session(one.blob)
    assert said(found) == [("image", "")]
    assert (found.turns[0].interrupted, found.turns[0].compactions) == (True, 1)
    assert found.completeness.unknown_types == 1  # an event is the program's affair, an item not


def test_a_run_without_a_person_is_not_interactive() -> None:
    """`codex exec` writes the same log."""
    assert not read_session(
        lines(meta(originator="codex_exec", source="exec"), *typed("x"))
    ).interactive
    assert read_session(lines(meta(), *typed("x"))).interactive


def test_a_resumed_copy_leaves_history_with_the_older_session(tmp_path: Path) -> None:
    """The copied calls keep their ids, and what precedes them was copied too."""
    fork = [meta("s-2"), *SESSION, *typed("and the door"), *ran("c9", "ok", command="ls")]
    fork[1:2] = [meta("s-1")]  # history brings the older session's own first line along
    later = [each | {"timestamp": "2026-03-01T00:00:00Z"} for each in fork]
    found, tally = sealed(tmp_path, b=lines(*SESSION), a=lines(*later))
    by_name = {each.session: read_session(each.blob) for each in found}
    assert counted(by_name["s-1"])[:2] == (2, 2)
    assert counted(by_name["s-2"])[1] == 1
    assert ("prompt", "and the door") in said(by_name["s-2"])
    assert tally.records["COPY"] > 5
    # The control: another account's identical history is that account's own.
    alone, _ = sealed(tmp_path, account="bob")
    assert len(alone) == 2


def test_a_sub_agent_goes_with_its_parent_and_is_no_session(tmp_path: Path) -> None:
    """What it is asked is its parent's model's words."""
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "s-1", "depth": 1}}}
    child = [meta("s-3", source=source), *typed("look around"), *ran("k1", "ok", command="ls")]
    (one,), tally = sealed(tmp_path, a=lines(*child), b=lines(*SESSION))
    found = read_session(one.blob)
    assert one.session == "s-1"
    assert len(found.subagents) == 1
    assert counted(found)[:2] == (2, 3)
    with pytest.raises(UnreadableError, match="SUBAGENT_ALONE"):
        read_session(lines(*child))
    (tmp_path / "b").unlink()
    assert sealed(tmp_path)[1].sessions == {"SUBAGENT_ALONE": 1}
    assert tally.sessions == {"TAKEN": 1}


def test_the_longer_of_two_captures_stands(tmp_path: Path) -> None:
    """A session that was archived while it ran lies there twice."""
    found, tally = sealed(tmp_path, a=lines(*SESSION[:9]), b=lines(*SESSION))
    assert len(found) == 1
    assert counted(read_session(found[0].blob))[:2] == (2, 2)
    # of nine lines the first is no part, and two are the program's in the user's name
    assert tally.records["REPEATED"] == 6
