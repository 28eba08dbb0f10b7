"""
What the keeper has taken in: of each session the newest version, and no other.

Likewise of the telemetry that was sealed beside it.  An index in the keeper's own state, filled by
`intake`.  The vault is held against it and never the other way round.

What the keeper itself takes out, because it was superseded, erased or kept long enough, first
moves to `leaving`; so it is never missed, and a crash in between leaves no work undone.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from privacy.batches import GENESIS, Manifest, Row
from privacy.errors import IncompleteError, VerificationError
from privacy.keeper.due import DELETE, DUE, GOES, INSERT, Due, read_due
from privacy.packs import Pack, Place
from privacy.sealing import SealedBlob
from privacy.vault import MANIFEST, Vault, replace_file

SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    source TEXT, number INTEGER, folder TEXT UNIQUE, digest TEXT, slots INTEGER, size INTEGER,
    PRIMARY KEY (source, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    session TEXT PRIMARY KEY, account TEXT, month TEXT, digest TEXT, source TEXT,
    folder TEXT, slot INTEGER, start INTEGER, size INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_folder ON session (folder);
CREATE TABLE IF NOT EXISTS telemetry (
    session TEXT PRIMARY KEY, account TEXT, month TEXT, digest TEXT, source TEXT,
    folder TEXT, slot INTEGER, start INTEGER, size INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS telemetry_folder ON telemetry (folder);
CREATE TABLE IF NOT EXISTS leaving (
    folder TEXT, slot INTEGER, start INTEGER, size INTEGER, PRIMARY KEY (folder, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (
    account TEXT, source TEXT, PRIMARY KEY (account, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped (month TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
"""
"""In the database that also holds `labelled`: what is due is a question to both."""

LONGEST_HEAD = 4096
"""bytes: more than the head of any manifest."""
_COUNTING = """SELECT source, folder, slots, size FROM batch
    WHERE EXISTS (SELECT 1 FROM session WHERE session.folder = batch.folder)
    OR EXISTS (SELECT 1 FROM telemetry WHERE telemetry.folder = batch.folder)"""
_LEAVES = "INSERT OR REPLACE INTO leaving VALUES (?, ?, ?, ?)"


