"""
aider's chat history: Markdown to which every start of the program adds a session: best effort.

`#### ` begins what a person typed, `> ` what the program printed, the rest is the model's.
Edits are blocks of SEARCH and REPLACE in the model's words; the program prints which files it
applied them to, and its commits.  Questions of the program and their answers both stand behind
`> `, so that answers are not told from it.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, pairwise

from classifiers.sessions import Actor, Session

from .actions import block_sizes
from .conversation import Conversation
from .lines import Damage, Record
from .portions import Part, Portion, as_lines, named
from .values import TEXT, text_of, time_of

NAME = "aider"

_START = re.compile(r"^# aider chat started at (\d{4}-\d\d-\d\d[ T][\d:]{5,8})", re.M)
_MODEL = re.compile(r"(?:Main model|Model|Models): (\S+)")
_COMMAND = re.compile(
    r"\n(?=/(?:add|architect|ask|clear|code|commit|drop|git|lint|ls|model|read-only|reset|run|test"
    r"|tokens|undo|web)\b)"
)
_ASKING = frozenset({"ask", "architect", "code", "context", "editor", "edit"})
_SHELL = frozenset({"run", "test", "git", "lint"})


def claims(record: Record) -> bool:
    """Whether a record is a text that begins as this program begins one."""
    return bool(_START.match(text_of(record.get(TEXT)).lstrip("\ufeff\n ")))


def split(found: Iterator[Record]) -> Iterator[Portion]:
    """A portion a start of the program; its time and first words name it."""
    for record in found:
        if not claims(record):
            continue
        for text in _sessions(text_of(record.get(TEXT))):
            start = _START.match(text)
            blocks = [block for block in _blocks(text) if block[0] != "program"]
            asked = next((words for who, words in blocks if who == "person"), "")
            name = named(start[1] if start else "", asked)
            part = Part({TEXT: text}, "", bool(blocks))
            yield Portion(name, [part], as_lines, time_of(start[1] if start else None))


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a text; of several starts the one with most words.

    Raises:
        UnreadableError: Nobody speaks in it.
    """
    told = Conversation()
    sessions = _sessions(text_of(next(iter(found)).get(TEXT)))
    mine = max(sessions, key=len)
    start = _START.match(mine)
    began = time_of(start[1]) if start else None
    changed: list[tuple[int, int]] = []
    for who, words in _blocks(mine):
        if who == "person":
            for each in _COMMAND.split(words):
                _ask(told, each, began)
            began = None
        elif who == "agent":
            changed += block_sizes(words)
            told.answer(words, name=told.step)
        else:
            _printed(told, words, changed)
    return told.session(NAME, damage=damage, others=len(sessions) - 1)


def _sessions(text: str) -> list[str]:
    starts = [start.start() for start in _START.finditer(text)]
    return [text[one:two] for one, two in pairwise((*starts, len(text)))] or [text]


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Who (person, program, agent) and the words; prompts that follow each other are one."""
    lines = text.split("\n")
    for who, group in groupby(lines[1:], _who):
        words = "\n".join(
            line[5:].rstrip()
            if who == "person"
            else line[2:].rstrip()
            if who == "program"
            else line
            for line in group
        ).strip()
        if words and who != "blank":
            yield who, words


def _who(line: str) -> str:
    if line.startswith("#### ") or line.rstrip() == "####":
        return "person"
    return "program" if line.startswith("> ") or line.rstrip() == ">" else "agent"


def _ask(told: Conversation, words: str, at: datetime | None) -> None:
    command, _, rest = words.partition(" ")
    if not command.startswith(("/", "!")):
        told.ask(words, at)
    elif command[1:] in _SHELL or command.startswith("!"):
        told.say(Actor.HUMAN, "shell", words)
    elif command[1:] in _ASKING and rest:
        told.say(Actor.HUMAN, "slash_command", words)
    else:
        told.say(Actor.HARNESS, "marker", "")


def _printed(told: Conversation, words: str, changed: list[tuple[int, int]]) -> None:
    """Take what the program did: edits it applied and commits, each an action of the agent."""
    for line in words.split("\n"):
        if model := _MODEL.match(line):
            told.models.add(model[1])
        elif line.startswith("Applied edit to "):
            told.call("", "edit", {"path": line.removeprefix("Applied edit to ")})
            lines = (sum(c[0] for c in changed), sum(c[1] for c in changed))
            changed.clear()  # what is not told apart by file counts with the first
            told.result("", "", lines=lines)
        elif line.startswith("Commit ") and len(line.split()) > 2:
            told.call("", "bash", {"command": "git commit"})
            told.result("", line)
        elif line.startswith(("^C", "KeyboardInterrupt")):
            told.interrupt()
