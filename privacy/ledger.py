"""
Remember every event for good: the only memory of budget, approvals and releases.

One SQLite file, one writer at a time (`BEGIN IMMEDIATE`), append-only by trigger, each entry
chained to the one before by hash; the Merkle head over all entries goes out with every bundle,
so that readers are witnesses.  An entry is on the disk before `append` returns.  After a
failed write the ledger stays closed: whether a failed fsync kept the bytes cannot be known.

No entry holds an exact count, size or duration that depends on people's data.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import rfc8785

from .accountant import Receipt
from .errors import ClerestoryError, IncompleteError, VerificationError
from .loss import read_rho
from .merkle import Checkpoint, head, leaf

GENESIS = sha256(b"clerestory/ledger/1").hexdigest()

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, line BLOB NOT NULL, hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    seq: int
    kind: str
    """corpus, policy, plan, approval, charge, key, release, refusal, …"""
    body: Mapping[str, str]
    line: bytes
    """Canonical JSON of everything, as it is exported and hashed."""


class Ledger:
    """The journal on disk, which `accountant.Accountant` charges to."""

    def __init__(self, path: Path, origin: str) -> None:
        """
        Open a ledger, or begin one.

        Raises:
            VerificationError: An entry is missing, changed or out of order.
        """
        self._origin = origin
        self._database = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        # One file is the ledger: a copy of it without a log beside it is still all of it.
        self._database.execute("PRAGMA journal_mode=DELETE")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("PRAGMA trusted_schema=OFF")
        self._database.executescript(_SCHEMA)
        self._closed_by_failure = False
        self.check()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """
        Hold off every other writer until the block ends; then everything in it is lasting.

        Raises:
            IncompleteError: The disk failed, now or earlier; nothing more is written.
        """
        if self._closed_by_failure:
            raise _disk_failed()
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            raise _disk_failed() from None
        try:
            yield
            self._database.execute("COMMIT")
        except sqlite3.Error:
            self._closed_by_failure = True
            raise _disk_failed() from None
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def append(self, kind: str, body: Mapping[str, str]) -> Entry:
        """Record one event; on return it is on the disk."""
        with self.exclusive():
            return self._insert(kind, body)

    def record(self, receipt: Receipt) -> None:
        """Write a charge; only inside `exclusive`."""
        self._insert("charge", {"plan": receipt.plan, "rho": str(receipt.loss)})

    def receipts(self) -> Iterator[Receipt]:
        """All charges so far."""
        for entry in self.entries("charge"):
            yield Receipt(entry.body["plan"], read_rho(entry.body["rho"]))

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """All events, or those of one kind, oldest first."""
        query = "SELECT line FROM entry WHERE ?1 IS NULL OR kind = ?1 ORDER BY seq"
        for (line,) in self._database.execute(query, (kind,)).fetchall():
            yield read_entry(line)

    def checkpoint(self) -> Checkpoint:
        """The ledger's length and Merkle head."""
        lines = self._database.execute("SELECT line FROM entry ORDER BY seq").fetchall()
        return Checkpoint(self._origin, len(lines), head([leaf(line) for (line,) in lines]))

    def check_holds(self, checkpoint: Checkpoint) -> None:
        """
        Raise unless this ledger is a continuation of one whose head was given out.

        Raises:
            VerificationError: It is shorter, or another history.
        """
        lines = self._database.execute("SELECT line FROM entry ORDER BY seq").fetchall()
        known = [leaf(line) for (line,) in lines[: checkpoint.size]]
        if len(known) < checkpoint.size or head(known) != checkpoint.head:
            raise VerificationError(
                "LEDGER_ROLLED_BACK",
                rule="A ledger continues every history that was ever given out from it.",
                found=f"a ledger that does not hold a checkpoint over {checkpoint.size} entries.",
                remedy="restore the newest copy of the state folder; spent budget never returns.",
            )

    def check(self) -> None:
        """
        Walk the chain.

        Raises:
            VerificationError: An entry is missing, changed or out of order.
        """
        query = "SELECT kind, line, hash FROM entry ORDER BY seq"
        check_chain((line, kind, digest) for kind, line, digest in self._database.execute(query))

    def _insert(self, kind: str, body: Mapping[str, str]) -> Entry:
        query = "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1"
        last = self._database.execute(query).fetchone() or (-1, GENESIS)
        record = {
            "seq": last[0] + 1,
            "previous": last[1],
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "kind": kind,
            "body": dict(body),
        }
        line = rfc8785.dumps(record)
        self._database.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?)",
            (record["seq"], kind, line, sha256(line).hexdigest()),
        )
        return read_entry(line)


def read_entry(line: bytes) -> Entry:
    """
    One line of a ledger as an event.

    Raises:
        ValueError, LookupError, TypeError, ClerestoryError: It is no entry.
    """
    record = json.loads(line)
    body = record["body"]
    if not all(isinstance(value, str) for value in body.values()):
        raise TypeError("a body is a mapping of texts")
    if record["kind"] == "charge":
        Receipt(body["plan"], read_rho(body["rho"]))
    return Entry(record["seq"], record["kind"], body, line)


def check_chain(entries: Iterator[tuple[bytes, str, str]]) -> int:
    """
    Check that lines follow one another from the beginning, none changed or missing.

    Args:
        entries: (line, kind, SHA-256 of the line), oldest first.

    Returns:
        How many there are.

    Raises:
        VerificationError: The first entry that does not follow.
    """
    previous, count = GENESIS, 0
    for line, kind, digest in entries:
        try:
            record = json.loads(line)
            follows = (
                record["seq"] == count
                and record["previous"] == previous
                and record["kind"] == kind
                and sha256(line).hexdigest() == digest
            )
            read_entry(line)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            RecursionError,
            ClerestoryError,
        ):
            follows = False
        if not follows:
            raise VerificationError(
                "LEDGER_BROKEN",
                rule="Every ledger entry follows from the one before it.",
                found=f"an entry that does not, at position {count}.",
                remedy="keep the files as evidence; restore a copy that a checkpoint confirms.",
            )
        previous, count = digest, count + 1
    return count


def _disk_failed() -> IncompleteError:
    return IncompleteError(
        "LEDGER_CLOSED",
        rule="Nothing happens that the ledger cannot record.",
        found="a failed or refused write to the ledger's file.",
        remedy="make room on the disk and mend its errors, then start the keeper anew.",
    )
