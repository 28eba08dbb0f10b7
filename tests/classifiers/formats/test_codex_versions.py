"""Codex' later logs: items beside events, scripts that call tools, plans, reviews, sub-agents."""

import json
from pathlib import Path

import pytest

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
from tests.classifiers.formats.test_codex import PATCH, event, item, line, message, meta, typed
from tests.classifiers.logs import said

DIFF = "@@ -1,2 +1,3 @@\n kept\n-old\n+new\n+more\n"


def completed(kind: str, **more: object) -> Json:
    """An item that the program tells of when it is complete."""
    return event("item_completed", thread_id="s-1", item={"type": kind, **more})


def shown(text: str) -> Json:
    """A prompt as an item."""
    return completed("UserMessage", id=f"of {text}", content=[{"type": "text", "text": text}])


def kinds(text: str, *of: str) -> Json:
    """A message of which each part names its kind; all parts have one text."""
    parts = [{"type": "input_text", "text": text} for _ in of]
    about = {"content_item_kinds": list(of)}
    return item("message", role="user", content=parts) | {
        "payload": {
            "type": "message",
            "role": "user",
            "content": parts,
            "internal_chat_message_metadata_passthrough": about,
        }
    }


def test_a_prompt_that_stands_three_times_counts_once(tmp_path: Path) -> None:
    """T31 goes on: items were added beside events, and events are left out in time."""
    both = [shown("sow"), event("user_message", message="sow"), message("user", "sow")]
    again = [event("user_message", message="sow"), shown("sow")]
    found = through(tmp_path, lines(meta(), *both, event("task_complete"), *again))
    assert said(found) == [("prompt", "sow"), ("prompt", "sow")]
    alone = read_session(lines(meta(), shown("sow"), message("user", "sow")))
    assert said(alone) == [("prompt", "sow")]


def test_the_kinds_of_a_messages_parts_say_who_wrote_them() -> None:
    """No event shows a prompt here, and what the program adds does not look like markup."""
    found = read_session(
        lines(
            meta(history_mode="paginated"),
            kinds("Be kind.", "agents_md.instructions", "environments.environment_context"),
            kinds("sow", "user.text"),
            kinds("from a hook", "hooks.additional_context"),
        )
    )
    assert said(found) == [("prompt", "sow")]


def test_an_element_of_markup_is_the_programs_and_a_quotation_is_not() -> None:
    """T9: only a text that is nothing but one such element counts as added."""
    quoted = "what does <multi_agent_mode>on</multi_agent_mode> mean?"
    found = read_session(
        lines(
            meta(),
            message("user", "<multi_agent_mode>on</multi_agent_mode>"),
            message("user", quoted),
            message("user", "<div>mine</div>"),
        )
    )
    assert said(found) == [("prompt", quoted), ("prompt", "<div>mine</div>")]


def test_a_prompt_before_its_task_begins_the_turn_and_the_next_one_steers() -> None:
    """Versions differ in whether the task or the prompt is logged first."""
    talk = [event("user_message", message="sow"), event("task_started")]
    later = [event("user_message", message="mind the cat"), event("task_complete")]
    found = read_session(lines(meta(), *talk, *later, event("user_message", message="reap")))
    assert said(found) == [("prompt", "sow"), ("steering", "mind the cat"), ("prompt", "reap")]


def test_what_a_script_did_counts_and_the_script_does_not(tmp_path: Path) -> None:
    """The model calls tools from code; the program logs what was carried out."""
    script = 'const r = await tools.exec_command({cmd: "pytest -q"});'
    found = through(
        tmp_path,
        lines(
            meta(),
            shown("go"),
            item("custom_tool_call", name="exec", call_id="x1", input=script),
            completed(
                "CommandExecution",
                id="exec-1",
                command=["/bin/zsh", "-lc", "pytest -q"],
                exitCode=1,
                status="failed",
                aggregatedOutput="1 failed",
            ),
            completed(
                "FileChange",
                id="exec-2",
                changes={"/w/a.py": {"type": "update", "unified_diff": DIFF}},
                status="completed",
            ),
            completed("McpToolCall", id="m", server="docs", tool="find", arguments={"query": "q"}),
            completed("CommandExecution", id="exec-3", command=["ls"], source="userShell"),
            item("custom_tool_call_output", call_id="x1", output=[{"text": "Script completed"}]),
            item("message", role="assistant", content=[{"type": "output_text", "text": "Done."}]),
        ),
    )
    assert outcomes(found) == [
        ("shell", "pytest -q", "error"),
        ("edit", "/w/a.py", "ok"),
        ("mcp", "q", "ok"),
    ]
    # the hunk has two lines with a plus and one with a minus
    assert counted(found) == (1, 3, 2, 1)
    assert [call.tested for call in found.calls] == [True, False, False]
    assert answered(found) == ["Done."]
    assert found.completeness.orphan_results == 0


