"""
What labels have cost, batch by batch: written before a worker is given anything, settled after.

A call to a model cannot be one act with our note of it.  So a batch is noted first, with its
whole allowance; that is replaced by what the worker says it spent as soon as it says so, be its
records stored or not: the money is gone.  A batch whose worker or keeper ended in between keeps
its allowance: it is *lost*, counted at its worst, and named as such.  So whatever is killed and
whenever, each batch counts once, and what is counted is never less than what an honest worker
spent.

The journal lies with the labels that it speaks of.  What it says follows from how long sessions
are, so it is the keeper's; others hear it in whole steps (`spending.rounded_up`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Lock

from privacy.closing import Closing
from privacy.errors import RefusedError
from privacy.halts import Halt, halted
from privacy.spending import Spending, amount_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spending (
    number INTEGER PRIMARY KEY AUTOINCREMENT, label_set TEXT NOT NULL,
    reserved INTEGER NOT NULL, spent INTEGER,
    state TEXT NOT NULL CHECK (state IN ('out', 'settled', 'lost'))
) STRICT;
"""
BESIDE = 3
"""Sessions' worth of an allowance beside a batch's own: its last call's worst case must fit."""

WIDENED = 4_096
"""Times what a session usually takes, that it may be allowed: all parts of the longest take less.
A worker that wants still more was taken over, or reckons wrongly."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one batch may cost, noted."""

    number: int
    allowance: int
    """Microdollars."""
    is_whole: bool
    """Whether the cap left as much as such a batch is given."""
    each: int
    """Microdollars for each of its sessions."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a set of labels has cost, in microdollars."""

    settled: int
    out: int
    """Allowances of batches that are not settled."""
    lost: int
    """Allowances of batches of which nobody knows any more what they took."""

    @property
    def total(self) -> int:
        """All that counts against a cap."""
        return self.settled + self.out + self.lost


class Journal:
    """The journal of one set of labels."""

    def __init__(self, database: sqlite3.Connection, label_set: str) -> None:
        self._database, self._set = database, label_set
        database.executescript(_SCHEMA)

    def spent(self) -> Spent:
        """What counts by now."""
        query = (
            "SELECT state, SUM(COALESCE(spent, reserved)) FROM spending WHERE label_set = ? "
            "GROUP BY state"
        )
        sums = dict(self._database.execute(query, (self._set,)).fetchall())
        return Spent(*(sums.get(state, 0) for state in ("settled", "out", "lost")))

    def begin(self) -> None:
        """Count as lost what an earlier run left out: one keeper runs at a time."""
        query = "UPDATE spending SET state = 'lost' WHERE label_set = ? AND state = 'out'"
        self._database.execute(query, (self._set,))

    def reserve(self, allowance: int) -> int:
        """Note a batch's allowance; its number."""
        query = "INSERT INTO spending (label_set, reserved, state) VALUES (?, ?, 'out')"
        number = self._database.execute(query, (self._set, allowance)).lastrowid
        return int(number or 0)

    def lose(self, number: int) -> None:
        """A batch ended without a word of what it took."""
        self._move(number, "lost", None)

    def settle(self, number: int, microdollars: int) -> None:
        """
        Replace an allowance by what was spent of it, once.

        Raises:
            RefusedError: The batch is settled or lost already, or was allowed less.
        """
        self._move(number, "settled", microdollars)

    def _move(self, number: int, state: str, spent: int | None) -> None:
        query = (
            "UPDATE spending SET state = ?, spent = ? WHERE number = ? AND label_set = ? "
            "AND state = 'out' AND reserved >= COALESCE(?, 0)"
        )
        given = (state, spent, number, self._set, spent)
        if self._database.execute(query, given).rowcount != 1:
            raise RefusedError(
                "SPENDING_UNKNOWN",
                rule="A batch is settled once, and for no more than it was allowed.",
                found="a batch that was settled before, or that says it took more.",
                remedy="treat the classify worker as compromised: keep its answers out.",
            )


class Taken:
    """What one batch may cost, noted, until it is settled."""

    def __init__(self, purse: "Purse", reservation: Reservation) -> None:
        self._purse, self._reservation = purse, reservation
        self.is_settled = False

    @property
    def allowance(self) -> int:
        """Microdollars."""
        return self._reservation.allowance

    def widen(self) -> bool:
        """
        It was too little: allow each session twice as much from now on.

        Hands that found so together widen once.

        Returns:
            Whether that may help: not where the cap left no more, or where sessions were allowed
            more than any can take.
        """
        return self._reservation.is_whole and self._purse.widen(2 * self._reservation.each)

    def settle(self, closing: Closing) -> None:
        """Write down what the batch took, as its worker's class has it."""
        self._purse.settle(self._reservation, closing.spent)
        self.is_settled = True


class Purse:
    """
    What one run may still spend, shared out among its hands.

    Args:
        journal: The label set's.
        spending: The plan's prices and cap.
        each: Microdollars that a session usually takes at most; a run may allow `WIDENED` times
            as much.
        lock: Held where the keeper's database is written.
    """

    def __init__(self, journal: Journal, spending: Spending, each: int, lock: Lock) -> None:
        self._journal, self._cap, self._each = journal, spending.cap, each
        self._most = WIDENED * max(1, each)
        self._changed, self._is_closed = Condition(lock), False
        with self._changed:
            journal.begin()

    @contextmanager
    def taken(self, sessions: int, *, is_paid: bool = False) -> Iterator[Taken]:
        """
        Note what a batch of so many sessions may cost; lost, if it is not settled.

        Args:
            sessions: How many are asked about.
            is_paid: Whether most of it was sent, and counted, before: then an allowance of
                nothing is enough.

        Raises:
            IncompleteError: The cap leaves nothing, or the run stops.
        """
        reservation = self._take(sessions, is_paid=is_paid)
        taken = Taken(self, reservation)
        try:
            yield taken
        finally:
            if not taken.is_settled:
                with self._changed:
                    self._journal.lose(reservation.number)
                    self._changed.notify_all()

    def _take(self, sessions: int, *, is_paid: bool) -> Reservation:
        """Wait for other hands where what is left is out with them."""
        with self._changed:
            while True:
                wanted = (sessions + BESIDE) * self._each
                spent = self._journal.spent()
                left = wanted if self._cap is None else max(0, self._cap - spent.total)
                if left >= wanted or not spent.out or self._is_closed:
                    break
                self._changed.wait()
            allowance = min(wanted, left)
            if self._is_closed or (wanted and not allowance and not is_paid):
                raise halted(Halt.SPENT)
            number = self._journal.reserve(allowance)
            return Reservation(number, allowance, left >= wanted, self._each)

    def settle(self, reservation: Reservation, spent: int) -> None:
        """Write down what a batch took of its allowance, as a class of it."""
        with self._changed:
            self._journal.settle(reservation.number, amount_of(spent, reservation.allowance))
            self._changed.notify_all()

    def widen(self, each: int) -> bool:
        """Allow each session so much from now on, or what it is allowed by now; False above it."""
        with self._changed:
            if each <= self._most:
                self._each = max(1, self._each, each)
            return each <= self._most

    def close(self) -> None:
        """The run stops: nobody waits any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
