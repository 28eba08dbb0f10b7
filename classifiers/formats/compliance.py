"""
Saved pages of Anthropic's Compliance API: local sessions and their messages.

A page of messages names its session and holds up to a thousand messages; pages, and the list of
sessions, lie in one file or in several of a folder, and add up.  What a person wrote is text of
the role `user` without `provenance`, and even of that a part was put in by the program: memory
files, skills, marks for what is not shown.  A tool's input is a string of JSON that may be cut
off.  Many messages have the same time, so that their order is the pages'.
"""

import json
import re
from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Session, UnreadableError

from . import claude_code_tools as tools
from .claude_code_replies import rejection_note
from .claude_code_words import sort
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, earliest
from .values import dict_of, dicts_of, text_of, time_of, words_in

NAME = "compliance_local"

_SESSION, _MESSAGE = "compliance_local_session", "compliance_local_session_message"
_SURFACES = {"claude_code": "cli", "cowork": "desktop", "claude_science": "desktop",
             "claude_in_chrome": "web"}  # fmt: skip
_ADDED = (
    "Contents of ", "# claudeMd", "# CLAUDE.md", "Codebase and user instructions are shown",
    "Base directory for this skill:", "[system prompt content not shown]",
)  # fmt: skip
"""How texts of the role user begin that the program put in."""
_STRING = re.compile(r'"(\w+)"\s*:\s*"((?:[^"\\]|\\.)*)"')


def claims(record: Record) -> bool:
    """Whether a record is a page, a session or a message."""
    if type_of(record) in (_SESSION, _MESSAGE):
        return True
    if type_of(dict_of(record.get("session"))) == _SESSION:
        return True
    return any(type_of(each) in (_SESSION, _MESSAGE) for each in dicts_of(record.get("data"))[:1])


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion for each session that a page names, without names and addresses of people."""
    session: Record = {}
    for record in found:
        if not claims(record):
            continue
        listed = [record] if type_of(record) in (_SESSION, _MESSAGE) else []
        listed += dicts_of(record.get("data"))
        session = dict_of(record.get("session")) or session
        messages = [each for each in listed if type_of(each) == _MESSAGE]
        for each in listed:
            if type_of(each) == _SESSION:
                session = each
                yield _portion(each, [])
        if messages or "session" in record:
            yield _portion(session, messages)


def _portion(session: Record, messages: list[Record]) -> Portion:
    kept = {key: session[key] for key in ("type", "id", "product_surface", "created_at")
            if key in session}  # fmt: skip

    def written(parts: list[Record]) -> list[Record]:
        return [{"session": {"type": _SESSION, **kept}, "data": parts}]

    parts = [
        Part(each, text_of(each.get("id")), each.get("role") in ("user", "assistant"))
        for each in messages
    ]
    times = [session.get("created_at"), *(each.get("created_at") for each in messages)]
    return Portion(
        text_of(session.get("id")),
        parts,
        written,
        earliest([time_of(time) for time in times]),
        account=text_of(dict_of(session.get("user")).get("id")),
        joins=True,
    )


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of its pages.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    pages = [
        (portion.name, part.record, page)
        for page in found
        for portion in split(iter((page,)))
        for part in portion.parts
    ]
    if not pages:
        raise UnreadableError("NO_CONVERSATION")
    mine = [(message, page) for name, message, page in pages if name == pages[0][0]]
    told = Conversation()
    met: dict[str, Record] = {}
    for place, (message, _) in enumerate(mine):
        name = text_of(message.get("id")) or f"\0{place}"
        told.duplicates += name in met
        met.setdefault(name, message)
    for message in sorted(met.values(), key=_when):  # stable: equal times keep the pages' order
        _take(told, message)
    surface = text_of(dict_of(mine[0][1].get("session")).get("product_surface"))
    others = len(pages) - len(mine)
    kind = next((label for key, label in _SURFACES.items() if surface.startswith(key)), "other")
    return told.session(NAME, surface=kind, damage=damage, others=others)


def _when(message: Record) -> float:
    time = time_of(message.get("created_at"))
    return time.timestamp() if time else 0.0


def _take(told: Conversation, message: Record) -> None:
    at, role = time_of(message.get("created_at")), message.get("role")
    stated = message.get("content")
    blocks: list[Record] = dicts_of(stated)
    if isinstance(stated, str):
        blocks = [{"type": "text", "text": stated}]
    mark = message.get("provenance")
    if mark is not None:
        _marked(told, mark, blocks, message)
        return
    if role == "assistant":
        model = text_of(message.get("model"))
        told.models |= {model} if model else set()
        told.answers.add(text_of(message.get("id")))
    for block in blocks:
        match type_of(block):
            case "text" if role == "assistant":
                told.answer(words_in(block), at, name=text_of(message.get("id")))
            case "text" if role == "user":
                _words(told, words_in(block), message)
            case "text":
                told.unknown += role != "system"
            case "tool_use":
                given = _input(block)
                told.call(text_of(block.get("id")), text_of(block.get("name")), given)
            case "tool_result":
                _result(told, block, message)
            case _:
                told.unknown += 1


def _marked(told: Conversation, mark: object, blocks: list[Record], message: Record) -> None:
    """A message that no one wrote: a mark of what is missing, or one that its client asserted."""
    kind = text_of(mark) or type_of(dict_of(mark)) or text_of(dict_of(mark).get("kind"))
    text = words_in(blocks)
    if kind == "client_asserted" and message.get("role") == "assistant":
        told.answer(text, time_of(message.get("created_at")), name=text_of(message.get("id")))
    elif "compact" in text[:400].lower():
        told.compact()
    else:
        told.say(Actor.HARNESS, "marker", "", time_of(message.get("created_at")))


def _words(told: Conversation, text: str, message: Record) -> None:
    at, (kind, words) = time_of(message.get("created_at")), sort(text)
    if kind == "prompt" and words.startswith(_ADDED):
        told.say(Actor.HARNESS, "marker", "", at)
    elif kind == "prompt" and words:
        told.ask(words, at)
    elif kind == "slash_command":
        told.say(Actor.HUMAN, "slash_command", words, at)
    elif kind == "shell":
        told.say(Actor.HUMAN, "shell", words, at)
    elif kind in ("summary", "plan_handoff"):
        told.say(Actor.MODEL, "summary" if kind == "summary" else "plan_handoff", words, at)
    elif kind == "interrupt":
        told.interrupt()
    elif words or text.strip():
        told.say(Actor.HARNESS, "marker", "", at)


def _result(told: Conversation, block: Record, message: Record) -> None:
    text, failed = words_in(block.get("content")), block.get("is_error") is True
    call = tools.finish(tools.request("", {}), {"content": text, "is_error": failed}, None)
    told.result(text_of(block.get("tool_use_id")), text, outcome=call.outcome)
    if failed and (note := rejection_note(text)):
        told.say(Actor.HUMAN, "rejection_note", note, time_of(message.get("created_at")))


def _input(block: Record) -> Record:
    """
    A call's input.

    Of one that is cut off the strings that are whole are kept, so that its file or command is
    known; what was to be written is not, so that it changes no line.
    """
    stated = block.get("input")
    if isinstance(stated, dict):
        return stated
    try:
        whole = json.loads(text_of(stated))
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict):
        return whole
    about = ("file_path", "notebook_path", "command", "pattern", "path", "url", "query",
             "description")  # fmt: skip
    return {key: text for key, text in _STRING.findall(text_of(stated)) if key in about}
