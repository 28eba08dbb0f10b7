"""
Decide whether a release may be made, and charge for it.

Loss is ρ of zero-concentrated differential privacy (zCDP): it adds up over releases about the
same accounts [1], also when later releases depend on earlier ones [2].  ρ is an exact
fraction, so ten tenths of a budget are the budget.  A second limit may hold for what is charged
within any so many days: it slows an organisation down, the budget stops it.

Promise: a charge is in the journal before `charge` returns, and no two charges decide on the
same remainder.  A crash can waste budget; it cannot let through a release nobody paid for.

[1] Bun & Steinke 2016, arXiv:1605.02065, Lemma 1.7.
[2] Whitehouse, Ramdas, Rogers & Wu 2023, arXiv:2203.05481.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Protocol

from .errors import RefusedError

Rho = Fraction
"""Privacy loss of one account, in ρ of zCDP: exact, never negative."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of payment: no key is given to an aggregate worker without one."""

    plan: str
    """SHA-256 of the bound plan that was paid for."""
    loss: Rho
    """What the release costs each account, at most."""

    def __post_init__(self) -> None:
        if self.loss < 0:
            raise ValueError(f"A privacy loss is at least 0, got {self.loss}.")


@dataclass(frozen=True, slots=True)
class Period:
    """The most that may be charged within any stretch of days."""

    budget: Rho
    days: int


class Journal(Protocol):
    """Where receipts are kept: `ledger.Ledger` on disk, a list's wrapper in tests."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold off every other writer; what was recorded inside is lasting afterwards."""
        ...

    def spent(self, since: datetime | None = None) -> Rho:
        """Loss of all charges so far, or of those at a time and after it."""
        ...

    def now(self) -> datetime:
        """The journal's own time, which never goes back."""
        ...

    def record(self, receipt: Receipt, /) -> None:
        """Write one charge."""
        ...


class Accountant:
    """Keep all releases about one population within one budget."""

    def __init__(self, budget: Rho, journal: Journal, period: Period | None = None) -> None:
        self.budget, self.period = budget, period
        self._journal = journal

    @property
    def spent(self) -> Rho:
        """Loss charged so far.  The journal is the only memory."""
        return self._journal.spent()

    @property
    def spent_in_period(self) -> Rho:
        """Loss charged in the days of the period that ends now; all, where there is none."""
        if self.period is None:
            return self.spent
        return self._journal.spent(_earlier(self._journal.now(), self.period.days))

    def charge(self, plan: str, loss: Rho) -> Receipt:
        """
        Pay for one release, before it is made.

        Args:
            plan: SHA-256 of the bound plan.
            loss: Upper bound on ρ, from the plan that is about to run.

        Raises:
            RefusedError: Budget or period do not cover it.  Nothing was charged.
        """
        receipt = Receipt(plan, loss)
        with self._journal.exclusive():
            left = self.budget - self.spent
            if loss > left:
                raise RefusedError(
                    "BUDGET_EXHAUSTED",
                    rule="No account may be charged more than the budget, over all studies.",
                    found=_short(loss, left, self.budget),
                    remedy="ask for fewer tables or a smaller epsilon; spent budget never returns.",
                )
            if self.period and loss > (left := self.period.budget - self.spent_in_period):
                raise RefusedError(
                    "PERIOD_EXHAUSTED",
                    rule=f"Only so much is charged within any {self.period.days} days.",
                    found=_short(loss, left, self.period.budget),
                    remedy="wait until earlier charges are as old as that, or ask for less.",
                )
            self._journal.record(receipt)
        return receipt


def _earlier(time: datetime, days: int) -> datetime:
    """So many days before; the first of all times, where no calendar reaches back so far."""
    first = datetime.min.replace(tzinfo=time.tzinfo)
    return time - timedelta(days=days) if days < (time - first).days else first


def _short(loss: Rho, left: Rho, of: Rho) -> str:
    return f"a charge of ρ = {float(loss):.6g} where {float(left):.6g} of {float(of):.6g} is left."
