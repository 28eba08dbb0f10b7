"""What the keeper's books say: plans, their standing, the budget, the ledger."""

from collections.abc import Mapping

from privacy.accountant import Accountant
from privacy.keeper.desk import Desk, Request
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.verbs.plans import reason_of
from privacy.keeper.workshop import Progress


def status(desk: Desk, _: Request, __: Progress) -> Answer:
    """Plans, their standing, and the budget."""
    budget = min(desk.floor.budget, desk.policy.budget)
    spent = Accountant(budget, desk.state.ledger).spent
    plans = [
        {
            "plan": plan.hash,
            "study": plan.study.name,
            "rho": str(plan.loss),
            "standing": desk.standing(plan),
            "stale": desk.is_stale(plan),
            **reason_of(desk, plan),
        }
        for plan in desk.state.plans()
    ]
    return {
        "plans": plans,
        "budget": str(budget),
        "spent": str(spent),
        "left": str(budget - spent),
        "tier": desk.tier.name,
        "floor": desk.floor.hash,
        "policy": desk.policy.hash,
        "officers": [officer.name for officer in desk.policy.officer],
    }


def export(desk: Desk, _: Request, __: Progress) -> Answer:
    """Every entry of the ledger, and a signed checkpoint over them."""
    ledger = desk.state.ledger
    budget = min(desk.floor.budget, desk.policy.budget)
    return {
        "entries": [entry.line.decode() for entry in ledger.entries()],
        "checkpoint": ledger.checkpoint().sign(desk.state.signing),
        "budget": str(budget),
        "spent": str(Accountant(budget, ledger).spent),
    }


VERBS: Mapping[str, Verb] = {"status": status, "ledger": export}
