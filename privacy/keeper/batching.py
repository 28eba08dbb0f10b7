"""
Labelling by message batches: sessions are sent, tickets kept, and records fetched later.

A run sends what is due and not under way, in groups that may cross buckets, looks what has ended,
and stores what came of it.  Where nothing ends for a while it stops, and the same command goes on:
the tickets say what was sent.  Before a session's record is stored its ticket stays, so nothing is
sent twice for want of memory; after that the provider is asked to delete what it holds.

Sessions whose questions came back unanswered are due again, in `MOST_TRIES` batches at most.  Then
each is asked by itself, as under a plan without batches: that call ends in a record, or says why
there can be none.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event, Lock
from time import monotonic, sleep
from typing import TypeVar

from privacy.errors import IncompleteError
from privacy.halts import Halt, halted
from privacy.keeper.crew import Crew, Row, batches, read_answer
from privacy.keeper.due import Due
from privacy.keeper.tickets import Held
from privacy.keeper.workers import Said, Sent
from privacy.keeper.workshop import Progress
from privacy.labels import row_width
from privacy.sealing import SealedBlob
from privacy.tickets import (
    BATCH_SECONDS,
    MOST_TRIES,
    SEALED_BYTES,
    Errand,
    read_sealed,
    refused,
)

MOST_SESSIONS = 256
"""Of one ticket: what a crash between sending and storing loses at most."""
PATIENCE_SECONDS = 10.0
"""How long a run waits where nothing has ended; most batches take minutes, some a day."""
_FIRST_PAUSE = 0.5
_WAITS = frozenset({Halt.BUSY, Halt.OVERLOADED})
"""Why sending stops for now, where something is under way: what ends makes room."""
_STAYS = frozenset({Halt.PENDING, Halt.LOST})
"""What one ticket's halt says of that ticket alone: others are collected all the same."""

T = TypeVar("T")


