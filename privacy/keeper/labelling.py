"""
The first run: sealed sessions in, sealed label buckets out.

The keeper checks who sealed a session, re-wraps its data key to the key that the worker made
after its seal, and passes what comes back through the label gate.  A record says its own
account and month: both must be those of the session it answers, so that a worker cannot move
a label to somebody else.  Labels rest sealed, in buckets by account; they serve every later
study under the same codebook, rater and floor.
"""

import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from os import sched_getaffinity
from pathlib import Path
from threading import Event, Lock

import rfc8785

from privacy.codebook import Codebook
from privacy.custodian import SIGNATURE_BYTES, read_sealed_session
from privacy.errors import IncompleteError, VerificationError
from privacy.floor import Floor
from privacy.halts import check_halt
from privacy.keeper.egress import broker
from privacy.keeper.state import State
from privacy.keeper.workshop import Progress, WorkerKind
from privacy.labels import (
    PSEUDONYM_BYTES,
    SESSION_KEY_BYTES,
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
from privacy.signing import public_raw
from privacy.vault import Vault

SESSION_SECONDS = 600.0
"""For one record of the largest session on a busy machine; after it the run stops."""


@dataclass(frozen=True, slots=True)
class Due:
    """One sealed session whose record is missing, or was made from older bytes."""

    path: Path
    session: str
    account: bytes
    month: str
    digest: str
    """SHA-256 of the sealed file."""


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
    secret: bytes = field(default=b"", repr=False)
    """The key for the model's endpoint, where the plan names one; kept nowhere."""

    @property
    def label_set(self) -> str:
        """Name of the labels that the plan speaks of."""
        return label_set(self.plan, self.floor.hash)

    def due(self) -> dict[int, list[Due]]:
        """
        Sessions of the plan's months that have no record yet, by bucket.

        Raises:
            VerificationError: A file of the vault is cut off.
        """
        done = self.state.labelled(self.label_set)
        due: dict[int, list[Due]] = defaultdict(list)
        for path in self.vault.sessions():
            session = _read_due(path)
            known = done.get(session.session) == session.digest
            if session.month in self.plan.population.months and not known:
                due[bucket_of(session.account, self.floor.buckets)].append(session)
        return due

    def check_complete(self) -> None:
        """
        Raise unless every session of the plan's months has its record.

        Raises:
            IncompleteError: Some have none yet; how many is nobody's business.
        """
        if self.due():
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
        if blob := self.state.bucket(name, bucket):
            data = blob.open(self.state.sealing.open(blob.wrapped, info=info))
            old = unpack_bucket(data, self.codebook)
        new = ((bytes.fromhex(session.session), record) for session, record in rows)
        data = pack_bucket([*old, *new])
        header = {"kind": "labels", "floor": floor.hash, "set": name, "bucket": str(bucket)}
        sealed = seal(data, header, public=self.state.sealing.public, info=info)
        self.state.put_bucket(name, bucket, sealed, ((s.session, s.digest) for s, _ in rows))


class Crew:
    """A worker that is replaced when it dies, once per session."""

    def __init__(self, run: Labelling) -> None:
        self._run = run
        self._worker: Worker | None = None
        self._resources = ExitStack()
        self._control: socket.socket | None = None
        self._sources = [public_raw(source) for source in run.sources]
        self._width = record_width(run.codebook)

    def __enter__(self) -> "Crew":
        run = self._run
        if run.kind.broker:
            self._control = self._resources.enter_context(broker(run.kind, run.plan.rater.endpoint))
        return self

    def __exit__(self, *_: object) -> None:
        with self._resources:
            if self._worker:
                self._worker.close()

    def label(self, due: Due) -> bytes:
        """
        One session's record, gated.

        A session that kills two workers is unreadable: that, too, is a label value, since it
        follows from the session alone.
        """
        data = due.path.read_bytes()
        try:
            sealed = read_sealed_session(data, self._sources)
        except VerificationError as error:
            raise _of(error, due.path) from None
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
            self._worker = start(
                run.tier,
                run.kind.code,
                run.kind.module,
                run.plan.canonical,
                control=self._control,
            )
            self._worker.channel.timeout = SESSION_SECONDS
            if self._control:
                self._worker.channel.send(run.secret)
        return self._worker

    def _ask(self, worker: Worker, sealed: SealedBlob, due: Due) -> bytes:
        run = self._run
        in_run = sealed.rewrap(
            run.state.sealing,
            worker.public_key,
            at_rest=floor_info(run.floor.hash, "session"),
            in_run=run_info(run.plan.hash),
        )
        worker.channel.send(in_run.encode())
        record = worker.channel.receive(self._width)
        check_halt(record)
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


def _read_due(path: Path) -> Due:
    """What a sealed session's file says of itself; who says it is checked before it is used."""
    data = path.read_bytes()
    try:
        header = SealedBlob.decode(data[SIGNATURE_BYTES:]).header
        account, session = bytes.fromhex(header["account"]), bytes.fromhex(header["session"])
        if (len(account), len(session)) == (PSEUDONYM_BYTES, SESSION_KEY_BYTES):
            return Due(path, session.hex(), account, header["month"], sha256(data).hexdigest())
    except VerificationError as error:
        raise _of(error, path) from None
    except (KeyError, ValueError):
        pass
    raise _of(
        VerificationError(
            "VAULT_DAMAGED",
            rule="A sealed session names its account, its key and its month.",
            found="a header that does not.",
            remedy="restore the file from a copy of the vault, or take it out.",
        ),
        path,
    )


def _of(error: VerificationError, path: Path) -> VerificationError:
    """The same refusal, saying which file of the vault: its name is a keyed hash."""
    found = f"{error.found} In {path.parent.parent.name}/{path.parent.name}/{path.name}."
    return VerificationError(error.code, rule=error.rule, found=found, remedy=error.remedy)
