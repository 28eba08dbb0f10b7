"""
What is said and done, event by event, into a session's turns.

Readers of formats tell it what happened in order; it opens turns, keeps a call's place until
its result comes, and takes what a sub-agent is asked for as its model's words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from classifiers.limits import Room
from classifiers.sessions import (
    OPENERS,
    Actor,
    Completeness,
    Event,
    Outcome,
    Session,
    ToolCall,
    Turn,
    UnreadableError,
    Utterance,
    Via,
    count_words,
    safe,
)

from .actions import action
from .claude_code_words import without_reminders
from .lines import Damage, Record


@dataclass(slots=True)
class _Call:
    call_id: str
    name: str
    given: Record
    done: ToolCall | None = None
    agent: str = ""

    def finish(
        self, text: str | None, outcome: Outcome = "ok", lines: tuple[int, int] | None = None
    ) -> ToolCall:
        """The call with its result, of which only the ends stay; the input goes."""
        given, self.given = self.given, {}
        return action(
            self.name, given, text=text, outcome=outcome, lines=lines, call_id=self.call_id
        )


@dataclass(slots=True)
class _Open:
    opener: Utterance | None
    events: "list[Utterance | _Call]" = field(default_factory=list)
    interrupted: bool = False
    compactions: int = 0


class Conversation:
    """Takes events in order, gives the session at the end."""

    def __init__(self, *, is_subagent: bool = False) -> None:
        self._is_subagent = is_subagent
        self._room = Room()
        self._open = [_Open(None)]
        self._pending: dict[str, _Call] = {}
        self._called: set[str] = set()
        self._times: list[datetime] = []
        self._steps = 0
        self.models: set[str] = set()
        self.answers: set[str] = set()
        """Ids of the model's answers."""
        self.unknown = self.orphans = self.images = self.duplicates = self.thinking_words = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been asked, said or done."""
        return len(self._open) == 1 and not self._open[0].events

    @property
    def step(self) -> str:
        """A name for the model's next answer, where the log gives none: new with every result."""
        return f"step:{self._steps}"

    def say(
        self, actor: Actor, via: Via, text: str, at: datetime | None = None, *, own: bool = True
    ) -> None:
        """Take an utterance; some ways open a turn (`sessions.OPENERS`)."""
        said = Utterance(actor, via, safe(text), at, own)
        self._room.take(said.text)
        self._times += [at] if at else []
        if via in OPENERS:
            self._open.append(_Open(said))
        else:
            self._open[-1].events.append(said)

    def ask(
        self, text: str, at: datetime | None = None, *, pictures: int = 0, meanwhile: bool = False
    ) -> None:
        """
        Take what was typed as a request; in a sub-agent's log its parent's model wrote it.

        Reminders that Claude Code put into it stay behind: other formats carry its sessions on.
        """
        self.images += pictures
        self._steps += 1
        words = without_reminders(text).strip()
        if self._is_subagent:
            self.say(Actor.MODEL, "plan_handoff", words, at)
        elif words:
            self.say(Actor.HUMAN, "steering" if meanwhile else "prompt", words, at)
        elif pictures:
            self.say(Actor.HUMAN, "image", "", at)
        elif text.strip():
            self.say(Actor.HARNESS, "reminder", "", at)

    def answer(self, text: str, at: datetime | None = None, *, name: str = "") -> None:
        """Take what the model said; answers of one name count as one."""
        self.answers.add(name or f"answer:{len(self.answers)}")
        if text.strip():
            self.say(Actor.MODEL, "assistant_text", text, at)

    def think(self, text: str) -> None:
        """Count what the model thought; its words are not kept."""
        self.thinking_words += count_words(text)

    def call(self, call_id: str, name: str, given: Record) -> None:
        """Take an action; one whose id has been met is a copy."""
        if call_id and call_id in self._called:
            self.duplicates += 1
            return
        self._room.take(call_id, name)
        call = _Call(call_id, name, given)
        if call_id:
            self._called.add(call_id)
            self._pending[call_id] = call
        self._open[-1].events.append(call)

    def name_of(self, call_id: str) -> str:
        """The tool of a call that waits for its result; empty if none does."""
        return self._pending[call_id].name if call_id in self._pending else ""

    def has_called(self, call_id: str) -> bool:
        """Whether an action of this id has been taken."""
        return call_id in self._called

    def result(
        self,
        call_id: str,
        text: str,
        *,
        outcome: Outcome = "ok",
        lines: tuple[int, int] | None = None,
        agent: str = "",
    ) -> None:
        """
        Take an action's result; without an id it is the last action's.

        Args:
            call_id: Which action's.
            text: What it answered.
            outcome: How it ended.
            lines: Lines (added, removed), where the log states them.
            agent: Name of the sub-agent's session that it started.
        """
        self._steps += 1
        waiting = self._pending.pop(call_id, None)
        if not call_id and self._open[-1].events:
            last = self._open[-1].events[-1]
            waiting = last if isinstance(last, _Call) and last.done is None else None
        if waiting is None:
            self.orphans += 1
            return
        waiting.done, waiting.agent = waiting.finish(text, outcome, lines), agent
        self._room.take(waiting.done.subject, waiting.done.result)

    def interrupt(self) -> None:
        """Note that the person stopped the agent."""
        self._open[-1].interrupted = True

    def compact(self) -> None:
        """Note that the history was summarised."""
        self._open[-1].compactions += 1

    def session(
        self,
        name: str,
        *,
        interactive: bool = True,
        surface: str = "cli",
        damage: Damage | None = None,
        agents: Mapping[str, Session] | None = None,
        others: int = 0,
    ) -> Session:
        """
        The session of what was taken.

        Args:
            name: The format.
            interactive: Whether a person sat before it.
            surface: A label of the codebook's `surface`.
            damage: What reading the lines met.
            agents: Sub-agents' sessions by name.
            others: Records of another session.

        Raises:
            UnreadableError: Nothing was said or done.
        """
        if self.is_empty:
            raise UnreadableError("NO_CONVERSATION")
        agents = dict(agents or {})
        free = dict(agents)
        prelude, *rest = self._open
        finished = tuple(
            Turn(each.opener, _events(each, free), each.interrupted, each.compactions)
            for each in rest
            if each.opener
        )
        damage = damage or Damage()
        return Session(
            format=name,
            started_at=min(self._times, default=None),
            ended_at=max(self._times, default=None),
            interactive=interactive and not self._is_subagent,
            surface=surface,
            models=tuple(safe(model) for model in sorted(self.models)),
            answers=frozenset(safe(name) for name in self.answers),
            prelude=_events(prelude, free),
            turns=finished,
            subagents=tuple(free.values()),
            is_subagent=self._is_subagent,
            thinking_words=self.thinking_words,
            completeness=Completeness(
                bad_lines=damage.bad,
                joined_lines=damage.joined,
                unknown_types=self.unknown,
                duplicate_records=self.duplicates,
                orphan_results=self.orphans,
                other_sessions=others,
                images=self.images,
            ),
        )


def _events(turn: _Open, free: dict[str, Session]) -> tuple[Event, ...]:
    """A turn's events; a sub-agent that a call started is taken from those that are free."""
    return tuple(e if isinstance(e, Utterance) else _finished(e, free) for e in turn.events)


def _finished(call: _Call, free: dict[str, Session]) -> ToolCall:
    done = call.done or call.finish(None)
    agent = free.pop(call.agent, None)
    return replace(done, subagent=agent) if agent else done
