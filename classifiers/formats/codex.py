"""
Codex' session log ("rollout"): lines of `{timestamp, type, payload}`.

It is two logs in one: what the program showed (`event_msg`) and what the model got
(`response_item`), so that every message stands there twice, in some versions three times.  What
a person typed is taken from the first, where it is free of the files and settings that the
program adds to the second; what the model said and did is taken from the second.  A log in
which one of the two is missing is read from the other.  A resumed or forked session begins with
a copy of the older one's history; its calls and reasoning keep their ids.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Session, UnreadableError

from .codex_actions import ITEMS, payload_of, shown_in
from .codex_reader import Reader, glance
from .codex_words import is_added, shell_in
from .conversation import Conversation
from .lines import Damage, Record, timestamp, type_of
from .portions import Part, Portion, after, earliest, named
from .values import dict_of, number_of, text_of, time_of, words_in

NAME = "codex_rollout"

_LINES = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
_SILENT = frozenset(
    {
        "world_state", "token_usage_record", "inter_agent_communication",
        "inter_agent_communication_metadata",
    }
)  # fmt: skip
_PROGRAMS = ("exec", "mcp", "sdk", "internal", "memory")
"""Words in a session's origin that say that no person sat before it."""
_QUIET = frozenset({"reasoning", "ghost_snapshot", "additional_tools", "agent_message", "other"})
_EVENTS = frozenset(
    {
        "user_message", "agent_message", "task_started", "turn_started", "task_complete",
        "turn_complete", "turn_aborted", "item_completed", "context_compacted",
        "entered_review_mode", "exited_review_mode", "error", "stream_error", "exec_command_end",
        "patch_apply_end", "mcp_tool_call_end", "sub_agent_activity",
    }
)  # fmt: skip
"""Events that say something the normal form holds."""
_META = (
    "id", "timestamp", "originator", "source", "thread_source", "parent_thread_id", "model",
    "subagent_history_start_ordinal",
)  # fmt: skip
_BULK = ("encrypted_content", "replacement_history", "last_agent_message", "review_output")
"""Fields that no reader needs and that repeat much."""


def claims(record: Record) -> bool:
    """Whether a record opens a session, in today's or the first shape, or is one of its lines."""
    if type_of(record) in _LINES:
        return isinstance(record.get("payload"), dict) and "timestamp" in record
    return "instructions" in record and {"id", "timestamp"} <= record.keys()


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The one session of a file; the first `session_meta` names it, later ones are copies."""
    head: list[Record] = []
    parts: list[Part] = []
    times = []
    for record in found:
        if _is_meta(record):
            head = head or [_needed_meta(record)]
        elif not (head and _is_inherited(record, payload_of(head[0]))) and _is_needed(record):
            times.append(timestamp(record))
            parts.append(Part(record, _identity(payload_of(record)), _is_spoken(record)))
    meta = payload_of(head[0]) if head else {}
    name = text_of(meta.get("id")) or named([part.record for part in parts[:4]])
    began = earliest([time_of(meta.get("timestamp")), *times])
    parent = _parent(meta)
    yield Portion(name, parts, after(head), began, parent=name if parent == "" else parent or "")


def _needed_meta(record: Record) -> Record:
    """A log's first line without what its program was told, and where it ran."""
    meta = payload_of(record)
    kept: Record = {key: meta[key] for key in _META if key in meta}
    return {**record, "payload": kept} if "payload" in record else {**kept, "instructions": None}


