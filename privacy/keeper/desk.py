"""
The keeper's desk: what is in force, and which plan a request speaks of.

Nothing here is remembered from one request to the next: policy, approvals and standing are
read anew from the files and the ledger each time, and held against one another.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from privacy.admission import check_plan
from privacy.approvals import Act, Approval, approvals_of, check_act, check_approved
from privacy.codebook import codebook
from privacy.errors import RefusedError, VerificationError
from privacy.floor import TIERS
from privacy.keeper.configuration import Carried
from privacy.keeper.currency import check_floor, floor_changed, stale
from privacy.keeper.intake import take_in
from privacy.keeper.labelling import Labelling
from privacy.keeper.nodes import Nodes, Scheduled
from privacy.keeper.runlog import RunLog
from privacy.keeper.state import State
from privacy.keeper.workers import BATCH_SECONDS
from privacy.keeper.workshop import Workshop
from privacy.label_sets import label_set, label_set_again
from privacy.plan import Binding, Plan, read_plan
from privacy.policy import Person, Policy, read_policy
from privacy.sandbox.tiers import Tier
from privacy.standing import FINAL, Standing, check_allowed, refusal, standing_of
from privacy.vault import POLICY, Vault, replace_file

Request = Mapping[str, Any]
"""What a client asks, as JSON."""


class Desk:
    """One vault, its state and its workers."""

    def __init__(self, vault: Vault, state: State, workshop: Workshop, tier: Tier) -> None:
        """
        Take up the vault.

        Raises:
            RefusedError: The policy on the disk is not the one in the ledger, or loosens the
                floor; or this machine isolates less than the floor demands.
        """
        self.vault, self.state, self.workshop, self.tier = vault, state, workshop, tier
        self.floor, self.codebook = vault.floor, codebook()
        self._adopt()
        self._check_tier()
        self._begin_with_batches()

    @property
    def _weakest(self) -> str:
        """Tier that floor and policy demand."""
        return max(self.floor.tier, self.policy.tier, key=TIERS.index)

    def _check_tier(self) -> None:
        tier, demanded = self.tier, self._weakest
        if TIERS.index(tier.name) < TIERS.index(demanded):
            raise RefusedError(
                "TIER_TOO_LOW",
                rule=f"Under floor and policy a worker is isolated at {demanded} or better.",
                found=f"a machine that offers {tier.name}.",
                remedy="run `clerestory doctor`: it names what is missing and how to get it.",
            )

    @property
    def policy(self) -> Policy:
        """The policy in force: the file, if it is the one that the ledger knows."""
        text = (self.vault.folder / POLICY).read_text(encoding="utf-8")
        policy = read_policy(text, self.floor)
        entries = list(self.state.ledger.entries("policy"))
        known = {entry.body["hash"]: entry.body["text"] for entry in entries}
        newest = entries[-1].body["hash"] if entries else policy.hash
        if policy.hash != newest and policy.hash in known:
            # An older one of ours: a crash came between ledger and file, or a copy was restored.
            replace_file(self.vault.folder / POLICY, known[newest].encode())
            return read_policy(known[newest], self.floor)
        if policy.hash != newest:
            raise RefusedError(
                "POLICY_CHANGED",
                rule="Only the keeper changes the policy of a vault that it has adopted.",
                found="a policy.toml that is not the one in the ledger.",
                remedy="put the old file back; propose a change with `clerestory policy propose`.",
            )
        return policy

    def _adopt(self) -> None:
        ledger, policy = self.state.ledger, self.policy
        for entry in ledger.entries("corpus"):
            if entry.body["floor"] != self.floor.hash:
                raise floor_changed()
        if next(ledger.entries("policy"), None) is None:
            # Labels that lie in a vault before its first keeper are somebody's invention: they
            # are taken over where everything is, and never looked at elsewhere.
            planted = "yes" if self.floor.synthetic and self.state.labels.adopt() else "no"
            if next(ledger.entries("corpus"), None) is None:
                ledger.append("corpus", {"floor": self.floor.hash, "planted": planted})
            ledger.append("policy", {"hash": policy.hash, "text": policy.to_toml(self.floor)})

    @property
    def now(self) -> datetime:
        """The ledger's time, by which approvals lapse: it never goes back."""
        return self.state.ledger.now()

    @property
    def known(self) -> list[Person]:
        """Everybody of every policy that this vault has had, under the names they had."""
        texts = (entry.body["text"] for entry in self.state.ledger.entries("policy"))
        return [person for text in texts for person in read_policy(text, self.floor).people]

    def take_in(self) -> None:
        """
        Take in the batches that custodians of the policy have put into the vault.

        Raises:
            VerificationError: What lies in the vault is not what custodians sealed.
        """
        sources = (person.key for person in self.policy.custodian)
        take_in(self.state.corpus, self.vault, sources, self.state.ledger)

    def _begin_with_batches(self) -> None:
        try:
            self.take_in()
        except VerificationError as error:
            # Whoever may write to the vault must not keep the keeper from answering; a run
            # meets the same again and stops.
            self.state.ledger.append("refusal", {"verb": "take-in", "code": error.code})

    def bind(self, plan: Plan, submission: int = 1) -> Plan:
        """A plan as it would run here and now."""
        return plan.bind(replace(self._binding(plan), submission=submission))

    def _binding(self, plan: Plan) -> Binding:
        return Binding(
            vault=self.floor.vault,
            floor=self.floor.hash,
            policy=self.policy.hash,
            code=self.workshop.code(plan.rater),
        )

    def submissions(self, plan: Plan) -> list[Plan]:
        """Every plan that was handed in with these contents, whatever it was bound to."""
        given = replace(plan, binding=None)
        return [one for one in self.state.plans() if replace(one, binding=None) == given]

    def latest(self, plan: Plan) -> Plan | None:
        """The last submission of a plan that is bound to what is in force, if there is one."""
        here = [one for one in self.submissions(plan) if self._is_current(one)]
        return max(here, key=_submission, default=None)

    def find(self, request: Request) -> Plan:
        """
        The submitted plan that a request speaks of, by its unbound or its bound form.

        The last one that is bound to what is in force comes first, then one that was released.

        Raises:
            RefusedError: No such plan was submitted.
        """
        given = read_plan(str(request["plan"]).encode())
        if latest := self.latest(given):
            return latest
        same = self.submissions(given)
        for plan in same:
            if self.state.release(plan.hash):
                return plan
        raise stale(same[-1], self._binding(same[-1]), self.codebook) if same else refusal("draft")

    def standing(self, plan: Plan) -> Standing:
        """Where a plan stands."""
        policy = self._policy_of(plan)
        return standing_of(plan.hash, self.state.ledger.entries(plan=plan.hash), policy, self.now)

    def is_stale(self, plan: Plan) -> bool:
        """Whether a plan is bound to something that is no longer in force."""
        return not self._is_current(plan)

    def check_current(self, plan: Plan) -> None:
        """
        Hold a bound plan against what is in force now.

        Raises:
            RefusedError: Floor, policy, code or codebook are not those it is bound to, or a
                file of one of them was changed since the keeper started.
        """
        check_floor(self.vault, self.floor)
        self.workshop.check_unchanged(plan.rater)
        if not self._is_current(plan):
            raise stale(plan, self._binding(plan), self.codebook)
        check_plan(plan, self.floor, self.policy, self.codebook)

    def check_never_closed(self, plan: Plan) -> None:
        """
        Raise if an officer closed a plan with these contents for good, whatever it was bound to.

        Raises:
            RefusedError: It was rejected or revoked.
        """
        for one in self.submissions(plan):
            if (standing := self.standing(one)) in FINAL:
                raise refusal(standing)

    def check_act(self, act: Act, plan: Plan, signature: str, reason: str = "") -> Person:
        """
        Check what somebody says about a plan, and that it may be said where the plan stands.

        Raises:
            RefusedError: He may not, or not now.
            VerificationError: The signature does not fit plan, act and reason.
        """
        policy, floor, known = self.policy, self.floor, self.known
        person = check_act(act, plan, signature, policy, floor, reason=reason, known=known)
        check_allowed(self.standing(plan), act.event)
        return person

    def check_may_run(self, plan: Plan) -> list[Approval]:
        """
        The approvals under which a plan may run.

        Raises:
            RefusedError: It is stale, it does not stand where it may run, or too few approvals
                stand.
            VerificationError: A recorded approval does not fit the plan.
        """
        self._check_tier()
        self.check_current(plan)
        policy, entries, now = (
            self.policy,
            list(self.state.ledger.entries(plan=plan.hash)),
            self.now,
        )
        approvals = approvals_of(plan, entries, policy, self.floor, now=now, known=self.known)
        check_allowed(standing_of(plan.hash, entries, policy, now), "charge")
        check_approved(plan, approvals, policy)
        return approvals

    def _is_current(self, plan: Plan) -> bool:
        return plan.binding is not None and plan == self.bind(plan, _submission(plan))

    def _policy_of(self, plan: Plan) -> Policy:
        """The policy that a plan is bound to: how many officers it took, and for how long."""
        for entry in self.state.ledger.entries("policy"):
            if plan.binding and entry.body["hash"] == plan.binding.policy:
                return read_policy(entry.body["text"], self.floor)
        return self.policy

    def scheduled(self, carried: Carried) -> Scheduled | None:
        """How to reach nodes, if keeper.toml has a scheduler that carries this kind of work."""
        scheduler, policy = self.state.configuration.scheduler, self.policy
        if scheduler is None or carried not in scheduler.carries:
            return None
        enrolled = frozenset(node.key for node in policy.node)
        return Scheduled(scheduler, self.state.signing, enrolled, self._weakest)

    def labelling(self, plan: Plan, secret: bytes = b"") -> Labelling:
        """The run that labels a plan's sessions; the secret is the key for its endpoint."""
        return self._labelling(plan, secret, label_set(plan, self.floor.hash))

    def readings(self, plan: Plan, secret: bytes = b"") -> list[Labelling]:
        """The runs that label samples again, after the first: one for each second reading."""
        first, made = label_set(plan, self.floor.hash), list[Labelling]()
        for reading in plan.readings:
            name = label_set_again(plan, reading, self.floor.hash)
            run = self._labelling(plan.reread(reading), secret, name)
            made.append(replace(run, reading=reading, counted=first))
        return made

    def _labelling(self, plan: Plan, secret: bytes, name: str) -> Labelling:
        sources = tuple(person.key for person in self.policy.custodian)
        kind = self.workshop.classifying(plan.rater)
        log, by = RunLog(self.state, self.floor, plan, kind, name), self.scheduled("classify")
        return Labelling(
            self.vault,
            self.floor,
            self.state,
            self.codebook,
            plan,
            kind,
            self.tier,
            sources,
            log,
            secret,
            Nodes(by, plan, kind, "classify", BATCH_SECONDS, log.saw) if by else None,
        )


def _submission(plan: Plan) -> int:
    return plan.binding.submission if plan.binding else 0
