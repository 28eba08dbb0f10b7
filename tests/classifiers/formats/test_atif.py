"""ATIF: runs that may go on in a further document, which repeats what went before."""

from pathlib import Path

from classifiers.formats import read_session
from tests.classifiers.formats.made import (
    TIME,
    Json,
    answered,
    counted,
    document,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import said


def run(*steps: Json, index: int = 0, **more: object) -> Json:
    """A trajectory."""
    agent = {"name": "robin", "version": "1", "model_name": "gpt-4o", "extra": {}}
    if index:
        agent["extra"] = {"continuation_index": index}
    told = [{"step_id": place + 1, "timestamp": TIME} | step for place, step in enumerate(steps)]
    return {"schema_version": "ATIF-v1.7", "session_id": "r", "agent": agent, "steps": told, **more}


ASKED: Json = {"source": "user", "message": "sing"}
SUNG: Json = {
    "source": "agent",
    "message": "I sing.",
    "tool_calls": [
        {"tool_call_id": "1", "function_name": "bash", "arguments": {"command": "sing"}}
    ],
    "observation": {"results": [{"source_call_id": "1", "content": "la"}]},
}


def test_a_run_is_a_session_that_is_not_interactive(tmp_path: Path) -> None:
    """The prompt is the user's; nobody sat before it."""
    found = through(tmp_path, document(run({"source": "system", "message": "rules"}, ASKED, SUNG)))
    assert said(found) == [("prompt", "sing")]
    assert outcomes(found) == [("shell", "sing", "ok")]
    assert (found.format, found.interactive) == ("atif", False)
    assert ["".join(model) for model in found.models] == ["gpt-4o"]


def test_a_continuation_adds_only_what_is_new(tmp_path: Path) -> None:
    """Its copied steps would otherwise count twice, and it would look like a session."""
    copied = [each | {"is_copied_context": True} for each in (ASKED, SUNG)]
    more = {"source": "agent", "message": "And again."}
    found, _ = sealed(
        tmp_path,
        b=document(run(ASKED, SUNG, continued_trajectory_ref="a")),
        a=document(run(*copied, more, index=1)),
    )
    (one,) = found
    session = read_session(one.blob)
    assert answered(session) == ["I sing.", "And again."]
    assert counted(session)[:2] == (1, 1)
    assert session.completeness.duplicate_records == 2
    # The control: alone it is read with what it copied, so that it makes sense.
    assert answered(read_session(document(run(*copied, more, index=1)))) == [
        "I sing.",
        "And again.",
    ]


def test_another_run_of_the_same_id_is_another_session(tmp_path: Path) -> None:
    """Ids are placeholders in some files; the first words tell runs apart."""
    other = {"source": "user", "message": "dance"}
    found, _ = sealed(tmp_path, a=document(run(ASKED, SUNG)), b=document(run(other, SUNG)))
    assert len(found) == 2


def test_sub_agents_lie_in_the_document_and_hang_on_their_calls(tmp_path: Path) -> None:
    """What a sub-agent inherited was said before it was sent."""
    call = {"tool_call_id": "t", "function_name": "Task", "arguments": {"prompt": "look"}}
    result = {
        "source_call_id": "t",
        "content": "seen",
        "subagent_trajectory_ref": [{"trajectory_id": "c"}],
    }
    sent: Json = {"source": "agent", "message": "I send.", "tool_calls": [call],
                  "observation": {"results": [result]}}  # fmt: skip
    own = {"source": "user", "message": "look"}
    below = run(ASKED | {"is_copied_context": True}, own, SUNG) | {"trajectory_id": "c"}
    below["subagent_trajectories"] = [run(SUNG) | {"trajectory_id": "cc"}]
    found = through(tmp_path, document(run(ASKED, sent, subagent_trajectories=[below])))
    (task,) = found.calls
    assert task.subagent is not None
    assert [each.via for each in task.subagent.utterances] == ["plan_handoff", "assistant_text"]
    # one call of the trunk, one of the sub-agent, one of the sub-agent's own
    assert counted(found)[:2] == (1, 3)
    assert sum(part.model_calls for part in found.all_sessions) == 3
    assert said(found) == [("prompt", "sing")]


def test_a_step_without_a_model_is_the_harness() -> None:
    """It stands in the agent's name, and no model wrote it."""
    step = {"source": "agent", "message": "All done.", "llm_call_count": 0}
    found = read_session(document(run(ASKED, SUNG, step)))
    assert answered(found) == ["I sing."]
    assert found.model_calls == 1
