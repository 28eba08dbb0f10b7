"""Who said what in Claude Code's log: the traps of the format, one test each."""

import json

import pytest

from classifiers.formats import read_session
from classifiers.sessions import Actor, UnreadableError
from tests.classifiers.logs import agent, call, log, person, queue, record, result, said, session


def test_words_typed_while_the_agent_works_are_steering() -> None:
    """They stand only in queue operations; `dequeue` becomes a user record, `popAll` nothing."""
    found = session(
        person("count the ships"),
        queue("enqueue", "only the red ones"),
        queue("remove"),
        queue("enqueue", "and the blue ones"),
        queue("dequeue"),
        person("and the blue ones"),
        queue("enqueue", "never mind these"),
        queue("popAll"),
        queue("enqueue", "<task-notification>one</task-notification>"),
        queue("remove"),
        queue("enqueue", '{"task_id":"x"}'),
        queue("remove"),
    )
    assert said(found) == [
        ("prompt", "count the ships"),
        ("steering", "only the red ones"),
        ("prompt", "and the blue ones"),
    ]


def test_a_queued_attachment_does_not_double_a_queue_operation() -> None:
    """New versions write the same words twice."""

    def attachment(prompt: str, kind: str) -> dict[str, object]:
        body = {"type": "queued_command", "prompt": prompt, "origin": {"kind": kind}}
        return record("attachment", "") | {"attachment": body}

    found = session(
        person("sort the shells"),
        queue("enqueue", "by colour"),
        queue("remove", "by colour"),
        attachment("by colour", "human"),
        attachment("then by size", "human"),
        attachment("a task is done", "task-notification"),
    )
    assert said(found)[1:] == [("steering", "by colour"), ("steering", "then by size")]


def test_words_in_a_rejection_are_the_persons() -> None:
    """About one in twenty human utterances is found nowhere else."""
    refusal = (
        "The user doesn't want to proceed with this tool use. The tool use was rejected. To tell"
        " you how to proceed, the user said:\nuse the small hammer"
    )
    found = session(
        person("hang the picture"),
        call("Bash", command="hammer --large"),
        result(refusal, error=True),
        call("Bash", "call-2", command="hammer"),
        result("The user doesn't want to proceed with this tool use.", "call-2", error=True),
        call("Bash", "call-3", command="echo"),
        result("quoting: the user said:\nno", "call-3"),
    )
    assert said(found)[1:] == [("rejection_note", "use the small hammer")]
    assert [each.outcome for each in found.calls] == ["rejected", "rejected", "ok"]


def test_answers_count_and_offered_words_are_not_the_persons_own() -> None:
    """Choosing an option is a decision, not a way of speaking."""
    questions = [{"question": "Which?", "options": [{"label": "Oak"}, {"label": "Elm"}]}]
    extra = {"questions": questions, "answers": {"Which?": "Oak, Elm", "Why?": 'it\'s "hard"'}}
    found = session(
        person("build a table"), call("AskUserQuestion"), result("answered", extra=extra)
    )
    answers = [each for each in found.human if each.via == "question_answer"]
    assert [("".join(each.text), each.own) for each in answers] == [
        ("Oak, Elm", False),
        ('it\'s "hard"', True),
    ]


def test_a_plan_handed_over_is_the_models() -> None:
    """It looks like a long expert prompt and was written by the agent."""
    text = "Implement the following plan:\n\n# Plan: paint the fence\n\nStep one"
    for plan in (person(text, planContent="# Plan"), person(text)):
        found = session(plan, agent("Painting."))
        assert found.turns[0].opener.via == "plan_handoff"
        assert found.turns[0].opener.actor is Actor.MODEL
        assert said(found) == []
    assert said(session(person("Implement the following plan: be kind")))  # the control


def test_compaction_does_not_begin_a_turn() -> None:
    """The summary is the model's and the turn goes on."""
    summary = "This session is being continued from a previous conversation that ran out."
    boundary = record("system", "") | {"subtype": "compact_boundary"}
    found = session(
        person("knit a scarf"), boundary, person(summary, isCompactSummary=True), agent("Knitting.")
    )
    assert len(found.turns) == 1
    assert found.turns[0].compactions == 1
    assert [each.via for each in found.utterances] == ["prompt", "summary", "assistant_text"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<command-name>/clear</command-name>\n<command-args></command-args>", []),
        ("/help", []),
        (
            "<command-message>polish</command-message>\n<command-name>/polish</command-name>"
            "\n<command-args>the brass</command-args>",
            [("slash_command", "/polish the brass")],
        ),
        ("<local-command-stdout>bye</local-command-stdout>", []),
        ("<bash-input>ls</bash-input>", [("shell", "ls")]),
        ("<bash-stdout>a</bash-stdout><bash-stderr></bash-stderr>", []),
        ("[Request interrupted by user for tool use]", []),
        ("<task-notification><status>done</status></task-notification>\nRead the output", []),
        ("<system-reminder>be brief</system-reminder>", []),
        ("<system-reminder>be brief</system-reminder>tie a knot", [("prompt", "tie a knot")]),
        ("why does it print <command-name>/clear</command-name>?", [
            ("prompt", "why does it print <command-name>/clear</command-name>?")]),
        ("<b>bold</b> <i>ideas</i>", [("prompt", "<b>bold</b> <i>ideas</i>")]),
    ],
)  # fmt: skip
def test_markup_is_harness_only_if_it_is_all_there_is(
    text: str, expected: list[tuple[str, str]]
) -> None:
    """Half of all user records are not a person's, and people quote markup."""
    assert said(session(person(text), agent("Yes."))) == expected


