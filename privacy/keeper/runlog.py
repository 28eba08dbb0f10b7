"""
What the keeper writes down of the runs that a release will be made of.

A run's record is complete before its worker is given anything: tier, code, what the probes
found, and under a floor that demands it a document by hardware.  The record lies in the state
folder under its own hash, and the ledger names that hash; so labels that a crash left behind
have their record, and a record that was changed or taken away stops the release.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock
from typing import Literal, cast

import rfc8785

from privacy.errors import VerificationError
from privacy.evidence import Run, answered_as, read_run
from privacy.floor import Floor
from privacy.floor import Tier as FloorTier
from privacy.hardware import check_hardware
from privacy.keeper.state import State
from privacy.keeper.workshop import WorkerKind
from privacy.mounted import code_hash
from privacy.nodes.checks import NodeWorker
from privacy.plan import Plan
from privacy.sandbox.host import host
from privacy.sandbox.launch import Worker, required
from privacy.vault import replace_file

RUNS, CODE = "runs", "code"
"""Folders of the state: records by their hash, and lists of parts by theirs."""


def look(
    worker: Worker | NodeWorker,
    kind: WorkerKind,
    name: Literal["classify", "aggregate"],
    plan: Plan,
    floor: Floor,
) -> Run:
    """
    What there is to say of a worker that has a key and was given nothing yet.

    Raises:
        RefusedError, VerificationError: The floor demands evidence by hardware that it does not
            bring, or that does not hold.
    """
    key = sha256(worker.public_key).hexdigest()
    far = worker if isinstance(worker, NodeWorker) else None
    check_hardware(floor.hardware, worker.document, plan=plan.hash, key=key)
    return Run(
        worker=name,
        plan=plan.hash,
        tier=cast("FloorTier", worker.tier.name),
        code=kind.code.hash,
        probes={probe.name: worker.probes[probe.name] for probe in required(worker.tier)},
        host=far.host if far else host(),
        asked=plan.rater.model if name == "classify" else "",
        answered="",
        key=key if floor.hardware else "",
        document=b64encode(worker.document).decode() if floor.hardware else "",
        node=far.node if far else "",
        custody=far.custody if far else "",
    )


@dataclass
class RunLog:
    """The records of one labelling, whose workers may be several and come one after another."""

    state: State
    floor: Floor
    plan: Plan
    kind: WorkerKind
    label_set: str
    _last: Run | None = None
    _known: set[str] = field(default_factory=set)
    """Hashes of the records that were kept already: workers come by the batch."""
    _lock: Lock = field(default_factory=Lock)

    def saw(self, worker: Worker | NodeWorker) -> None:
        """
        Look at a worker before it is given anything, and write down what there is to say.

        Raises:
            RefusedError, VerificationError: As `look`.
        """
        run = look(worker, self.kind, "classify", self.plan, self.floor)
        with self._lock:
            self._keep(run)

    def answered(self, model: str) -> None:
        """Write down which model said that it answered, before its labels are stored."""
        with self._lock:
            if self._last is not None:
                told = answered_as(self.plan.rater.model, model)
                self._keep(replace(self._last, answered=told))

    def _keep(self, run: Run) -> None:
        # Workers of one labelling on one machine differ in nothing but what hardware says of each:
        # one record.
        self._last, digest = run, sha256(run.canonical).hexdigest()
        if digest in self._known:
            return
        folder = self.state.folder
        parts = rfc8785.dumps(dict(self.kind.code.parts))
        replace_file(folder / CODE / f"{run.code}.json", parts)
        replace_file(folder / RUNS / f"{digest}.json", run.canonical)
        body = {"plan": run.plan, "set": self.label_set, "digest": digest}
        if all(entry.body != body for entry in self.state.ledger.entries("run")):
            self.state.ledger.append("run", body)
        self._known.add(digest)


def runs_of(state: State, label_set: str) -> list[Run]:
    """
    The records of all runs that a label set was made by, oldest first.

    Raises:
        VerificationError: A record was changed or taken away.
    """
    entries = state.ledger.entries("run")
    digests = dict.fromkeys(e.body["digest"] for e in entries if e.body["set"] == label_set)
    return [read_run(_kept(state, RUNS, digest)) for digest in digests]


def parts_of(state: State, code: str) -> Mapping[str, str]:
    """
    What was mounted under a hash.

    Raises:
        VerificationError: The list was changed or taken away.
    """
    parts: dict[str, str] = json.loads(_kept(state, CODE, code))
    return parts


def _kept(state: State, folder: str, name: str) -> bytes:
    path = state.folder / folder / f"{name}.json"
    data = path.read_bytes() if path.is_file() else b""
    if _digest(folder, data) != name:
        raise VerificationError(
            "RUN_CHANGED",
            rule="A release tells of every run that it is made of, as the ledger knows it.",
            found=f"a record that was changed or taken away: {folder}/{name}.json.",
            remedy="restore it from a copy of the state folder.",
        )
    return data


def _digest(folder: str, data: bytes) -> str:
    if folder == RUNS:
        return sha256(data).hexdigest()
    try:
        return code_hash(json.loads(data))
    except (ValueError, TypeError, AttributeError):
        return ""
