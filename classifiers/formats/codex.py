"""
Codex' session log ("rollout"): lines of `{timestamp, type, payload}`.

It is two logs in one: what the program showed (`event_msg`) and what the model got
(`response_item`), so that every message stands there twice.  What a person typed is taken from
the first, where it is free of the files and settings that the program adds to the second; what
the model said and did is taken from the second.  A log in which one of the two is missing is
read from the other.  A resumed or forked session begins with a copy of the older one's history;
its calls and reasoning keep their ids.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from classifiers.sessions import Actor, Outcome, Session, UnreadableError

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record, timestamp, type_of
from .portions import Part, Portion, after, earliest, named
from .values import dict_of, pictures_in, text_of, time_of, words_in

NAME = "codex_rollout"

_LINES = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
_ITEMS = frozenset(
    {
        "message", "reasoning", "function_call", "function_call_output", "custom_tool_call",
        "custom_tool_call_output", "local_shell_call", "web_search_call", "ghost_snapshot",
        "compaction", "compaction_summary", "tool_search_call", "tool_search_output",
        "image_generation_call", "other",
    }
)  # fmt: skip
_ADDED = (
    "<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<INSTRUCTIONS>",
    "<turn_aborted>", "<skill>", "<subagent_notification>", "<permissions instructions>",
    "<collaboration_mode>", "<app-context>", "<user_action>",
)  # fmt: skip
"""How texts begin that the program adds in the user's name."""
_SHELL = re.compile(r"<user_shell_command>\s*<command>(.*?)</command>", re.DOTALL)
_REQUEST = "## My request for Codex:"
_EXIT = re.compile(r"(?:Exit code:|exited with code) (-?\d+)")


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
        payload = _payload(record)
        if not head and _is_meta(record):
            head.append(record)
            continue
        for bulk in ("encrypted_content", "base_instructions"):
            payload.pop(bulk, None)
        times.append(timestamp(record))
        parts.append(Part(record, _identity(payload), _is_spoken(record)))
    meta = _payload(head[0]) if head else {}
    name = text_of(meta.get("id")) or named([part.record for part in parts[:4]])
    began = earliest([time_of(meta.get("timestamp")), *times])
    parent = _parent(meta)
    yield Portion(name, parts, after(head), began, parent=name if parent == "" else parent or "")


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a log's lines; sub-agents' logs may follow.

    Raises:
        UnreadableError: There is no exchange in it, or it is a sub-agent's alone.
    """
    logs: list[list[Record]] = []
    for record in found:
        # A `session_meta` within a log is copied history, unless it begins a sub-agent's log.
        if not logs or (_is_meta(record) and _parent(_payload(record)) is not None):
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
    source = _meta(trunk).get("source")
    origin = text_of(_meta(trunk).get("originator")) + " " + text_of(source)
    return _read(trunk).session(
        NAME,
        interactive="exec" not in origin and "mcp" not in origin,
        surface=_surface(origin.lower()),
        damage=damage,
        agents=agents,
    )


def _read(log: list[Record], *, is_subagent: bool = False) -> Conversation:
    told = Conversation(is_subagent=is_subagent)
    shown = {type_of(_payload(r)) for r in log if type_of(r) == "event_msg"}
    from_model = any(
        type_of(r) == "response_item" and _payload(r).get("role") == "assistant" for r in log
    )
    is_busy, asked = False, False
    for record in log:
        payload, at = _payload(record), timestamp(record)
        match type_of(record):
            case "session_meta" | "turn_context":
                model = text_of(payload.get("model"))
                told.models |= {model} if model else set()
            case "compacted":
                told.compact()
            case "event_msg":
                kind = type_of(payload)
                if kind == "task_started":
                    is_busy, asked = True, False
                elif kind in ("task_complete", "turn_aborted"):
                    is_busy = False
                    if payload.get("reason") == "interrupted":
                        told.interrupt()
                elif kind == "user_message":
                    if _typed(told, payload, at, meanwhile=is_busy and asked):
                        asked = True
                elif kind == "agent_message" and not from_model:
                    told.answer(text_of(payload.get("message")), at)
                elif kind in ("error", "stream_error"):
                    told.say(Actor.HARNESS, "api_error", "", at)
            case "response_item" | "message" | "":
                _item(told, payload, record, is_typed_elsewhere="user_message" in shown)
            case kind:
                if kind in _ITEMS:  # the first shape has items without an envelope
                    _item(told, record, record, is_typed_elsewhere=False)
                else:
                    told.unknown += 1
    return told


def _typed(told: Conversation, payload: Record, at: datetime | None, *, meanwhile: bool) -> bool:
    """Take what a person typed; whether there was anything."""
    text = text_of(payload.get("message"))
    if payload.get("kind") not in (None, "plain") or text.lstrip().startswith(_ADDED):
        return False
    if _REQUEST in text:  # an editor puts open files before the request
        text = text.split(_REQUEST, 1)[1]
    shown = (payload.get("images"), payload.get("local_images"))
    pictures = sum(len(each) for each in shown if isinstance(each, list))
    told.ask(text, at, pictures=pictures, meanwhile=meanwhile)
    return True


def _item(told: Conversation, item: Record, record: Record, *, is_typed_elsewhere: bool) -> None:
    call_id = text_of(item.get("call_id")) or text_of(item.get("id"))
    match type_of(item):
        case "message":
            _message(told, item, record, is_typed_elsewhere=is_typed_elsewhere)
        case "function_call":
            name = text_of(item.get("name"))
            told.call(call_id, name, arguments(item.get("arguments")))
        case "custom_tool_call":
            told.call(call_id, text_of(item.get("name")), {"input": text_of(item.get("input"))})
        case "local_shell_call":
            told.call(call_id, "local_shell_call", dict_of(item.get("action")))
        case "web_search_call":
            told.call("", "web_search_call", dict_of(item.get("action")))
            told.result("", "")
        case "function_call_output" | "custom_tool_call_output" | "tool_search_output":
            text, outcome, agent = _output(item.get("output"))
            told.result(call_id, text, outcome=outcome, agent=agent)
        case "tool_search_call":
            told.call(call_id, "tool_search", arguments(item.get("arguments")))
        case kind:
            if kind not in _ITEMS and "record_type" not in record:
                told.unknown += "payload" in record or bool(kind)
    if type_of(item) in ("function_call", "custom_tool_call", "local_shell_call"):
        told.answers.add(told.step)


def _message(told: Conversation, item: Record, record: Record, *, is_typed_elsewhere: bool) -> None:
    text, at = words_in(item.get("content")), timestamp(record)
    if item.get("role") == "assistant":
        told.answer(text, at, name=told.step)
    elif item.get("role") == "user":
        if shell := _SHELL.search(text):
            told.say(Actor.HUMAN, "shell", shell[1].strip(), at)
        elif not is_typed_elsewhere and not text.lstrip().startswith(_ADDED):
            told.ask(text, at, pictures=pictures_in(item.get("content")))


def _output(stated: object) -> tuple[str, Outcome, str]:
    """An output's text, how the call ended, and the sub-agent's session that it began."""
    success = dict_of(stated).get("success")
    text = words_in(dict_of(stated).get("content") if isinstance(stated, dict) else stated)
    code: object = None
    agent = ""
    if text.startswith("{"):
        inner = arguments(text)
        code = dict_of(inner.get("metadata")).get("exit_code")
        agent = text_of(inner.get("agent_id"))
        text = text_of(inner.get("output")) or text
    elif ended := _EXIT.search(text[:400]):
        code = int(ended[1])
    opening = text[:200].lower()
    if "rejected by user" in opening:
        return text, "rejected", agent
    if "aborted by user" in opening:
        return text, "interrupted", agent
    if "sandbox" in opening and "denied" in opening:
        return text, "denied", agent
    return text, "error" if success is False or code not in (None, 0) else "ok", agent


def _payload(record: Record) -> Record:
    return dict_of(record.get("payload")) if "payload" in record else record


def _is_meta(record: Record) -> bool:
    is_first_shape = "type" not in record and "instructions" in record
    return type_of(record) == "session_meta" or is_first_shape


def _meta(log: list[Record]) -> Record:
    return _payload(log[0]) if log and _is_meta(log[0]) else {}


def _parent(meta: Record) -> str | None:
    """The session that sent this one; empty if it is a sub-agent of nobody named; None if none."""
    source = dict_of(meta.get("source"))
    if "subagent" not in source:
        return None
    return text_of(dict_of(dict_of(source["subagent"]).get("thread_spawn")).get("parent_thread_id"))


def _identity(payload: Record) -> str:
    stated = text_of(payload.get("call_id")) or text_of(payload.get("id"))
    return f"{type_of(payload)}:{stated}" if stated else ""


def _is_spoken(record: Record) -> bool:
    payload = _payload(record)
    if type_of(record) == "event_msg":
        return type_of(payload) in ("user_message", "agent_message")
    return type_of(payload) in _ITEMS - {"reasoning", "ghost_snapshot"} and not (
        type_of(payload) == "message"
        and (
            payload.get("role") not in ("user", "assistant")
            or words_in(payload.get("content")).lstrip().startswith(_ADDED)
        )
    )


def _surface(origin: str) -> str:
    if "vscode" in origin or "ide" in origin.split():
        return "ide"
    if "desktop" in origin:
        return "desktop"
    return "cli" if "cli" in origin or "exec" in origin or not origin.strip() else "other"
