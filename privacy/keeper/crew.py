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
from dataclasses import dataclass

from privacy.closing import Pace
from privacy.codebook import Codebook
from privacy.errors import RefusedError
from privacy.halts import Halt
from privacy.keeper.due import Due
from privacy.keeper.runlog import RunLog
from privacy.keeper.state import State
from privacy.keeper.workers import Workers
from privacy.labels import LabelRecord, row_width, unpack_bucket
from privacy.sealing import SealedBlob

MOST_SESSIONS = 64
MOST_BYTES = 64 * 2**20
"""Of sealed sessions in one batch; a larger one is a batch of its own."""

Row = tuple[Due, bytes]
"""A session and its record, which has passed the gate."""

Answer = tuple[list[Row], Halt | None, Pace]
"""Records, why a worker had to stop, and its advice how fast to go on."""


def batches(due: Iterable[Due], most: int = MOST_SESSIONS) -> Iterator[list[Due]]:
    """Split sessions into batches, in their order; a session is in one batch only once."""
    batch: list[Due] = []
    held = 0
    for one in due:
        size = one.size
        full = len(batch) == most or held + size > MOST_BYTES
        if batch and (full or any(one.session == other.session for other in batch)):
            yield batch
            batch, held = [], 0
        batch.append(one)
        held += size
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Crew:
    """A run's batches, and who labels them; for several threads."""

    workers: Workers
    state: State
    codebook: Codebook
    log: RunLog
    """Told which model answered."""
    asked: str = ""
    """The model that workers ask, where they ask one."""

    def label(
        self, batch: Sequence[Due], given: Mapping[str, list[SealedBlob]] | None = None
    ) -> Answer:
        """
        Records of a batch, gated, in no order; why the run must stop, if it must; and its pace.

        Args:
            batch: Sessions.
            given: What is sealed of each of them; by default as it lies in the vault.

        Raises:
            RefusedError: A worker's isolation or its answer does not hold.
            VerificationError: A sealed session is damaged or not from a custodian.
            IncompleteError: A worker was too slow, or its zygote has ended.
        """
        blobs = given or {one.session: list(self.sealed(one)) for one in batch}
        answer = self._ask(batch, blobs) if len(batch) > 1 else None
        if answer:
            return answer
        rows: list[Row] = []
        pace = Pace.UNKNOWN
        for one in batch:
            more, halt, pace = self._ask_alone(one, blobs)
            rows += more
            if halt:
                return rows, halt, pace
        return rows, None, pace

    def sealed(self, due: Due) -> Iterator[SealedBlob]:
        """What a worker is given of a session: its telemetry, if there is any, and itself."""
        if due.telemetry:
            yield self.state.corpus.read(due.telemetry)
        yield self.state.corpus.read(due)

    def _ask_alone(self, due: Due, blobs: Mapping[str, list[SealedBlob]]) -> Answer:
        for _ in range(2):
            answer = self._ask([due], blobs)
            if answer is not None:
                return answer
        self.workers.check_alive()  # where it ended, that says nothing about the session
        record = LabelRecord.unrated(
            self.codebook, status="unreadable", month=due.month, account=due.account
        )
        return [(due, record.encode())], None, Pace.UNKNOWN

    def _ask(self, batch: Sequence[Due], blobs: Mapping[str, list[SealedBlob]]) -> Answer | None:
        """What a new worker says of a batch; None where it ended before it had said it."""
        limit = len(batch) * row_width(self.codebook)
        given = [blob for one in batch for blob in blobs[one.session]]
        said = self.workers.ask(given, limit)
        if said is None:
            return None
        rows = read_answer(said.data, batch, self.codebook, whole=said.halt is None)
        if rows and self.asked:  # a worker stops at the first answer by another model
            self.log.answered(self.asked)
        if not said.again:
            return rows, said.halt, said.pace
        labelled = {one.session for one, _ in rows}
        rest = [one for one in batch if one.session not in labelled]
        more, halt, pace = self.label(rest, blobs)
        return rows + more, halt, pace


def read_answer(
    answer: bytes, batch: Sequence[Due], codebook: Codebook, *, whole: bool = True
) -> list[Row]:
    """
    Pass a worker's answer about a batch through the label gate.

    Args:
        answer: What it said.
        batch: What it was given.
        codebook: Of the records.
        whole: Whether each session has its record; not where the worker had to stop.

    Raises:
        RefusedError: It is not one record for each session, or one speaks of another account
            or month.
    """
    asked = {one.session: one for one in batch}
    rows = [(key.hex(), record) for key, record in unpack_bucket(answer, codebook)]
    keys = sorted(key for key, _ in rows)
    some = len(set(keys)) == len(keys) and set(keys) <= set(asked)
    if keys != sorted(asked) and (whole or not some):
        raise RefusedError(
            "LABEL_GATE",
            rule="A worker answers about exactly the sessions that it was given.",
            found="an answer about others, or not about all of them.",
            remedy="treat the classify worker as compromised: keep its answers out.",
        )
    for key, record in rows:
        check_record(record, asked[key].account, asked[key].month, codebook)
    return [(asked[key], record) for key, record in rows]


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
