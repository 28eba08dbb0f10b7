"""
What the keeper can be asked.

Every verb takes plain JSON and gives plain JSON.  A refusal is written into the ledger before
it is told.  A plan is held against the floor, the policy, the codebook and the keeper's own
code each time it is used, not only when it was submitted.
"""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from privacy.accountant import Accountant
from privacy.admission import check_plan
from privacy.approvals import check_approval
from privacy.errors import ConfigurationError, RefusedError
from privacy.keeper.desk import Desk, Request
from privacy.keeper.releasing import Releasing
from privacy.keeper.workshop import Progress
from privacy.plan import Plan, read_plan
from privacy.policy import Person, read_policy
from privacy.signing import fingerprint, read_public
from privacy.vault import POLICY, replace_file

Answer = dict[str, Any]


class Keeper:
    """One vault's keeper."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.verbs: dict[str, Callable[[Request, Progress], Answer]] = {
            "enrol": self.enrol,
            "submit": self.submit,
            "plan": self.show,
            "approve": self.approve,
            "revoke": self.revoke,
            "status": self.status,
            "classify": self.classify,
            "release": self.release,
            "ledger": self.export,
        }

    def ask(self, verb: str, request: Request, progress: Progress) -> Answer:
        """
        Answer one request.

        Raises:
            ClerestoryError: Whatever rule says no; a `RefusedError` is in the ledger.
        """
        handler = self.verbs.get(verb)
        if handler is None:
            raise ConfigurationError(
                "VERB_UNKNOWN",
                rule="The keeper answers what its version knows.",
                found="another verb.",
                remedy="use the command line of the same version as the keeper.",
            )
        try:
            return handler(request, progress)
        except RefusedError as refusal:
            self.desk.state.ledger.append("refusal", {"verb": verb, "code": refusal.code})
            raise

    def enrol(self, request: Request, _: Progress) -> Answer:
        """Make somebody an officer, as long as no plan was submitted."""
        if next(self.desk.state.ledger.entries("plan"), None) is not None:
            raise RefusedError(
                "ENROLMENT_CLOSED",
                rule="After the first plan the policy changes by two officers only.",
                found="an enrolment in a vault whose first plan was submitted.",
                remedy="that change is not there yet in this version; enrol before submitting.",
            )
        person = Person(str(request["name"]), read_public(str(request["key"])))
        policy = self.desk.policy
        people = (*policy.officer, *policy.custodian)
        if person not in people:
            if any(known.name == person.name or known.key == person.key for known in people):
                raise RefusedError(
                    "PERSON_TWICE",
                    rule="One person, one name, one key: so that two approvals are two people.",
                    found="a name or a key that is enrolled already.",
                    remedy="enrol another person, with a key and a name of his own.",
                )
            policy = policy.with_officer(person)
            text = policy.to_toml()
            read_policy(text, self.desk.floor)
            self.desk.state.ledger.append("policy", {"hash": policy.hash, "text": text})
            replace_file(self.desk.vault.folder / POLICY, text.encode())
        return {"officer": person.name, "fingerprint": fingerprint(person.key)}

    def submit(self, request: Request, _: Progress) -> Answer:
        """Take in a plan: bind it to this vault, floor, policy and code."""
        plan = self.desk.bind(read_plan(str(request["plan"]).encode()))
        policy = self.desk.policy
        check_plan(plan, self.desk.floor, policy, self.desk.codebook)
        if self.desk.standing(plan) == "unknown":
            self.desk.state.save_plan(plan)
            body = {"plan": plan.hash, "study": plan.study.name, "rho": str(plan.loss)}
            self.desk.state.ledger.append("plan", body)
        return self._shown(plan)

    def show(self, request: Request, _: Progress) -> Answer:
        """The bound plan of an unbound one: what an officer signs."""
        return self._shown(self.desk.find(request))

    def approve(self, request: Request, _: Progress) -> Answer:
        """Take in an officer's signature over a bound plan."""
        plan, signature = self.desk.find(request), str(request["signature"])
        self.desk.check_current(plan)
        self.desk.check_not_revoked(plan)
        officer = check_approval(plan, signature, self.desk.policy, self.desk.floor)
        body = {
            "plan": plan.hash,
            "officer": officer.key,
            "signature": signature,
            "signed": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self.desk.state.ledger.append("approval", body)
        return self._shown(plan)

    def revoke(self, request: Request, _: Progress) -> Answer:
        """Take approvals back, with an officer's signature."""
        plan, signature = self.desk.find(request), str(request["signature"])
        officer = check_approval(
            plan, signature, self.desk.policy, self.desk.floor, namespace="clerestory-revocation"
        )
        body = {"plan": plan.hash, "officer": officer.key, "signature": signature}
        self.desk.state.ledger.append("revocation", body)
        return self._shown(plan)

    def classify(self, request: Request, progress: Progress) -> Answer:
        """Label the sessions of an approved plan's months."""
        plan = self.desk.find(request)
        self.desk.check_may_run(plan)
        run = self.desk.labelling(plan)
        # Before it starts: labels that a crashed run left behind were made at this tier, too.
        body = {"plan": plan.hash, "set": run.label_set, "tier": self.desk.tier.name}
        self.desk.state.ledger.append("labels", body)
        run.run(progress)
        return self._shown(plan)

    def release(self, request: Request, progress: Progress) -> Answer:
        """Make the one release of an approved plan, or give the stored one again."""
        plan = self.desk.find(request)
        files = self.desk.state.release(plan.hash)
        if files is None:
            approvals = self.desk.check_may_run(plan)
            self.desk.labelling(plan).check_complete()
            files = Releasing(
                self.desk.vault,
                self.desk.floor,
                self.desk.state,
                self.desk.policy,
                plan,
                self.desk.workshop,
                self.desk.tier,
                str(request["custody"]),
                approvals,
            ).run(progress)
        encoded = {name: b64encode(data).decode() for name, data in files.items()}
        return {**self._shown(plan), "files": encoded}

    def status(self, _: Request, __: Progress) -> Answer:
        """Plans, their standing, and the budget."""
        budget = min(self.desk.floor.budget, self.desk.policy.budget)
        spent = Accountant(budget, self.desk.state.ledger).spent
        plans = [
            {
                "plan": plan.hash,
                "study": plan.study.name,
                "rho": str(plan.loss),
                "standing": self.desk.standing(plan),
            }
            for plan in self.desk.state.plans()
        ]
        return {
            "plans": plans,
            "budget": str(budget),
            "spent": str(spent),
            "left": str(budget - spent),
            "tier": self.desk.tier.name,
            "floor": self.desk.floor.hash,
            "policy": self.desk.policy.hash,
            "officers": [officer.name for officer in self.desk.policy.officer],
        }

    def export(self, _: Request, __: Progress) -> Answer:
        """Every entry of the ledger, and a signed checkpoint over them."""
        ledger = self.desk.state.ledger
        budget = min(self.desk.floor.budget, self.desk.policy.budget)
        return {
            "entries": [entry.line.decode() for entry in ledger.entries()],
            "checkpoint": ledger.checkpoint().sign(self.desk.state.signing),
            "budget": str(budget),
            "spent": str(Accountant(budget, ledger).spent),
        }

    def _shown(self, plan: Plan) -> Answer:
        return {
            "plan": plan.hash,
            "standing": self.desk.standing(plan),
            "bound": plan.canonical.decode(),
        }
