"""What is counted, on a session small enough to count by hand, and on any."""

from dataclasses import asdict, fields, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.formats.conversation import Conversation
from classifiers.rendering import render
from classifiers.sessions import Actor
from classifiers.structure import (
    Structure,
    contexts,
    is_attended,
    measures,
    model_family,
    prompts,
    structure_of,
)
from privacy.codebook import codebook
from privacy.labels import LabelRecord
from tests.classifiers.courses import REFUSED, kinds, made
from tests.classifiers.logs import agent, call, person, queue, record, result, session

PATCH = {"structuredPatch": [{"lines": ["+a", "+b", "-c"]}]}

SMALL = session(
    person("mend the net"),
    agent("I will look at it."),  # 5 words
    call("Edit", file_path="net.py", new_string="two words"),  # 1 + 2
    result("ok", extra=PATCH),
    queue("enqueue", "gently"),
    queue("remove"),
    person("commit"),
    call("Bash", "call-2", command="git commit -m mended"),  # 4
    result("[main 1] mended", "call-2"),
    agent("Done."),  # 1
)


def test_measures_of_a_small_session() -> None:
    """Every number is the sum in the comments above."""
    assert measures(SMALL) == {
        "prompts": 3,
        "actions": 2,
        "words_out": 13,
        "lines_added": 2,
        "lines_removed": 1,
        "commits": 1,
        "actions_per_prompt": 2 / 3,
        "words_per_prompt": 13 / 3,
    }


def test_what_a_subagent_did_belongs_to_the_session() -> None:
    """Otherwise a session that delegates would seem idle."""
    side = {"isSidechain": True, "agentId": "a1"}
    use = {"type": "tool_use", "id": "x", "name": "Write", "input": {"content": "a\nb"}}
    done = {"type": "tool_result", "tool_use_id": "x", "content": "ok"}
    found = session(
        person("observe"),
        call("Task", prompt="look"),
        result("seen", extra={"agentId": "a1"}),
        person("look", **side),
        record("assistant", [use], **side),
        person([done], **side),
    )
    counted = measures(found)
    assert (counted["prompts"], counted["actions"], counted["lines_added"]) == (1, 2, 2)
    assert contexts(structure_of(found), render(found), share_cut=0)["wrote_code"] == "yes"


def test_a_session_without_a_prompt_divides_by_one() -> None:
    """Plan hand-offs have no human prompt and are kept."""
    plan = person("Implement the following plan:\n\n# Plan", planContent="# Plan")
    counted = measures(session(plan, call("Read")))
    assert (counted["prompts"], counted["actions_per_prompt"]) == (0, 1)


def test_every_column_of_the_codebook_is_filled() -> None:
    """A missing column would make every record of the worker unreadable."""
    described = contexts(structure_of(SMALL), render(SMALL), share_cut=0)
    described |= {"month": "2026-02", "status": "rated", "staff": "no"}
    described |= {"telemetry": "absent", "telemetry_wrote_code": "absent"}
    made = LabelRecord.of(codebook(), described, measures(SMALL), bytes(16))
    assert LabelRecord.decode(made.encode(), codebook()) == made
    assert set(described) == {field.name for field in codebook().contexts}


def test_model_family_is_mixed_only_across_families() -> None:
    """Two versions of one family are one family; an error's model is none."""
    other = agent("Hi.")
    for model, family in (("claude-opus-4-6", "opus"), ("claude-haiku-4-5", "mixed"),
                          ("<synthetic>", "opus")):  # fmt: skip
        other["message"]["model"] = model
        assert model_family(session(person("a"), agent("Yes."), other)) == family
    assert model_family(session(person("a"))) == "other"


def test_prompts_are_requests_and_not_refusals_or_answers() -> None:
    """A refusal's note is the person's word, but telemetry counts no prompt for it."""
    refusal = "The user doesn't want to proceed with this tool use, the user said:\nno"
    found = session(person("go"), call("Bash"), result(refusal, error=True))
    assert prompts(found) == 1
    assert len(list(found.human)) == 2


COUNTS = [field.name for field in fields(Structure) if field.type is int]


def numbers(counted: Structure) -> dict[str, int]:
    """The counts of a structure."""
    return {name: value for name, value in asdict(counted).items() if name in COUNTS}


@given(kinds, kinds)
def test_what_sub_agents_did_is_added_and_nothing_else(trunk: list[str], sub: list[str]) -> None:
    """A session that delegates is the sum of its parts; a person is in the trunk alone."""
    alone = session(person("go"), agent("yes"), *made(trunk))
    helper = session(person("look"), agent("well"), *made(sub, at=500))
    together = structure_of(replace(alone, subagents=(replace(helper, is_subagent=True),)))
    one, two = numbers(structure_of(alone)), numbers(structure_of(helper))
    added = [name for name in COUNTS if name not in ("prompts", "interrupts")]
    assert len(added) == len(COUNTS) - 2
    for name in COUNTS:
        assert numbers(together)[name] == one[name] + (two[name] if name in added else 0)
    assert structure_of(helper).actions or not {"act", "edit", "commit", "fail"} & set(sub)


