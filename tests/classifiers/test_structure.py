"""What is counted, on a session small enough to count by hand."""

from classifiers.rendering import render
from classifiers.structure import contexts, measures, model_family, prompts
from privacy.codebook import codebook
from privacy.labels import LabelRecord
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
    assert contexts(found, render(found), share_cut=0)["wrote_code"] == "yes"


def test_a_session_without_a_prompt_divides_by_one() -> None:
    """Plan hand-offs have no human prompt and are kept."""
    plan = person("Implement the following plan:\n\n# Plan", planContent="# Plan")
    counted = measures(session(plan, call("Read")))
    assert (counted["prompts"], counted["actions_per_prompt"]) == (0, 1)


def test_every_column_of_the_codebook_is_filled() -> None:
    """A missing column would make every record of the worker unreadable."""
    described = contexts(SMALL, render(SMALL), share_cut=0)
    described |= {"month": "2026-02", "status": "rated", "staff": "no"}
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
