"""
Claude Code's session log: one JSON record a line, one content block a record.

The format is internal to its program and changes without notice, so what is not known is
counted and passed over.  Records in file order are what a person lived through: branches that
were rewound stay in.  A sub-agent's records (`isSidechain`) make a session of their own, which
hangs on the call that started it, in the trunk or in another sub-agent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from classifiers.limits import Room
from classifiers.sessions import Completeness, Session, UnreadableError, safe

from .claude_code_records import EXCHANGE, PASSED_OVER, identity
from .claude_code_trunk import Trunk
from .lines import Damage, Record, timestamp, type_of
from .values import text_of

NAME = "claude_code"

DEEPEST = 20
"""Levels of sub-agents that are hung on each other's calls; the program itself allows five."""
_SIGNS = frozenset({"permissionMode", "thinkingMetadata", "todos", "imagePasteIds", "planContent"})
"""Keys that the interface adds."""
_SURFACES = {"cli": "cli", "claude-desktop": "desktop", "claude-vscode": "ide", "web": "web"}


def claims(record: Record) -> bool:
    """Whether a record can only be this format's."""
    kind = type_of(record)
    if kind in ("user", "assistant"):
        is_named = "sessionId" in record or "uuid" in record
        return is_named and "message" in record and not _is_another_programs(record["message"])
    return kind == "queue-operation" and "operation" in record and "sessionId" in record


def _is_another_programs(message: object) -> bool:
    """Whether a message has parts, as a program's has that took over the records' outer shape."""
    return isinstance(message, dict) and "parts" in message and "content" not in message


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
        self._chains: dict[str, str] = {}
        self._chain = "chain:"
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
            agent = text_of(record.get("agentId")) or self._unnamed(record)
            if agent not in self._agents:
                self._room.open(agent)
                self._agents[agent] = _Part(self._room, is_subagent=True)
            part = self._agents[agent]
        part.take(record)

    def _unnamed(self, record: Record) -> str:
        """A name for a sub-agent of which older versions tell none: its first record's id."""
        name, parent = text_of(record.get("uuid")), record.get("parentUuid", "")
        self._chain = (
            f"chain:{name}" if parent is None else self._chains.get(str(parent), self._chain)
        )
        if name not in self._chains:
            self._room.take(name)
            self._chains[name] = self._chain
        return self._chain

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
        return self._trunk.session(_Agents(self._agents), counted)


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

    @property
    def errand(self) -> int:
        """A number for what it was told first."""
        return self._told.errand

    def session(self, agents: "_Agents", counted: Completeness | None = None) -> Session:
        """The session of this part, sub-agents on the calls that started them."""
        told = self._told
        prelude, turns = told.finish(agents.sent)
        loose = () if counted is None else tuple(agents.rest())
        counted = counted or Completeness()
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
            subagents=loose,
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


class _Agents:
    """Sub-agents that no call has been found for yet."""

    def __init__(self, parts: dict[str, _Part]) -> None:
        self._free, self._depth = dict(parts), 0
        self._errands: dict[int, list[str]] = {}
        for name, part in reversed(parts.items()):
            self._errands.setdefault(part.errand, []).append(name)

    def sent(self, name: str, errand: int) -> Session | None:
        """The sub-agent of this id; if there is none, one that got this errand."""
        waiting = self._errands.get(errand, []) if errand else []
        while waiting and name not in self._free:
            name = waiting.pop()
        if name not in self._free or self._depth >= DEEPEST:
            return None
        self._depth += 1
        session = self._free.pop(name).session(self)
        self._depth -= 1
        return session

    def rest(self) -> Iterator[Session]:
        """Those whose call is not in the log."""
        for name in list(self._free):
            if session := self.sent(name, 0):
                yield session


def _surface(entry: str) -> str:
    if not entry:
        return "cli"  # before 2.1.2x nothing was noted, and almost all of it was the terminal
    return next((surface for prefix, surface in _SURFACES.items() if prefix in entry), "other")
