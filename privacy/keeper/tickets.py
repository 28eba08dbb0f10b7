"""
The keeper's memory of batches that are under way: sealed tickets, and which sessions each is of.

A ticket and its list of sessions are stored in one write, durable before anything else is done: a
keeper that is killed afterwards goes on with it, and pays for no session twice.  One that is killed
between the sending and the storing has lost a batch, and the write says nothing of it.

A ticket lives in three steps: *sent*; *read*, when the labels that came of it are stored; gone,
when the provider has been told to delete it.  A session whose questions came back unanswered is
due again, and how often that has been is noted here, so that it does not go on for ever.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from secrets import token_hex

from privacy.sealing import SealedBlob
from privacy.tickets import RESULT_DAYS

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ticket (
    id TEXT PRIMARY KEY, label_set TEXT, sealed BLOB, sent INTEGER, is_read INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS under_way (
    ticket TEXT, session TEXT, blob TEXT, PRIMARY KEY (ticket, session)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unanswered (
    label_set TEXT, session TEXT, blob TEXT, times INTEGER, PRIMARY KEY (label_set, session)
) STRICT, WITHOUT ROWID;
"""
_DAY = 86_400
_AGAIN = """INSERT INTO unanswered VALUES (?, ?, ?, 1) ON CONFLICT (label_set, session) DO UPDATE
    SET times = CASE WHEN blob = excluded.blob THEN times + 1 ELSE 1 END, blob = excluded.blob"""
_ORPHANS = "session NOT IN (SELECT session FROM session)"


@dataclass(frozen=True, slots=True)
class Held:
    """A ticket that the keeper holds."""

    id: str
    label_set: str
    sealed: SealedBlob
    sent: int
    """When it was stored, in seconds of the epoch by the ledger's clock."""
    is_read: bool
    """Whether what came of it is stored, so that it only needs to be deleted."""
    sessions: Mapping[str, str]
    """Session → digest of its sealed bytes, as they were sent."""

    def is_lapsed(self, now: float) -> bool:
        """Whether the provider keeps nothing of it any more."""
        return now > self.sent + RESULT_DAYS * _DAY


class Tickets:
    """The tables, in the database that also holds what is labelled."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(_SCHEMA)

    def put(
        self, label_set: str, sealed: SealedBlob, sessions: Iterable[tuple[str, str]], now: float
    ) -> None:
        """Store a ticket and its sessions, each with the digest of what was sent, in one write."""
        name = token_hex(8)
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            row = (name, label_set, sealed.encode(), int(now), 0)
            self._database.execute("INSERT INTO ticket VALUES (?, ?, ?, ?, ?)", row)
            self._database.executemany(
                "INSERT INTO under_way VALUES (?, ?, ?)", ((name, *one) for one in sessions)
            )

    def held(self, label_set: str) -> list[Held]:
        """Tickets of a label set, oldest first."""
        query = "SELECT id, label_set, sealed, sent, is_read FROM ticket WHERE label_set = ?"
        rows = self._database.execute(query + " ORDER BY sent, id", (label_set,)).fetchall()
        return [self._read(row) for row in rows]

    def tries(self, label_set: str) -> dict[tuple[str, str], int]:
        """(Session, digest of what was sent) → how often it came back unanswered."""
        query = "SELECT session, blob, times FROM unanswered WHERE label_set = ?"
        rows = self._database.execute(query, (label_set,))
        return {(session, blob): times for session, blob, times in rows}

    def note_unanswered(self, label_set: str, sessions: Iterable[tuple[str, str]]) -> None:
        """Note that sessions were sent, or may have been, and brought no answer."""
        self._database.executemany(_AGAIN, ((label_set, *one) for one in sessions))

    def settle(self, held: Held, unanswered: Iterable[str]) -> None:
        """Note that a ticket is read, and which of its sessions are due again."""
        again = [(session, held.sessions[session]) for session in unanswered]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self.note_unanswered(held.label_set, again)
            self._database.execute("UPDATE ticket SET is_read = 1 WHERE id = ?", (held.id,))
            self._database.execute("DELETE FROM under_way WHERE ticket = ?", (held.id,))

    def forget(self, held: Held) -> None:
        """Forget a ticket that is read and deleted, or that nothing can come of."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM under_way WHERE ticket = ?", (held.id,))
            self._database.execute("DELETE FROM ticket WHERE id = ?", (held.id,))

    def sweep(self) -> None:
        """Forget the sessions that the corpus has not any more: what was erased leaves no key."""
        for table in ("under_way", "unanswered"):
            self._database.execute(f"DELETE FROM {table} WHERE {_ORPHANS}")  # noqa: S608

    def sealed(self) -> list[tuple[str, str, SealedBlob]]:
        """Every ticket: id, label set, sealed bytes."""
        rows = self._database.execute("SELECT id, label_set, sealed FROM ticket")
        return [(name, label_set, SealedBlob.decode(data)) for name, label_set, data in rows]

    def wrap_anew(self, name: str, blob: SealedBlob, key: str, wrapped: bytes) -> None:
        """Keep a ticket under another key of the keeper."""
        data = replace(blob, key=key, wrapped=wrapped).encode()
        self._database.execute("UPDATE ticket SET sealed = ? WHERE id = ?", (data, name))

    def _read(self, row: tuple[str, str, bytes, int, int]) -> Held:
        name, label_set, sealed, sent, is_read = row
        query = "SELECT session, blob FROM under_way WHERE ticket = ?"
        sessions = dict(self._database.execute(query, (name,)).fetchall())
        return Held(name, label_set, SealedBlob.decode(sealed), sent, bool(is_read), sessions)
