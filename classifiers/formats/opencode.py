"""
OpenCode's export: one JSON document a session, `info` and `messages` of parts.

Older versions keep a session as a tree of small files (`opencode_storage`).  A call and its
result are one part.  Most sessions of a repository may be sub-agents: those name their parent,
and hang on its call.  Text that the program wrote in the person's name is marked `synthetic`; a
message that is a summary is the model's.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from classifiers.sessions import Actor, Outcome, Session, UnreadableError

from .actions import patch_lines
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .opencode_storage import INFO, NEEDLESS, assembled, is_piece, portion_of
from .portions import Part, Portion, earliest, within
from .values import dict_of, dicts_of, number_of, text_of, time_of

NAME = "opencode"

_KNOWN = frozenset(
    {"text", "reasoning", "tool", "step-start", "step-finish", "patch", "snapshot", "file",
     "agent", "subtask", "compaction", "retry"}
)  # fmt: skip
_ENDED: dict[str, Outcome] = {"completed": "ok", "error": "error"}


def claims(record: Record) -> bool:
    """Whether a record is an export, or a piece of a session in a storage."""
    return is_piece(record) or _is_export(record)


def _is_export(record: Record) -> bool:
    info, messages = record.get("info"), record.get("messages")
    if not isinstance(info, dict) or not isinstance(messages, list):
        return False
    inner = dict_of(messages[0]) if messages else {"info": {}, "parts": []}
    return text_of(info.get("id")) != "" and {"info", "parts"} <= inner.keys()


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The exports in a file, sub-agents with the name of their parent; or the piece that it is."""
    for record in found:
        if is_piece(record):
            yield portion_of(record, is_spoken=_is_spoken(record))
            continue
        if not _is_export(record):
            continue
        info = dict_of(record.get("info"))
        messages = [_needed(each) for each in dicts_of(record.get("messages"))]
        parts = [
            Part(each, text_of(_info(each).get("id")), any(map(_is_spoken, _parts(each))))
            for each in messages
        ]
        times = [_created(info), *(_created(_info(each)) for each in messages)]
        kept = {key: info[key] for key in ("id", "parentID", "time", "version") if key in info}
        yield Portion(
            text_of(info.get("id")),
            parts,
            within("messages", {"info": kept}),
            earliest(times),
            parent=text_of(info.get("parentID")),
        )


def _needed(message: Record) -> Record:
    """What a reader needs of a message: no thinking, no folders, no state of files."""
    info = {key: value for key, value in _info(message).items() if key in INFO}
    parts = [each for each in _parts(message) if type_of(each) not in NEEDLESS]
    return {"info": info, "parts": parts}


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of an export; sub-agents' exports may follow.

    Raises:
        UnreadableError: There is no exchange in it, or there are sub-agents only.
    """
    exports = assembled(list(found))
    trunk = next((each for each in exports if not _parent(each)), None)
    if trunk is None:
        raise UnreadableError("SUBAGENT_ALONE")
    below: dict[str, list[Record]] = {}
    for each in exports:
        if each is not trunk:
            below.setdefault(_parent(each), []).append(each)
    agents = _agents(text_of(_info(trunk).get("id")), below)
    others = sum(len(rest) for rest in below.values())
    return _read(trunk).session(NAME, damage=damage, agents=agents, others=others)


def _agents(name: str, below: dict[str, list[Record]]) -> dict[str, Session]:
    """Sub-agents of a session, each with its own; takes them out of `below`."""
    agents: dict[str, Session] = {}
    for each in below.pop(name, []):
        told = _read(each, is_subagent=True)
        own = text_of(_info(each).get("id"))
        if not told.is_empty:
            agents[own] = told.session(NAME, agents=_agents(own, below))
    return agents


def _read(export: Record, *, is_subagent: bool = False) -> Conversation:
    told = Conversation(is_subagent=is_subagent)
    for message in dicts_of(export.get("messages")):
        info = _info(message)
        if info.get("role") == "user":
            _asked(told, message)
        elif info.get("role") == "assistant":
            _answered(told, message)
        else:
            told.unknown += 1
    return told


def _asked(told: Conversation, message: Record) -> None:
    at, texts, files = _created(_info(message)), [], 0
    for part in _parts(message):
        match type_of(part):
            case "text" if not part.get("synthetic") and not part.get("ignored"):
                texts.append(text_of(part.get("text")))
            case "file":
                files += text_of(part.get("mime")).startswith("image/")
            case "compaction":
                told.compact()
            case "subtask":
                texts.append(text_of(part.get("prompt")))
            case kind:
                told.unknown += kind not in _KNOWN
    told.ask("\n".join(texts), at, pictures=files)


def _answered(told: Conversation, message: Record) -> None:
    info, at = _info(message), _created(_info(message))
    model = text_of(info.get("modelID")) or text_of(dict_of(info.get("model")).get("modelID"))
    told.models |= {model} if model else set()
    told.answer("", at, name=text_of(info.get("id")))
    for part in _parts(message):
        match type_of(part):
            case "text" if info.get("summary") is True:
                told.say(Actor.MODEL, "summary", text_of(part.get("text")), at)
            case "text" if not part.get("synthetic"):
                told.answer(text_of(part.get("text")), at, name=text_of(info.get("id")))
            case "tool":
                _call(told, part)
            case kind:
                told.unknown += kind not in _KNOWN
    failed = text_of(dict_of(info.get("error")).get("name"))
    if failed == "MessageAbortedError":
        told.interrupt()
    elif failed:
        told.say(Actor.HARNESS, "api_error", "", at)


def _call(told: Conversation, part: Record) -> None:
    state, call_id = dict_of(part.get("state")), text_of(part.get("callID"))
    told.call(call_id, text_of(part.get("tool")), dict_of(state.get("input")))
    status = text_of(state.get("status"))
    if status not in _ENDED:
        return
    more = dict_of(state.get("metadata"))
    text = text_of(state.get("output")) or text_of(state.get("error"))
    outcome = _ENDED[status]
    if outcome == "error" and "rejected permission" in text[:200]:
        outcome = "rejected"
    elif outcome == "error" and "aborted" in text[:60].lower():
        outcome = "interrupted"
    elif more.get("exit") not in (None, 0):
        outcome = "error"
    agent = text_of(more.get("sessionId")) or text_of(more.get("sessionID"))
    told.result(call_id, text, outcome=outcome, lines=_lines(more), agent=agent)


def _lines(more: Record) -> tuple[int, int] | None:
    change = dict_of(more.get("filediff"))
    if "additions" in change:
        return number_of(change.get("additions")), number_of(change.get("deletions"))
    patch = text_of(more.get("diff"))
    return patch_lines(patch) if patch else None


def _is_spoken(part: Record) -> bool:
    return type_of(part) in ("text", "tool", "file") and not part.get("synthetic")


def _parent(export: Record) -> str:
    return text_of(_info(export).get("parentID"))


def _info(record: Record) -> Record:
    return dict_of(record.get("info"))


def _parts(message: Record) -> list[Record]:
    return dicts_of(message.get("parts"))


def _created(info: Record) -> datetime | None:
    return time_of(dict_of(info.get("time")).get("created"))
