"""
What a classify worker does with a session under a plan that names message batches.

Each worker is told its errand before anything else.  *Submitting*, it reads every session as for
a record, keeps what would have been asked, sends it together and answers with a ticket instead of
records.  *Collecting*, it reads the same sessions again, telemetry beside them, and asks the
results: so what is counted of a session is counted when its label is made, and a batch holds text
for no other purpose than a call does.  A session whose questions were not answered has no record
in that answer.
"""

from collections.abc import Callable
from typing import Protocol

from privacy.halts import Halt
from privacy.plan import Plan
from privacy.sealing import KeyPair, SealedBlob, run_info
from privacy.tickets import Errand, Ticket, read_sealed, ticket_info

from .raters import BatchingRater, Halted, Rater, Unanswered

LARGEST_ERRAND = 4096
"""bytes"""


class Source(Protocol):
    """Whatever frames come from."""

    def receive(self, limit: int) -> bytes:
        """Wait for one frame."""
        ...


class Doing:
    """One errand; the plain one where there is no other."""

    def row(self, session: str, label: Callable[[], bytes]) -> bytes | None:
        """
        The row of a session, or None where this errand has none for it.

        Args:
            session: Digest of the sealed session.
            label: Reads it and asks the rater.
        """
        del session
        return label()

    def answer(self) -> tuple[bytes, Halt | None]:
        """What is said beside rows; and why the errand is not done, if it is not."""
        return b"", None


class _Submitting(Doing):
    def __init__(self, rater: BatchingRater, errand: Errand) -> None:
        self._batches, self._errand = rater.batches, errand
        self._batches.write()

    def row(self, session: str, label: Callable[[], bytes]) -> None:
        """Keep what would be asked; the record of made-up answers is nobody's."""
        self._batches.turn(session)
        label()

    def answer(self) -> tuple[bytes, Halt | None]:
        """The ticket, even where not all could be sent; none where nothing was."""
        ticket, halt = self._batches.send()
        if halt and not ticket.batches:
            return b"", halt
        return ticket.sealed(self._errand.public, self._errand.label_set).encode(), halt


class _Collecting(Doing):
    def __init__(self, rater: BatchingRater, ticket: Ticket) -> None:
        self._batches = rater.batches
        self._batches.read(ticket)

    def row(self, session: str, label: Callable[[], bytes]) -> bytes | None:
        """A row, unless a question was not answered."""
        self._batches.turn(session)
        try:
            return label()
        except Unanswered:
            return None


def begin(plan: Plan, rater: Rater, channel: Source, key: KeyPair) -> Doing:
    """
    Hear the errand, under a plan that names batches, and begin with it.

    Raises:
        Halted: What was sent has not ended, or nobody could be asked.
        RefusedError: It is no errand, or no ticket belongs to it.
    """
    if not (plan.rater.batches and isinstance(rater, BatchingRater)):
        return Doing()
    errand = Errand.decode(channel.receive(LARGEST_ERRAND))
    rater.batches.plain()
    if errand.work == "submit":
        return _Submitting(rater, errand)
    if errand.work == "plain":
        return Doing()
    blob = SealedBlob.decode(channel.receive(LARGEST_ERRAND))
    ticket = Ticket.decode(blob.open(key.open(blob.wrapped, info=run_info(plan.hash))))
    if errand.work == "collect":
        return _Collecting(rater, ticket)
    rater.batches.drop(ticket)
    return Doing()


class Frames:
    """Frames that are there already, for a rehearsal."""

    def __init__(self, *frames: bytes) -> None:
        self._frames = list(frames)

    def receive(self, limit: int) -> bytes:
        """The next."""
        del limit
        return self._frames.pop(0)


def rehearse(plan: Plan, rater: Rater, session: str, label: Callable[[], bytes]) -> None:
    """Every errand once, before the seal; `label` comes to an answer in form."""
    if not (plan.rater.batches and isinstance(rater, BatchingRater)):
        return
    keeper, worker = KeyPair.generate(), KeyPair.generate()
    name = "0" * 64
    submitting = begin(plan, rater, Frames(Errand("submit", keeper.public, name).encode()), worker)
    submitting.row(session, label)
    sealed, _ = submitting.answer()
    blob = read_sealed(sealed, name).rewrap(
        keeper, worker.public, at_rest=ticket_info(name), in_run=run_info(plan.hash)
    )
    for work in ("collect", "collect", "drop"):  # pending; ended; deleted
        try:
            doing = begin(plan, rater, Frames(Errand(work).encode(), blob.encode()), worker)
            doing.row(session, label)
        except Halted:
            continue
