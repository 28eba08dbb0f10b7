"""
Traps of Claude Code's log: who said something.  T1 to T12, T24 and T25.

One test a trap, named by its number; `docs/formats.md` says what each is about.
"""

import pytest

from classifiers.sessions import Actor
from classifiers.structure import measures, prompts
from tests.classifiers.logs import (
    agent,
    attachment,
    call,
    person,
    queue,
    record,
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
        queue("dequeue"),  # the notice: a person's words were taken back
        queue("enqueue", "by length"),
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
        attachment("by colour", "human"),  # typed again
    )
    assert said(found)[1:] == [
        ("steering", "by colour"),
        ("steering", "then by size"),
        ("steering", "by colour"),
    ]


def test_t03_words_in_a_rejection_are_the_persons() -> None:
    """About one in twenty human utterances is found nowhere else."""
    found = session(
        person("hang the picture"),
        call("Bash", command="hammer --large"),
        result(REFUSAL + "use the small hammer", error=True),
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
    questions = [{"question": "Which?", "options": [{"label": "Oak"}, {"label": "Elm"}]}]
    answers = {"Which?": "Oak, Elm", "Why?": 'it\'s "hard", they say'}
    notes = {"Which?": {"notes": "from the old barn"}}
    found = session(
        person("build a table"),
        call("AskUserQuestion", questions=questions),
        result("answered", extra={"answers": answers, "annotations": notes}),
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


def test_t06_a_session_without_a_prompt_is_kept() -> None:
    """It is left out by a rule of a study, not by a crash; nothing is divided by no prompts."""
    plan = person("Implement the following plan:\n\n# Oil the hinges", planContent="# Oil")
    found = session(plan, call("Bash", command="oil"), result("done"), agent("Oiled."))
    told = measures(found)
    assert (told["prompts"], told["actions"], told["actions_per_prompt"]) == (0, 1, 1)
    begun_elsewhere = session(agent("As I said, the hinges are oiled."))
    assert (prompts(begun_elsewhere), len(begun_elsewhere.prelude)) == (0, 1)


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
        ("<local-command-caveat>Caveat: not for you</local-command-caveat>", []),
        ("Caveat: The messages below were generated by the user while running local", []),
        ("<bash-input>ls</bash-input>", [("shell", "ls")]),
        ("<bash-stdout>a</bash-stdout><bash-stderr></bash-stderr>", []),
    ],
)
def test_t08_commands_of_the_program_are_events_and_others_requests(
    text: str, expected: list[tuple[str, str]]
) -> None:
    """`/clear` sets the program; a command of the person's own asks the agent for something."""
    assert said(session(person(text), agent("Yes."))) == expected


def test_t08_what_a_command_prints_is_nobodys_words() -> None:
    """From 2.1.20 on it stands in the program's own records."""
    printed = record("system", "") | {"subtype": "local_command", "content": "<bash-stdout>ok"}
    found = session(person("mend the net"), printed, person("expanded", isMeta=True))
    assert said(found) == [("prompt", "mend the net")]
    assert found.completeness.unknown_types == 0


@pytest.mark.parametrize(
    "text",
    [
        "why does it print <command-name>/clear</command-name>?",
        "<b>bold</b> <i>ideas</i>",
        "<task-notification> is what it said, what is that",
        "say [Request interrupted by user] when I press escape",
        "he wrote: This session is being continued from a previous conversation",
    ],
)
def test_t09_who_quotes_markup_speaks(text: str) -> None:
    """Only a body that is markup from end to end is the program's."""
    assert said(session(person(text), agent("Yes."))) == [("prompt", text)]


def test_t10_an_interrupt_marks_the_turn() -> None:
    """It says how a turn ended and is no prompt."""
    for form in ("[Request interrupted by user]", "[Request interrupted by user for tool use]"):
        found = session(person("sail north"), agent("Aye."), person([_text(form)]), person("south"))
        assert [turn.interrupted for turn in found.turns] == [True, False]
        assert prompts(found) == 2


def test_t11_a_prompt_stopped_by_a_hook_counts_once() -> None:
    """It never reached the agent and is typed again."""
    stopped = "Operation stopped by hook: another session is active\n\nOriginal prompt: bake bread"
    found = session(person("bake bread"), person(stopped), person("bake bread"), agent("Baking."))
    assert said(found) == [("prompt", "bake bread")]
    twice = session(person("bake bread"), agent("Baked."), person("bake bread"))
    assert prompts(twice) == 2  # the control: asked twice, not stopped


def test_t12_notices_of_the_program_are_not_the_persons() -> None:
    """They come as user records: by their markup, by their origin, by their source."""
    notice = "<task-notification><status>done</status></task-notification>"
    found = session(
        person(notice),
        person(notice + "\nRead the output"),
        person("a task is done", origin={"kind": "task-notification"}),
        person("from the coordinator", origin={"kind": "coordinator"}),
        person("go on by yourself", promptSource="system"),
        person("thanks", origin={"kind": "human"}, promptSource="queued"),
    )
    assert said(found) == [("prompt", "thanks")]


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


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}
