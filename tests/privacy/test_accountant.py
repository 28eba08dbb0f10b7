"""The accountant: never past the budget, whatever is asked."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.accountant import Accountant, Period, Receipt
from privacy.errors import RefusedError

losses = st.fractions(min_value=0, max_value=2, max_denominator=1000)


class ListJournal:
    """A journal in memory, with a clock that a test turns."""

    def __init__(self) -> None:
        self.kept: list[tuple[datetime, Receipt]] = []
        self.clock = datetime(2026, 1, 1, tzinfo=UTC)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        yield

    def spent(self, since: datetime | None = None) -> Fraction:
        kept = (r.loss for time, r in self.kept if since is None or time >= since)
        return sum(kept, start=Fraction(0))

    def now(self) -> datetime:
        return self.clock

    def record(self, receipt: Receipt, /) -> None:
        self.kept.append((self.clock, receipt))


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
    assert [receipt.loss for _, receipt in journal.kept] == [Fraction(1, 2)]


def test_a_negative_loss_is_no_receipt() -> None:
    """Else a charge below zero would give budget back."""
    with pytest.raises(ValueError, match="at least 0"):
        Receipt("plan", Fraction(-1, 10))


@given(
    most=losses,
    days=st.integers(1, 400),
    asked=st.lists(st.tuples(losses, st.integers(0, 10**7)), max_size=30),
)
def test_no_stretch_of_days_is_charged_more_than_the_period_allows(
    most: Fraction, days: int, asked: list[tuple[Fraction, int]]
) -> None:
    """Rolling, not by the calendar: every window that ends at a charge is within the limit."""
    journal = ListJournal()
    accountant = Accountant(Fraction(1000), journal, Period(most, days))
    for number, (loss, seconds) in enumerate(asked):
        journal.clock += timedelta(seconds=seconds)
        with suppress(RefusedError):
            accountant.charge(f"plan-{number}", loss)

    for end, _ in journal.kept:
        start = end - timedelta(days=days)
        within = [r.loss for time, r in journal.kept if start <= time <= end]
        assert sum(within) <= most


def test_a_period_passes() -> None:
    """What was refused today goes through when the earlier charges are old, to the second."""
    journal = ListJournal()
    accountant = Accountant(Fraction(10), journal, Period(Fraction(1), days=30))
    accountant.charge("first", Fraction(1))
    journal.clock += timedelta(days=30)
    with pytest.raises(RefusedError, match="PERIOD_EXHAUSTED"):
        accountant.charge("second", Fraction(1, 10**9))
    journal.clock += timedelta(seconds=1)
    accountant.charge("second", Fraction(1))
    assert accountant.spent == 2
    assert accountant.spent_in_period == 1


def test_the_budget_speaks_before_the_period() -> None:
    """Who waits for a period that would not help waits in vain: he is told of the budget."""
    accountant = Accountant(Fraction(1), ListJournal(), Period(Fraction(1), days=10**8))
    accountant.charge("first", Fraction(1))
    with pytest.raises(RefusedError, match="BUDGET_EXHAUSTED"):
        accountant.charge("second", Fraction(1))
