"""
The second run: sealed label buckets in, one signed bundle out.

The order is the promise: the worker proves its isolation; the charge is on the disk; only then
is a key given; what comes back is checked to be the tables of the plan, signed, kept and
handed out.  A crash in between wastes budget and releases nothing.  One charge, one run key,
one bundle: who asks again gets the stored bundle.

With nodes the order is the same.  They get ready before the charge, when a refusal costs nothing;
after it they sum buckets (`summing`), and the worker that draws the noise is given their sums.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from privacy.anchor_readings import ANCHOR_SET, AnchorReadings
from privacy.approvals import Approval
from privacy.codebook import codebook
from privacy.errors import IncompleteError
from privacy.evidence import Run, Statement, watermarks
from privacy.floor import TIERS, Floor
from privacy.keeper.account import accountant
from privacy.keeper.anchor_reading import AnchorReader
from privacy.keeper.bundles import enter_release, sign_bundle
from privacy.keeper.nodes import Nodes, Scheduled
from privacy.keeper.runlog import look, parts_of, runs_of
from privacy.keeper.state import State
from privacy.keeper.summing import Summing, ended
from privacy.keeper.workshop import Progress, Workshop
from privacy.label_sets import label_set, label_sets
from privacy.nodes.checks import NodeWorker
from privacy.plan import Plan
from privacy.policy import Policy
from privacy.recovery import check_not_lost
from privacy.sandbox.launch import Worker, start
from privacy.sandbox.tiers import Tier
from privacy.sealing import SealedBlob, floor_info, run_info
from privacy.vault import Vault

LARGEST_ANSWER = 64 * 2**20
"""bytes: more than any plan's tables."""
ANSWER_SECONDS = 3600.0
"""For the sums of the largest bucket, and for the answer."""
CHANNEL_ERRORS = ("CHANNEL_CLOSED", "CHANNEL_TIMEOUT")
"""What a worker's end looks like from here; what a node or its courier says has other codes."""


