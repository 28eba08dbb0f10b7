"""
Actions in Codex' log: as the model asked for them, and as the program carried them out.

Both are logged, under one id.  What a script of the model's did (`exec`, which calls the tools
itself) only the program logs; then the script is no action of its own.
"""

import re
from typing import NamedTuple

from classifiers.sessions import Outcome

from .actions import arguments, patch_lines
from .lines import Record, type_of
from .values import dict_of, text_of, words_in

CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "tool_search_call"})
OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output", "tool_search_output"})
ITEMS = frozenset(
    {
        *CALLS, *OUTPUTS, "message", "reasoning", "web_search_call", "ghost_snapshot",
        "image_generation_call", "agent_message", "additional_tools", "compaction",
        "compaction_summary", "context_compaction", "compaction_trigger", "other",
    }
)  # fmt: skip
"""Kinds of items of the model's half that are known."""
SCRIPTS = frozenset({"exec", "functions.exec", "wait"})
"""Tools in which the model calls other tools."""
_EXIT = re.compile(r"(?:Exit code:|exited with code) (-?\d{1,6})")
_STATES: dict[str, Outcome] = {"failed": "error", "declined": "rejected"}


class Done(NamedTuple):
    """What the program carried out."""

    call_id: str
    name: str
    given: Record
    text: str
    outcome: Outcome
    lines: tuple[int, int] | None


def payload_of(record: Record) -> Record:
    """What a line holds; the first logs' lines are what they hold."""
    return dict_of(record.get("payload")) if "payload" in record else record


def shown_in(payload: Record) -> str:
    """The kind of the item that an event tells of."""
    return type_of(dict_of(payload.get("item")))


def id_of(item: Record) -> str:
    """A call's id, in the call, its output and the events about it."""
    return text_of(item.get("call_id")) or text_of(item.get("id"))


def name_of(item: Record) -> str:
    """A tool's name; that of a server's tool with the server."""
    name, space = text_of(item.get("name")), text_of(item.get("namespace"))
    if type_of(item) in ("local_shell_call", "tool_search_call"):
        return type_of(item).removesuffix("_call")
    is_served = space.startswith("mcp__") and not name.startswith("mcp__")
    return f"{space.removesuffix('__')}__{name}" if is_served else name


def input_of(item: Record) -> Record:
    """A call's input."""
    match type_of(item):
        case "custom_tool_call":
            return {"input": text_of(item.get("input"))}
        case "local_shell_call":
            return dict_of(item.get("action"))
        case _:
            return arguments(item.get("arguments"))


def output_of(stated: object) -> tuple[str, Outcome, str]:
    """An output's text, how the call ended, and the sub-agent's session that it began."""
    success = dict_of(stated).get("success")
    text = words_in(dict_of(stated).get("content") if isinstance(stated, dict) else stated)
    code: object = None
    agent = ""
    if text.startswith("{"):
        inner = arguments(text)
        code = dict_of(inner.get("metadata")).get("exit_code", inner.get("exit_code"))
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
    failed = success is False or code not in (None, 0) or opening.startswith("script failed")
    return text, "error" if failed else "ok", agent


def done_in(payload: Record) -> Done | None:
    """What an event says was carried out; None if it tells of something else."""
    item = dict_of(payload.get("item"))
    match type_of(payload), type_of(item):
        case ("exec_command_end", _):
            return _command(payload)
        case ("patch_apply_end", _):
            return _change(payload)
        case ("mcp_tool_call_end", _):
            invoked, result = dict_of(payload.get("invocation")), dict_of(payload.get("result"))
            answer = dict_of(result.get("Ok"))
            failed = "Err" in result or answer.get("isError") is True
            return _served(payload, invoked, answer.get("content"), failed=failed)
        case ("item_completed", "CommandExecution"):
            return _command(item)
        case ("item_completed", "FileChange"):
            return _change(item)
        case ("item_completed", "McpToolCall"):
            answer = dict_of(item.get("result"))
            failed = item.get("status") == "failed" or answer.get("isError") is True
            return _served(item, item, answer.get("content"), failed=failed)
        case _:
            return None


def agent_in(payload: Record) -> tuple[str, str]:
    """Id of the call that began a sub-agent, and its session's name; empty if none began."""
    item = dict_of(payload.get("item"))
    if type_of(payload) == "sub_agent_activity":
        item = payload
    elif type_of(payload) != "item_completed" or type_of(item) != "SubAgentActivity":
        return "", ""
    if item.get("kind") != "started":
        return "", ""
    return text_of(item.get("event_id", item.get("id"))), text_of(item.get("agent_thread_id"))


def _command(about: Record) -> Done | None:
    if "user" in text_of(about.get("source")).lower():
        return None  # the person's own; it stands among the messages
    code = about.get("exit_code", about.get("exitCode"))
    text = text_of(about.get("aggregated_output", about.get("aggregatedOutput")))
    outcome = _STATES.get(text_of(about.get("status")), "ok")
    if outcome == "ok" and code not in (None, 0):
        outcome = "error"
    given: Record = {"command": about.get("command")}
    return Done(id_of(about), "shell", given, text or text_of(about.get("stdout")), outcome, None)


def _change(about: Record) -> Done:
    changes = dict_of(about.get("changes"))
    added = removed = 0
    for change in changes.values():
        more, fewer = _lines(dict_of(change))
        added, removed = added + more, removed + fewer
    outcome = _STATES.get(text_of(about.get("status")), "ok")
    if about.get("success") is False and outcome == "ok":
        outcome = "error"
    given: Record = {"path": next(iter(changes), "")}
    text = text_of(about.get("stdout")) or text_of(about.get("stderr"))
    return Done(id_of(about), "apply_patch", given, text, outcome, (added, removed))


def _lines(change: Record) -> tuple[int, int]:
    """Lines (added, removed) in a file; its kind is a field, or in older logs the only key."""
    kind = type_of(change) or next(iter(change), "")
    about = dict_of(change.get(kind)) if not type_of(change) else change
    if kind == "update":
        return patch_lines(text_of(about.get("unified_diff")))
    content = text_of(about.get("content"))
    count = content.count("\n") + bool(content and not content.endswith("\n"))
    return (0, count) if kind == "delete" else (count, 0)


def _served(about: Record, tool: Record, content: object, *, failed: bool) -> Done:
    name = f"mcp__{text_of(tool.get('server'))}__{text_of(tool.get('tool'))}"
    given = arguments(tool.get("arguments"))
    return Done(id_of(about), name, given, words_in(content), "error" if failed else "ok", None)
