"""
The first run: sealed sessions in, sealed label buckets out.

The keeper checks that a session is the one that was taken in, re-wraps its data key to the key
that a worker made after its seal, and passes what comes back through the label gate (`crew`).  A
record says its own account and month: both must be those of the session it answers, so that a
worker cannot move a label to somebody else.  Labels rest sealed, in buckets by account; they
serve every later study under the same codebook, rater and floor.

Telemetry goes with its session.  Where it comes later, the session is labelled again if that is
free; where a model would be asked again, it waits until the session itself has grown.

A batch is stored whole or not at all: a crash costs the batches that were out, no more.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from os import sched_getaffinity
from threading import Event, Lock

from privacy.codebook import Codebook
from privacy.errors import IncompleteError
from privacy.floor import Floor
from privacy.halts import halted
from privacy.keeper.anchor_reading import Anchor, AnchorReader, parted
from privacy.keeper.batching import Batching
from privacy.keeper.crew import MOST_SESSIONS, Answer, Crew, Row, batches
from privacy.keeper.due import Due
from privacy.keeper.egress import broker
from privacy.keeper.hands import ASKING_HANDS, MOST_ASKING_HANDS, Hands
from privacy.keeper.intake import check_whole, take_in
from privacy.keeper.journal import Journal, Purse
from privacy.keeper.nodes import Nodes
from privacy.keeper.runlog import RunLog
from privacy.keeper.state import State
from privacy.keeper.workers import FarWorkers, LocalWorkers, Workers
from privacy.keeper.workshop import Progress, WorkerKind
from privacy.label_sets import label_set, label_set_again
from privacy.labels import bucket_of, pack_bucket, unpack_bucket
from privacy.plan import Plan
from privacy.raters import asks
from privacy.sandbox.launch import Zygote
from privacy.sandbox.tiers import Tier
from privacy.sealing import floor_info, seal
from privacy.second import Reading
from privacy.spending import usual
from privacy.vault import Vault


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
    log: RunLog
    """Told of each worker before it is given anything; may refuse it."""
    secret: bytes = field(default=b"", repr=False)
    """The key for the model's endpoint, where the plan names one; kept nowhere."""
    nodes: Nodes | None = None
    """Who labels, where the keeper is configured with a scheduler that carries sessions."""

    reading: Reading | None = None
    """Which second reading it is, the plan being by its rater; None for the first."""
    counted: str = ""
    """Label set that dollars are counted under, where it is another: readings share one cap."""

    @property
    def label_set(self) -> str:
        """Name of the labels that are made."""
        if self.reading:
            return label_set_again(self.plan, self.reading, self.floor.hash)
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
        for session in self._chosen():
            due[bucket_of(session.account, self.floor.buckets)].append(session)
        return due

    def _chosen(self) -> list[Due]:
        """What has no record yet; of a second reading, among the sessions of its sample."""
        months = self.plan.population.months
        found = self.state.corpus.due(self.label_set, months, again=self._again)
        if not self.reading:
            return found
        secret = self.state.labels.sampling_secret()
        return [one for one in found if self.reading.chooses(one.session, secret)]

    def check_complete(self) -> None:
        """
        Raise unless every session of the plan's months, or of its sample, has its record.

        Raises:
            IncompleteError: Some have none yet; how many is nobody's business.
            VerificationError: What lies in the vault is not what custodians sealed.
        """
        corpus = self.state.corpus
        take_in(corpus, self.vault, self.sources, self.state.ledger)
        months = self.plan.population.months
        done = corpus.is_labelled(self.label_set, months, again=self._again)
        if not done and (not self.reading or self._chosen()):
            raise IncompleteError(
                "LABELS_INCOMPLETE",
                rule="A release speaks of every session of its months.",
                found="sessions that have no label yet.",
                remedy="run `clerestory classify VAULT PLAN`, then ask again.",
            )

    def run(self, progress: Progress) -> None:
        """
        Label what is due; what was labelled stays when the run stops in the middle.

        A rater that may change reads the anchor set before the first label of each month, also
        where the month turns while it labels.

        Raises:
            RefusedError: A worker's isolation or its answers do not hold.
            VerificationError: A sealed session is damaged or not from a custodian.
            IncompleteError: A model was to be asked, and could not be.
        """
        while not self._run_in_month(progress):
            pass

    def _run_in_month(self, progress: Progress) -> bool:
        """Whether all is labelled; it is not where the month has turned."""
        month, anchors = self._reader.month, self._reader.due()
        due, buckets = self.due(), range(self.floor.buckets)
        stop, lock, done = Event(), Lock(), [0]

        left, hands = iter(buckets), self._hands

        def take() -> int | None:
            with lock:
                return next(left, None)

        def work(crew: Crew | None) -> None:
            for bucket in iter(take, None):
                for batch in batches(due.get(bucket, ())):
                    with hands.turn() as turn:
                        if stop.is_set() or crew is None or self._has_turned(month):
                            return
                        rows, halt, turn.pace = crew.label(batch)
                    with lock:
                        self._store(bucket, rows)
                    if halt:
                        stop.set()
                        raise halted(halt)
                with lock:
                    # Empty buckets count, too: how many are not would tell of accounts.
                    done[0] += 1
                    progress("classifying", done[0] / len(buckets))

        with ExitStack() as stack, ThreadPoolExecutor(hands.most) as pool:
            # Of this thread, which waits for the others: a zygote ends with its starter.
            sent = self.plan.rater.batches and self.state.tickets.held(self.label_set)
            needed = due or anchors or sent or self._is_unseen
            crew = self._crew(stack, lock) if needed else None
            if crew and anchors:
                self._read_anchors(crew, pool, hands, anchors, month)
            # Before it starts: labels that a crashed run left behind were made at this tier, too.
            body = {"plan": self.plan.hash, "set": self.label_set, "tier": self.tier.name}
            self.state.ledger.append("labels", body)
            if crew and self.plan.rater.batches:
                self._batching(crew, lock).run(progress)
                return not self._has_turned(month)
            shares = [pool.submit(work, crew) for _ in range(hands.most)]
            try:
                for share in shares:
                    share.result()
            finally:
                stop.set()
                if self.nodes:
                    self.nodes.hang_up()
        return not self._has_turned(month)

    @property
    def _reader(self) -> AnchorReader:
        return AnchorReader(self.state, self.floor, self.codebook, self.plan, self.label_set)

    def _has_turned(self, month: str) -> bool:
        """Whether labels of now would be of another month than the reading before them."""
        return asks(self.plan.rater.name) and self._reader.month != month

    def _read_anchors(
        self,
        crew: Crew,
        pool: ThreadPoolExecutor,
        hands: Hands,
        anchors: Sequence[Anchor],
        month: str,
    ) -> None:
        """Have the anchor set labelled as sessions are; a reading is kept whole, or not at all."""

        def read(batch: Sequence[Anchor]) -> Answer:
            blobs = {one.due.session: [one.blob] for one in batch}
            with hands.turn() as turn:
                rows, halt, turn.pace = crew.label([one.due for one in batch], blobs)
            return rows, halt, turn.pace

        records: dict[str, bytes] = {}
        for rows, halt, _ in pool.map(read, parted(anchors, hands.first, MOST_SESSIONS)):
            if halt:
                raise halted(halt)
            records.update((due.session, record) for due, record in rows)
        self._reader.keep(month, records)

    def _batching(self, crew: Crew, lock: Lock) -> Batching:
        """How the same is done where the plan names message batches: always beside the keeper."""

        def store(rows: Sequence[Row]) -> None:
            by_bucket = defaultdict(list)
            for one, record in rows:
                by_bucket[bucket_of(one.account, self.floor.buckets)].append((one, record))
            for bucket, some in by_bucket.items():
                with lock:
                    self._store(bucket, some)

        def find() -> list[Due]:
            months = self.plan.population.months
            return self.state.corpus.due(self.label_set, months, again=self._again)

        return Batching(crew, self.label_set, self._hands.first, find, store, lock)

    @property
    def _again(self) -> bool:
        """Whether telemetry alone makes a session due."""
        return not self.kind.broker

    @property
    def _is_unseen(self) -> bool:
        """Whether no run of a second reading is known: nobody may see that its sample is empty."""
        entries = self.state.ledger.entries("run") if self.reading else ()
        return bool(self.reading) and self.label_set not in {one.body["set"] for one in entries}

    @property
    def _hands(self) -> Hands:
        """Anew for each run: what a server allowed last time says little about now."""
        if self.nodes and not self.plan.rater.batches:
            return Hands(self.nodes.hands)
        if self.kind.broker:
            return Hands(ASKING_HANDS, MOST_ASKING_HANDS)
        return Hands(len(sched_getaffinity(0)))

    def _crew(self, stack: ExitStack, lock: Lock) -> Crew:
        asked = self.plan.rater.model if self.kind.broker else ""
        return Crew(self._workers(stack, lock), self.state, self.codebook, self.log, asked)

    def _workers(self, stack: ExitStack, lock: Lock) -> Workers:
        kind, plan, floor = self.kind, self.plan, self.floor.hash
        if self.nodes and not plan.rater.batches:
            stack.enter_context(self.nodes).reach()
            return FarWorkers(self.nodes, self.state, plan, floor)
        egress = stack.enter_context(broker(kind, plan.rater.endpoint)) if kind.broker else None
        zygote = stack.enter_context(Zygote(self.tier, kind.code, kind.module, plan.canonical))
        purse = None
        if plan.spending:
            each = usual(plan.spending.prices, plan.rater, len(self.codebook.instruments))
            journal = Journal(self.state.database, self.counted or self.label_set)
            purse = stack.enter_context(closing(Purse(journal, plan.spending, each, lock)))
        log, secret = self.log, self.secret
        workers = LocalWorkers(zygote, self.state, plan, floor, log, egress, secret, purse)
        if self._is_unseen:
            workers.show()
        return workers

    def _store(self, bucket: int, rows: list[Row]) -> None:
        """Put a batch's records into their bucket: all of them, or none."""
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
        self.state.labels.put(name, bucket, sealed, ((s.session, s.labelled_from) for s, _ in rows))
