"""
The keeper's desk: what is in force, and which plan a request speaks of.

Nothing here is remembered from one request to the next: policy, approvals and standing are
read anew from the files and the ledger each time, and held against one another.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from privacy.admission import check_plan
from privacy.approvals import Approval, Standing, approvals_of, check_approved, standing_of
from privacy.codebook import codebook
from privacy.errors import RefusedError
from privacy.floor import TIERS
from privacy.keeper.labelling import Labelling
from privacy.keeper.state import State
from privacy.keeper.workshop import Workshop
from privacy.plan import Binding, Plan, read_plan
from privacy.policy import Policy, read_policy
from privacy.sandbox.tiers import Tier
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

    def _check_tier(self) -> None:
        tier, demanded = self.tier, max(self.floor.tier, self.policy.tier, key=TIERS.index)
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
                remedy="put the old file back; a change of policy will need two officers.",
            )
        return policy

    def _adopt(self) -> None:
        ledger, policy = self.state.ledger, self.policy
        for entry in ledger.entries("corpus"):
            if entry.body["floor"] != self.floor.hash:
                raise RefusedError(
                    "FLOOR_CHANGED",
                    rule="A floor never changes: it is what people's sessions were given under.",
                    found="a floor.json that is not the one in the ledger.",
                    remedy="put the old file back; sealed bytes open under it only.",
                )
        if next(ledger.entries("policy"), None) is None:
            # Labels that lie in a vault before its first keeper are somebody's invention: they
            # are taken over where everything is, and never looked at elsewhere.
            planted = "yes" if self.floor.synthetic and self.state.adopt_buckets() else "no"
            ledger.append("corpus", {"floor": self.floor.hash, "planted": planted})
            ledger.append("policy", {"hash": policy.hash, "text": policy.to_toml()})

    def bind(self, plan: Plan) -> Plan:
        """A plan as it would run here and now."""
        binding = Binding(
            vault=self.floor.vault,
            floor=self.floor.hash,
            policy=self.policy.hash,
            code=self.workshop.code(plan.rater),
        )
        return plan.bind(binding)

    def find(self, request: Request) -> Plan:
        """
        The submitted plan that a request speaks of, by its unbound or its bound form.

        The one that is bound to what is in force comes first, then one that was released.

        Raises:
            RefusedError: No such plan was submitted.
        """
        given = replace(read_plan(str(request["plan"]).encode()), binding=None)
        same = [plan for plan in self.state.plans() if replace(plan, binding=None) == given]
        current = self.bind(given)
        for plan in same:
            if plan == current:
                return plan
        for plan in same:
            if self.state.release(plan.hash):
                return plan
        if same:
            raise _stale()
        raise RefusedError(
            "PLAN_UNKNOWN",
            rule="A plan is submitted before anything is done with it.",
            found="a plan that was not submitted, or was edited since.",
            remedy="submit it with `clerestory submit VAULT PLAN`.",
        )

    def standing(self, plan: Plan) -> Standing:
        """Where a plan stands."""
        return standing_of(plan.hash, self.state.ledger.entries(), self.policy.approvals)

    def check_current(self, plan: Plan) -> None:
        """
        Hold a bound plan against what is in force now.

        Raises:
            RefusedError: Floor, policy, code or codebook are not those it is bound to.
        """
        policy = self.policy
        if plan != self.bind(plan):
            raise _stale()
        check_plan(plan, self.floor, policy, self.codebook)

    def check_not_revoked(self, plan: Plan) -> None:
        """
        Raise if an officer took a plan back: that is for good.

        Signatures of Ed25519 repeat, so an old approval, which stands in the ledger, could
        otherwise be handed in again by anybody.

        Raises:
            RefusedError: The plan was revoked.
        """
        if self.standing(plan) == "revoked":
            raise RefusedError(
                "PLAN_REVOKED",
                rule="A revoked plan never runs again.",
                found="a plan that an officer took back.",
                remedy="mend the study, even if only its purpose, and submit the new plan.",
            )

    def check_may_run(self, plan: Plan) -> list[Approval]:
        """
        The approvals under which a plan may run.

        Raises:
            RefusedError: It is stale, or too few approvals stand.
            VerificationError: A recorded approval does not fit the plan.
        """
        self._check_tier()
        self.check_current(plan)
        self.check_not_revoked(plan)
        policy = self.policy
        approvals = approvals_of(plan, self.state.ledger.entries(), policy, self.floor)
        check_approved(plan, approvals, policy)
        return approvals

    def labelling(self, plan: Plan, secret: bytes = b"") -> Labelling:
        """The run that labels a plan's sessions; the secret is the key for its endpoint."""
        sources = tuple(person.key for person in self.policy.custodian)
        return Labelling(
            self.vault,
            self.floor,
            self.state,
            self.codebook,
            plan,
            self.workshop.classifying(plan.rater),
            self.tier,
            sources,
            secret,
        )


def _stale() -> RefusedError:
    return RefusedError(
        "PLAN_STALE",
        rule="A plan runs under the floor, policy and code that its officers signed.",
        found="another floor, policy or code than the plan is bound to.",
        remedy="submit the plan again and have it approved again.",
    )
