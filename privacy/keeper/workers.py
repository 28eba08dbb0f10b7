"""
Where a batch of sessions is labelled: by a worker beside the keeper, or by one on a node.

Both give a worker the batch, each data key wrapped to that worker's key alone, and hear one
answer.  Beside the keeper it comes down a pipe; from a node it comes sealed to a key that the
keeper made for this run, so that nothing between worker and keeper reads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from privacy.closing import CLOSING_BYTES, Closing, Pace
from privacy.errors import IncompleteError
from privacy.halts import Halt
from privacy.keeper.egress import Egress, way_out
from privacy.keeper.journal import Purse
from privacy.keeper.nodes import Nodes
from privacy.keeper.runlog import RunLog
from privacy.keeper.state import State
from privacy.nodes.checks import NodeWorker
from privacy.plan import Plan
from privacy.sandbox.launch import Worker, Zygote
from privacy.sealing import KeyPair, SealedBlob, floor_info, run_info
from privacy.spending import ALLOWANCE_BYTES
from privacy.tasks import Task, rows_info
from privacy.tickets import Errand, ticket_info

SESSION_SECONDS = 600.0
"""For one record of the largest session on a busy machine; after it the run stops."""

BATCH_SECONDS = int(64 * SESSION_SECONDS)
"""For the batch of most sessions, on a node."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a worker is to do, where a plan names message batches."""

    errand: Errand
    ticket: SealedBlob | None = None
    """Of the batches that it speaks of, as it rests."""


PLAIN = Sent(Errand("plain"))


@dataclass(frozen=True, slots=True)
class Said:
    """What a worker answered: its words, and why it stopped before the last session, if it did."""

    data: bytes
    halt: Halt | None = None
    pace: Pace = Pace.UNKNOWN
    again: bool = False
    """Whether it stopped for want of an allowance, and can be given more."""


class Workers(Protocol):
    """Whoever gives a new worker for each batch; for several threads."""

    def ask(self, blobs: Sequence[SealedBlob], limit: int, sent: Sent = PLAIN) -> Said | None:
        """What a new worker says of a batch; None where it ended before it had said it."""

    def check_alive(self) -> None:
        """Raise where a worker's end would say nothing about what it was given."""


@dataclass(frozen=True, slots=True)
class LocalWorkers:
    """Workers of one run, forked from its zygote as batches come."""

    zygote: Zygote
    state: State
    plan: Plan
    floor: str
    """SHA-256 of the vault's floor."""
    log: RunLog
    """Told of each worker before it is given anything; may refuse it."""
    egress: Egress | None = None
    """The way out of workers that ask a model."""
    secret: bytes = field(default=b"", repr=False)
    """The key for its endpoint."""
    purse: Purse | None = None
    """What they may spend, where the plan has prices."""

    def ask(self, blobs: Sequence[SealedBlob], limit: int, sent: Sent = PLAIN) -> Said | None:
        """
        What a new worker says of a batch; None where it ended before it had said it.

        What it may cost is noted before it is started, and what it took before its answer is used.

        Raises:
            RefusedError: A worker's isolation or its closing does not hold.
            IncompleteError: It was too slow, its zygote has ended, or the cap leaves nothing.
        """
        if self.purse is None:
            return self._ask(blobs, limit, sent, 0)
        is_paid = sent.errand.work in ("collect", "drop")
        with self.purse.taken(len(blobs), is_paid=is_paid) as taken:
            said = self._ask(blobs, limit, sent, taken.allowance, taken.settle)
        if said is not None and said.halt is Halt.SPENT and taken.widen():
            return replace(said, again=True)
        return said

    def _ask(
        self,
        blobs: Sequence[SealedBlob],
        limit: int,
        sent: Sent,
        allowance: int,
        settle: Callable[[Closing], None] = lambda _: None,
    ) -> Said | None:
        with way_out(self.egress) as control, self.zygote.start(control=control) as worker:
            self.log.saw(worker)
            try:
                answer = self._exchange(worker, blobs, limit + CLOSING_BYTES, sent, allowance)
            except IncompleteError as error:
                # A deadline depends on the machine's load, so it stops the run; only a worker
                # that ended on these sessions says something about one of them.
                if error.code != "CHANNEL_CLOSED":
                    raise
                return None
        if self.egress is None:
            return Said(answer)
        closing = Closing.decode(answer[-CLOSING_BYTES:])
        settle(closing)
        return Said(answer[:-CLOSING_BYTES], closing.halt, closing.pace)

    def show(self) -> None:
        """
        Start a worker that is given nothing: a run that labels nobody leaves its record, too.

        Raises:
            RefusedError: Its isolation does not hold.
        """
        with way_out(self.egress) as control, self.zygote.start(control=control) as worker:
            self.log.saw(worker)

    def check_alive(self) -> None:
        """
        Raise if the zygote has ended.

        Raises:
            IncompleteError: `ZYGOTE_GONE`.
        """
        self.zygote.check_alive()

    def _exchange(
        self,
        worker: Worker,
        blobs: Sequence[SealedBlob],
        limit: int,
        sent: Sent,
        allowance: int,
    ) -> bytes:
        channel = worker.channel
        channel.timeout = SESSION_SECONDS
        if self.egress:
            channel.send(self.secret)
            if self.plan.spending:
                channel.send(allowance.to_bytes(ALLOWANCE_BYTES))
        info = run_info(self.plan.hash)
        if self.plan.rater.batches:
            channel.send(sent.errand.encode())
        if sent.ticket:
            mine, at_rest = self.state.ring.of(sent.ticket), ticket_info(sent.errand.label_set)
            theirs = worker.public_key
            channel.send(sent.ticket.rewrap(mine, theirs, at_rest=at_rest, in_run=info).encode())
        for blob in blobs:
            channel.send(_given(self.state, self.floor, blob, worker.public_key, info))
        channel.send(b"")
        # What the pipe still held may be all of them.
        channel.timeout = SESSION_SECONDS * max(1, len(blobs))
        return channel.receive(limit)


@dataclass(frozen=True, slots=True)
class FarWorkers:
    """Workers of one run, on nodes."""

    nodes: Nodes
    state: State
    plan: Plan
    floor: str
    key: KeyPair = field(default_factory=KeyPair.generate)
    """To which records are sealed; of this run, and of this process alone."""

    def ask(self, blobs: Sequence[SealedBlob], limit: int, sent: Sent = PLAIN) -> Said | None:
        """
        What a new worker on some node says of a batch; None where it ended on it.

        Raises:
            RefusedError, VerificationError: A report, a result or the answer does not hold.
            IncompleteError: There is no node, nodes were lost too often, or one was too slow.
        """
        del sent  # message batches are sent from beside the keeper
        task = Task(self.key.public)
        info = task.info(self.plan.hash)

        def asking(worker: NodeWorker) -> list[bytes]:
            given = (_given(self.state, self.floor, b, worker.public_key, info) for b in blobs)
            return [task.encode(), *given]

        if (answer := self.nodes.ask(asking)) is None:
            return None
        blob = SealedBlob.decode(answer)
        digests = (one.digest for one in blobs)
        info = rows_info(self.plan.hash, digests)
        return Said(blob.open(self.key.open(blob.wrapped, info=info)))

    def check_alive(self) -> None:
        """Nothing: a node says itself whether what workers are forked from has ended."""


def _given(state: State, floor: str, blob: SealedBlob, reader: bytes, info: bytes) -> bytes:
    """A session as a worker gets it: the same bytes, for the key that it alone has."""
    at_rest = floor_info(floor, "session")
    return blob.rewrap(state.ring.of(blob), reader, at_rest=at_rest, in_run=info).encode()
