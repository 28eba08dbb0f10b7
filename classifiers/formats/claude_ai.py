"""
Claude.ai's data export: `conversations.json`, an array of a person's conversations.

Messages make a tree where a prompt was written anew; what counts is the branch that ends in the
last message.  `content` has what `text` repeats; exports of some years have `text` alone, with a
notice in the place of each call.  Documents that were attached stand in the export as text;
nothing of them is kept.  The export names no model.  A document that the assistant writes
beside the chat (`artifacts`) is a file that it made.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Session

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, earliest, within
from .values import dict_of, dicts_of, text_of, time_of, words_in

NAME = "claude_ai_export"

_NOTICE = "```\nThis block is not supported on your current device yet.\n```"
_SILENT = frozenset({"thinking", "redacted_thinking", "token_budget", "flag"})


def claims(record: Record) -> bool:
    """Whether a record is a conversation of an export."""
    return isinstance(record.get("chat_messages"), list) and "uuid" in record


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion a conversation; its title and what was attached stay behind."""
    for record in found:
        if not claims(record):
            continue
        messages = dicts_of(record.get("chat_messages"))
        for message in messages:
            for attached in dicts_of(message.get("attachments")):
                attached.clear()
        times = [record.get("created_at"), *(each.get("created_at") for each in messages)]
        yield Portion(
            text_of(record.get("uuid")),
            [Part(each, text_of(each.get("uuid"))) for each in messages],
            within("chat_messages", {"uuid": record.get("uuid")}),
            earliest([time_of(time) for time in times]),
            account=text_of(dict_of(record.get("account")).get("uuid")),
        )


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a conversation.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    conversations = (record for record in found if claims(record))
    told = Conversation()
    for message in branch(dicts_of(next(conversations).get("chat_messages"))):
        _take(told, message)
    others = sum(1 for _ in conversations)
    return told.session(NAME, surface="web", damage=damage, others=others)


def branch(messages: list[Record]) -> list[Record]:
    """The messages from the root to the last one; all of them where no parents are stated."""
    by_name = {text_of(each.get("uuid")): each for each in messages}
    parents = [text_of(each.get("parent_message_uuid")) for each in messages]
    if not any(parent in by_name for parent in parents if parent):
        return messages
    path: list[Record] = []
    met: set[str] = set()
    place = messages[-1] if messages else None
    while place is not None and (name := text_of(place.get("uuid"))) not in met:
        met.add(name)
        path.append(place)
        place = by_name.get(text_of(place.get("parent_message_uuid")))
    return path[::-1]


def _take(told: Conversation, message: Record) -> None:
    at, blocks = time_of(message.get("created_at")), dicts_of(message.get("content"))
    texts = [words_in(each) for each in blocks if type_of(each) in ("text", "voice_note")]
    plain = text_of(message.get("text")).replace(_NOTICE, "").strip()
    text = "\n".join(texts) if any(texts) else plain
    if message.get("sender") == "human":
        files = len(dicts_of(message.get("files"))) + len(dicts_of(message.get("attachments")))
        told.ask(text, at, pictures=files)
        return
    if message.get("sender") != "assistant":
        told.unknown += 1
        return
    told.answer("" if blocks else text, at, name=text_of(message.get("uuid")))
    if blocks and not any(texts):
        told.answer(text, at, name=text_of(message.get("uuid")))
    for block in blocks:
        match type_of(block):
            case "text" | "voice_note":
                told.answer(words_in(block), at, name=text_of(message.get("uuid")))
            case "tool_use":
                name, given = text_of(block.get("name")), arguments(block.get("input"))
                told.call(text_of(block.get("id")), *_meant(name, given))
            case "tool_result":
                failed = block.get("is_error") is True
                told.result(
                    text_of(block.get("tool_use_id")),
                    words_in(block.get("content")),
                    outcome="error" if failed else "ok",
                )
            case kind:
                told.unknown += kind not in _SILENT


def _meant(tool: str, given: Record) -> tuple[str, Record]:
    """A call's tool and input; the tool for documents writes a file or changes one."""
    if tool != "artifacts":
        return tool, given
    keys = ("content", "old_str", "new_str")
    written: Record = {key: given[key] for key in keys if key in given}
    written["path"] = given.get("id")
    return "edit" if given.get("command") == "update" else "create", written
