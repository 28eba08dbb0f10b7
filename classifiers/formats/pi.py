"""
pi's session log: a line of the session's data, then entries that make a tree.

A file holds every branch, in the order in which the person went through them, and all of it
counts.  A forked session begins with a copy of the older one's entries; their ids are short, so
that a copy is known by id and time.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Session

from .actions import arguments, patch_lines
from .conversation import Conversation
from .lines import Damage, Record, timestamp, type_of
from .portions import Part, Portion, after, earliest
from .values import dict_of, dicts_of, pictures_in, text_of, time_of, words_in

NAME = "pi"

_SILENT = frozenset(
    {
        "session", "thinking_level_change", "usage", "custom", "custom_message", "context_edit",
        "label", "session_info",
    }
)  # fmt: skip
_ROLES = frozenset({"system", "custom", "hookMessage", "branchSummary", "compactionSummary"})
"""Roles of what the program puts in."""
_SPOKEN = ("user", "assistant", "toolResult", "bashExecution")


def claims(record: Record) -> bool:
    """Whether a record opens a session."""
    return type_of(record) == "session" and {"id", "timestamp", "cwd"} <= record.keys()


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The sessions of a file: one, unless files were put together."""
    head: Record = {}
    entries: list[Record] = []
    for record in found:
        if claims(record):
            if head:
                yield _portion(head, entries)
            head, entries = record, []
        else:
            entries.append(record)
    if head:
        yield _portion(head, entries)


def _portion(head: Record, entries: list[Record]) -> Portion:
    kept = [each for each in entries if type_of(each) not in _SILENT and not _is_systems(each)]
    for each in kept:
        details = dict_of(dict_of(each.get("message")).get("details"))
        for key in details.keys() - {"patch", "diff"}:
            del details[key]
    parts = [
        Part(each, _identity(each), dict_of(each.get("message")).get("role") in _SPOKEN)
        for each in kept
    ]
    kept_head = {key: head[key] for key in ("type", "version", "id", "timestamp")} | {"cwd": ""}
    began = earliest([timestamp(head), *(timestamp(each) for each in kept)])
    return Portion(text_of(head.get("id")), parts, after([kept_head]), began)


def _is_systems(entry: Record) -> bool:
    return dict_of(entry.get("message")).get("role") == "system"


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a log.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    told = Conversation()
    seen = 0
    for record in found:
        seen += claims(record)
        if seen < 2:
            _take(told, record)
    return told.session(NAME, damage=damage, others=max(0, seen - 1))


def _take(told: Conversation, entry: Record) -> None:
    match type_of(entry):
        case "message":
            _message(told, dict_of(entry.get("message")), entry)
        case "compaction":
            told.compact()
            told.say(Actor.MODEL, "summary", text_of(entry.get("summary")), timestamp(entry))
        case "branch_summary":
            told.say(Actor.MODEL, "summary", text_of(entry.get("summary")), timestamp(entry))
        case "model_change":
            told.models |= {model} if (model := text_of(entry.get("modelId"))) else set()
        case kind:
            told.unknown += kind not in _SILENT


def _message(told: Conversation, message: Record, entry: Record) -> None:
    at = timestamp(entry) or time_of(message.get("timestamp"))
    content = message.get("content")
    match message.get("role"):
        case "user":
            told.ask(words_in(content), at, pictures=pictures_in(content))
        case "bashExecution":
            told.say(Actor.HUMAN, "shell", text_of(message.get("command")), at)
        case "assistant":
            model = text_of(message.get("model"))
            told.models |= {model} if model else set()
            texts = [each for each in dicts_of(content) if type_of(each) == "text"]
            told.answer(words_in(texts or text_of(content)), at, name=_identity(entry))
            for call in dicts_of(content):
                if type_of(call) == "toolCall":
                    given = arguments(call.get("arguments"))
                    told.call(text_of(call.get("id")), text_of(call.get("name")), given)
            if message.get("stopReason") == "aborted":
                told.interrupt()
            elif message.get("stopReason") == "error":
                told.say(Actor.HARNESS, "api_error", "", at)
        case "toolResult":
            details = dict_of(message.get("details"))
            patch = text_of(details.get("patch")) or text_of(details.get("diff"))
            told.result(
                text_of(message.get("toolCallId")),
                words_in(content),
                outcome="error" if message.get("isError") is True else "ok",
                lines=patch_lines(patch) if patch else None,
            )
        case role:
            told.unknown += text_of(role) not in _ROLES


def _identity(entry: Record) -> str:
    name = text_of(entry.get("id"))
    return f"{name}:{text_of(entry.get('timestamp'))}" if name else ""
