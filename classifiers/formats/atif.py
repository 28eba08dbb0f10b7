"""
ATIF, the trajectory format of agent harnesses: one JSON document a run, `steps` of an agent.

A run is not interactive, whoever wrote what it was asked.  A run that outgrew its context goes
on in a further document, which repeats earlier steps as `is_copied_context`; documents of one
run bear one `session_id` and begin with the same words, and make one session.  Sub-agents' runs
lie in the document, and the result of the call that sent one names it.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Session, UnreadableError

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record
from .portions import Part, Portion, earliest, named, within
from .values import dict_of, dicts_of, number_of, pictures_in, text_of, time_of, words_in

NAME = "atif"

_DEEPEST = 8
"""Sub-agents of sub-agents that are followed."""
_AGENT = ("name", "version", "model_name")


def claims(record: Record) -> bool:
    """Whether a record is a trajectory that names this schema."""
    version = text_of(record.get("schema_version"))
    return version.startswith("ATIF-v") and isinstance(record.get("steps"), list)


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion a document."""
    for record in found:
        if not claims(record):
            continue
        steps = dicts_of(record.get("steps"))
        first = next((s for s in steps if s.get("source") == "user"), {})
        agent = dict_of(record.get("agent"))
        about: Record = {key: agent[key] for key in _AGENT if key in agent}
        about["extra"] = {"continuation_index": _index(record)}
        kept = {"schema_version": record["schema_version"], "agent": about}
        if below := dicts_of(record.get("subagent_trajectories")):
            kept["subagent_trajectories"] = below
        yield Portion(
            named(record.get("session_id"), agent.get("name"), words_in(first.get("message"))),
            [Part(each, "", each.get("source") in ("user", "agent")) for each in steps],
            within("steps", kept),
            earliest([time_of(step.get("timestamp")) for step in steps]),
            joins=_index(record) > 0 or "continued_trajectory_ref" in record,
        )


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a run's documents.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    runs = sorted((record for record in found if claims(record)), key=_index)
    told = Conversation()
    agents: dict[str, Session] = {}
    for place, run in enumerate(runs):
        _steps(told, run, with_copied=place == 0)
        agents.update(_agents(run, _DEEPEST))
    if not told.answers:
        raise UnreadableError("NO_CONVERSATION")
    return told.session(NAME, interactive=False, surface="other", damage=damage, agents=agents)


def _agents(run: Record, depth: int) -> dict[str, Session]:
    """Sub-agents of a run, by the name that its results call them."""
    agents: dict[str, Session] = {}
    for each in dicts_of(run.get("subagent_trajectories")) if depth else []:
        told = Conversation(is_subagent=True)
        _steps(told, each, with_copied=False)
        if not told.is_empty:
            agents[_name(each)] = told.session(NAME, agents=_agents(each, depth - 1))
    return agents


def _steps(told: Conversation, run: Record, *, with_copied: bool) -> None:
    model = text_of(dict_of(run.get("agent")).get("model_name"))
    for step in dicts_of(run.get("steps")):
        if with_copied or step.get("is_copied_context") is not True:
            _take(told, step, model)
        else:
            told.duplicates += 1


def _take(told: Conversation, step: Record, usual_model: str) -> None:
    at, source = time_of(step.get("timestamp")), step.get("source")
    message = step.get("message")
    if source == "user":
        told.ask(words_in(message), at, pictures=pictures_in(message))
    elif source == "agent":
        model = text_of(step.get("model_name")) or usual_model
        told.models |= {model} if model else set()
        if step.get("llm_call_count") == 0:  # the harness' own, in the agent's name
            told.say(Actor.HARNESS, "notification", words_in(message), at)
        else:
            told.answer(words_in(message), at)
        _calls(told, step)
    else:
        told.unknown += source != "system"


def _calls(told: Conversation, step: Record) -> None:
    calls = dicts_of(step.get("tool_calls"))
    for call in calls:
        name = text_of(call.get("function_name"))
        told.call(text_of(call.get("tool_call_id")), name, arguments(call.get("arguments")))
    for result in dicts_of(dict_of(step.get("observation")).get("results")):
        origin = text_of(result.get("source_call_id"))
        if origin or calls:  # without calls it is what the harness saw by itself
            sent = next(iter(dicts_of(result.get("subagent_trajectory_ref"))), {})
            told.result(origin, words_in(result.get("content")), agent=_name(sent))


def _name(run: Record) -> str:
    return text_of(run.get("trajectory_id")) or text_of(run.get("session_id"))


def _index(record: Record) -> int:
    extra = dict_of(dict_of(record.get("agent")).get("extra"))
    return number_of(extra.get("continuation_index"))
