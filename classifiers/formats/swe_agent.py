"""
SWE-agent's trajectories: one JSON document a run.

Nobody sits before it: what is asked is a task out of a benchmark, so the session is not
interactive and has no prompt of a person.  Actions come from `trajectory`, which is complete;
a demonstration that was put before the run (`is_demo`) is no part of it.
"""

import re
from collections.abc import Iterable, Iterator

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
_EDITED = re.compile(r"edit (\d+):(\d+)\n(.*?)\n?end_of_edit\s*", re.DOTALL)


def claims(record: Record) -> bool:
    """Whether a record is a trajectory, or a demonstration of messages only."""
    history = record.get("history")
    steps = record.get("trajectory")
    if isinstance(steps, list) and ("environment" in record or isinstance(history, list)):
        return not steps or "action" in dict_of(steps[0])
    first = dict_of(history[0]) if isinstance(history, list) and history else {}
    return {"role", "content", "agent"} <= first.keys()


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A run a document; it has no id, so its task and its first answer name it."""
    for record in found:
        if not claims(record):
            continue
        history = dicts_of(record.get("history"))
        steps = dicts_of(record.get("trajectory"))
        spoken = bool(steps) or any(each.get("role") == "assistant" for each in history)
        first = [_beginning(each) for each in (*_told(history)[:3], *steps[:2])]
        kept: Record = {key: record[key] for key in ("environment", "trajectory") if key in record}
        parts = [Part(each, "", spoken) for each in history] or [Part({}, "", spoken)]
        yield Portion(named(*first), parts, within("history", kept))


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a run.

    Raises:
        UnreadableError: Nothing was done in it.
    """
    runs = (record for record in found if claims(record))
    run = next(runs)
    history = _told(dicts_of(run.get("history")))
    steps = dicts_of(run.get("trajectory")) or [
        {"thought": each.get("thought", each.get("content")), "action": each.get("action")}
        for each in history
        if each.get("role") == "assistant"
    ]
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
            _act(told, action, text_of(step.get("observation")))
    return told.session(NAME, interactive=False, damage=damage, others=sum(1 for _ in runs))


def _act(told: Conversation, action: str, shown: str) -> None:
    name, _, rest = action.partition(" ")
    name = name.strip()
    edited = _EDITED.match(action)
    if name not in _OWN:
        told.call("", "bash", {"command": action})
    elif edited:
        told.call("", "edit", {"input": edited[3]})
    elif name == "str_replace_editor":
        command, _, path = rest.partition(" ")
        told.call("", name, {"command": command, "path": path.split(" ")[0]})
    else:
        told.call("", name, arguments({"path": rest.split("\n")[0]} if rest else {}))
    failed = "Your proposed edit has introduced new syntax error" in shown
    lines = None
    if edited:
        removed = max(0, int(edited[2][:9]) - int(edited[1][:9]) + 1)
        lines = (len(edited[3].split("\n")) if edited[3] else 0, removed)
    elif name == "edit" and not failed:
        lines = (0, 0)
    told.result("", shown, outcome="error" if failed else "ok", lines=lines)


def _told(history: list[Record]) -> list[Record]:
    return [each for each in history if each.get("is_demo") is not True]


def _beginning(message: Record) -> list[str]:
    keys = ("role", "content", "action", "thought")
    return [words_in(message.get(key))[-300:] for key in keys]
