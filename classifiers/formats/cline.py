"""
Cline's and Roo Code's tasks as they are shown (`ui_messages.json`): an array of says and asks.

The first message is the task; later words of the person's are feedback, or the answer to the
question before them.  A tool that is asked for and one that is told of are both an action: a
refusal is not logged, so an action counts as carried out unless its command was.  Nothing names
a task, so its first message does.  The history beside it that goes to the model says the same
and is not read.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from classifiers.sessions import Actor, Session

from .actions import arguments, block_sizes, patch_lines
from .conversation import Conversation
from .lines import Damage, Record, type_of
from .portions import Part, Portion, as_lines, earliest, named
from .values import dict_of, text_of, time_of

NAME = "cline"

_NAMES = {
    "readFile": "read_file", "listFilesTopLevel": "list_dir", "listFilesRecursive": "list_dir",
    "listCodeDefinitionNames": "list_dir", "searchFiles": "grep_search",
    "codebaseSearch": "codebase_search", "editedExistingFile": "edit", "appliedDiff": "edit",
    "insertContent": "edit", "searchAndReplace": "edit", "newFileCreated": "write",
    "fileDeleted": "delete", "webFetch": "web_fetch", "webSearch": "web_search",
    "newTask": "task", "updateTodoList": "update_plan",
}  # fmt: skip
_QUESTIONS = ("followup", "condense", "new_task")


def claims(record: Record) -> bool:
    """Whether a record is something said or asked."""
    kind = type_of(record)
    is_timed = isinstance(record.get("ts"), int)
    return kind in ("say", "ask") and is_timed and bool(text_of(record.get(kind)))


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """The one task of a file."""
    said = [_needed(each) for each in found if claims(each) and each.get("partial") is not True]
    if said:
        times = [time_of(each.get("ts")) for each in said]
        parts = [Part(each, "", text_of(each.get("text")) != "") for each in said]
        name = named(said[0].get("ts"), text_of(said[0].get("text")))
        yield Portion(name, parts, as_lines, earliest(times))


def _needed(message: Record) -> Record:
    """A message without what no reader needs: thinking, and requests as the model got them."""
    kind = text_of(message.get(type_of(message)))
    if kind == "api_req_started":
        reason = arguments(message.get("text")).get("cancelReason")
        return {**message, "text": json.dumps({"cancelReason": reason})}
    return {**message, "text": "", "reasoning": ""} if kind == "reasoning" else message


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a task.

    Raises:
        UnreadableError: There is no exchange in it.
    """
    told = Conversation()
    reader = _Reader(told)
    for record in found:
        if claims(record) and record.get("partial") is not True:
            reader.take(record)
    return told.session(NAME, surface="ide", damage=damage)


class _Reader:
    """Takes messages in order."""

    def __init__(self, told: Conversation) -> None:
        self._told = told
        self._question: Record | None = None
        self._is_running = self._has_begun = False

    def take(self, message: Record) -> None:
        """Take a message of whichever kind."""
        told, text, at = self._told, text_of(message.get("text")), time_of(message.get("ts"))
        kind = text_of(message.get(type_of(message)))
        if model := text_of(dict_of(message.get("modelInfo")).get("modelId")):
            told.models.add(model)
        if kind == "command_output":
            self._end(text)
            return
        self._end("")
        pictures = message.get("images")
        shown = len(pictures) if isinstance(pictures, list) else 0
        if not self._has_begun:  # the task, whatever a version calls it
            self._has_begun = True
            told.ask(text, at, pictures=shown)
            return
        match type_of(message), kind:
            case "say", "user_feedback":
                self._reply(text, at, shown)
            case "say", "text" | "completion_result":
                told.answer(text, at, name=told.step)
            case "ask", "followup" | "plan_mode_respond" | "act_mode_respond":
                asked = arguments(text)
                said = text_of(asked.get("question")) or text_of(asked.get("response"))
                told.answer(said, at, name=told.step)
                self._question = asked if kind in _QUESTIONS else None
            case _, "tool":
                self._act(arguments(text))
            case _, "command":
                told.call("", "execute_command", {"command": text})
                self._is_running = True
            case _, "use_mcp_server":
                about = arguments(text)
                name = f"mcp__{text_of(about.get('serverName'))}__{text_of(about.get('toolName'))}"
                told.call("", name, arguments(about.get("arguments")))
                told.result("", "")
            case "say", "api_req_started":
                told.answers.add(f"request:{message.get('ts')}")
                if arguments(text).get("cancelReason") == "user_cancelled":
                    told.interrupt()
            case "say", "condense_context" | "compaction":
                told.compact()
            case ("say", "error") | ("ask", "api_req_failed"):
                told.say(Actor.HARNESS, "api_error", "", at)

    def _end(self, output: str) -> None:
        """End the command that is under way, if there is one."""
        if self._is_running:
            self._told.result("", output)
        self._is_running = False

    def _reply(self, text: str, at: datetime | None, pictures: int) -> None:
        if self._question is None:
            self._told.ask(text, at, pictures=pictures)
            return
        offered = self._question.get("options") or self._question.get("suggest")
        options = [
            each if isinstance(each, str) else text_of(dict_of(each).get("answer"))
            for each in (offered if isinstance(offered, list) else [])
        ]
        own = text not in options
        self._told.say(Actor.HUMAN, "question_answer", text, at, own=own)
        self._question = None

    def _act(self, about: Record) -> None:
        tool = text_of(about.get("tool"))
        name = _NAMES.get(tool, tool)
        change = text_of(about.get("diff")) or text_of(about.get("content"))
        given: Record = {"path": about.get("path"), "pattern": about.get("regex")}
        if name in ("edit", "write"):
            given["content"] = change
        self._told.call("", name, given)
        self._told.result("", "", lines=_lines(change) if name == "edit" else None)


def _lines(change: str) -> tuple[int, int]:
    """Lines (added, removed) by blocks of what is searched and what replaces it, or by a patch."""
    if sizes := block_sizes(change):
        return sum(size[0] for size in sizes), sum(size[1] for size in sizes)
    return patch_lines(change) if "\n@@" in f"\n{change}" else (0, 0)
