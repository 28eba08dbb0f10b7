"""
The format to bridge from: one line a session, `{session_id, account_id, messages}`.

A message is `{role, content}` and may have `id`, `timestamp` and calls, in the shapes that
programs of the field write: content blocks of `tool_use` and `tool_result`, `tool_calls` with a
`function` and a later message of the role `tool`, or `tool_uses` of `{tool, input, output}`.
Beside the messages may stand `model`, `surface` and `interactive`.  A plug-in for a format of
one's own yields such records, and needs nothing in the sealed worker.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Session
from privacy.codebook import codebook

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, earliest, within
from .values import dict_of, dicts_of, pictures_in, text_of, time_of, words_in

NAME = "generic"

_HUMAN = ("user", "human")
_MODEL = ("assistant", "model", "agent")
_OTHERS = ("system", "developer", "tool", "function")
_TEXT = ("text", "input_text", "output_text")
_SILENT = ("thinking", "redacted_thinking", "reasoning", "tool_use", "tool_result")
_SURFACES = frozenset({"cli", "desktop", "ide", "web"}) & set(codebook().field("surface").labels)


def claims(record: Record) -> bool:
    """Whether a record is a session of this form."""
    messages = record.get("messages")
    if not text_of(record.get("session_id")) or not isinstance(messages, list):
        return False
    return not messages or "role" in dict_of(messages[0])


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion a line; lines that repeat a session add up."""
    for record in found:
        if not claims(record):
            continue
        messages = dicts_of(record.get("messages"))
        parts = [
            Part(each, text_of(each.get("id")), each.get("role") in (*_HUMAN, *_MODEL))
            for each in messages
        ]
        times = [record.get("start_time"), record.get("created_at"), record.get("timestamp")]
        times += [each.get("timestamp") for each in messages]
        known = ("session_id", "model", "surface", "interactive")
        yield Portion(
            text_of(record.get("session_id")),
            parts,
            within("messages", {key: record[key] for key in known if key in record}),
            earliest([time_of(time) for time in times]),
            account=text_of(record.get("account_id")),
            joins=bool(messages) and all(part.identity for part in parts),
        )


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of its lines.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    told = Conversation()
    sessions = [record for record in found if claims(record)]
    name = sessions[0].get("session_id")
    mine = [record for record in sessions if record.get("session_id") == name]
    met: set[str] = set()
    for record in mine:
        told.models |= {m} if (m := text_of(record.get("model"))) else set()
        for message in dicts_of(record.get("messages")):
            identity = text_of(message.get("id"))
            if identity in met:
                told.duplicates += 1
                continue
            met |= {identity} if identity else set()
            _take(told, message)
    surface = text_of(mine[0].get("surface"))
    return told.session(
        NAME,
        interactive=mine[0].get("interactive") not in (False, "no"),
        surface=surface if surface in _SURFACES else "other",
        damage=damage,
        others=len(sessions) - len(mine),
    )


def _take(told: Conversation, message: Record) -> None:
    role, content = message.get("role"), message.get("content")
    at = time_of(message.get("timestamp", message.get("created_at")))
    blocks = dicts_of(content)
    texts = [b for b in content if isinstance(b, str)] if isinstance(content, list) else []
    texts += [words_in(each) for each in blocks if type_of(each) in ("", *_TEXT)]
    text = content if isinstance(content, str) else "\n".join(texts)
    for block in blocks:
        if type_of(block) == "tool_result":
            failed = block.get("is_error") is True
            shown = words_in(block.get("content"))
            told.result(
                text_of(block.get("tool_use_id")), shown, outcome="error" if failed else "ok"
            )
    if role in _HUMAN:
        told.ask(text, at, pictures=pictures_in(content))
    elif role in _MODEL:
        if model := text_of(message.get("model")):
            told.models.add(model)
        told.answer(text, at, name=text_of(message.get("id")))
        for block in blocks:
            if type_of(block) == "tool_use":
                told.call(
                    text_of(block.get("id")),
                    text_of(block.get("name")),
                    arguments(block.get("input")),
                )
        _calls(told, message)
    elif role in ("tool", "function"):
        told.result(text_of(message.get("tool_call_id")), words_in(content))
    elif role not in _OTHERS:
        told.unknown += 1
    known = (*_TEXT, *_SILENT, "", "image", "image_url", "file", "document", "input_image")
    told.unknown += sum(type_of(each) not in known for each in blocks)


def _calls(told: Conversation, message: Record) -> None:
    """Calls that stand beside the content."""
    for each in dicts_of(message.get("tool_calls")):
        function = dict_of(each.get("function")) or each
        stated = function.get("arguments", function.get("input"))
        name = text_of(function.get("name")) or text_of(each.get("function"))
        told.call(text_of(each.get("id")), name, arguments(stated))
    for each in dicts_of(message.get("tool_uses")):  # no later message could tell how they ended
        told.call("", text_of(each.get("tool")), arguments(each.get("input")))
        failed = each.get("status") == "error"
        told.result("", words_in(each.get("output")), outcome="error" if failed else "ok")
