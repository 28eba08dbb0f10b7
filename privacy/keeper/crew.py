"""
Batches of sealed sessions to workers, and records back through the label gate.

A worker is given the sessions of one batch and answers once, after the last: a row for each,
all of one length, in an order that it drew.  So neither time nor place in the answer says which
session is which; the keeper finds the sessions by the keys in the rows, which must be exactly
those that it asked about, and passes every record through the gate.

A worker that ends on a batch is asked nothing more.  Its sessions are asked one by one, each in
a worker of its own; a session that ends two such workers is `unreadable`: that, too, is a label
value, since it follows from the session alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from privacy.codebook import Codebook
from privacy.errors import IncompleteError, RefusedError
from privacy.halts import Halt, halt_of
from privacy.keeper.corpus import Due
from privacy.keeper.egress import Egress, way_out
from privacy.keeper.runlog import RunLog
from privacy.keeper.state import State
from privacy.labels import LabelRecord, row_width, unpack_bucket
from privacy.plan import Plan
from privacy.sandbox.launch import Worker, Zygote
from privacy.sealing import SealedBlob, floor_info, run_info

MOST_SESSIONS = 64
MOST_BYTES = 64 * 2**20
"""Of sealed sessions in one batch; a larger one is a batch of its own."""
SESSION_SECONDS = 600.0
"""For one record of the largest session on a busy machine; after it the run stops."""


Row = tuple[Due, bytes]
"""A session and its record, which has passed the gate."""

Answer = tuple[list[Row], Halt | None]
"""Records, and why a worker had to stop."""


def batches(due: Iterable[Due]) -> Iterator[list[Due]]:
    """Split sessions into batches, in their order; a session is in one batch only once."""
    batch: list[Due] = []
    held = 0
    for one in due:
        size = one.place.size
        full = len(batch) == MOST_SESSIONS or held + size > MOST_BYTES
        if batch and (full or any(one.session == other.session for other in batch)):
            yield batch
            batch, held = [], 0
        batch.append(one)
        held += size
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers of one run, forked from its zygote as batches come; for several threads."""

    zygote: Zygote
    state: State
    plan: Plan
    codebook: Codebook
    floor: str
    """SHA-256 of the vault's floor."""
    log: RunLog
    """Told of each worker before it is given anything; may refuse it."""
    egress: Egress | None = None
    """The way out of workers that ask a model."""
    secret: bytes = field(default=b"", repr=False)
    """The key for its endpoint."""

    def label(self, batch: Sequence[Due]) -> Answer:
        """
        Records of a batch, gated, in no order; and why the run must stop, if it must.

        Raises:
            RefusedError: A worker's isolation or its answer does not hold.
            VerificationError: A sealed session is damaged or not from a custodian.
            IncompleteError: A worker was too slow, or its zygote has ended.
        """
        blobs = {one.session: self.state.corpus.read(one) for one in batch}
        answer = self._ask(batch, blobs) if len(batch) > 1 else None
        if answer:
            return answer
        rows: list[Row] = []
        for one in batch:
            more, halt = self._ask_alone(one, blobs)
            rows += more
            if halt:
                return rows, halt
        return rows, None

    def _ask_alone(self, due: Due, blobs: Mapping[str, SealedBlob]) -> Answer:
        for _ in range(2):
            answer = self._ask([due], blobs)
            if answer is not None:
                return answer
        self.zygote.check_alive()  # where it ended, that says nothing about the session
        record = LabelRecord.unrated(
            self.codebook, status="unreadable", month=due.month, account=due.account
        )
        return [(due, record.encode())], None

    def _ask(self, batch: Sequence[Due], blobs: Mapping[str, SealedBlob]) -> Answer | None:
        """What a new worker says of a batch; None where it ended before it had said it."""
        with way_out(self.egress) as control, self.zygote.start(control=control) as worker:
            self.log.saw(worker)
            try:
                answer = self._exchange(worker, [blobs[one.session] for one in batch])
            except IncompleteError as error:
                # A deadline depends on the machine's load, so it stops the run; only a worker
                # that ended on these sessions says something about one of them.
                if error.code != "CHANNEL_CLOSED":
                    raise
                return None
        rows, halt = read_answer(answer, batch, self.codebook)
        if rows and self.egress:  # a worker stops at the first answer by another model
            self.log.answered(self.plan.rater.model)
        return rows, halt

    def _exchange(self, worker: Worker, blobs: Sequence[SealedBlob]) -> bytes:
        channel = worker.channel
        channel.timeout = SESSION_SECONDS
        if self.egress:
            channel.send(self.secret)
        for blob in blobs:
            in_run = blob.rewrap(
                self.state.ring.of(blob),
                worker.public_key,
                at_rest=floor_info(self.floor, "session"),
                in_run=run_info(self.plan.hash),
            )
            channel.send(in_run.encode())
        channel.send(b"")
        # What the pipe still held may be all of them.
        channel.timeout = SESSION_SECONDS * len(blobs)
        return channel.receive(len(blobs) * row_width(self.codebook) + 1)


def read_answer(answer: bytes, batch: Sequence[Due], codebook: Codebook) -> Answer:
    """
    Pass a worker's answer about a batch through the label gate.

    A byte behind the rows says that it had to stop, and may then have answered about some only.

    Raises:
        RefusedError: It is not one record for each session, or one speaks of another account
            or month.
    """
    asked = {one.session: one for one in batch}
    halt = halt_of(answer[-1:]) if len(answer) % row_width(codebook) == 1 else None
    answer = answer[:-1] if halt else answer
    rows = [(key.hex(), record) for key, record in unpack_bucket(answer, codebook)]
    keys = sorted(key for key, _ in rows)
    whole = keys == sorted(asked)
    if not whole and not (halt and len(set(keys)) == len(keys) and set(keys) <= set(asked)):
        raise RefusedError(
            "LABEL_GATE",
            rule="A worker answers about exactly the sessions that it was given.",
            found="an answer about others, or not about all of them.",
            remedy="treat the classify worker as compromised: keep its answers out.",
        )
    for key, record in rows:
        check_record(record, asked[key].account, asked[key].month, codebook)
    return [(asked[key], record) for key, record in rows], halt


def check_record(record: bytes, account: bytes, month: str, codebook: Codebook) -> None:
    """
    Pass one record through the label gate.

    Raises:
        RefusedError: It is no record, or speaks of another account or month.
    """
    read = LabelRecord.decode(record, codebook)
    position = next(i for i, field in enumerate(codebook.fields) if field.name == "month")
    told = codebook.fields[position].labels[read.labels[position]]
    if read.account != account or told != month:
        LabelRecord.decode(b"", codebook)  # refuses in the gate's own words
