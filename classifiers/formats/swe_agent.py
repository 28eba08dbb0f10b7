"""
SWE-agent's trajectories: one JSON document a run.

Nobody sits before it: what is asked is a task out of a benchmark, so the session is not
interactive and has no prompt of a person.  Actions come from `trajectory`, which is complete;
a demonstration that was put before the run (`is_demo`) is no part of it.  The small agent of the
same project (mini-swe-agent) writes `messages`: an answer holds its command, as a block of code
or as a call, and the message behind it what the command printed.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from shlex import split as split_words

from classifiers.sessions import Actor, Session, UnreadableError

from .actions import arguments
from .conversation import Conversation
from .lines import Damage, Record
from .portions import Part, Portion, named, within
from .values import dict_of, dicts_of, text_of, words_in

NAME = "swe_agent"

_OWN = ("open", "goto", "scroll_up", "scroll_down", "create", "edit", "insert", "search_dir",
        "search_file", "find_file", "submit", "str_replace_editor")  # fmt: skip
"""Commands that are the agent's own tools; all others run in a shell."""
_SMALL = "mini-swe-agent-1"
_KEPT = ("environment", "trajectory", "trajectory_format")
_LONGEST_EDIT = 100_000
"""Characters of an edit whose texts are looked for: taking them apart takes its time."""
_COMMAND = re.compile(r"```(?:bash|sh|mswea_bash_command)\n(.*?)\n```", re.DOTALL)
_CODE = re.compile(r"<returncode>(-?\d{1,6})</returncode>")
_EDITED = re.compile(r"edit (\d+):(\d+)\n(.*?)\n?end_of_edit\s*", re.DOTALL)


def claims(record: Record) -> bool:
    """Whether a record is a trajectory, or a demonstration of messages only."""
    history = record.get("history")
    steps = record.get("trajectory")
    if text_of(record.get("trajectory_format")).startswith(_SMALL):
        return isinstance(record.get("messages"), list)
    if isinstance(steps, list) and ("environment" in record or isinstance(history, list)):
        return not steps or "action" in dict_of(steps[0])
    first = dict_of(history[0]) if isinstance(history, list) and history else {}
    return {"role", "content", "agent"} <= first.keys()


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A run a document; it has no id, so its task and its first answer name it."""
    for record in found:
        if not claims(record):
            continue
        history = dicts_of(record.get("history")) or dicts_of(record.get("messages"))
        steps = dicts_of(record.get("trajectory"))
        spoken = bool(steps) or any(each.get("role") == "assistant" for each in history)
        first = [_beginning(each) for each in (*_told(history)[:3], *steps[:2])]
        kept: Record = {key: record[key] for key in _KEPT if key in record}
        parts = [Part(each, "", spoken) for each in history] or [Part({}, "", spoken)]
        key = "messages" if "trajectory_format" in kept else "history"
        yield Portion(named(*first), parts, within(key, kept))


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a run.

    Raises:
        UnreadableError: Nothing was done in it.
    """
    runs = (record for record in found if claims(record))
    run = next(runs)
    history = _told(dicts_of(run.get("history")) or dicts_of(run.get("messages")))
    is_small = "trajectory_format" in run
    steps = (
        dicts_of(run.get("trajectory"))
        or (_small_steps(history) if is_small else [])
        or [
            {"thought": each.get("thought", each.get("content")), "action": each.get("action")}
            for each in history
            if each.get("role") == "assistant"
        ]
    )
    if not steps:
        raise UnreadableError("NO_CONVERSATION")
    told = Conversation()
    for message in history:
        if message.get("role") == "user":
            told.say(Actor.HARNESS, "prompt", words_in(message.get("content")))
            break
    for step in steps:
        told.answer(words_in(step.get("thought") or step.get("response")))
        if action := text_of(step.get("action")).strip():
            failed = step.get("failed") is True
            _act(told, action, text_of(step.get("observation")), failed=failed)
    return told.session(NAME, interactive=False, damage=damage, others=sum(1 for _ in runs))


def _small_steps(messages: list[Record]) -> list[Record]:
    """The steps of the small agent: an answer, its command, and what stands behind it."""
    steps: list[Record] = []
    for place, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        behind = messages[place + 1] if place + 1 < len(messages) else {}
        shown = words_in(behind.get("content"))
        thought = words_in(message.get("content"))
        call = next(iter(dicts_of(message.get("tool_calls"))), {})
        block = _COMMAND.search(thought)
        command = text_of(arguments(dict_of(call.get("function")).get("arguments")).get("command"))
        code = _CODE.search(shown[:200])
        steps.append(
            {
                "thought": _COMMAND.sub("", thought).strip(),
                "action": command or (block[1] if block else ""),
                "observation": shown,
                "failed": code is not None and int(code[1]) != 0,
            }
        )
    return steps


def _act(told: Conversation, action: str, shown: str, *, failed: bool = False) -> None:
    name, _, rest = action.partition(" ")
    name = name.strip()
    edited = _EDITED.match(action)
    if name not in _OWN:
        told.call("", "bash", {"command": action})
    elif edited:
        told.call("", "edit", {"input": edited[3]})
    elif name == "str_replace_editor":
        told.call("", name, _edit(rest))
    else:
        told.call("", name, arguments({"path": rest.split("\n")[0]} if rest else {}))
    failed = failed or "Your proposed edit has introduced new syntax error" in shown
    lines = None
    if edited:
        removed = max(0, int(edited[2][:9]) - int(edited[1][:9]) + 1)
        lines = (len(edited[3].split("\n")) if edited[3] else 0, removed)
    elif name == "edit" and not failed:
        lines = (0, 0)
    told.result("", shown, outcome="error" if failed else "ok", lines=lines)


def _edit(words: str) -> Record:
    """An editor's command, path and texts, which are quoted as for a shell."""
    try:
        given = split_words(words) if len(words) <= _LONGEST_EDIT else words.split(" ")[:2]
    except ValueError:  # a quotation without an end
        given = words.split(" ")[:2]
    command, path, *flags = (*given, "", "")
    texts = dict(pairwise(flags))
    keys = ("old_str", "new_str", "file_text")
    found: Record = {key: texts[f"--{key}"] for key in keys if f"--{key}" in texts}
    return {**found, "command": command, "path": path}


def _told(history: list[Record]) -> list[Record]:
    return [each for each in history if each.get("is_demo") is not True]


def _beginning(message: Record) -> list[str]:
    keys = ("role", "content", "action", "thought")
    return [words_in(message.get(key))[-300:] for key in keys]
