"""What the keeper's books say: plans, their standing, the account, the ledger."""

from collections.abc import Mapping

from privacy.keeper.account import account
from privacy.keeper.desk import Desk, Request
from privacy.keeper.verbs import Answer, Verb
from privacy.keeper.verbs.plans import reason_of
from privacy.keeper.workshop import Progress


def status(desk: Desk, _: Request, __: Progress) -> Answer:
    """Plans, their standing, the account, and who witnesses it."""
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
        **account(desk.floor, desk.policy, desk.state.ledger),
        "anchors": desk.state.witnesses.standing(),
        "tier": desk.tier.name,
        "floor": desk.floor.hash,
        "policy": desk.policy.hash,
        "officers": [officer.name for officer in desk.policy.officer],
    }


def export(desk: Desk, _: Request, __: Progress) -> Answer:
    """Every entry of the ledger, a signed checkpoint over them, and the account."""
    ledger = desk.state.ledger
    return {
        "entries": [entry.line.decode() for entry in ledger.entries()],
        "checkpoint": ledger.checkpoint().sign(desk.state.signing),
        "keeper": desk.state.signing.public,
        **account(desk.floor, desk.policy, ledger),
    }


VERBS: Mapping[str, Verb] = {"status": status, "ledger": export}
