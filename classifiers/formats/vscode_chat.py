"""
Chats in VS Code (Copilot and others): one document a chat, or a log of changes to one.

A request holds what was typed, the answer as it is shown, and in its result the rounds with the
model: each answer and the calls it asked for.  The log's first line is the document, later ones
set, add to or delete what lies at a path in it.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Session

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record
from .portions import Part, Portion, earliest, within
from .values import dict_of, dicts_of, text_of, time_of, words_in

NAME = "vscode_chat"

_KEPT = ("requestId", "timestamp", "modelId", "isCanceled", "isSystemInitiated", "message",
         "response", "result")  # fmt: skip
_SET, _ADD, _DELETE = 1, 2, 3


def claims(record: Record) -> bool:
    """Whether a record is a chat, or the first line of its log."""
    if record.get("kind") == 0 and isinstance(record.get("v"), dict):
        record = dict_of(record["v"])
    is_chat = isinstance(record.get("requests"), list)
    return is_chat and ("responderUsername" in record or {"version", "sessionId"} <= record.keys())


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The chats of a file."""
    chat: Record = {}
    for record in found:
        if claims(record):
            if chat:
                yield _portion(chat)
            chat = dict_of(record.get("v")) if "v" in record else record
        elif chat and isinstance(record.get("k"), list):
            _change(chat, record)
    if chat:
        yield _portion(chat)


def _portion(chat: Record) -> Portion:
    requests = [_kept(each) for each in dicts_of(chat.get("requests"))]
    first = text_of(requests[0].get("requestId")) if requests else ""
    about: Record = {"version": 3, "sessionId": text_of(chat.get("sessionId")) or f"of:{first}"}
    times = [time_of(chat.get("creationDate")), *(time_of(r.get("timestamp")) for r in requests)]
    parts = [Part(each, text_of(each.get("requestId"))) for each in requests]
    name = text_of(about["sessionId"])
    return Portion(name, parts, within("requests", about), earliest(times))


def _kept(request: Record) -> Record:
    """What a reader needs of a request; files and places that it refers to stay behind."""
    kept = {key: request[key] for key in _KEPT if key in request}
    about = dict_of(dict_of(request.get("result")).get("metadata"))
    rounds = ("toolCallRounds", "toolCallResults", "summaries")
    kept["message"] = {"text": _typed(request)}
    kept["result"] = {
        "errorDetails": dict_of(dict_of(request.get("result")).get("errorDetails")),
        "metadata": {key: about[key] for key in rounds if key in about},
    }
    kept["response"] = [{"value": text} for text in _shown(request)]
    return kept


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a chat.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    portions = list(split(iter(found)))
    told = Conversation()
    for part in portions[0].parts:
        _take(told, part.record)
    return told.session(NAME, surface="ide", damage=damage, others=len(portions) - 1)


def _take(told: Conversation, request: Record) -> None:
    at, typed = time_of(request.get("timestamp")), _typed(request)
    if request.get("isSystemInitiated") is True:
        told.say(Actor.HARNESS, "notification", typed, at)
    else:
        told.ask(typed, at)
    if model := text_of(request.get("modelId")).rpartition("/")[2]:
        told.models.add(model)
    result = dict_of(request.get("result"))
    about = dict_of(result.get("metadata"))
    rounds = dicts_of(about.get("toolCallRounds"))
    is_told_by_round = any(text_of(each.get("response")).strip() for each in rounds)
    for each in rounds:
        told.answer(text_of(each.get("response")), name=text_of(each.get("id")) or told.step)
        _calls(told, each, dict_of(about.get("toolCallResults")))
    if not is_told_by_round and (shown := _shown(request)):
        told.answer("".join(shown), name=told.step if rounds else "")
    for _ in dicts_of(about.get("summaries")):
        told.compact()
    error = dict_of(result.get("errorDetails"))
    if request.get("isCanceled") is True or error.get("code") == "canceled":
        told.interrupt()
    elif error:
        told.say(Actor.HARNESS, "api_error", "")


def _calls(told: Conversation, of: Record, results: Record) -> None:
    for call in dicts_of(of.get("toolCalls")):
        call_id = text_of(call.get("id"))
        told.call(call_id, text_of(call.get("name")), arguments(call.get("arguments")))
        if call_id in results:
            content = dicts_of(dict_of(results[call_id]).get("content"))
            told.result(call_id, "\n".join(text_of(each.get("value")) for each in content))


def _typed(request: Record) -> str:
    message = dict_of(request.get("message"))
    return text_of(message.get("text")) or words_in(message.get("parts"))


def _shown(request: Record) -> list[str]:
    """The texts of an answer as it is shown; what was thought and done is none."""
    texts = []
    for part in dicts_of(request.get("response")):
        if text_of(part.get("kind")) in ("", "markdownContent"):
            value = part.get("value", part.get("content"))
            texts.append(text_of(value) or text_of(dict_of(value).get("value")))
    return [text for text in texts if text]


def _change(chat: Record, change: Record) -> None:
    """Carry out a change of the log; one that leads nowhere is left out."""
    path = change.get("k")
    if not isinstance(path, list) or not path:
        return
    place: object = chat
    for step in path[:-1]:
        place = _inside(place, step)
    last, value = path[-1], change.get("v")
    match change.get("kind"):
        case int(kind) if kind == _SET:
            _put(place, last, value)
        case int(kind) if kind == _ADD:
            held = _inside(place, last)
            if not isinstance(held, list):
                held = []
                _put(place, last, held)
            if isinstance(start := change.get("i"), int) and start >= 0:
                del held[start:]
            held.extend(value if isinstance(value, list) else [])
        case int(kind) if kind == _DELETE and isinstance(place, dict):
            place.pop(last, None) if isinstance(last, str) else None


def _inside(place: object, step: object) -> object:
    if isinstance(place, dict) and isinstance(step, str):
        return place.get(step)
    if isinstance(place, list) and isinstance(step, int) and 0 <= step < len(place):
        return place[step]
    return None


def _put(place: object, step: object, value: object) -> None:
    if isinstance(place, dict) and isinstance(step, str):
        place[step] = value
    elif isinstance(place, list) and isinstance(step, int) and 0 <= step <= len(place):
        place[step : step + 1] = [value]
