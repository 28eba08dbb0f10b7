"""The accountant: never past the budget, whatever is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.accountant import Accountant, Receipt
from privacy.errors import RefusedError

losses = st.fractions(min_value=0, max_value=2, max_denominator=1000)


class ListJournal:
    """A journal in memory: what the ledger does on disk, without the disk."""

    def __init__(self) -> None:
        self.kept: list[Receipt] = []

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        yield

    def receipts(self) -> list[Receipt]:
        return self.kept

    def record(self, receipt: Receipt, /) -> None:
        self.kept.append(receipt)


@given(budget=losses, asked=st.lists(losses))
def test_no_sequence_of_charges_goes_past_the_budget(
    budget: Fraction, asked: list[Fraction]
) -> None:
    """The one thing the accountant is for."""
    accountant = Accountant(budget, ListJournal())

    for i, loss in enumerate(asked):
        try:
            accountant.charge(f"plan-{i}", loss)
        except RefusedError:
            continue

    assert accountant.spent <= budget


def test_ten_tenths_are_the_budget_and_no_more() -> None:
    """Exact fractions: floats would leave a rest, or lack one."""
    accountant = Accountant(Fraction(1), ListJournal())

    for i in range(10):
        accountant.charge(f"plan-{i}", Fraction(1, 10))

    assert accountant.spent == 1
    with pytest.raises(RefusedError, match="BUDGET_EXHAUSTED"):
        accountant.charge("one more", Fraction(1, 10**12))


def test_a_refused_charge_leaves_no_trace_in_the_journal() -> None:
    """Refusing must not cost anything, or refusals would exhaust a budget."""
    journal = ListJournal()
    with pytest.raises(RefusedError):
        Accountant(Fraction(1, 2), journal).charge("plan", Fraction(1))
    assert journal.kept == []

    Accountant(Fraction(1, 2), journal).charge("plan", Fraction(1, 2))
    assert [receipt.loss for receipt in journal.kept] == [Fraction(1, 2)]


def test_a_negative_loss_is_no_receipt() -> None:
    """Else a charge below zero would give budget back."""
    with pytest.raises(ValueError, match="at least 0"):
        Receipt("plan", Fraction(-1, 10))
