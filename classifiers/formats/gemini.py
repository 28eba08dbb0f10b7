"""
Gemini CLI's chats: one JSON document a session, or the same as lines, or streamed events.

A document holds `messages`, each complete: text, calls and their results.  As lines, the first
holds the session's data, later ones are messages, of which the last of an id counts, or changes:
`$set`, `$patch` (which shortens outputs) and `$rewindTo`; a rewound message was still lived
through, as in other formats.  A sub-agent's chat is a file of its own that names no parent; its
parent's call names it.  The streamed form (`init`, `message`, `tool_use`, …) is what a run
without a person prints.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from classifiers.sessions import Actor, Session, UnreadableError

from .actions import arguments
from .conversation import Conversation
from .google_contents import answers_in, ended, lines_in, reply_in, said_in, take_calls
from .lines import Damage, Record, type_of
from .portions import Part, Portion, after, earliest, within
from .values import (
    dict_of,
    dicts_of,
    pictures_in,
    text_of,
    time_of,
    words_in,
)

NAME = "gemini_cli"

_HEAD = ("sessionId", "session_id", "projectHash", "startTime", "kind", "type", "model",
         "timestamp", "messages")  # fmt: skip
"""What a reader needs of a chat beside its messages."""
_SPOKEN = ("user", "gemini")
_NOTICES = ("info", "warning", "error")
_STREAM = frozenset({"message", "tool_use", "tool_result", "error", "result"})
_FILES = "--- Content from referenced files ---"
_NUDGES = ("System: Please continue.", "System: Potential loop detected.")
"""How texts begin with which the program makes the model go on."""


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
    messages = dicts_of(head.get("messages")) if is_document else [*_latest(lines).values()]
    messages = [each for each in messages if type_of(each)]
    for message in messages:
        _strip(message)
    parts = [
        Part(each, text_of(each.get("id")), type_of(each) in (*_SPOKEN, *_STREAM - {"result"}))
        for each in messages
    ]
    began = earliest([time_of(head.get("startTime") or head.get("timestamp")),
                      *(time_of(each.get("timestamp")) for each in messages)])  # fmt: skip
    name = text_of(head.get("sessionId")) or text_of(head.get("session_id"))
    head = {key: head[key] for key in _HEAD if key in head}
    written = within("messages", head) if is_document else after([head])
    calls = (call for each in messages for call in dicts_of(each.get("toolCalls")))
    sent = tuple(agent for call in calls if (agent := text_of(call.get("agentId"))))
    parent = name if _is_subagent(head) else ""
    return Portion(name, parts, written, began, parent=parent, children=sent)


def _strip(message: Record) -> None:
    """Take from a message what no reader needs: thoughts, and files as they were and are."""
    message.pop("thoughts", None)
    for call in dicts_of(message.get("toolCalls")):
        if isinstance(shown := call.get("resultDisplay"), dict):
            for key in shown.keys() - {"diffStat", "fileDiff"}:
                del shown[key]


def _latest(lines: list[Record]) -> dict[str, Record]:
    """
    Messages by their ids, each as it was written last, where it was written first.

    A change of the session's data may hold messages, too: those of a session that was restored.
    """
    messages: dict[str, Record] = {}
    for place, line in enumerate(lines):
        held = dicts_of(dict_of(line.get("$set")).get("messages"))
        for number, each in enumerate(held or [line]):
            messages[text_of(each.get("id")) or f"\0{place}:{number}"] = each
    return messages


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a chat; sub-agents' chats may follow.

    Raises:
        UnreadableError: There is no exchange in it, or it is a sub-agent's.
    """
    chats: list[list[Record]] = []
    for record in found:
        if claims(record):
            chats.append([])
        if chats:
            chats[-1].append(record)
    trunk = next((chat for chat in chats if not _is_subagent(chat[0])), None)
    if trunk is None:
        raise UnreadableError("SUBAGENT_ALONE")
    agents = {}
    for chat in chats:
        told = Conversation(is_subagent=True)
        if _is_subagent(chat[0]):
            _chat(told, chat)
        if not told.is_empty:
            agents[text_of(chat[0].get("sessionId"))] = told.session(NAME)
    others = sum(not _is_subagent(chat[0]) for chat in chats) - 1
    told = Conversation()
    if _is_stream(trunk[0]):
        _stream(told, trunk[0], trunk[1:])
        return told.session(NAME, interactive=False, damage=damage, others=others)
    _chat(told, trunk)
    return told.session(NAME, damage=damage, agents=agents, others=others)


def _chat(told: Conversation, chat: list[Record]) -> None:
    found = [*dicts_of(chat[0].get("messages")), *chat[1:]]
    messages = _latest(found)
    told.duplicates += max(0, len(found) - len(messages))
    for message in messages.values():
        _take(told, message)


def _take(told: Conversation, message: Record) -> None:
    at, content = time_of(message.get("timestamp")), message.get("content")
    match type_of(message):
        case "user":
            text = said_in(message.get("displayContent", content)).split(_FILES)[0]
            if text.startswith(_NUDGES) or text.strip() == "Please continue.":
                told.say(Actor.HARNESS, "reminder", text, at)
            else:
                told.ask(text, at, pictures=pictures_in(content))
        case "gemini":
            model = text_of(message.get("model"))
            told.models |= {model} if model else set()
            told.answer(said_in(content), at, name=text_of(message.get("id")))
            take_calls(told, content)
            for call in dicts_of(message.get("toolCalls")):
                _call(told, call)
        case "info" | "warning":
            if "cancelled" in words_in(content).lower():
                told.interrupt()
        case "error":
            told.say(Actor.HARNESS, "api_error", "", at)
        case _:
            told.unknown += not {"$set", "$rewindTo", "$patch"} & message.keys()


def _call(told: Conversation, call: Record) -> None:
    call_id, given = text_of(call.get("id")), arguments(call.get("args"))
    told.call(call_id, text_of(call.get("name")), given)
    text, failed = answers_in(call.get("result"))
    outcome = ended(call.get("status"), failed=failed)
    if outcome is None:
        return
    lines, agent = lines_in(call.get("resultDisplay")), text_of(call.get("agentId"))
    told.result(call_id, text, outcome=outcome, lines=lines, agent=agent)
    if call.get("name") == "ask_user":
        for words, own in reply_in(given, text):
            told.say(Actor.HUMAN, "question_answer", words, own=own)


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
            text = words_in(record.get("output")) or words_in(
                dict_of(record.get("error")).get("message")
            )
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