class Corpus:
    """The index of one vault's sessions."""

    def __init__(self, database: sqlite3.Connection, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._floor = vault.floor.hash
        database.executescript(SCHEMA)

    def next_of(self, source: str) -> tuple[int, str]:
        """Number of a custodian's next batch, and what it must name as the one before."""
        query = "SELECT number, digest FROM batch WHERE source = ? ORDER BY number DESC LIMIT 1"
        row = self._database.execute(query, (source,)).fetchone()
        return (row[0] + 1, row[1]) if row else (0, GENESIS)

    def held(self) -> dict[str, str]:
        """Folder → digest of every batch that was taken in."""
        return dict(self._database.execute("SELECT folder, digest FROM batch").fetchall())

    def counting(self) -> list[tuple[str, str, int, int]]:
        """Source, folder, slots and bytes of every batch of which a session counts."""
        return self._database.execute(_COUNTING).fetchall()

    def add(self, manifest: Manifest, folder: str) -> None:
        """
        Take a batch in: of each of its sessions, this version counts from now on.

        Raises:
            VerificationError: It speaks of a session of another account or custodian.
        """
        start, size = 0, sum(row.size for row in manifest.rows)
        whose = (manifest.source, manifest.number, folder, manifest.digest)
        with self._transaction():
            batch = (*whose, len(manifest.rows), size)
            self._database.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)", batch)
            for slot, row in enumerate(manifest.rows):
                place, start = (folder, slot, start, row.size), start + row.size
                if isinstance(row, Row):
                    self._supersede(row, manifest.source, folder)
                    told = (row.session, row.account, row.month, row.digest, manifest.source)
                    self._database.execute(INSERT[row.kind], (*told, *place))
            self._take_out()

    def due(self, label_set: str, months: Sequence[str], *, again: bool = True) -> list[Due]:
        """
        Sessions of some months that have no label yet, or one of older bytes.

        Args:
            label_set: Name of the labels.
            months: Of which sessions.
            again: Whether telemetry that came, changed or went since makes a session due, too.
        """
        rows = self._database.execute(DUE, (label_set, json.dumps(months), again))
        return [read_due(row) for row in rows]

    def is_labelled(self, label_set: str, months: Sequence[str], *, again: bool = True) -> bool:
        """Whether no session of some months is due; looks at no file."""
        rows = self._database.execute(DUE + " LIMIT 1", (label_set, json.dumps(months), again))
        return rows.fetchone() is None

    def read(self, due: Due) -> SealedBlob:
        """
        A session's sealed bytes, if they are those that were taken in.

        Raises:
            VerificationError: They are others, or its custodian signed another header for them.
        """
        try:
            blob = Pack(self._vault.sessions / due.folder).read(due.place)
        except VerificationError as error:
            raise placed(error, due.found) from None
        if blob.digest != due.digest:
            raise changed(f"other bytes in {due.found}.")
        if blob.header | {"key": ""} != self._header(due):
            raise changed(f"a header that its manifest contradicts in {due.found}.")
        return blob

    def forget(self, account: str, source: str) -> None:
        """
        Take an account's sessions out, now and whenever some are sealed again; then `sweep`.

        A custodian speaks for what he sealed himself, and not for another's.
        """
        with self._transaction():
            row = (account, source)
            self._database.execute("INSERT OR REPLACE INTO forgotten VALUES (?, ?)", row)
            self._take_out()

    def drop(self, months: Iterable[str]) -> None:
        """Take the sessions of some months out, likewise."""
        with self._transaction():
            rows = ((month,) for month in months)
            self._database.executemany("INSERT OR REPLACE INTO dropped VALUES (?)", rows)
            self._take_out()

    def months(self) -> list[str]:
        """Months of which there are sessions or telemetry."""
        query = "SELECT month FROM session UNION SELECT month FROM telemetry ORDER BY month"
        return [month for (month,) in self._database.execute(query)]

    def sessions_of(self, account: str) -> dict[str, str]:
        """An account's sessions, for whoever takes their labels out, too: key → source."""
        query = "SELECT session, source FROM session WHERE account = ?"
        return dict(self._database.execute(query, (account,)).fetchall())

    def sessions_in(self, months: Iterable[str]) -> set[str]:
        """Keys of the sessions of some months."""
        query = "SELECT session FROM session WHERE month IN (SELECT value FROM json_each(?))"
        rows = self._database.execute(query, (json.dumps(list(months)),))
        return {session for (session,) in rows}

    def sweep(self) -> None:
        """
        Erase in the vault what is leaving: keys, ciphertexts, and rows of manifests.

        Raises:
            IncompleteError: The keeper may not write there; what is left to do stays noted.
        """
        query = "SELECT DISTINCT folder FROM leaving"
        for (name,) in self._database.execute(query).fetchall():
            query = "SELECT slot, start, size FROM leaving WHERE folder = ?"
            places = [Place(*row) for row in self._database.execute(query, (name,))]
            folder = self._vault.sessions / name
            try:
                Pack(folder).erase(places)
                manifest = Manifest.decode((folder / MANIFEST).read_bytes())
                without = manifest.without([place.slot for place in places])
                replace_file(folder / MANIFEST, without.encode())
            except OSError:
                raise _not_writable(f"sessions/{name}") from None
            self._database.execute("DELETE FROM leaving WHERE folder = ?", (name,))

    def _header(self, due: Due) -> dict[str, str]:
        return {
            "kind": due.kind,
            "floor": self._floor,
            "key": "",
            "source": due.source,
            "account": due.account.hex(),
            "session": due.session,
            "month": due.month,
        }

    def _supersede(self, row: Row, source: str, folder: str) -> None:
        known = self._database.execute(DELETE[row.kind], (row.session,)).fetchone()
        if known is None:
            return
        if (known[1], known[4]) != (row.account, source):
            raise changed(
                f"a {row.kind} of another account or custodian in sessions/{folder}, "
                f"session {row.session}."
            )
        self._database.execute(_LEAVES, known[5:])

    def _take_out(self) -> None:
        for out in GOES:
            rows = self._database.execute("SELECT folder, slot, start, size " + out).fetchall()
            self._database.executemany(_LEAVES, rows)
            self._database.execute("DELETE " + out)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield


def placed(error: VerificationError, place: str) -> VerificationError:
    """The same refusal, saying where: names in a vault are keyed hashes and numbers."""
    found = f"{error.found} In {place}."
    return VerificationError(error.code, rule=error.rule, found=found, remedy=error.remedy)


def missing(found: str) -> VerificationError:
    """The refusal where something that was taken in is gone."""
    return VerificationError(
        "SESSIONS_MISSING",
        rule="Every session that was taken in counts until the keeper itself takes it out.",
        found=found,
        remedy="restore it from a copy of the vault, or have the custodian run `clerestory seal` "
        "over the same logs: he seals again what a vault has lost.",
    )


def changed(found: str) -> VerificationError:
    """The refusal where something else lies than was taken in."""
    return VerificationError(
        "SESSIONS_CHANGED",
        rule="Of every session exactly the newest version that was taken in counts.",
        found=found,
        remedy="restore it from a copy of the vault, or take its folder out and have the custodian "
        "run `clerestory seal` over the same logs: he seals again what a vault has lost.",
    )


def _not_writable(place: str) -> IncompleteError:
    return IncompleteError(
        "VAULT_NOT_WRITABLE",
        rule="The keeper takes superseded and erased sessions out of the vault.",
        found=f"files that are gone, or that it may not write to, in {place}.",
        remedy="give the keeper's user write access to what custodians put there (one group, and "
        "`umask 002` for `clerestory seal`), and room, then ask again.",
    )
