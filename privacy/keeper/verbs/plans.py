"""
A plan's way from the researcher's hands through the officers'.

A plan is held against the floor, the policy, the codebook and the keeper's own code each time
it is used, not only when it was submitted.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from privacy.admission import check_plan
from privacy.approvals import check_approval
from privacy.keeper.desk import Desk, Request
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.workshop import Progress
from privacy.plan import Plan, read_plan


def submit(desk: Desk, request: Request, _: Progress) -> Answer:
    """Take in a plan: bind it to this vault, floor, policy and code."""
    plan = desk.bind(read_plan(str(request["plan"]).encode()))
    check_plan(plan, desk.floor, desk.policy, desk.codebook)
    if desk.standing(plan) == "unknown":
        desk.state.save_plan(plan)
        body = {"plan": plan.hash, "study": plan.study.name, "rho": str(plan.loss)}
        desk.state.ledger.append("plan", body)
    return shown(desk, plan)


def show(desk: Desk, request: Request, _: Progress) -> Answer:
    """The bound plan of an unbound one: what an officer signs."""
    return shown(desk, desk.find(request))


def approve(desk: Desk, request: Request, _: Progress) -> Answer:
    """Take in an officer's signature over a bound plan."""
    plan, signature = desk.find(request), str(request["signature"])
    desk.check_current(plan)
    desk.check_not_revoked(plan)
    officer = check_approval(plan, signature, desk.policy, desk.floor)
    body = {
        "plan": plan.hash,
        "officer": officer.key,
        "signature": signature,
        "signed": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    desk.state.ledger.append("approval", body)
    return shown(desk, plan)


def revoke(desk: Desk, request: Request, _: Progress) -> Answer:
    """Take approvals back, with an officer's signature."""
    plan, signature = desk.find(request), str(request["signature"])
    officer = check_approval(
        plan, signature, desk.policy, desk.floor, namespace="clerestory-revocation"
    )
    body = {"plan": plan.hash, "officer": officer.key, "signature": signature}
    desk.state.ledger.append("revocation", body)
    return shown(desk, plan)


def shown(desk: Desk, plan: Plan) -> Answer:
    """A plan and where it stands."""
    return {
        "plan": plan.hash,
        "standing": desk.standing(plan),
        "bound": plan.canonical.decode(),
    }


VERBS: Mapping[str, Verb] = {"submit": submit, "plan": show, "approve": approve, "revoke": revoke}
