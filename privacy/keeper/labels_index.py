"""
The keeper's memory of labels: which buckets it sealed, and from which sessions.

Anybody can seal to the keeper's public key, so a bucket in the vault counts only if its name
and its hash are those that the keeper noted.  What was erased leaves no trace in the file:
freed pages are written over.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from privacy.errors import VerificationError
from privacy.sealing import SealedBlob
from privacy.vault import Vault, replace_file

SECRET_BYTES = 32
_SCHEMA = """
CREATE TABLE IF NOT EXISTS labelled (
    label_set TEXT, session TEXT, blob TEXT, PRIMARY KEY (label_set, session)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket (
    label_set TEXT, number INTEGER, file TEXT, digest TEXT, PRIMARY KEY (label_set, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasing (
    account TEXT, source TEXT, PRIMARY KEY (account, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS expired (month TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sampling (only INTEGER PRIMARY KEY, secret BLOB) STRICT;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """The database of labels and of the corpus: every change lasting, nothing deleted left."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=DELETE")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA secure_delete=ON")
    return database


class LabelsIndex:
    """The database beside the ledger; unlike it, it may be lost: labels are made again."""

    def __init__(self, database: sqlite3.Connection, vault: Vault) -> None:
        self._vault, self._database = vault, database
        database.executescript(_SCHEMA)

    def labelled(self, label_set: str) -> dict[str, str]:
        """Session → hash of the sealed session from which its record was made."""
        query = "SELECT session, blob FROM labelled WHERE label_set = ?"
        return dict(self._database.execute(query, (label_set,)).fetchall())

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Every bucket that stands: label set, number."""
        query = "SELECT label_set, number FROM bucket ORDER BY label_set, number"
        yield from self._database.execute(query).fetchall()

    def bucket(self, label_set: str, number: int) -> SealedBlob | None:
        """
        A sealed bucket as this keeper wrote it; None if it wrote none.

        Raises:
            VerificationError: The file was changed or taken away.
        """
        query = "SELECT file, digest FROM bucket WHERE label_set = ? AND number = ?"
        row = self._database.execute(query, (label_set, number)).fetchone()
        if row is None:
            return None
        path = self._vault.label_folder(label_set) / row[0]
        data = path.read_bytes() if path.is_file() else b""
        if sha256(data).hexdigest() != row[1]:
            raise VerificationError(
                "BUCKET_CHANGED",
                rule="Labels count only in the buckets that this keeper sealed.",
                found=f"a file that was changed or taken away: {row[0]}.",
                remedy="restore it from a copy of the vault.",
            )
        return SealedBlob.decode(data)

    def put(
        self,
        label_set: str,
        number: int,
        blob: SealedBlob,
        sessions: Iterable[tuple[str, str]] = (),
        *,
        gone: Iterable[str] = (),
    ) -> None:
        """
        Write a bucket, and note from which (session, sealed session's hash) it was made.

        The new file lies under a new name until the database names it: after a crash either
        the old bucket stands or the new one, with the sessions that belong to it, and without
        those that are `gone`.
        """
        data, folder = blob.encode(), self._vault.label_folder(label_set)
        digest = sha256(data).hexdigest()
        file = f"{number:05d}-{digest[:16]}.sealed"
        replace_file(folder / file, data)
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._note(label_set, number, file, digest)
            self._database.executemany(
                "INSERT OR REPLACE INTO labelled VALUES (?, ?, ?)",
                ((label_set, session, sealed) for session, sealed in sessions),
            )
            self._database.executemany(
                "DELETE FROM labelled WHERE label_set = ? AND session = ?",
                ((label_set, session) for session in gone),
            )
        self._sweep(label_set, number, file)

    def sweep(self) -> None:
        """Remove what a crash left behind: files that the database names no more, or never did."""
        query = "SELECT label_set, file FROM bucket"
        named = {self._vault.label_folder(s) / file for s, file in self._database.execute(query)}
        for path in (self._vault.folder / "labels").glob("*/*.sealed"):
            if path not in named:
                path.unlink()

    def drop_set(self, label_set: str) -> None:
        """Forget all labels of a set, and remove its buckets."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for table in ("bucket", "labelled"):
                query = f"DELETE FROM {table} WHERE label_set = ?"  # noqa: S608 - our own words
                self._database.execute(query, (label_set,))
        for old in self._vault.label_folder(label_set).glob("*.sealed"):
            old.unlink()

    def adopt(self) -> bool:
        """Take over the buckets that a synthetic vault came with; whether there are any."""
        paths = sorted((self._vault.folder / "labels").glob("*/*.sealed"))
        for path in paths:
            data = path.read_bytes()
            header, digest = SealedBlob.decode(data).header, sha256(data).hexdigest()
            self._note(header["set"], int(header["bucket"]), path.name, digest)
        return bool(paths)

    def sampling_secret(self) -> bytes:
        """What decides which sessions a second reading reads; lost with the labels it chose."""
        new = token_bytes(SECRET_BYTES)
        self._database.execute("INSERT OR IGNORE INTO sampling VALUES (0, ?)", (new,))
        ((secret,),) = self._database.execute("SELECT secret FROM sampling").fetchall()
        return bytes(secret)

    def begin_erasing(self, account: str, source: str) -> None:
        """Note that an account is being erased, as a custodian asked: a crash must not undo it."""
        self._database.execute("INSERT OR REPLACE INTO erasing VALUES (?, ?)", (account, source))

    def erasing(self) -> list[tuple[str, str]]:
        """Accounts whose erasure was begun and not ended: pseudonym, custodian's fingerprint."""
        return self._database.execute("SELECT account, source FROM erasing").fetchall()

    def end_erasing(self, asked: Iterable[tuple[str, str]]) -> None:
        """Forget who was erased."""
        query = "DELETE FROM erasing WHERE account = ? AND source = ?"
        self._database.executemany(query, asked)

    def expired(self) -> set[str]:
        """Months of which no label is left, since they were erased."""
        return {month for (month,) in self._database.execute("SELECT month FROM expired")}

    def note_expired(self, months: Iterable[str]) -> None:
        """Note that no label of some months is left."""
        query = "INSERT OR IGNORE INTO expired VALUES (?)"
        self._database.executemany(query, ((month,) for month in months))

    def _note(self, label_set: str, number: int, file: str, digest: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?)", (label_set, number, file, digest)
        )

    def _sweep(self, label_set: str, number: int, file: str) -> None:
        for old in self._vault.label_folder(label_set).glob(f"{number:05d}*.sealed"):
            if old.name != file:
                old.unlink()
