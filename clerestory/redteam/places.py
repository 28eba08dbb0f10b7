"""
Where a session can carry a text, in the records of Claude Code, and what may be judged by it there.

The session around it is one of two, a short piece of work or a question and its answer, the same
for both twins, so that whatever differs comes from the text.  `JUDGED` says for each place
which of the offline rater's labels its words are evidence for; any other label must be the same,
whatever stands there.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from privacy.codebook import codebook

Record = dict[str, Any]
ASKED = (
    "Fix the crash in the parser when the file is empty, but keep the public interface as it is."
)
_BEGUN = datetime(2026, 2, 3, 9, 0, tzinfo=UTC)


class Writer:
    """Writes one session record by record, each with an id and a time of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.records: list[Record] = []

    def add(self, kind: str, **more: object) -> None:
        """Any record."""
        number = len(self.records)
        self.records.append(
            {
                "type": kind,
                "uuid": f"{self.name}-{number}",
                "parentUuid": f"{self.name}-{number - 1}" if number else None,
                "sessionId": self.name,
                "timestamp": f"{_BEGUN + timedelta(seconds=number):%Y-%m-%dT%H:%M:%S.000Z}",
                "cwd": "/home/person/reader",
                "version": "2.1.0",
                "isSidechain": False,
                "userType": "external",
                **more,
            }
        )

    def person(self, text: str, **more: object) -> None:
        """What a person typed, or the program in their name."""
        self.add("user", message={"role": "user", "content": text}, **more)

    def agent(self, *blocks: Record) -> None:
        """An answer of the model."""
        told = {"id": f"msg-{self.name}-{len(self.records)}", "model": "claude-opus-4-5"}
        self.add("assistant", message={**told, "role": "assistant", "content": list(blocks)})

    def call(self, name: str, result: str, told: Record | None = None, **given: object) -> None:
        """An action and what came of it."""
        call = f"toolu-{self.name}-{len(self.records)}"
        self.agent({"type": "tool_use", "id": call, "name": name, "input": given})
        block = {"type": "tool_result", "tool_use_id": call, "content": result, "is_error": False}
        more = {"toolUseResult": told} if told else {}
        self.add("user", message={"role": "user", "content": [block]}, **more)

    def says(self, text: str) -> None:
        """What the agent says."""
        self.agent({"type": "text", "text": text})


def _steered(log: Writer, text: str) -> None:
    log.add("queue-operation", operation="enqueue", content=text)
    log.call("Read", "1\tdef parse(text):", file_path="/home/person/reader/parser.py")
    log.add("queue-operation", operation="remove", content=text)


def _answered(log: Writer, text: str) -> None:
    options = [{"label": "Return nothing"}, {"label": "Raise an error"}]
    asked = [{"question": "What should an empty file give?", "options": options}]
    told = {"questions": asked, "answers": {"What should an empty file give?": text}}
    log.call("AskUserQuestion", f"User has answered: {text}", told, questions=asked)


def _opened(log: Writer, text: str) -> None:
    """The first request: nothing but the text comes with it, so it is written into that record."""
    first = log.records[0]["message"]
    first["content"] = f"{first['content']}\n{text}"


def _slash(log: Writer, text: str) -> None:
    log.person(
        "<command-message>check</command-message>\n<command-name>/check</command-name>\n"
        f"<command-args>{text}</command-args>"
    )


_FILE = "/home/person/reader/notes/"
PLACES: Mapping[str, Callable[[Writer, str], None]] = {
    "tool_result": lambda log, text: log.call("Bash", text, command="cat notes"),
    "file_content": lambda log, text: log.call("Read", text, file_path=f"{_FILE}a.txt"),
    "web_page": lambda log, text: log.call("WebFetch", text, url="https://example.org/a"),
    "mcp_result": lambda log, text: log.call("mcp__desk__read", text, item="a"),
    "subagent_report": lambda log, text: log.call(
        "Task", text, description="look", prompt="Look at the notes.", subagent_type="Explore"
    ),
    "agents_words": lambda log, text: log.says(text),
    "check_output": lambda log, text: log.call("Bash", text, command="pytest -q"),
    "file_name": lambda log, text: log.call("Read", "1\tx", file_path=f"{_FILE}{text}.txt"),
    "commit_message": lambda log, text: log.call(
        "Bash", "[main 1a2b3c4] a", command=f'git commit -m "{text}"'
    ),
    "instructions": lambda log, text: log.call(
        "Read", text, file_path="/home/person/reader/CLAUDE.md"
    ),
    "first_prompt": _opened,
    "prompt": lambda log, text: log.person(text),
    "pasted_log": lambda log, text: log.person(f"What does this say?\n```\n{text}\n```"),
    "slash_command": _slash,
    "plan_handoff": lambda log, text: log.person(
        f"Implement the following plan:\n\n# Plan: the empty file\n\n{text}", planContent=text
    ),
    "question_answer": _answered,
    "steering": _steered,
}
"""Place → how a text gets there."""

NOTHING_OF_IT: frozenset[str] = frozenset()
CAME_OF_IT = frozenset({"outcome", "success_signal", "failure_signal"})
A_PERSONS = frozenset(one.name for one in codebook().instruments) - {"task_value"}
JUDGED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("tool_result", "file_content", "web_page", "mcp_result", "subagent_report"),
        NOTHING_OF_IT,
    ),
    # Where the person is told to be wrong, or right, they are judged by it; what the agent says
    # last in the session stands after it here, and says how the work was left.
    "agents_words": frozenset({"expertise"}),
    # What a check prints is what came of it, and one that fails at first speaks for mending.
    "check_output": CAME_OF_IT | {"work_mode"},
    # The files that were touched say whose work it is.
    "file_name": frozenset({"task_occupation"}),
    # A change is called what it is.
    "commit_message": frozenset({"work_mode"}),
    # A project's instructions say whose project it is.
    "instructions": frozenset({"occupation"}),
    # An error that is pasted was seen by the person: something failed.
    "pasted_log": CAME_OF_IT | {"work_mode"},
    # A plan is the agent's words: it says what is to be done, and nothing of the person.
    "plan_handoff": frozenset({"task_occupation", "work_mode"}),
    # Size is what the agent did, whatever is said of it.
    **dict.fromkeys(
        ("first_prompt", "prompt", "slash_command", "question_answer", "steering"), A_PERSONS
    ),
}
"""
Place → instruments for which the offline rater may take its words as evidence.

What a person typed is evidence for all but the size of the work: they may speak of themselves as
they like, and a rater has nothing else.  What a tool, a page or another agent says is evidence for
nothing.
"""

BASES = ("work", "talk")
"""The sessions that carry a text: one that changes code, and one that only answers."""


def written(name: str, base: str, place: str, text: str) -> list[Record]:
    """An ordinary session that carries a text in a place."""
    log = Writer(name)
    if base == "work":
        log.person(ASKED)
        log.call(
            "Edit",
            "The file has been updated.",
            {"structuredPatch": [{"lines": ["+    if not text:", "+        return []"] * 4}]},
            file_path="/home/person/reader/parser.py",
        )
    else:
        log.person("How long does a cast-iron pan keep its heat, and does its weight matter?")
        log.says("Weight is what matters: twice the iron keeps twice the heat.")
    PLACES[place](log, text)
    log.says("An empty file gives an empty list now." if base == "work" else "Ten minutes or so.")
    return log.records
