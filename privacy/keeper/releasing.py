"""
The second run: sealed label buckets in, one signed bundle out.

The order is the promise: the worker proves its isolation; the charge is on the disk; only then
is a key given; what comes back is checked to be the tables of the plan, signed, kept and
handed out.  A crash in between wastes budget and releases nothing.  One charge, one run key,
one bundle: who asks again gets the stored bundle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from privacy.approvals import Approval
from privacy.errors import IncompleteError
from privacy.evidence import statement, watermarks
from privacy.floor import TIERS, Floor
from privacy.keeper.account import accountant
from privacy.keeper.labelling import label_set
from privacy.keeper.state import State
from privacy.keeper.workshop import Progress, Workshop
from privacy.plan import Plan
from privacy.policy import Policy
from privacy.recovery import check_not_lost
from privacy.sandbox.launch import Worker, required, start
from privacy.sandbox.tiers import Tier
from privacy.sealing import SealedBlob, floor_info, run_info
from privacy.vault import Vault

LARGEST_ANSWER = 64 * 2**20
"""bytes: more than any plan's tables."""
ANSWER_SECONDS = 3600.0
"""For the sums of the largest bucket, and for the answer."""


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
        ledger, plan = self.state.ledger, self.plan
        check_not_lost(plan.hash, ledger.entries("recovery"))
        buckets = self._buckets()
        progress("starting the sealed worker", 0.0)
        kind = self.workshop.aggregate
        with start(self.tier, kind.code, kind.module, plan.canonical) as worker:
            before = ledger.checkpoint().sign(self.state.signing)
            self.state.witnesses.reach(before)
            accountant(self.floor, self.policy, ledger).charge(plan.hash, plan.loss)
            ledger.append("key", {"plan": plan.hash, "tier": self.tier.name})
            after = ledger.checkpoint().sign(self.state.signing)
            self.state.witnesses.tell(after)
            answer = self._ask(worker, buckets, progress)
            probes = {probe.name: worker.probes[probe.name] for probe in required(self.tier)}
        files = self._bundle(answer, probes, (before, after))
        self.state.save_release(plan.hash, files)
        sums = sha256(files["SHA256SUMS"]).hexdigest()
        ledger.append("release", {"plan": plan.hash, "sums": sums})
        return files

    def _buckets(self) -> list[SealedBlob | None]:
        name, floor = label_set(self.plan, self.floor.hash), self.floor
        found = [self.state.bucket(name, number) for number in range(floor.buckets)]
        if not any(found):
            raise IncompleteError(
                "NO_LABELS",
                rule="A release is made of labels.",
                found="no labels by this plan's rater under this vault's floor.",
                remedy="run `clerestory classify VAULT PLAN` first.",
            )
        return found

    def _ask(self, worker: Worker, buckets: list[SealedBlob | None], progress: Progress) -> bytes:
        worker.channel.timeout = ANSWER_SECONDS
        at_rest = floor_info(self.floor.hash, "labels")
        in_run = run_info(self.plan.hash)
        try:
            for position, blob in enumerate(buckets):
                if blob:
                    theirs = blob.rewrap(
                        self.state.sealing, worker.public_key, at_rest=at_rest, in_run=in_run
                    )
                    worker.channel.send(theirs.encode())
                progress("aggregating", (position + 1) / len(buckets))
            worker.channel.send(b"")
            answer = worker.channel.receive(LARGEST_ANSWER)
        except IncompleteError:
            answer = b""
        if len(answer) <= 1:
            raise IncompleteError(
                "WORKER_ENDED",
                rule="A charge buys one answer of the aggregate worker.",
                found=f"no answer (code {answer.hex() or 'none'}); the charge stays.",
                remedy="look at the machine's memory, then ask again: that is a new charge.",
            )
        return answer

    def _bundle(
        self, answer: bytes, probes: Mapping[str, str], checkpoints: tuple[str, str]
    ) -> dict[str, bytes]:
        floor = self.floor
        planted = any(
            entry.body.get("planted") == "yes" for entry in self.state.ledger.entries("corpus")
        )
        tier = self._weakest_tier()
        marks = watermarks(self.plan, floor, tier, planted=planted)
        told = statement(
            self.plan,
            tier=tier,
            custody=self.custody,
            probes=probes,
            approvals=self.approvals,
            marks=marks,
            checkpoints=checkpoints,
        )
        extras = {
            "statement.json": told,
            "floor.json": floor.canonical,
            "policy.toml": self.policy.to_toml().encode(),
            "checkpoint.txt": checkpoints[1].encode(),
            "keeper.pub": (self.state.signing.public + "\n").encode(),
        }
        for number, entry in enumerate(self._approval_entries()):
            extras[f"approval-{number + 1}.sig"] = entry.encode()
        return sign_bundle(self.workshop.compose(self.plan, answer, extras), self.state)

    def _weakest_tier(self) -> str:
        """A release is as isolated as the worst of the runs that it is made of."""
        name = label_set(self.plan, self.floor.hash)
        entries = self.state.ledger.entries("labels")
        made = [entry.body["tier"] for entry in entries if entry.body["set"] == name]
        return min([*made, self.tier.name], key=TIERS.index)

    def _approval_entries(self) -> list[str]:
        named = {approval.officer.key: "" for approval in self.approvals}
        for entry in self.state.ledger.entries("approval"):
            if entry.body["plan"] == self.plan.hash and entry.body["officer"] in named:
                named[entry.body["officer"]] = entry.body["signature"]
        return list(named.values())


def sign_bundle(files: Mapping[str, bytes], state: State) -> dict[str, bytes]:
    """Add SHA256SUMS, in the form of `sha256sum -c`, and the keeper's SSH signature of it."""
    sums = "".join(f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    signature = state.signing.sign(sums.encode(), "clerestory-bundle")
    return {**files, "SHA256SUMS": sums.encode(), "SHA256SUMS.sig": signature.encode()}
