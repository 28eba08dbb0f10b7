"""
Traps of Claude Code's log: who said something.  T1 to T6, T24 and T25.

One test a trap, named by its number; `docs/formats.md` says what each is about.
"""

from typing import Any

import pytest

from classifiers.sessions import Actor
from classifiers.structure import measures, prompts
from tests.classifiers.logs import (
    agent,
    attachment,
    call,
    person,
    queue,
    result,
    said,
    session,
)

REFUSAL = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was"
    " a file edit, the new_string was NOT written to the file). To tell you how to proceed, the"
    " user said:\n"
)


def test_t01_words_typed_while_the_agent_works_are_steering() -> None:
    """They stand only in queue operations; `dequeue` becomes a record, `popAll` nothing."""
    found = session(
        person("count the ships"),
        queue("enqueue", "only the red ones"),
        queue("remove"),
        queue("enqueue", "and the blue ones"),
        queue("dequeue"),
        person("and the blue ones"),
        queue("enqueue", "never mind these"),
        queue("popAll", "never mind these"),
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
    assert [turn.opener.via for turn in found.turns] == ["prompt", "prompt"]  # steering opens none


def test_t01_the_queue_keeps_its_order_and_says_what_was_said_twice() -> None:
    """A notice stays when a person takes his words back; "go on" may be typed again."""
    notice = "<task-notification>one</task-notification>"
    found = session(
        person("sort the nails"),
        queue("enqueue", notice),
        queue("enqueue", "no, stop"),
        queue("popAll"),
        queue("enqueue", "by length"),
        queue("enqueue", "or not"),
        queue("popAll", "or not"),
        queue("dequeue"),  # the notice: only a person's words were taken back
        queue("enqueue", "then by colour"),
        queue("remove", "then by colour"),
        queue("remove"),
        *(queue(step, "go on") for step in ("enqueue", "remove") * 2),
    )
    assert [words for _, words in said(found)][1:] == [
        "then by colour",
        "by length",
        "go on",
        "go on",
    ]


def test_t02_a_queued_attachment_does_not_double_a_queue_operation() -> None:
    """New versions write the same words twice, in either order."""
    found = session(
        person("sort the shells"),
        queue("enqueue", "by colour"),
        queue("remove", "by colour"),
        attachment("by colour", "human"),
        attachment("then by size", "human"),
        queue("enqueue", "then by size"),
        queue("remove", "then by size"),
        attachment("a task is done", "task-notification"),
        attachment("by a rule of the program", "human", mode="task-notification"),
        attachment("by colour", "human"),  # typed again
    )
    assert said(found)[1:] == [
        ("steering", "by colour"),
        ("steering", "then by size"),
        ("steering", "by colour"),
    ]


def test_t03_words_in_a_rejection_are_the_persons() -> None:
    """About one in twenty human utterances is found nowhere else; the program's note is none."""
    note = "\n\nNote: The user's next message may contain a correction or preference."
    found = session(
        person("hang the picture"),
        call("Bash", command="hammer --large"),
        result(REFUSAL + "use the small hammer" + note, error=True),
        call("Bash", "call-2", command="hammer"),
        result("The user doesn't want to proceed with this tool use.", "call-2", error=True),
        call("Bash", "call-3", command="echo"),
        result("quoting: the user said:\nno", "call-3"),
    )
    assert said(found)[1:] == [("rejection_note", "use the small hammer")]
    assert [each.outcome for each in found.calls] == ["rejected", "rejected", "ok"]
    assert prompts(found) == 1  # a note is no request


def test_t04_answers_count_and_offered_words_are_not_the_persons_own() -> None:
    """Choosing an option is a decision, not a way of speaking; notes beside one are speech."""
    asked: dict[str, Any] = {
        "questions": [{"question": "Which?", "options": [{"label": "Oak"}, {"label": "Elm"}]}]
    }
    answers = {"Which?": "Oak, Elm", "Why?": 'it\'s "hard", they say'}
    notes = {"Which?": {"notes": "from the old barn"}}
    extra = {"answers": answers, "annotations": notes}
    for said_in_call, said_in_result in ((asked, {}), ({}, asked)):  # versions differ
        found = session(
            person("build a table"),
            call("AskUserQuestion", "call-1", **said_in_call),
            result("answered", extra=extra | said_in_result),
        )
        given = [each for each in found.human if each.via == "question_answer"]
        assert [("".join(each.text), each.own) for each in given] == [
            ("Oak, Elm", False),
            ('it\'s "hard", they say', True),
            ("from the old barn", True),
        ]


@pytest.mark.parametrize(
    "beginning",
    [
        "The user wants to clarify these questions.\n    This means they may have more to say.\n",
        "The user has indicated they have provided enough answers for the plan interview.\n",
    ],
)
def test_t04_answers_beside_questions_put_aside_count(beginning: str) -> None:
    """The program frames them in words of its own, which are not the person's."""
    questions = [{"question": "Which?", "options": [{"label": "Oak"}]}]
    framed = (
        f"{REFUSAL}{beginning}\n    Questions asked:\n"
        '- "Which?"\n  Answer: Oak\n- "How tall?"\n  (No answer provided)\n'
        '- "Why?"\n  Answer: for my aunt,\nwho is small'
    )
    found = session(
        person("build a chair"),
        call("AskUserQuestion", questions=questions),
        result(framed, error=True, extra="Error: " + framed),
    )
    given = [each for each in found.human if each.via != "prompt"]
    assert [(each.via, "".join(each.text), each.own) for each in given] == [
        ("question_answer", "Oak", False),
        ("question_answer", "for my aunt,\nwho is small", True),
    ]


def test_t05_a_plan_handed_over_is_the_models() -> None:
    """It looks like a long expert prompt and was written by the agent."""
    text = "Implement the following plan:\n\n# Plan: paint the fence\n\nStep one"
    for plan in (person(text, planContent="# Plan"), person(text)):
        found = session(plan, agent("Painting."))
        assert found.turns[0].opener.via == "plan_handoff"
        assert found.turns[0].opener.actor is Actor.MODEL
        assert said(found) == []
    assert said(session(person("Implement the following plan: be kind")))  # the control
    approved = [call("ExitPlanMode", plan="# Oil"), result("User has approved your plan.")]
    assert said(session(person("plan"), *approved))[1:] == [("plan_approval", "")]
    refused = [call("ExitPlanMode", plan="# Oil"), result(REFUSAL + "no oil", error=True)]
    assert said(session(person("plan"), *refused))[1:] == [("rejection_note", "no oil")]


def test_t06_a_session_without_a_prompt_is_kept() -> None:
    """It is left out by a rule of a study, not by a crash; nothing is divided by no prompts."""
    plan = person("Implement the following plan:\n\n# Oil the hinges", planContent="# Oil")
    found = session(plan, call("Bash", command="oil"), result("done"), agent("Oiled."))
    told = measures(found)
    assert (told["prompts"], told["actions"], told["actions_per_prompt"]) == (0, 1, 1)
    begun_elsewhere = session(agent("As I said, the hinges are oiled."))
    assert (prompts(begun_elsewhere), len(begun_elsewhere.prelude)) == (0, 1)


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
def test_t24_who_sat_before_it(
    *, entry: str | None, first: str, interactive: bool, surface: str
) -> None:
    """`promptSource: sdk` stands on prompts typed in the desktop program too."""
    prompt = person("go", promptSource="sdk", **({"entrypoint": entry} if entry else {}))
    queued = [queue("enqueue", "go"), queue("dequeue")] if first == "queue-operation" else []
    found = session(*queued, prompt)
    assert (found.interactive, found.surface) == (interactive, surface)


def test_t25_words_without_spaces_are_counted_by_segments() -> None:
    """Counting spaces would make a long Chinese answer one word."""
    found = session(person("请修复这个测试"), agent("测试已经修复"))
    assert measures(found)["words_out"] == 3  # six characters, two to a word
    assert measures(session(person("fix it"), agent("It is fixed")))["words_out"] == 3