def test_meta_and_notifications_by_flag_are_not_the_persons() -> None:
    """Expanded skills and notices arrive as plain user text."""
    found = session(
        person("Base directory for this skill: …", isMeta=True),
        person("a task is done", origin={"kind": "task-notification"}),
        person("thanks", origin={"kind": "human"}),
    )
    assert said(found) == [("prompt", "thanks")]


def test_an_interrupt_marks_the_turn() -> None:
    """It says how a turn ended and is no prompt."""
    found = session(person("sail north"), person("[Request interrupted by user]"), person("south"))
    assert [turn.interrupted for turn in found.turns] == [True, False]


def test_a_prompt_stopped_by_a_hook_counts_once() -> None:
    """It never reached the agent and is typed again."""
    stopped = "Operation stopped by hook: another session is active\n\nOriginal prompt: bake bread"
    found = session(person("bake bread"), person(stopped), person("bake bread"), agent("Baking."))
    assert said(found) == [("prompt", "bake bread")]


def test_lines_of_one_answer_are_one_model_call_and_errors_are_none() -> None:
    """A line is a content block; the service's errors are not the model's words."""
    first, second = agent("One."), agent("Two.")
    second["message"]["id"] = first["message"]["id"]
    failed = agent("API Error: overloaded", isApiErrorMessage=True)
    found = session(person("count"), first, second, failed)
    assert found.model_calls == 1
    assert [each.via for each in found.utterances][1:] == ["assistant_text"] * 2 + ["api_error"]


def test_images_leave_a_prompt_without_words() -> None:
    """Nothing of a picture is kept."""
    picture = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    found = session(person([picture]), person([picture, {"type": "text", "text": "this one"}]))
    assert said(found) == [("image", ""), ("prompt", "this one")]
    assert found.completeness.images == 2


def test_a_subagent_hangs_on_the_call_that_sent_it() -> None:
    """Its first words are the model's, and it is no session of its own."""
    side = {"isSidechain": True, "agentId": "a1"}
    inner = [
        person("look at the moon", **side),
        record("assistant", [{"type": "tool_use", "id": "x", "name": "Read", "input": {}}], **side),
    ]
    trunk = [
        person("observe"),
        call("Task", prompt="look at the moon"),
        result("seen", extra={"agentId": "a1", "content": []}),
    ]
    found = session(*trunk, *inner)
    (sent,) = found.calls
    assert sent.subagent is not None
    assert sent.subagent.is_subagent
    assert [each.name == "Read" for each in sent.subagent.calls] == [True]
    assert said(sent.subagent) == []
    assert len(session(person("observe"), *inner).subagents) == 1  # its call is missing
    with pytest.raises(UnreadableError, match=r"^SUBAGENT_ALONE$"):
        session(*inner)


def test_of_several_sessions_in_a_file_the_larger_is_read() -> None:
    """The edge splits them; a raw file may hold two."""
    other = person("mine", sessionId="session-b")
    found = session(person("one"), other, person("two"))
    assert said(found) == [("prompt", "one"), ("prompt", "two")]
    assert found.completeness.other_sessions == 1


def test_a_repeated_record_counts_once() -> None:
    """Some versions wrote history twice into one file."""
    twice = person("row")
    found = session(twice, agent("Rowing."), twice)
    assert len(said(found)) == 1
    assert found.completeness.duplicate_records == 1


@pytest.mark.parametrize(
    ("entry", "first", "interactive", "surface"),
    [
        ("claude-desktop", "user", True, "desktop"),
        ("cli", "user", True, "cli"),
        ("sdk-py", "user", False, "other"),
        (None, "user", True, "cli"),
        (None, "queue-operation", False, "cli"),
    ],
)
def test_who_sat_before_it(entry: str | None, first: str, interactive: bool, surface: str) -> None:  # noqa: FBT001
    """`promptSource: sdk` stands on prompts typed in the desktop program too."""
    prompt = person("go", promptSource="sdk", **({"entrypoint": entry} if entry else {}))
    queued = [queue("enqueue", "go"), queue("dequeue")] if first == "queue-operation" else []
    found = session(*queued, prompt)
    assert (found.interactive, found.surface) == (interactive, surface)


def test_the_unknown_is_counted_and_passed_over() -> None:
    """The format changes without notice."""
    found = session(
        person("wave"),
        record("hologram", "?"),
        record("assistant", [{"type": "telepathy"}, "loose words"]),
        {"type": "user", "message": "not an object", "uuid": "u", "sessionId": "session-a"},
        record("system", "") | {"subtype": "moonrise"},
        {"type": None, "sessionId": "session-a"},
        result("an answer to nothing", "call-9"),
    )
    assert said(found) == [("prompt", "wave")]
    # hologram, telepathy, the message that is a string, moonrise, and the type that is null
    assert found.completeness.unknown_types == 5
    assert found.completeness.orphan_results == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "EMPTY"),
        (b"\n \0\n", "EMPTY"),
        (b"\xe9\xe8\xff\xc0", "UNREADABLE_ENCODING"),
        (b"path,account\na,b\n", "NOT_A_SESSION_LOG"),
        (b'{"messages": [], "sessionId": "x"}', "NOT_A_SESSION_LOG"),
        (log(queue("enqueue", "alone")), "NO_CONVERSATION"),
    ],
)
def test_what_is_no_session_is_refused_by_reason(data: bytes, reason: str) -> None:
    """A reason is all that leaves."""
    with pytest.raises(UnreadableError) as caught:
        read_session(data)
    assert str(caught.value) == reason


def test_a_byte_order_mark_and_utf16_are_read() -> None:
    """A redirected shell on Windows writes these."""
    text = json.dumps(person("grüße")) + "\n"
    for data in (text.encode("utf-8-sig"), text.encode("utf-16")):
        assert said(read_session(data)) == [("prompt", "grüße")]
