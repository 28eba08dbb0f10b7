"""
What `codex exec --json` prints: events of one thread, items that begin, change and end.

Nobody sits before it: the session is not interactive, and what it was asked, if it is printed
at all, is no prompt of a person at the keyboard.  An item counts once, as it ended.  The first
versions printed the program's own events (`{id, msg}`) behind a line of settings and one with
the prompt; they name no thread, so their beginning does.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from classifiers.sessions import Actor, Outcome, Session

from .actions import arguments
from .codex_actions import done_in
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, after, named
from .values import dict_of, dicts_of, text_of, words_in

NAME = "codex_exec"

_BEGINNINGS = {"thread.started": "thread_id", "session.created": "session_id"}
_EVENTS = frozenset({*_BEGINNINGS, "turn.started", "turn.completed", "turn.failed", "error"})
_ITEM_EVENTS = ("item.started", "item.updated", "item.completed")
_SETTINGS = frozenset({"model", "workdir", "provider"})
_STATES: dict[str, Outcome] = {"": "ok", "completed": "ok", "declined": "rejected"}


def claims(record: Record) -> bool:
    """Whether a record begins a thread, or is the first version's line of settings."""
    named = text_of(record.get(_BEGINNINGS.get(type_of(record), "")))
    return bool(named) or (record.keys() >= _SETTINGS and "approval" in record)


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The threads that were printed into a file, one after the other."""
    head: list[Record] = []
    parts: list[Part] = []
    for record in found:
        if claims(record):
            if head:
                yield _portion(head, parts)
            head, parts = [record], []
        else:
            is_spoken = type_of(record) in _ITEM_EVENTS or "msg" in record
            parts.append(Part(record, "", is_spoken))
    if head:
        yield _portion(head, parts)


def _portion(head: list[Record], parts: list[Part]) -> Portion:
    stated = text_of(head[0].get(_BEGINNINGS.get(type_of(head[0]), "")))
    beginning = head if type_of(head[0]) else [*head, *(part.record for part in parts[:6])]
    # A thread that is resumed prints on; one without a name cannot be.
    return Portion(stated or named(*beginning), parts, after(head), joins=bool(stated))


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a thread's events.

    Raises:
        UnreadableError: Nothing was said or done.
    """
    told = Conversation()
    rest = iter(found)
    first = next(rest, {})
    if not type_of(first) and claims(first):
        told.models |= {model} if (model := text_of(first.get("model"))) else set()
        _program(told, rest)
        return told.session(NAME, interactive=False, damage=damage)
    last: dict[str, Record] = {}
    turn = 0
    for position, record in enumerate(chain((first,), rest)):
        kind = type_of(record)
        item = dict_of(record.get("item"))
        if kind in _ITEM_EVENTS and item:  # ids begin anew with every turn
            last[f"{turn}:{text_of(item.get('id')) or position}"] = item
        elif kind in ("turn.failed", "error"):
            last[f"failed:{position}"] = {"type": "error"}
        else:
            told.unknown += kind not in _EVENTS
        turn += kind == "turn.started"
    for item in last.values():
        _take(told, item)
    return told.session(NAME, interactive=False, damage=damage)


def _take(told: Conversation, item: Record) -> None:
    outcome = _STATES.get(text_of(item.get("status")), "error")
    match text_of(item.get("item_type")) or type_of(item):
        case "agent_message" | "assistant_message" | "plan":
            told.answer(text_of(item.get("text")), name=told.step)
        case "command_execution":
            failed = outcome == "ok" and item.get("exit_code") not in (None, 0)
            text = text_of(item.get("aggregated_output"))
            ended: Outcome = "error" if failed else outcome
            _act(told, "command_execution", {"command": item.get("command")}, text, ended)
        case "file_change":
            for change in dicts_of(item.get("changes")) or [{}]:
                _act(told, "file_change", {"path": text_of(change.get("path"))}, "", outcome)
        case "mcp_tool_call":
            name = f"mcp__{text_of(item.get('server'))}__{text_of(item.get('tool'))}"
            text = words_in(item.get("result")) or text_of(
                dict_of(item.get("error")).get("message")
            )
            _act(told, name, arguments(item.get("arguments")), text, outcome)
        case "collab_tool_call":
            given: Record = {"prompt": text_of(item.get("prompt"))}
            _act(told, text_of(item.get("tool")), given, "", outcome)
        case "web_search":
            _act(told, "web_search", {"query": text_of(item.get("query"))}, "", "ok")
        case "todo_list":
            _act(told, "todo_list", {}, "", "ok")
        case "error":
            told.say(Actor.HARNESS, "api_error", "")
        case "reasoning":
            pass
        case _:
            told.unknown += 1


def _act(told: Conversation, name: str, given: Record, text: str, outcome: Outcome) -> None:
    told.call("", name, given)
    told.result("", text, outcome=outcome)


def _program(told: Conversation, found: Iterable[Record]) -> None:
    """Take the events of the first version; what was asked is a task."""
    lines: dict[str, tuple[int, int] | None] = {}
    for record in found:
        event = dict_of(record.get("msg"))
        kind = type_of(event)
        if asked := text_of(record.get("prompt")):
            told.say(Actor.HARNESS, "prompt", asked)
        elif kind == "agent_message":
            told.answer(text_of(event.get("message")), name=told.step)
        elif kind in ("error", "stream_error"):
            told.say(Actor.HARNESS, "api_error", "")
        elif done := done_in(event | {"type": kind.replace("_begin", "_end")}):
            if kind.endswith("_begin"):  # what ends does not repeat what began
                told.call(done.call_id, done.name, done.given)
                lines[done.call_id] = done.lines
            else:
                changed = lines.get(done.call_id)
                told.result(done.call_id, done.text, outcome=done.outcome, lines=changed)
