"""
The first run: sealed sessions in, sealed label buckets out.

The keeper checks that a session is the one that was taken in, re-wraps its data key to the key
that the worker made after its seal, and passes what comes back through the label gate.  A record
says its own account and month: both must be those of the session it answers, so that a worker
cannot move a label to somebody else.  Labels rest sealed, in buckets by account; they serve every
later study under the same codebook, rater and floor.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from os import sched_getaffinity
from threading import Event, Lock

import rfc8785

from privacy.codebook import Codebook
from privacy.errors import IncompleteError
from privacy.floor import Floor
from privacy.keeper.corpus import Due
from privacy.keeper.intake import check_whole, take_in
from privacy.keeper.state import State
from privacy.keeper.workshop import Progress, WorkerKind
from privacy.labels import (
    LabelRecord,
    bucket_of,
    pack_bucket,
    record_width,
    unpack_bucket,
)
from privacy.plan import Plan, Rater
from privacy.sandbox.launch import Worker, start
from privacy.sandbox.tiers import Tier
from privacy.sealing import SealedBlob, floor_info, run_info, seal
from privacy.vault import Vault

SESSION_SECONDS = 600.0
"""For one record of the largest session on a busy machine; after it the run stops."""


@dataclass(frozen=True)
class Labelling:
    """One run of the classify worker over a vault."""

    vault: Vault
    floor: Floor
    state: State
    codebook: Codebook
    plan: Plan
    kind: WorkerKind
    tier: Tier
    sources: tuple[str, ...]
    """Public keys of the custodians of the policy."""

    @property
    def label_set(self) -> str:
        """Name of the labels that the plan speaks of."""
        return label_set(self.plan, self.floor.hash)

    def due(self) -> dict[int, list[Due]]:
        """
        Sessions of the plan's months that have no record yet, by bucket.

        Raises:
            VerificationError: What lies in the vault is not what custodians sealed.
        """
        corpus, due = self.state.corpus, defaultdict(list)
        take_in(corpus, self.vault, self.sources, self.state.ledger)
        check_whole(corpus, self.vault, self.sources)
        for session in corpus.due(self.label_set, self.plan.population.months):
            due[bucket_of(session.account, self.floor.buckets)].append(session)
        return due

    def check_complete(self) -> None:
        """
        Raise unless every session of the plan's months has its record.

        Raises:
            IncompleteError: Some have none yet; how many is nobody's business.
            VerificationError: What lies in the vault is not what custodians sealed.
        """
        corpus = self.state.corpus
        take_in(corpus, self.vault, self.sources, self.state.ledger)
        if not corpus.is_labelled(self.label_set, self.plan.population.months):
            raise IncompleteError(
                "LABELS_INCOMPLETE",
                rule="A release speaks of every session of its months.",
                found="sessions that have no label yet.",
                remedy="run `clerestory classify VAULT PLAN`, then ask again.",
            )

    def run(self, progress: Progress) -> None:
        """
        Label what is due; what was labelled stays when the run stops in the middle.

        Raises:
            RefusedError: A worker's isolation or its answers do not hold.
            VerificationError: A sealed session is damaged or not from a custodian.
        """
        due, buckets = self.due(), range(self.floor.buckets)
        stop, lock, done = Event(), Lock(), [0]

        def work(share: Sequence[int]) -> None:
            with Crew(self) as crew:
                for bucket in share:
                    if stop.is_set():
                        return
                    rows = [(session, crew.label(session)) for session in due.get(bucket, ())]
                    with lock:
                        if rows:
                            self._store(bucket, rows)
                        # Empty buckets count, too: how many are not would tell of accounts.
                        done[0] += 1
                        progress("classifying", done[0] / len(buckets))

        hands = len(sched_getaffinity(0))
        with ThreadPoolExecutor(hands) as pool:
            shares = [pool.submit(work, buckets[hand::hands]) for hand in range(hands)]
            try:
                for share in shares:
                    share.result()
            finally:
                stop.set()

    def _store(self, bucket: int, rows: list[tuple[Due, bytes]]) -> None:
        floor, name = self.floor, self.label_set
        info = floor_info(floor.hash, "labels")
        old: Iterator[tuple[bytes, bytes]] = iter(())
        if blob := self.state.labels.bucket(name, bucket):
            data = blob.open(self.state.ring.of(blob).open(blob.wrapped, info=info))
            old = unpack_bucket(data, self.codebook)
        new = ((bytes.fromhex(session.session), record) for session, record in rows)
        data = pack_bucket([*old, *new])
        header = {"kind": "labels", "floor": floor.hash, "set": name, "bucket": str(bucket)}
        sealed = seal(data, header, public=self.state.sealing.public, info=info)
        self.state.labels.put(name, bucket, sealed, ((s.session, s.digest) for s, _ in rows))


class Crew:
    """A worker that is replaced when it dies, once per session."""

    def __init__(self, run: Labelling) -> None:
        self._run = run
        self._worker: Worker | None = None
        self._width = record_width(run.codebook)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        if self._worker:
            self._worker.close()

    def label(self, due: Due) -> bytes:
        """
        One session's record, gated.

        A session that kills two workers is unreadable: that, too, is a label value, since it
        follows from the session alone.
        """
        sealed = self._run.state.corpus.read(due)
        for _ in range(2):
            worker = self._at_work()
            try:
                return self._ask(worker, sealed, due)
            except IncompleteError as error:
                # A deadline depends on the machine's load, so it stops the run; only a worker
                # that ended on this session says something about the session.
                if error.code != "CHANNEL_CLOSED":
                    raise
                worker.close()
                self._worker = None
        record = LabelRecord.unrated(
            self._run.codebook, status="unreadable", month=due.month, account=due.account
        )
        return record.encode()

    def _at_work(self) -> Worker:
        run = self._run
        if self._worker is None:
            self._worker = start(run.tier, run.kind.code, run.kind.module, run.plan.canonical)
            self._worker.channel.timeout = SESSION_SECONDS
        return self._worker

    def _ask(self, worker: Worker, sealed: SealedBlob, due: Due) -> bytes:
        run = self._run
        in_run = sealed.rewrap(
            run.state.ring.of(sealed),
            worker.public_key,
            at_rest=floor_info(run.floor.hash, "session"),
            in_run=run_info(run.plan.hash),
        )
        worker.channel.send(in_run.encode())
        record = worker.channel.receive(self._width)
        check_record(record, due.account, due.month, run.codebook)
        return record


def check_record(record: bytes, account: bytes, month: str, codebook: Codebook) -> None:
    """
    Pass a worker's answer through the label gate.

    Raises:
        RefusedError: It is no record, or speaks of another account or month.
    """
    read = LabelRecord.decode(record, codebook)
    position = next(i for i, field in enumerate(codebook.fields) if field.name == "month")
    told = codebook.fields[position].labels[read.labels[position]]
    if read.account != account or told != month:
        LabelRecord.decode(b"", codebook)  # refuses in the gate's own words


def label_set(plan: Plan, floor: str) -> str:
    """Name of the labels that a plan speaks of."""
    return label_set_of(plan.codebook, plan.prompts, plan.rater, floor)


def label_set_of(codebook: str, prompts: str, rater: Rater, floor: str) -> str:
    """
    Name of a set of labels: SHA-256 over all that they depend on, hexadecimal.

    Args:
        codebook: SHA-256 of the codebook.
        prompts: SHA-256 of what raters are asked.
        rater: Who labelled.
        floor: SHA-256 of the floor.
    """
    told = {"codebook": codebook, "prompts": prompts, "floor": floor}
    told.update((f"rater {name}", str(value)) for name, value in asdict(rater).items())
    return sha256(rfc8785.dumps(told)).hexdigest()
