"""The vault's account: what may still be spent, and who spent what."""

from typing import Any

from privacy.accountant import Accountant, Period
from privacy.floor import Floor
from privacy.ledger import Ledger
from privacy.loss import read_rho, write_rho
from privacy.policy import Policy


def accountant(floor: Floor, policy: Policy, ledger: Ledger) -> Accountant:
    """Who decides on a charge under floor and policy: the stricter of the two."""
    period = Period(read_rho(policy.period_rho), policy.period_days)
    return Accountant(min(floor.budget, policy.budget), ledger, period)


def account(floor: Floor, policy: Policy, ledger: Ledger) -> dict[str, Any]:
    """The statement of account: exact ρ of an account over the corpus, per period, per study."""
    one = accountant(floor, policy, ledger)
    budget, spent, in_period = one.budget, one.spent, one.spent_in_period
    period = Period(read_rho(policy.period_rho), policy.period_days)
    return {
        "corpus": floor.hash,
        "budget": write_rho(budget),
        "spent": write_rho(spent),
        "left": str(budget - spent),  # below 0 where a policy was tightened since
        "period": {
            "days": period.days,
            "budget": write_rho(period.budget),
            "spent": write_rho(in_period),
            "left": str(period.budget - in_period),
        },
        "studies": {
            name: write_rho(loss) for name, loss in sorted(ledger.history.by_study.items())
        },
    }