def test_a_script_of_which_nothing_else_is_logged_is_an_action() -> None:
    """Then its text is all there is; it shows a commit as well as a command would."""
    script = 'await tools.exec_command({cmd: "git commit -m x"});'

    def log(output: str) -> bytes:
        call = item("custom_tool_call", name="exec", call_id="x", input=script)
        return lines(
            meta(), *typed("go"), call, item("custom_tool_call_output", call_id="x", output=output)
        )

    (call,) = read_session(log("Script completed\nWall time 1 s")).calls
    assert (call.kind, call.outcome, call.committed) == ("shell", "ok", True)
    (call,) = read_session(log("Script failed\nError: no")).calls
    assert (call.outcome, call.committed) == ("error", False)


def test_a_patch_has_the_lines_that_were_applied(tmp_path: Path) -> None:
    """The event knows what a deleted file held; the patch itself says only that it goes."""
    patch = "*** Begin Patch\n*** Delete File: a.py\n*** End Patch"
    changes = {"a.py": {"type": "delete", "content": "one\ntwo\nthree\n"}}
    log = [
        meta(),
        *typed("go"),
        item("custom_tool_call", name="apply_patch", input=patch, call_id="p"),
        event("patch_apply_end", call_id="p", success=True, changes=changes),
        item("custom_tool_call_output", call_id="p", output="Exit code: 0"),
    ]
    assert counted(through(tmp_path, lines(*log))) == (1, 1, 0, 3)
    added = event("patch_apply_end", call_id="p", changes={"a.py": {"add": {"content": "one"}}})
    older = [*log[:4], added, log[5]]
    assert counted(read_session(lines(*older))) == (1, 1, 1, 0)
    rejected = [*log[:5], item("custom_tool_call_output", call_id="p", output="rejected by user")]
    assert counted(read_session(lines(*rejected))) == (1, 1, 0, 0)
    # The control: without the event the patch is counted.
    plain = item("custom_tool_call", name="apply_patch", input=PATCH, call_id="p")
    assert counted(read_session(lines(*log[:3], plain, log[5]))) == (1, 1, 2, 1)


def test_a_plan_that_is_accepted_is_no_prompt() -> None:
    """The program types for the person: consent here, the model's plan into a new session."""
    handed = (
        "A previous agent produced the plan below to accomplish the user's task. Implement it."
        "\n\n1. sow"
    )
    found = read_session(lines(meta(), *typed("plan"), *typed("Implement the plan.")))
    assert said(found) == [("prompt", "plan"), ("plan_approval", "")]
    fresh = read_session(lines(meta(), *typed(handed), *typed("go on")))
    assert said(fresh) == [("prompt", "go on")]
    assert [turn.opener.actor for turn in fresh.turns] == [Actor.MODEL, Actor.HUMAN]


def test_answers_to_the_agents_questions_are_the_persons() -> None:
    """What was offered is chosen, a note is the person's own."""
    asked = {"questions": [{"id": "q", "question": "Which?", "options": [{"label": "red"}]}]}
    answer = {"answers": {"q": {"answers": ["red", "user_note: but dark"]}}}
    log = [
        meta(),
        *typed("paint"),
        item("function_call", name="request_user_input", call_id="q", arguments=json.dumps(asked)),
        item("function_call_output", call_id="q", output=json.dumps(answer)),
    ]
    found = read_session(lines(*log))
    assert said(found)[1:] == [("question_answer", "red"), ("question_answer", "but dark")]
    assert [each.own for each in found.human][1:] == [False, True]


def test_a_review_is_a_command_of_the_persons_and_its_prompt_is_not() -> None:
    """The program words what the reviewer is asked."""
    log = [
        meta(),
        event("entered_review_mode", target={"type": "custom"}, user_facing_hint="my changes"),
        event("user_message", message="Review the current code changes and give findings."),
        event("exited_review_mode", review_output={"findings": []}),
        *typed("mend them"),
    ]
    found = said(read_session(lines(*log)))
    assert found == [("slash_command", "/review my changes"), ("prompt", "mend them")]


def test_a_summary_is_the_models_and_counts_once(tmp_path: Path) -> None:
    """Its history is not sealed: it repeats what stands before it."""
    history = [{"type": "message", "role": "user", "content": "secret again"}]
    log = [
        meta(base_instructions={"text": "be Codex"}),
        *typed("sow"),
        line("compacted", message="so far", replacement_history=history),
        event("context_compacted"),
        completed("ContextCompaction", id="c"),
    ]
    (one,), _ = sealed(tmp_path, here=lines(*log))
    assert b"secret again" not in one.blob
    assert b"be Codex" not in one.blob
    found = read_session(one.blob)
    assert found.turns[0].compactions == 1
    assert [(s.actor, s.via) for s in found.utterances][1:] == [(Actor.MODEL, "summary")]
    without = [each for each in log if each["type"] != "compacted"]
    assert read_session(lines(*without)).turns[0].compactions == 2  # two events, two notices


