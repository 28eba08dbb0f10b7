"""
The normal form of a session: who authored what, in which order, and what came of it.

Roles in a log do not say who wrote something: plans, notifications and summaries arrive as
"user" records, and people speak inside refusals and answers.  So each utterance names its
*actor*.  A turn opens when a person asks for something, or when a plan is handed over.

Text is held as `SafeText`, which cannot be printed, formatted or pickled by accident: an
error or a log that mentions it shows a length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NoReturn

Via = Literal[
    "prompt", "slash_command", "steering", "rejection_note", "question_answer", "shell", "image",
    "plan_approval", "assistant_text", "summary", "plan_handoff", "notification", "hook",
    "reminder", "marker", "api_error",
]  # fmt: skip
"""The way an utterance came: as a prompt, typed while the agent worked, within a refusal, …"""

Kind = Literal[
    "read", "search", "edit", "write", "shell", "web", "mcp", "agent", "plan", "ask", "other"
]
Outcome = Literal["ok", "error", "rejected", "denied", "interrupted", "missing"]

PROMPTS: frozenset[Via] = frozenset({"prompt", "slash_command", "image", "steering"})
"""Ways in which a person asks for something; an answer or a refusal's note is no prompt."""
OPENERS: frozenset[Via] = frozenset({"prompt", "slash_command", "image", "plan_handoff"})
"""Ways that begin a turn.  Steering does not: it joins the turn that is under way."""

_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_SURROGATE = re.compile("[\ud800-\udfff]")


class SafeText(str):
    """A person's or an agent's words.  Showing it shows its length only."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} characters>"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("Text of a session is not pickled.")


NOTHING = SafeText()


class Actor(StrEnum):
    """Who authored something, whichever role carried it."""

    HUMAN = "human"
    MODEL = "model"
    HARNESS = "harness"


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something said, by whom, and how it came."""

    actor: Actor
    via: Via
    text: SafeText
    at: datetime | None = None
    own: bool = True
    """False where a person chose words that the agent had offered."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One action of the agent and its result."""

    call_id: SafeText
    """Its id in the log, `tool_use.id` of Claude Code; empty where the log gives none."""
    name: SafeText
    kind: Kind
    subject: SafeText
    """What it was applied to: a path, command, pattern, address or question."""
    words: int
    """Words in the input: code, commands, prose."""
    outcome: Outcome
    result: SafeText
    lines_added: int = 0
    lines_removed: int = 0
    committed: bool = False
    proposed: bool = False
    """Whether it opened a pull request."""
    tested: bool = False
    """Whether it ran tests, a type checker or a linter."""
    subagent: "Session | None" = None


Event = Utterance | ToolCall


@dataclass(frozen=True, slots=True)
class Turn:
    """What followed from one request."""

    opener: Utterance
    events: tuple[Event, ...]
    interrupted: bool = False
    compactions: int = 0


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a log held beyond what the normal form keeps.  Numbers only."""

    bad_lines: int = 0
    joined_lines: int = 0
    unknown_types: int = 0
    duplicate_records: int = 0
    orphan_results: int = 0
    other_sessions: int = 0
    """Records of another session in the same file."""
    images: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation trunk of one account, its sub-agents hanging on the calls."""

    format: str
    started_at: datetime | None
    ended_at: datetime | None
    interactive: bool
    surface: str
    models: tuple[SafeText, ...]
    answers: frozenset[SafeText]
    """Ids of the model's answers, `message.id` of Claude Code: each once, however many lines it
    takes.  Where a log gives none, names of our own."""
    prelude: tuple[Event, ...]
    """What came before the first request."""
    turns: tuple[Turn, ...]
    thinking_words: int = 0
    """Words that the trunk's model thought; what it thought is not kept."""
    subagents: tuple["Session", ...] = ()
    """Sub-agents whose call is not in the log."""
    is_subagent: bool = False
    completeness: Completeness = field(default_factory=Completeness)

    @property
    def events(self) -> Iterator[Event]:
        """Everything that happened, openers included, in order."""
        yield from self.prelude
        for turn in self.turns:
            yield turn.opener
            yield from turn.events

    @property
    def utterances(self) -> Iterator[Utterance]:
        """All that was said, in order."""
        return (event for event in self.events if isinstance(event, Utterance))

    @property
    def calls(self) -> Iterator[ToolCall]:
        """The trunk's actions, in order; sub-agents' are not among them."""
        return (event for event in self.events if isinstance(event, ToolCall))

    @property
    def human(self) -> Iterator[Utterance]:
        """All that the person said, in order."""
        return (said for said in self.utterances if said.actor is Actor.HUMAN)

    @property
    def model_calls(self) -> int:
        """Answers of the trunk's model."""
        return len(self.answers)

    @property
    def all_sessions(self) -> Iterator["Session"]:
        """This session and every sub-agent below it."""
        yield self
        for call in self.calls:
            if call.subagent:
                yield from call.subagent.all_sessions
        for subagent in self.subagents:
            yield from subagent.all_sessions


class UnreadableError(Exception):
    """
    No session could be made of the bytes.

    Args:
        reason: One of `REASONS`.  Nothing of the input is kept.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


REASONS = (
    "NOT_A_SESSION_LOG", "EMPTY", "UNREADABLE_ENCODING", "NO_CONVERSATION", "SUBAGENT_ALONE",
    "TOO_LARGE",
)  # fmt: skip
"""Why bytes are no session: foreign, empty, no text, no exchange, a sub-agent's part only, or more
than is read (`limits`)."""


def safe(text: str) -> SafeText:
    """Text in its one normal shape: no lone surrogates, NUL bytes or terminal codes."""
    if not text.isascii():  # scanning costs; a lone surrogate would break encoding later
        text = _SURROGATE.sub("\ufffd", text)
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    return SafeText(text.replace("\0", ""))


def count_words(text: str) -> int:
    """
    Words of a text, in words.

    Scripts without spaces count two characters as one word, about the mean length of a
    word in running Chinese and Japanese text.
    """
    if text.isascii():
        return len(text.split())
    spaced, ideographs = _IDEOGRAPHS.subn(" ", text)
    return len(spaced.split()) + (ideographs + 1) // 2
