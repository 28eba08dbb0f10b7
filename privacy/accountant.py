"""
Decide whether a release may be made, and charge for it.

Loss is ρ of zero-concentrated differential privacy (zCDP): it adds up over releases about the
same accounts [1], also when later releases depend on earlier ones [2].  ρ is an exact
fraction, so ten tenths of a budget are the budget.

Promise: a charge is in the journal before `charge` returns, and no two charges decide on the
same remainder.  A crash can waste budget; it cannot let through a release nobody paid for.

[1] Bun & Steinke 2016, arXiv:1605.02065, Lemma 1.7.
[2] Whitehouse, Ramdas, Rogers & Wu 2023, arXiv:2203.05481.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
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


class Journal(Protocol):
    """Where receipts are kept: `ledger.Ledger` on disk, a list's wrapper in tests."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold off every other writer; what was recorded inside is lasting afterwards."""
        ...

    def receipts(self) -> Iterable[Receipt]:
        """All charges so far."""
        ...

    def record(self, receipt: Receipt, /) -> None:
        """Write one charge."""
        ...


class Accountant:
    """Keep all releases about one population within one budget."""

    def __init__(self, budget: Rho, journal: Journal) -> None:
        self.budget = budget
        self._journal = journal

    @property
    def spent(self) -> Rho:
        """Loss charged so far.  The journal is the only memory."""
        return sum((receipt.loss for receipt in self._journal.receipts()), start=Fraction(0))

    def charge(self, plan: str, loss: Rho) -> Receipt:
        """
        Pay for one release, before it is made.

        Args:
            plan: SHA-256 of the bound plan.
            loss: Upper bound on ρ, from the plan that is about to run.

        Raises:
            RefusedError: The budget does not cover it.  Nothing was charged.
        """
        receipt = Receipt(plan, loss)
        with self._journal.exclusive():
            left = self.budget - self.spent
            if loss > left:
                raise RefusedError(
                    "BUDGET_EXHAUSTED",
                    rule="No account may be charged more than the budget, over all studies.",
                    found=f"a charge of ρ = {float(loss):.6g} where {float(left):.6g} of "
                    f"{float(self.budget):.6g} is left.",
                    remedy="ask for fewer tables or a smaller epsilon; spent budget never returns.",
                )
            self._journal.record(receipt)
        return receipt
