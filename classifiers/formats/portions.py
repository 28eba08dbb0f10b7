"""
What the edge needs to know of a file that is not a Claude Code log.

A format cuts a file's records into *portions*: what the file holds of one session.  A portion
names its session, and each of its parts has the id under which a copy of it would be found
again, if the format gives one.  Where a log names no session, a digest of how it begins does;
the custodian keys every name before it is stored.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from .lines import Record

BEGINNING = 2_000
"""Characters by which a session without an id is known; what grows later lies behind them."""


class Part(NamedTuple):
    """One message, event or line of a session."""

    record: Record
    identity: str = ""
    """An id that a copy in another session shares; empty if there is none."""
    spoken: bool = True
    """Whether it makes a conversation: something said or done."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What a file holds of one session."""

    name: str = field(repr=False)
    parts: list[Part] = field(repr=False)
    written: Callable[[list[Record]], list[Record]] = field(repr=False)
    """Makes of the kept parts the records to seal: lines, or one document."""
    began: datetime | None = None
    account: str = field(default="", repr=False)
    """Whose it is, where the log says so."""
    parent: str = field(default="", repr=False)
    """Session that sent this one as a sub-agent; this one's own name if that is not told."""
    children: tuple[str, ...] = ()
    """Sessions that this one sent as sub-agents, where only its own log says so."""
    joins: bool = False
    """Whether portions of several files add up; otherwise they are captures of one whole."""


def as_lines(kept: list[Record]) -> list[Record]:
    """Parts that are lines of their own."""
    return kept


def named(*beginning: object) -> str:
    """A name for a session that has none: a digest of its first words."""
    data = json.dumps(beginning, sort_keys=True)[:BEGINNING].encode()
    return "digest:" + sha256(data).hexdigest()[:32]


def within(key: str, document: Record) -> Callable[[list[Record]], list[Record]]:
    """Parts that are a list in a document."""

    def written(kept: list[Record]) -> list[Record]:
        return [{**document, key: kept}]

    return written


def after(head: Sequence[Record]) -> Callable[[list[Record]], list[Record]]:
    """Parts that are lines behind others which every copy keeps."""

    def written(kept: list[Record]) -> list[Record]:
        return [*head, *kept]

    return written


def earliest(times: "Sequence[datetime | None]") -> datetime | None:
    """The first of some times."""
    return min((time for time in times if time), default=None)
