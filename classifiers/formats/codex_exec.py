"""
What `codex exec --json` prints: events of one thread, items that begin, change and end.

Nobody sits before it, and what it was asked is not printed: the session is not interactive and
has no prompt.  An item counts once, as it ended.
"""

from collections.abc import Iterable, Iterator

from classifiers.sessions import Actor, Outcome, Session

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, after, named
from .values import dict_of, dicts_of, text_of, words_in

NAME = "codex_exec"

_EVENTS = frozenset({"turn.started", "turn.completed", "turn.failed", "error", "thread.started"})
_ITEM_EVENTS = ("item.started", "item.updated", "item.completed")


def claims(record: Record) -> bool:
    """Whether a record begins a thread."""
    return type_of(record) == "thread.started" and bool(text_of(record.get("thread_id")))


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
            parts.append(Part(record, "", type_of(record) in _ITEM_EVENTS))
    if head:
        yield _portion(head, parts)


def _portion(head: list[Record], parts: list[Part]) -> Portion:
    name = text_of(head[0].get("thread_id")) or named(head)
    return Portion(name, parts, after(head), joins=True)  # a resumed thread prints on


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a thread's events.

    Raises:
        UnreadableError: Nothing was said or done.
    """
    told = Conversation()
    last: dict[str, Record] = {}
    turn = 0
    for position, record in enumerate(found):
        kind = type_of(record)
        item = dict_of(record.get("item"))
        if kind in _ITEM_EVENTS and item:  # ids begin anew with every turn
            last[f"{turn}:{text_of(item.get('id')) or position}"] = item
        elif kind in ("turn.failed", "error"):
            last[f"failed:{position}"] = {"type": "error"}
        elif kind not in _EVENTS:
            told.unknown += 1
        turn += kind == "turn.started"
    for item in last.values():
        _take(told, item)
    return told.session(NAME, interactive=False, damage=damage)


def _take(told: Conversation, item: Record) -> None:
    outcome: Outcome = "ok" if item.get("status") in (None, "completed") else "error"
    match type_of(item):
        case "agent_message" | "assistant_message":
            told.answer(text_of(item.get("text")), name=told.step)
        case "command_execution":
            failed = item.get("exit_code") not in (None, 0)
            told.call("", "command_execution", {"command": item.get("command")})
            text = text_of(item.get("aggregated_output"))
            told.result("", text, outcome="error" if failed else outcome)
        case "file_change":
            for change in dicts_of(item.get("changes")) or [{}]:
                told.call("", "file_change", {"path": text_of(change.get("path"))})
                told.result("", "", outcome=outcome)
        case "mcp_tool_call":
            name = f"mcp__{text_of(item.get('server'))}__{text_of(item.get('tool'))}"
            told.call("", name, arguments(item.get("arguments")))
            told.result("", words_in(item.get("result")), outcome=outcome)
        case "web_search":
            told.call("", "web_search", {"query": text_of(item.get("query"))})
            told.result("", "")
        case "todo_list":
            told.call("", "todo_list", {})
            told.result("", "")
        case "error":
            told.say(Actor.HARNESS, "api_error", "")
        case "reasoning":
            pass
        case _:
            told.unknown += 1
