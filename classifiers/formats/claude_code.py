"""
Claude Code's session log: one JSON record a line, one content block a record.

The format is internal to its program and changes without notice, so what is not known is
counted and passed over.  Records in file order are what a person lived through: branches that
were rewound stay in.  A sub-agent's records (`isSidechain`) make a session of their own, which
hangs on the call that started it.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from classifiers.limits import Room
from classifiers.sessions import Completeness, Session, UnreadableError, safe

from .claude_code_records import EXCHANGE, PASSED_OVER, identity
from .claude_code_trunk import Trunk
from .lines import Damage, Record, timestamp, type_of
from .values import text_of

NAME = "claude_code"

_SIGNS = frozenset({"permissionMode", "thinkingMetadata", "todos", "imagePasteIds", "planContent"})
"""Keys that the interface adds."""
_SURFACES = {"cli": "cli", "claude-desktop": "desktop", "claude-vscode": "ide", "web": "web"}


def claims(record: Record) -> bool:
    """Whether a record can only be this format's."""
    kind = type_of(record)
    if kind in ("user", "assistant"):
        return "message" in record and ("sessionId" in record or "uuid" in record)
    return kind == "queue-operation" and "operation" in record and "sessionId" in record


def read(found: Iterable[Record], damage: Damage) -> Session:
    """
    Make a session of a log's records, each of which is gone when the next one comes.

    Of several sessions in a log the one with most records is read.  A record that names no session
    belongs to that of the record before it, as at the edge.

    Raises:
        UnreadableError: There is no exchange in it, or it is a sub-agent's part alone; or it is too
            large.
    """
    room, unknown, name = Room(), 0, ""
    conversations: dict[str, _Conversation] = {}
    for record in found:
        if (kind := type_of(record)) not in EXCHANGE:
            unknown += kind not in PASSED_OVER
            continue
        stated = text_of(record.get("sessionId"))
        if stated and not name and name in conversations:  # what came before any name
            conversations[stated] = conversations.pop(name)
        name = stated or name
        if name not in conversations:
            room.open(name)
            conversations[name] = _Conversation(room)
        conversations[name].take(record)
    if not conversations:
        raise UnreadableError("NO_CONVERSATION")
    mine = max(conversations.values(), key=lambda each: each.records)
    others = sum(each.records for each in conversations.values()) - mine.records
    return mine.session(damage, unknown=unknown, others=others)


class _Conversation:
    """The records of one session: its trunk, and a part for each sub-agent."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._trunk = _Part(room, is_subagent=False)
        self._agents: dict[str, _Part] = {}
        self._met: set[str] = set()
        self.records = self._duplicates = 0

    def take(self, record: Record) -> None:
        """Take the next record, unless it is one that has been met."""
        self.records += 1
        if name := identity(record):
            if name in self._met:
                self._duplicates += 1
                return
            self._met.add(name)
        part = self._trunk
        if record.get("isSidechain") is True:
            agent = text_of(record.get("agentId"))
            if agent not in self._agents:
                self._room.open(agent)
                self._agents[agent] = _Part(self._room, is_subagent=True)
            part = self._agents[agent]
        part.take(record)

    def session(self, damage: Damage, *, unknown: int, others: int) -> Session:
        """
        The session of what was taken.

        Raises:
            UnreadableError: There is no exchange in the trunk.
        """
        if not self._trunk.is_spoken:
            raise UnreadableError("SUBAGENT_ALONE" if self._agents else "NO_CONVERSATION")
        counted = Completeness(
            bad_lines=damage.bad,
            joined_lines=damage.joined,
            unknown_types=unknown,
            duplicate_records=self._duplicates,
            other_sessions=others,
        )
        agents = {name: part.session({}) for name, part in self._agents.items()}
        return self._trunk.session(agents, counted)


class _Part:
    """Records of one line of talk, and what they say of how it was held."""

    def __init__(self, room: Room, *, is_subagent: bool) -> None:
        self._told = Trunk(room, is_subagent=is_subagent)
        self._is_subagent = is_subagent
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._opening = self._entry = ""
        self._shows_interface = self.is_spoken = False

    def take(self, record: Record) -> None:
        """Take the next record."""
        kind = type_of(record)
        self._opening = self._opening or kind
        self._entry = self._entry or text_of(record.get("entrypoint"))
        self._shows_interface = self._shows_interface or not _SIGNS.isdisjoint(record)
        if kind in ("user", "assistant"):
            self.is_spoken = True
            if time := timestamp(record):
                self._first = min(self._first or time, time)
                self._last = max(self._last or time, time)
        self._told.take(record)

    def session(self, agents: dict[str, Session], counted: Completeness | None = None) -> Session:
        """The session of this part, its sub-agents on the calls that started them."""
        told, counted = self._told, counted or Completeness()
        prelude, turns, called = told.finish(agents)
        return Session(
            format=NAME,
            started_at=self._first,
            ended_at=self._last,
            interactive=not self._is_subagent and self._is_interactive,
            surface=_surface(self._entry),
            models=tuple(safe(model) for model in sorted(told.models)),
            answers=frozenset(safe(name) for name in told.answers),
            prelude=prelude,
            turns=turns,
            thinking_words=told.thinking_words,
            subagents=tuple(part for name, part in agents.items() if name not in called),
            is_subagent=self._is_subagent,
            completeness=replace(
                counted,
                unknown_types=counted.unknown_types + told.unknown,
                duplicate_records=counted.duplicate_records + told.copies,
                orphan_results=told.orphans,
                images=told.images,
            ),
        )

    @property
    def _is_interactive(self) -> bool:
        """
        Whether a person sat before it.

        New versions name the entry point.  Older runs without a terminal begin with a queued
        prompt, and none of their records shows a sign of the interface.
        """
        if self._entry:
            return not self._entry.startswith("sdk")
        return self._opening != "queue-operation" or self._shows_interface


def _surface(entry: str) -> str:
    if not entry:
        return "cli"  # before 2.1.2x nothing was noted, and almost all of it was the terminal
    return next((surface for prefix, surface in _SURFACES.items() if prefix in entry), "other")