def test_a_sub_agents_log_is_read_from_where_its_own_history_begins(tmp_path: Path) -> None:
    """It opens with a copy of its parent's; the parent's log names the call that began it."""

    def at(place: int, record: Json) -> Json:
        return record | {"ordinal": place}

    call = item("function_call", name="spawn_agent", call_id="k", arguments='{"message": "look"}')
    parent = [
        at(0, meta("s-1")),
        at(1, shown("sow")),
        at(2, call),
        at(3, event("sub_agent_activity", event_id="k", agent_thread_id="s-9", kind="started")),
        at(4, item("function_call_output", call_id="k", output='{"task_name": "/top/look"}')),
    ]
    about = {"parent_thread_id": "s-1", "thread_source": "subagent"}
    child = [
        at(0, meta("s-9", subagent_history_start_ordinal=3, **about)),
        at(1, meta("s-1")),
        at(2, shown("sow")),
        at(3, shown("look")),
        at(4, item("function_call", name="exec_command", call_id="c", arguments='{"cmd": "ls"}')),
    ]
    (one,), tally = sealed(tmp_path, b=lines(*parent), a=lines(*child))
    found = read_session(one.blob)
    (sent,) = found.calls
    assert sent.subagent is not None
    assert [s.actor for s in sent.subagent.utterances] == [Actor.MODEL]
    assert outcomes(sent.subagent) == [("shell", "ls", "missing")]
    assert counted(found)[:2] == (1, 2)
    assert tally.sessions == {"TAKEN": 1}
    assert set(tally.files.values()) == {"READ"}


@pytest.mark.parametrize(
    ("about", "surface", "interactive"),
    [
        ({"originator": "Codex Desktop", "source": "vscode"}, "desktop", True),
        ({"originator": "codex_vscode", "source": "vscode"}, "ide", True),
        ({"originator": "codex-tui", "source": "cli"}, "cli", True),
        ({"originator": "codex_sdk_ts", "source": "exec"}, "cli", False),
        ({"originator": "codex_cli_rs", "source": "mcp"}, "cli", False),
        ({"originator": "codex_cli_rs", "source": {"internal": "memory"}}, "cli", False),
        ({"originator": "Atlas", "source": {"custom": "atlas"}}, "other", True),
    ],
)
def test_where_a_session_was_held_is_told_from_its_program(
    about: Json, surface: str, *, interactive: bool
) -> None:
    """The desktop app says that it is an editor; what no person sat before says so, too."""
    found = read_session(lines(meta(**about), *typed("sow")))
    assert (found.surface, found.interactive) == (surface, interactive)


def test_records_that_versions_add_are_silent_and_others_counted() -> None:
    """T36: what is known to say nothing is no unknown type."""
    log = [
        meta(),
        *typed("sow"),
        line("world_state", state={}),
        line("token_usage_record", response_id="r"),
        line("inter_agent_communication", author="/root"),
        item("agent_message", author="/top/x", content=[]),
        item("additional_tools", tools=[]),
        item("context_compaction"),
        line("moonrise"),
        item("moonset"),
    ]
    assert read_session(lines(*log)).completeness.unknown_types == 2


def test_what_no_reader_needs_is_not_sealed(tmp_path: Path) -> None:
    """Instructions stand in four places, the answer in three; figures are the program's own."""
    secret = "be kind, and never tell"
    log = [
        meta(base_instructions={"text": secret}, cwd=secret, git={"branch": secret}),
        line("turn_context", model="gpt-5", user_instructions=secret, cwd=secret),
        message("developer", secret),
        message("user", f"# AGENTS.md instructions for x\n{secret}"),
        event("token_count", info=secret),
        line("world_state", state=secret),
        *typed("sow"),
        item("reasoning", encrypted_content=secret, summary=[]),
        event("task_complete", last_agent_message=secret),
    ]
    (one,), _ = sealed(tmp_path, here=lines(*log))
    assert secret.encode() not in one.blob
    found = read_session(one.blob)
    assert said(found) == [("prompt", "sow")]
    assert ["".join(model) for model in found.models] == ["gpt-5"]
    first: Json = {"id": "s", "timestamp": TIME, "instructions": secret}
    (one,), _ = sealed(tmp_path, here=lines(first, message("user", "sow")["payload"]))
    assert secret.encode() not in one.blob
    assert said(read_session(one.blob)) == [("prompt", "sow")]