@dataclass(frozen=True)
class Releasing:
    """One run of the aggregate worker over a label set."""

    vault: Vault
    floor: Floor
    state: State
    policy: Policy
    plan: Plan
    workshop: Workshop
    tier: Tier
    custody: str
    approvals: Sequence[Approval]
    scheduled: Scheduled | None = None
    """How to reach nodes, where the keeper is configured with a scheduler that carries buckets."""

    def run(self, progress: Progress) -> dict[str, bytes]:
        """
        Charge, aggregate, sign.

        Returns:
            The bundle: file name → bytes.

        Raises:
            RefusedError: Budget or period do not cover it, the worker is not isolated, or a
                recovery closed the plan.
            IncompleteError: A required anchor cannot be reached, or the worker ended without
                an answer; a charge that was made stays.
        """
        plan = self.plan
        buckets, runs = self._buckets(), self._runs()
        parts = {run.code: parts_of(self.state, run.code) for run in runs}
        stability = self._stability()
        progress("starting the sealed worker", 0.0)
        kind = self.workshop.aggregate
        far: dict[bytes, Run] = {}
        with ExitStack() as stack:
            worker = stack.enter_context(start(self.tier, kind.code, kind.module, plan.canonical))
            run = look(worker, kind, "aggregate", plan, self.floor)
            summing = self._summing(stack, buckets, far)
            checkpoints = pay(self.state, self.floor, self.policy, plan, self.tier)
            answer = self._ask(worker, self._frames(worker, buckets, summing, progress))
        told = self._statement([*runs, *far.values(), run], parts, checkpoints)
        files = self._bundle(answer, told, stability)
        self.state.save_release(plan.hash, files)
        enter_release(self.state, plan.hash, files)
        return files

    def _runs(self) -> list[Run]:
        """The runs that made any of its labels, those of second readings too."""
        names = label_sets(self.plan, self.floor.hash)
        found = (run for name in names for run in runs_of(self.state, name))
        return [*{run.canonical: run for run in found}.values()]

    def _stability(self) -> AnchorReadings | None:
        """What the anchor set says of the rater: read before the charge, where it costs nothing."""
        name = self.label_set
        return AnchorReader(self.state, self.floor, codebook(), self.plan, name).told()

    def _buckets(self) -> list[SealedBlob | None]:
        name, floor = self.label_set, self.floor
        found = [self.state.labels.bucket(name, number) for number in range(floor.buckets)]
        if not any(found):
            raise IncompleteError(
                "NO_LABELS",
                rule="A release is made of labels.",
                found="no labels by this plan's rater under this vault's floor.",
                remedy="run `clerestory classify VAULT PLAN` first.",
            )
        # A sample may be of nobody, and have no bucket; that it was labelled, the ledger knows.
        made = {entry.body["set"] for entry in self.state.ledger.entries("labels")}
        made.update(name for name, _ in self.state.labels.buckets())
        if not made.issuperset(label_sets(self.plan, floor.hash)):
            raise IncompleteError(
                "NO_LABELS",
                rule="A release is made of labels.",
                found="a second reading that was never made under this vault's floor.",
                remedy="run `clerestory classify VAULT PLAN` first.",
            )
        return found

    def _summing(
        self, stack: ExitStack, buckets: Sequence[SealedBlob | None], far: dict[bytes, Run]
    ) -> Summing | None:
        """Nodes that are ready for buckets; their runs are written down as they come."""
        if self.scheduled is None:
            return None

        def saw(worker: NodeWorker) -> None:
            run = look(worker, kind, "aggregate", self.plan, self.floor)
            far.setdefault(run.canonical, run)

        kind = self.workshop.aggregate
        nodes = Nodes(self.scheduled, self.plan, kind, "aggregate", int(ANSWER_SECONDS), saw)
        stack.enter_context(nodes).reach()
        there = {number: blob for number, blob in enumerate(buckets) if blob}
        return Summing(nodes, self.state, self.floor.hash, there)

    def _frames(
        self,
        worker: Worker,
        buckets: Sequence[SealedBlob | None],
        summing: Summing | None,
        progress: Progress,
    ) -> Iterator[bytes]:
        """What the worker is given: buckets, or what to expect and then their sums."""
        if summing:
            yield summing.expected.encode()
            for position, sums in enumerate(summing.sums(worker.public_key)):
                yield sums
                progress("aggregating", (position + 1) / len(summing.buckets))
            return
        at_rest = floor_info(self.floor.hash, "labels")
        in_run = run_info(self.plan.hash)
        _, *again = label_sets(self.plan, self.floor.hash)
        for position, first in enumerate(buckets):
            # Second labels first: the worker joins them with the rows that come after them.
            second = [self.state.labels.bucket(name, position) for name in again if first]
            for blob in filter(None, (*second, first)):
                mine = self.state.ring.of(blob)
                theirs = blob.rewrap(mine, worker.public_key, at_rest=at_rest, in_run=in_run)
                yield theirs.encode()
            progress("aggregating", (position + 1) / len(buckets))

    def _ask(self, worker: Worker, frames: Iterator[bytes]) -> bytes:
        worker.channel.timeout = ANSWER_SECONDS
        try:
            for frame in frames:
                worker.channel.send(frame)
            worker.channel.send(b"")
            answer = worker.channel.receive(LARGEST_ANSWER)
        except IncompleteError as error:
            if error.code not in CHANNEL_ERRORS:
                raise
            answer = b""
        if len(answer) <= 1:
            raise ended(answer)
        return answer

    def _bundle(
        self, answer: bytes, told: Statement, stability: AnchorReadings | None
    ) -> dict[str, bytes]:
        extras = {
            "statement.json": told.canonical,
            "floor.json": self.floor.canonical,
            "policy.toml": self.policy.to_toml(self.floor).encode(),
            "checkpoint.txt": told.checkpoint_after.encode(),
            "keeper.pub": (self.state.signing.public + "\n").encode(),
        }
        if stability:
            extras[ANCHOR_SET] = stability.canonical
        for number, entry in enumerate(self._approval_entries()):
            extras[f"approval-{number + 1}.sig"] = entry.encode()
        return sign_bundle(self.workshop.compose(self.plan, answer, extras), self.state)

    def _statement(
        self,
        runs: Sequence[Run],
        parts: Mapping[str, Mapping[str, str]],
        checkpoints: tuple[str, str],
    ) -> Statement:
        plan, floor, ledger = self.plan, self.floor, self.state.ledger
        classify = self.workshop.classifying(plan.rater).code
        aggregate = self.workshop.aggregate.code
        planted = any(entry.body.get("planted") == "yes" for entry in ledger.entries("corpus"))
        *_, charge = ledger.entries("charge", plan.hash)
        released = [entry.body["sums"] for entry in ledger.entries("release")]
        # A release is as isolated as the worst of the runs that it is made of.
        tier = min((run.tier for run in runs), key=TIERS.index)
        custody = "same-user" if any(r.custody == "same-user" for r in runs) else self.custody
        return Statement(
            plan=plan.hash,
            floor=floor.hash,
            policy=self.policy.hash,
            codebook=codebook().hash,
            prompts=codebook().prompts_hash,
            code=self.workshop.code(plan.rater),
            workers={"classify": classify.hash, "aggregate": aggregate.hash},
            parts={**parts, classify.hash: classify.parts, aggregate.hash: aggregate.parts},
            runs=tuple(runs),
            tier=tier,
            custody=custody,
            planted=planted,
            approvals=tuple(approval.to_json() for approval in self.approvals),
            charged=charge.time.isoformat(),
            watermarks=tuple(watermarks(plan, floor, tier, planted=planted)),
            previous=released[-1] if released else "",
            checkpoint_before=checkpoints[0],
            checkpoint_after=checkpoints[1],
        )

    @property
    def label_set(self) -> str:
        """Name of the labels that the release is made of."""
        return label_set(self.plan, self.floor.hash)

    def _approval_entries(self) -> list[str]:
        named = {approval.officer.key: "" for approval in self.approvals}
        for entry in self.state.ledger.entries("approval"):
            if entry.body["plan"] == self.plan.hash and entry.body["officer"] in named:
                named[entry.body["officer"]] = entry.body["signature"]
        return list(named.values())


def pay(state: State, floor: Floor, policy: Policy, plan: Plan, tier: Tier) -> tuple[str, str]:
    """
    Charge for a plan and have it witnessed: after this, and never before, a key may be given.

    Returns:
        Signed checkpoints of before and after.

    Raises:
        RefusedError: Budget or period do not cover it, or a recovery closed the plan.
        IncompleteError: The disk failed, or a required anchor cannot be told; a charge that
            was made stays.
    """
    ledger = state.ledger
    contents = replace(plan, binding=None)
    same = [one.hash for one in state.plans() if replace(one, binding=None) == contents]
    check_not_lost(same, ledger.entries("recovery"))
    before = ledger.checkpoint().sign(state.signing)
    # An anchor that cannot be reached is noticed here, while it costs nothing.
    state.witnesses.reach(before)
    accountant(floor, policy, ledger).charge(plan.hash, plan.loss)
    ledger.append("key", {"plan": plan.hash, "tier": tier.name})
    after = ledger.checkpoint().sign(state.signing)
    state.witnesses.tell(after)
    return before, after