def _is_needed(record: Record) -> bool:
    """Whether a reader needs a line; one that it needs loses what it does not."""
    payload = payload_of(record)
    match type_of(record):
        case "turn_context":
            for key in payload.keys() - {"model"}:
                del payload[key]
        case "event_msg" if type_of(payload) not in _EVENTS:
            return False
        case kind if kind in _SILENT or payload.get("role") in ("developer", "system"):
            return False
        case _ if payload.get("role") == "user" and not shell_in(payload):
            return not is_added(words_in(payload.get("content")))
    for bulk in _BULK:
        payload.pop(bulk, None)
    return True


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a log's lines; sub-agents' logs may follow.

    Raises:
        UnreadableError: There is no exchange in it, or it is a sub-agent's alone.
    """
    logs: list[list[Record]] = []
    for record in found:
        # A `session_meta` within a log is copied history, unless it begins a sub-agent's log.
        if not logs or (_is_meta(record) and _parent(payload_of(record)) is not None):
            logs.append([])
        logs[-1].append(record)
    trunk, *others = logs
    if _parent(_meta(trunk)) is not None:
        raise UnreadableError("SUBAGENT_ALONE")
    agents = {}
    for log in others:
        told = _read(log, is_subagent=True)
        if not told.is_empty:
            agents[text_of(_meta(log).get("id"))] = told.session(NAME)
    program, source = _origin(_meta(trunk))
    is_program = any(word in f"{program} {source}" for word in _PROGRAMS)
    return _read(trunk).session(
        NAME,
        interactive=not is_program,
        surface=_surface(program, source),
        damage=damage,
        agents=agents,
    )


def _read(log: list[Record], *, is_subagent: bool = False) -> Conversation:
    told = Conversation(is_subagent=is_subagent)
    reader = Reader(told, glance(log))
    meta = _meta(log)
    for record in log:
        if _is_inherited(record, meta):
            told.duplicates += 1
            continue
        payload, at = payload_of(record), timestamp(record)
        match type_of(record):
            case "session_meta" | "turn_context":
                model = text_of(payload.get("model"))
                told.models |= {model} if model else set()
            case "compacted":
                told.compact()
                if summary := text_of(payload.get("message")):
                    told.say(Actor.MODEL, "summary", summary, at)
            case "event_msg":
                reader.event(payload, at)
            case "response_item" | "message" | "":
                reader.item(payload, record, at)
            case kind:
                if kind in ITEMS:  # the first shape has items without an envelope
                    reader.item(record, record, at)
                else:
                    told.unknown += kind not in _SILENT
    return told


def _is_meta(record: Record) -> bool:
    is_first_shape = "type" not in record and "instructions" in record
    return type_of(record) == "session_meta" or is_first_shape


def _meta(log: list[Record]) -> Record:
    return payload_of(log[0]) if log and _is_meta(log[0]) else {}


def _is_inherited(record: Record, meta: Record) -> bool:
    """Whether a line of a sub-agent's log is its parent's history."""
    start, place = meta.get("subagent_history_start_ordinal"), record.get("ordinal")
    return place is not None and number_of(place) < number_of(start) and not _is_meta(record)


def _parent(meta: Record) -> str | None:
    """The session that sent this one; empty if it is a sub-agent of nobody named; None if none."""
    source = dict_of(meta.get("source"))
    stated = text_of(meta.get("parent_thread_id"))
    if stated or "subagent" in source or meta.get("thread_source") == "subagent":
        spawned = dict_of(dict_of(source.get("subagent")).get("thread_spawn"))
        return stated or text_of(spawned.get("parent_thread_id"))
    return None


def _identity(payload: Record) -> str:
    item = dict_of(payload.get("item")) or payload
    stated = text_of(item.get("call_id")) or text_of(item.get("id"))
    return f"{type_of(payload)}:{stated}" if stated else ""


def _is_spoken(record: Record) -> bool:
    payload = payload_of(record)
    if type_of(record) == "event_msg":
        shown = ("user_message", "agent_message")
        return type_of(payload) in shown or shown_in(payload) in ("UserMessage", "AgentMessage")
    if type_of(payload) != "message":
        return type_of(payload) in ITEMS - _QUIET
    is_exchanged = payload.get("role") in ("user", "assistant")
    return is_exchanged and not is_added(words_in(payload.get("content")))


def _origin(meta: Record) -> tuple[str, str]:
    """The program that wrote a log, and what it says began the session."""
    source = meta.get("source")
    if isinstance(source, dict):  # a kind, or a kind and a name
        source = " ".join((*source, *(text_of(value) for value in source.values())))
    told = f"{text_of(source)} {text_of(meta.get('thread_source'))}"
    return text_of(meta.get("originator")).lower(), told.lower()


def _surface(program: str, source: str) -> str:
    origin = f"{program} {source}"
    if "desktop" in program:
        return "desktop"
    if "vscode" in origin or "ide" in origin.split():
        return "ide"
    is_shell = any(word in origin for word in ("cli", "exec", "tui"))
    return "cli" if is_shell or not program.strip() else "other"