@dataclass(frozen=True)
class Batching:
    """One run."""

    crew: Crew
    label_set: str
    hands: int
    """Workers at once."""
    find: Callable[[], list[Due]]
    """Every session of the plan's months that has no record yet."""
    store: Callable[[Sequence[Row]], None]
    """Put records into their buckets."""
    lock: Lock
    """Held where the keeper's database is written."""
    patience: float = PATIENCE_SECONDS

    def run(self, progress: Progress) -> None:
        """
        Label what is due.

        Raises:
            IncompleteError: Batches are under way; or a model could not be asked.
            RefusedError, VerificationError: As a crew's.
        """
        began, pause = monotonic(), _FIRST_PAUSE
        while self._round():
            waited = monotonic() - began
            if waited + pause > self.patience:
                raise self._pending()
            progress("waiting for batches", min(1.0, waited / self.patience))
            sleep(pause)
            pause *= 2
        progress("classifying", 1.0)

    def _round(self) -> bool:
        """Send, ask and fetch what can be; whether there is anything left to wait for."""
        tickets, now = self.crew.state.tickets, self._now
        for held in tickets.held(self.label_set):
            if held.is_lapsed(now):
                tickets.settle(held, () if held.is_read else held.sessions)
                tickets.forget(held)
        self._begin(self.find())
        due = {(one.session, one.digest): one for one in self.find()}
        halts = self._each(lambda held: self._collect(held, due), tickets.held(self.label_set))
        for halt in halts:
            if halt is not Halt.PENDING:
                raise halted(halt)
        return bool(tickets.held(self.label_set) or self.find())

    def _begin(self, due: Sequence[Due]) -> None:
        """Send what is not under way; ask what batches did not answer."""
        tickets = self.crew.state.tickets
        under_way = {one for held in tickets.held(self.label_set) for one in held.sessions.items()}
        tries = tickets.tries(self.label_set)
        free = [one for one in due if (one.session, one.digest) not in under_way]
        often = [one for one in free if tries.get((one.session, one.digest), 0) >= MOST_TRIES]
        alone = {one.session for one in often}
        groups = batches((one for one in free if one.session not in alone), MOST_SESSIONS)
        for why in self._each(self._send, list(groups)):
            if why not in _WAITS or not tickets.held(self.label_set):
                raise halted(why)
        for batch in batches(often):
            rows, halt, _ = self.crew.label(batch)
            self.store(rows)
            if halt:
                raise halted(halt)

    def _each(self, act: Callable[[T], Halt | None], items: Sequence[T]) -> list[Halt]:
        """Do something for each, several at once, and stop where one has to; why, if any had."""
        stop = Event()

        def do(item: T) -> Halt | None:
            if stop.is_set():
                return None
            try:
                halt = act(item)
            except BaseException:
                stop.set()
                raise
            if halt and halt not in _STAYS:
                stop.set()
            return halt

        with ThreadPoolExecutor(self.hands) as pool:
            return [halt for halt in pool.map(do, items) if halt]

    def _send(self, group: Sequence[Due]) -> Halt | None:
        tickets, sessions = self.crew.state.tickets, [(one.session, one.digest) for one in group]
        errand = Errand("submit", self.crew.state.sealing.public, self.label_set)
        blobs = [blob for one in group for blob in self.crew.sealed(one)]
        answer = self.crew.workers.ask(blobs, SEALED_BYTES, Sent(errand))
        if answer is None:  # whether something was sent before it ended, nobody knows
            self.crew.workers.check_alive()
            with self.lock:
                tickets.note_unanswered(self.label_set, sessions)
            return None
        if sealed := read_ticket(answer, self.label_set):
            with self.lock:
                tickets.put(self.label_set, sealed, sessions, self._now)
        return answer.halt

    def _collect(self, held: Held, due: Mapping[tuple[str, str], Due]) -> Halt | None:
        """Store what came of a ticket, have the rest deleted; why that cannot be, if it cannot."""
        tickets, errand = self.crew.state.tickets, Errand("collect", b"", self.label_set)
        if not held.is_read:
            sent = Sent(errand, held.sealed)
            if halt := self._say(sent):
                return halt
            wanted = [due[one] for one in held.sessions.items() if one in due]
            rows, halt = self._fetch(wanted, sent) if wanted else ([], None)
            if rows:
                self.crew.log.answered(self.crew.asked)
                self.store(rows)
            if halt:
                return halt
            labelled = {one.session for one, _ in rows}
            with self.lock:
                again = [one.session for one in wanted if one.session not in labelled]
                tickets.settle(held, again)
        if halt := self._say(Sent(replace(errand, work="drop"), held.sealed)):
            return halt
        with self.lock:
            tickets.forget(held)
        return None

    def _fetch(self, wanted: Sequence[Due], sent: Sent) -> tuple[list[Row], Halt | None]:
        """Records of sessions, of those that were answered; none where a worker ended on them."""
        blobs = [blob for one in wanted for blob in self.crew.sealed(one)]
        limit = len(wanted) * row_width(self.crew.codebook)
        answer = self.crew.workers.ask(blobs, limit, sent)
        if answer is None:  # another read the same sessions before, and did not end on them
            self.crew.workers.check_alive()
            return [], None
        return read_answer(answer.data, wanted, self.crew.codebook, whole=False), answer.halt

    def _say(self, sent: Sent) -> Halt | None:
        """What a worker says that was given no session: nothing, or why it stopped."""
        answer = self.crew.workers.ask([], 0, sent)
        if answer is None:
            self.crew.workers.check_alive()
            raise halted(Halt.FAILED)
        if answer.data:
            raise refused("words where none are due.")
        return answer.halt

    @property
    def _now(self) -> float:
        return self.crew.state.ledger.now().timestamp()

    def _pending(self) -> IncompleteError:
        error = halted(Halt.PENDING)
        sent = [one.sent for one in self.crew.state.tickets.held(self.label_set)]
        last = datetime.fromtimestamp(max(sent, default=0) + BATCH_SECONDS, UTC)
        found = f"message batches that have not ended; the last does by {last:%F %H:%M} UTC."
        return IncompleteError(error.code, rule=error.rule, found=found, remedy=error.remedy)


def read_ticket(said: Said, label_set: str) -> SealedBlob | None:
    """
    A submitting worker's ticket; none where it had to stop before anything was sent.

    Raises:
        RefusedError: It is something else.
    """
    if not said.data and said.halt:
        return None
    return read_sealed(said.data, label_set)
