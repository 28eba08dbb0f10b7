"""
Inspect's evaluation logs as JSON: one document an evaluation, a session a sample.

These are tests of a model and no use by a person, so that no session is interactive.  Logs in
`.eval` archives the edge takes apart; where it cannot, `inspect log dump` writes them as JSON.
"""

from collections.abc import Callable, Iterable, Iterator

from classifiers.sessions import Outcome, Session, UnreadableError

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, named, within
from .values import dict_of, dicts_of, pictures_in, text_of, time_of, words_in

NAME = "inspect"

_TIMES = ("started_at", "completed_at")


def claims(record: Record) -> bool:
    """Whether a record is an evaluation's log."""
    about = dict_of(record.get("eval"))
    return "task" in about and "status" in record and "version" in record


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion a sample and epoch."""
    for record in found:
        if not claims(record):
            continue
        about = dict_of(record.get("eval"))
        kept = {key: about[key] for key in ("task", "model", "created") if key in about}
        run = about.get("eval_id") or about.get("run_id") or kept
        for sample in dicts_of(record.get("samples")):
            messages = dicts_of(sample.get("messages"))
            document = {"version": record["version"], "status": "", "eval": kept}
            own = text_of(sample.get("uuid"))
            yield Portion(
                own or named(run, sample.get("id"), sample.get("epoch")),
                [Part(each, "", each.get("role") in ("user", "assistant")) for each in messages],
                _of_sample(document, {key: sample[key] for key in _TIMES if key in sample}),
                time_of(sample.get("started_at")) or time_of(about.get("created")),
            )


def _of_sample(document: Record, times: Record) -> Callable[[list[Record]], list[Record]]:
    def written(kept: list[Record]) -> list[Record]:
        return within("samples", document)([{**times, "messages": kept}])

    return written


def _outcome(error: object) -> Outcome:
    """How a call ended; one that an approver stopped was never made."""
    if not error:
        return "ok"
    return "denied" if dict_of(error).get("type") == "approval" else "error"


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a log's first sample.

    Raises:
        UnreadableError: It has none, or nothing was said in it.
    """
    log = next(record for record in found if claims(record))
    about, samples = dict_of(log.get("eval")), dicts_of(log.get("samples"))
    if not samples:
        raise UnreadableError("NO_CONVERSATION")
    told = Conversation()
    if model := text_of(about.get("model")):
        told.models.add(model)
    began, ended = (time_of(samples[0].get(key)) for key in _TIMES)
    at = began or time_of(about.get("created"))
    for message in dicts_of(samples[0].get("messages")):
        content = message.get("content")
        match message.get("role"):
            case "user":
                told.ask(words_in(content), at, pictures=pictures_in(content))
            case "assistant":
                texts = [each for each in dicts_of(content) if type_of(each) == "text"]
                model = text_of(message.get("model"))
                told.models |= {model} if model else set()
                told.answer(words_in(texts or content), ended, name=text_of(message.get("id")))
                for call in dicts_of(message.get("tool_calls")):
                    function = text_of(call.get("function"))
                    told.call(text_of(call.get("id")), function, arguments(call.get("arguments")))
            case "tool":
                call_id = text_of(message.get("tool_call_id"))
                told.result(call_id, words_in(content), outcome=_outcome(message.get("error")))
            case role:
                told.unknown += role != "system"
    return told.session(
        NAME, interactive=False, surface="other", damage=damage, others=len(samples) - 1
    )