@given(kinds, st.integers())
def test_records_that_are_repeated_count_once(of: list[str], seed: int) -> None:
    """Resumed sessions and captures hold records again, anywhere behind the first."""
    dice = Random(seed)
    records = [person("go"), agent("yes"), *made(of)]
    copied = list(records)
    for each in dice.sample(records, len(records) // 2):
        if "uuid" in each:  # a queue operation has none; the edge knows those by what they say
            copied.insert(dice.randint(copied.index(each) + 1, len(copied)), each)
    assert structure_of(session(*copied)) == structure_of(session(*records))


@given(kinds, kinds)
def test_nothing_is_uncounted_when_a_session_goes_on(before: list[str], after: list[str]) -> None:
    """A session that grew supersedes its older self: it must hold all that this one held."""
    shorter = [person("go"), agent("yes"), *made(before)]
    one = numbers(structure_of(session(*shorter)))
    two = numbers(structure_of(session(*shorter, *made(after, at=500))))
    assert all(one[name] <= two[name] for name in COUNTS)
    # The control: what a step adds is seen, but for a plan, a person's own command, a second stop.
    assert one != two or set(after) <= {"plan", "shell", "stop"}


DENIED = "Permission to use Edit has been denied."


@pytest.mark.parametrize(
    ("text", "error", "lines"),
    [
        ("ok", False, (2, 1)),
        (REFUSED, True, (0, 0)),
        (f"{REFUSED} To tell you how to proceed, the user said:\nno", True, (0, 0)),
        (DENIED, True, (0, 0)),
        ("String to replace not found in file.", True, (0, 0)),
        ("[Request interrupted by user for tool use]", True, (0, 0)),
    ],
    ids=["applied", "rejected", "rejected with words", "denied", "failed", "interrupted"],
)
def test_lines_count_where_an_edit_went_through(
    text: str,
    error: bool,  # noqa: FBT001
    lines: tuple[int, int],
) -> None:
    """Also where the log holds a patch of what was proposed."""
    found = session(
        person("mend"),
        call("Edit", file_path="a.py", old_string="c", new_string="a\nb"),
        result(text, error=error, extra=PATCH),
        call("Bash", "call-2", command="git commit -m x"),
        result(text, "call-2", error=error),
    )
    counted = structure_of(found)
    assert (counted.lines_added, counted.lines_removed) == lines
    assert counted.wrote_code == (lines != (0, 0))
    assert counted.commits == (not error)
    assert counted.rejections == 2 * text.startswith(REFUSED)
    assert counted.errors == 2 * (text.startswith("String"))


@given(st.lists(st.text(st.characters(exclude_characters="\n\r"), min_size=1), max_size=6))
def test_a_created_file_adds_its_lines(content: list[str]) -> None:
    """However the log tells it: by the result, or by the request alone."""
    text = "".join(f"{line}\n" for line in content)
    for extra in ({"type": "create", "content": text, "structuredPatch": []}, None):
        found = session(
            person("write"),
            call("Write", file_path="n.txt", content=text),
            result("ok", extra=extra),
        )
        counted = structure_of(found)
        assert (counted.lines_added, counted.lines_removed) == (len(content), 0)


@given(st.lists(st.lists(st.sampled_from(["+x", "-y", " z", "\\ No newline"]), max_size=6)))
def test_a_patch_counts_its_lines_by_their_first_character(hunks: list[list[str]]) -> None:
    """All hunks together; what stayed counts as nothing."""
    patch = {"structuredPatch": [{"lines": hunk} for hunk in hunks]}
    found = session(person("mend"), call("Edit", file_path="a.py"), result("ok", extra=patch))
    lines = [line[0] for hunk in hunks for line in hunk]
    counted = structure_of(found)
    assert (counted.lines_added, counted.lines_removed) == (lines.count("+"), lines.count("-"))


def test_prose_code_and_thinking_are_apart() -> None:
    """Published word counts hold code; whoever wants prose alone must be able to part them."""
    found = session(
        person("show me"),
        record("assistant", [{"type": "thinking", "thinking": "canary thought of five words"}]),
        agent("Here you are:\n```python\nprint(1 + 2)\n```\nThat is all."),
        call("Bash", command="echo one two"),
        result("one two"),
    )
    counted = structure_of(found)
    # "Here you are:", "That is all."; "python", "print(1", "+", "2)" and the command's three.
    assert (counted.prose_words, counted.code_words, counted.thinking_words) == (6, 7, 5)
    assert counted.words_out == measures(found)["words_out"] == 13


def test_what_was_thought_is_counted_and_not_kept() -> None:
    """Nobody rates it, so nothing that runs later may hold it."""
    thought = record("assistant", [{"type": "thinking", "thinking": "canary words"}])
    told = Conversation()
    told.ask("go")
    told.answer("yes")
    told.think("canary words")
    for found in (session(person("go"), thought, agent("yes")), told.session("generic")):
        assert structure_of(found).thinking_words == 2
        kept = [part.text for part in found.utterances]
        assert ["".join(text) for text in kept] == ["go", "yes"]


@pytest.mark.parametrize(
    ("records", "attended"),
    [
        ([person("go"), agent("yes")], True),
        ([agent("I begin."), call("Read")], False),
        ([person("Implement the following plan:\n\n# P", planContent="x"), agent("yes")], True),
        ([agent("I begin."), call("Bash"), result(f"{REFUSED}\nthe user said:\nno", error=True)],
         True),
        ([person("go", entrypoint="sdk-cli"), agent("yes")], False),
    ],
    ids=["a prompt", "nothing", "a plan", "a refusal", "an SDK"],
)  # fmt: skip
def test_a_session_without_a_person_is_headless(
    records: list[dict[str, object]],
    attended: bool,  # noqa: FBT001
) -> None:
    """The published study left those out; so can a study, by this label."""
    found = session(*records)
    assert is_attended(found) == structure_of(found).interactive == attended
    assert any(said.actor is Actor.MODEL for said in found.utterances) or not attended
