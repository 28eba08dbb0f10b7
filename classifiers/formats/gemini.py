"""
Gemini CLI's chats: one JSON document a session, or the same as lines, or streamed events.

A document holds `messages`, each complete: text, calls and their results.  As lines, the first
holds the session's data, later ones are messages, of which the last of an id counts, or `$set`
and `$rewindTo`; a rewound message was still lived through, as in other formats.  The streamed
form (`init`, `message`, `tool_use`, …) is what a run without a person prints.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from classifiers.sessions import Actor, Outcome, Session, UnreadableError

from .actions import arguments, patch_lines
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, after, earliest, within
from .values import (
    dict_of,
    dicts_of,
    number_of,
    pictures_in,
    text_of,
    time_of,
    words_in,
)

NAME = "gemini_cli"

_SPOKEN = ("user", "gemini")
_NOTICES = ("info", "warning", "error")
_STREAM = frozenset({"message", "tool_use", "tool_result", "error", "result"})
_FILES = "--- Content from referenced files ---"
_ENDED: dict[str, Outcome] = {"success": "ok", "cancelled": "rejected", "error": "error"}


def claims(record: Record) -> bool:
    """Whether a record is a chat, the first line of one, or a stream's beginning."""
    if not isinstance(record.get("sessionId"), str):
        return _is_stream(record)
    messages = record.get("messages")
    return "projectHash" in record and (isinstance(messages, list) or "startTime" in record)


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The chats of a file."""
    head: Record = {}
    lines: list[Record] = []
    for record in found:
        if claims(record):
            if head:
                yield _portion(head, lines)
            head, lines = record, []
        else:
            lines.append(record)
    if head:
        yield _portion(head, lines)


def _portion(head: Record, lines: list[Record]) -> Portion:
    is_document = isinstance(head.get("messages"), list)
    messages = dicts_of(head.get("messages")) if is_document else lines
    for message in messages:
        message.pop("thoughts", None)
    parts = [
        Part(each, text_of(each.get("id")), type_of(each) in (*_SPOKEN, *_STREAM - {"result"}))
        for each in messages
    ]
    began = earliest([time_of(head.get("startTime") or head.get("timestamp")),
                      *(time_of(each.get("timestamp")) for each in messages)])  # fmt: skip
    name = text_of(head.get("sessionId")) or text_of(head.get("session_id"))
    written = within("messages", head) if is_document else after([head])
    return Portion(name, parts, written, began, parent=name if _is_subagent(head) else "")


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a chat.

    Raises:
        UnreadableError: There is no exchange in it, or it is a sub-agent's.
    """
    rest = iter(found)
    head = next(record for record in rest if claims(record))
    if _is_subagent(head):
        raise UnreadableError("SUBAGENT_ALONE")
    told = Conversation()
    if _is_stream(head):
        _stream(told, head, rest)
        return told.session(NAME, interactive=False, damage=damage)
    messages: dict[str, Record] = {}
    for place, message in enumerate(chain(dicts_of(head.get("messages")), rest)):
        name = text_of(message.get("id")) or f"\0{place}"
        told.duplicates += name in messages
        messages[name] = message
    for message in messages.values():
        _take(told, message)
    return told.session(NAME, damage=damage)


def _take(told: Conversation, message: Record) -> None:
    at, content = time_of(message.get("timestamp")), message.get("content")
    match type_of(message):
        case "user":
            shown = message.get("displayContent", content)
            told.ask(words_in(shown).split(_FILES)[0], at, pictures=pictures_in(content))
        case "gemini":
            model = text_of(message.get("model"))
            told.models |= {model} if model else set()
            told.answer(words_in(content), at, name=text_of(message.get("id")))
            for call in dicts_of(message.get("toolCalls")):
                _call(told, call)
        case "info" | "warning":
            if "cancelled" in words_in(content).lower():
                told.interrupt()
        case "error":
            told.say(Actor.HARNESS, "api_error", "", at)
        case _:
            told.unknown += not {"$set", "$rewindTo"} & message.keys()


def _call(told: Conversation, call: Record) -> None:
    call_id = text_of(call.get("id"))
    told.call(call_id, text_of(call.get("name")), arguments(call.get("args")))
    status = text_of(call.get("status"))
    if status not in _ENDED:
        return
    answers = [
        dict_of(dict_of(each.get("functionResponse")).get("response"))
        for each in dicts_of(call.get("result"))
    ]
    text = "\n".join(words_in(each.get("output") or each.get("error")) for each in answers)
    outcome = _ENDED[status]
    if outcome == "ok" and any("error" in each and "output" not in each for each in answers):
        outcome = "error"
    told.result(call_id, text, outcome=outcome, lines=_lines(call.get("resultDisplay")))


def _lines(shown: object) -> tuple[int, int] | None:
    """Lines (added, removed) of an edit as the program shows it."""
    stated = dict_of(dict_of(shown).get("diffStat"))
    if "model_added_lines" in stated:
        added, removed = stated.get("model_added_lines"), stated.get("model_removed_lines")
        return number_of(added), number_of(removed)
    patch = text_of(dict_of(shown).get("fileDiff"))
    return patch_lines(patch) if patch else None


def _stream(told: Conversation, head: Record, lines: Iterable[Record]) -> None:
    told.models.add(text_of(head.get("model")))
    said: list[str] = []
    at = None
    end: Record = {"type": "result"}
    for record in chain(lines, (end,)):
        kind = type_of(record)
        if said and (kind != "message" or record.get("role") != "assistant"):
            told.answer("".join(said), at, name=told.step)
            said.clear()
        at = time_of(record.get("timestamp"))
        call_id = text_of(record.get("tool_id"))
        if kind == "message" and record.get("role") == "user":
            told.ask(words_in(record.get("content")), at)
        elif kind == "message":
            said.append(words_in(record.get("content")))
        elif kind == "tool_use":
            told.call(call_id, text_of(record.get("tool_name")), dict_of(record.get("parameters")))
        elif kind == "tool_result":
            failed = record.get("status") == "error"
            text = words_in(record.get("output"))
            told.result(call_id, text, outcome="error" if failed else "ok")
        elif kind == "error":
            told.say(Actor.HARNESS, "api_error", "", at)
        else:
            told.unknown += kind not in _STREAM


def _is_stream(record: Record) -> bool:
    keys = {"session_id", "model"}
    return type_of(record) == "init" and keys <= record.keys() and "subtype" not in record


def _is_subagent(head: Record) -> bool:
    return head.get("kind") == "subagent"
