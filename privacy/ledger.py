"""
Remember every event for good: the only memory of budget, approvals and releases.

One SQLite file, one writer at a time (`BEGIN IMMEDIATE`), append-only by trigger, each entry
chained to the one before by hash; the Merkle head over all entries goes out with every bundle,
so that readers are witnesses.  An entry is on the disk before `append` returns.  After a
failed write the ledger stays closed: whether a failed fsync kept the bytes cannot be known.

The chain is checked whole at opening.  From then on every entry that was read is known by its
hash, so that a charge costs the same however long the ledger is, and a line that changes on
the disk afterwards is noticed when it is read again.

Its clock never goes back: an entry bears the time of the one before it if the machine's clock
is earlier.  Who sets that clock back gains nothing for a limit per period; who sets it forward
has made a period pass, which no ledger on the same machine can tell.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785

from .accountant import Receipt
from .checkpoint import Checkpoint
from .entries import Entry, check_form, read_entry
from .errors import IncompleteError, VerificationError
from .history import History, broken
from .loss import read_rho, write_rho
from .merkle import leaf

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, line BLOB NOT NULL, hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
LONGEST_WAIT = 60.0
"""seconds for another writer to finish."""


class Ledger:
    """The journal on disk, which `accountant.Accountant` charges to."""

    def __init__(self, path: Path, origin: str) -> None:
        """
        Open a ledger, or begin one.

        Raises:
            VerificationError: An entry is missing, changed or out of order.
            IncompleteError: The disk failed.
        """
        self.origin, self._history = origin, History()
        self._closed_by_failure = False
        self._pending: list[bytes] = []
        """What this process wrote in the transaction that is open."""
        with _in_our_words():
            self._database = sqlite3.connect(
                path, timeout=LONGEST_WAIT, isolation_level=None, check_same_thread=False
            )
        try:
            with _in_our_words():
                # One sync of the log is all that a commit waits for; a rollback journal takes
                # five.  Until the ledger is closed, the log beside the file is part of it.
                self._database.execute("PRAGMA journal_mode=WAL")
                # NORMAL would not sync at a commit: a power cut could undo the entry.
                self._database.execute("PRAGMA synchronous=FULL")
                self._database.execute("PRAGMA trusted_schema=OFF")
                self._database.executescript(_SCHEMA)
            self._catch_up()
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file; the last one to do so folds the log into it."""
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
            self._catch_up()
            yield
            self._database.execute("COMMIT")
            for line in self._pending:
                self._history.take(line)
        except sqlite3.Error as error:
            raise self._failed(error) from None
        finally:
            self._pending.clear()
            if self._database.in_transaction:
                self._roll_back()

    def _roll_back(self) -> None:
        try:
            self._database.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def _failed(self, error: sqlite3.Error) -> IncompleteError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return _busy()  # nothing was tried yet, so nothing is in doubt
        self._closed_by_failure = True
        return _disk_failed()

    def append(self, kind: str, body: Mapping[str, str]) -> Entry:
        """
        Record one event; on return it is on the disk.

        Raises:
            ClerestoryError: It is not on the list of what may be recorded.
            IncompleteError: The disk failed.
        """
        with self.exclusive():
            return self.write(kind, body)

    def write(self, kind: str, body: Mapping[str, str]) -> Entry:
        """Record one event among several; only inside `exclusive`."""
        check_form(kind, body)
        newest = sha256(self._pending[-1]).hexdigest() if self._pending else self._history.last
        record: dict[str, Any] = {
            "seq": self._history.size + len(self._pending),
            "previous": newest,
            "time": self.now().isoformat(timespec="seconds"),
            "kind": kind,
            "body": dict(body),
        }
        line = rfc8785.dumps(record)
        self._database.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?)",
            (record["seq"], kind, line, sha256(line).hexdigest()),
        )
        self._pending.append(line)
        return read_entry(line)

    def record(self, receipt: Receipt) -> None:
        """Write a charge; only inside `exclusive`."""
        self.write("charge", {"plan": receipt.plan, "rho": write_rho(receipt.loss)})

    def spent(self, since: datetime | None = None) -> Fraction:
        """ρ charged so far, or at a time and after it."""
        return self.history.spent(since)

    def receipts(self) -> Iterator[Receipt]:
        """All charges so far."""
        for entry in self.entries("charge"):
            yield Receipt(entry.body["plan"], read_rho(entry.body["rho"]))

    def now(self) -> datetime:
        """The time, in whole seconds, and never before that of the newest entry."""
        return max(self._history.time, datetime.now(UTC).replace(microsecond=0))

    def entries(self, kind: str | None = None, plan: str | None = None) -> Iterator[Entry]:
        """
        All events, those of one kind, or those about one plan, oldest first.

        Raises:
            VerificationError: A line is no longer what it was when it was first read.
        """
        for seq in self.history.numbers(kind, plan):
            yield read_entry(self._line(seq))

    def checkpoint(self) -> Checkpoint:
        """The ledger's length, Merkle head, and what was spent."""
        return self.history.checkpoint(self.origin)

    def check_holds(self, checkpoints: Sequence[Checkpoint]) -> None:
        """
        Raise unless this ledger is a continuation of those whose heads were given out.

        Raises:
            VerificationError: It is shorter, or another history.
        """
        for missing in self.history.missing(checkpoints):
            raise rolled_back(f"a ledger without a checkpoint over {missing.size} entries.")

    @property
    def history(self) -> History:
        """All that was recorded, by this process or another.  For reading only."""
        if not self._database.in_transaction:
            self._catch_up()
        return self._history

    def _catch_up(self) -> None:
        """Read what was added since; the newest entry that is known must still be there."""
        history, known = self._history, self._history.size
        query = "SELECT seq, kind, line, hash FROM entry WHERE seq >= ? ORDER BY seq"
        with _in_our_words():
            rows = self._database.execute(query, (max(known - 1, 0),))
            if known and (rows.fetchone() or ("",))[-1] != history.last:
                raise rolled_back(f"a ledger that lost its entry {known - 1} while it was open.")
            for seq, kind, line, digest in rows:
                entry = history.take(line)
                if (entry.seq, entry.kind, history.last) != (seq, kind, digest):
                    raise broken(entry.seq)

    def _line(self, seq: int) -> bytes:
        query = "SELECT line FROM entry WHERE seq = ?"
        with _in_our_words():
            (line,) = self._database.execute(query, (seq,)).fetchone() or (b"",)
        if leaf(line) != self._history.leaves[seq]:
            raise broken(seq)
        return bytes(line)


def rolled_back(found: str) -> VerificationError:
    """The refusal of a ledger that is older than what was seen of it."""
    return VerificationError(
        "LEDGER_ROLLED_BACK",
        rule="A ledger continues every history that was ever given out from it.",
        found=found,
        remedy="restore the newest copy of the state folder; if that is lost, two officers "
        "account for it with `clerestory recover`. Spent budget never returns.",
    )


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError:
        raise _disk_failed() from None
    except sqlite3.DatabaseError:
        raise broken(0) from None


def _busy() -> IncompleteError:
    return IncompleteError(
        "LEDGER_BUSY",
        rule="One writer at a time has the ledger.",
        found=f"another that did not let go of it in {LONGEST_WAIT:.0f} seconds.",
        remedy="ask again; if it stays, look for a second process that has the file open.",
    )


def _disk_failed() -> IncompleteError:
    return IncompleteError(
        "LEDGER_CLOSED",
        rule="Nothing happens that the ledger cannot record.",
        found="a failed or refused write to the ledger's file.",
        remedy="make room on the disk and mend its errors, then start the keeper anew.",
    )
