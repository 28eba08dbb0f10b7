"""Money in whole microdollars, and the three bytes behind a worker's records."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.closing import CLOSING_BITS, CLOSING_BYTES, Closing, Pace
from privacy.errors import RefusedError
from privacy.halts import Halt
from privacy.spending import (
    CLASSES,
    MOST_CAP,
    MOST_PRICE,
    MOST_TOKENS,
    Prices,
    Spending,
    Tokens,
    amount_of,
    class_of,
    dearest,
    is_spending,
)

HAIKU = Prices(100_000, 500_000, 10_000, 125_000, cliff=100_000, factor=5, batch_percent=50)
AMOUNTS = st.integers(0, MOST_CAP)


def test_a_call_costs_what_a_hand_reckons() -> None:
    """
    10,000 read, 5,000 found kept, 300 written, at .10, .01 and .50 a million: 1,000 + 50 + 150.

    Above the cliff all of it is five times as dear; in a batch half.
    """
    used = Tokens(read=10_000, written=300, cache_read=5_000)

    assert HAIKU.of(used) == 1_200
    assert HAIKU.of(used, batched=True) == 600
    assert HAIKU.of(Tokens(read=95_000, written=300, cache_read=5_001)) == 48_501  # 5 x 9,700.01
    assert HAIKU.of(Tokens(read=1)) == 1  # a tenth of one, rounded up


@given(
    st.integers(0, 300_000), st.integers(0, 300_000), st.integers(0, 300_000), st.integers(0, 5_000)
)
def test_no_call_costs_more_than_its_worst(read: int, found: int, kept: int, written: int) -> None:
    """However a provider splits a prompt, and on whichever side of a cliff it lies."""
    used = Tokens(read, written, found, kept)

    assert HAIKU.of(used) <= HAIKU.worst(used.prompt, written)
    assert HAIKU.of(used, batched=True) <= HAIKU.worst(used.prompt, written, batched=True)
    assert HAIKU.worst(used.prompt, written) <= HAIKU.worst(used.prompt + 1, written + 1)


@given(AMOUNTS, AMOUNTS)
def test_a_class_says_no_less_than_was_spent_and_a_quarter_more_at_most(a: int, b: int) -> None:
    """What is counted is never below what was spent; a class is as coarse as it is said to be."""
    spent, allowance = sorted((a, b))
    told = amount_of(class_of(spent, allowance), allowance)

    assert spent <= told <= allowance
    least = amount_of(1, allowance) if allowance else 0
    assert told <= max(spent * 5 // 4 + 1, least)
    assert class_of(allowance + 1, allowance) == CLASSES


@given(AMOUNTS)
def test_classes_rise(allowance: int) -> None:
    """The whole allowance at the top, nothing at the bottom."""
    amounts = [amount_of(number, allowance) for number in range(CLASSES + 1)]

    assert amounts == sorted(amounts)
    assert (amounts[0], amounts[-1]) == (0, allowance)


@given(st.integers(0, 300_000), st.integers(0, 5_000), st.booleans())
def test_the_dearest_prices_are_below_nobodys(read: int, written: int, batched: bool) -> None:  # noqa: FBT001
    """One cap over several models holds whichever is asked: kind by kind, the lower cliff."""
    other = Prices(90_000, 900_000, 20_000, 100_000)
    both, used = dearest([HAIKU, other]), Tokens(read=read, written=written)

    assert both.of(used, batched=batched) >= HAIKU.of(used, batched=batched)
    assert both.of(used, batched=batched) >= other.of(used, batched=batched)
    assert dearest([HAIKU]) == HAIKU


def test_prices_that_cannot_be_reckoned_with_are_none() -> None:
    """All sums stay exact and small; a discount is none above the whole."""
    assert is_spending(Spending(HAIKU, 1))
    for wrong in (
        Spending(Prices(-1, 1, 1, 1)),
        Spending(Prices(MOST_PRICE + 1, 1, 1, 1)),
        Spending(Prices(1, 1, 1, 1, cliff=-1)),
        Spending(Prices(1, 1, 1, 1, cliff=MOST_TOKENS + 1)),
        Spending(Prices(1, 1, 1, 1, factor=0)),
        Spending(Prices(1, 1, 1, 1, batch_percent=0)),
        Spending(Prices(1, 1, 1, 1, batch_percent=101)),
        Spending(HAIKU, 0),
        Spending(HAIKU, MOST_CAP + 1),
    ):
        assert not is_spending(wrong)


def test_every_closing_reads_back_and_nothing_else_is_one() -> None:
    """All 16,777,216 of three bytes would take long: every one with two bytes that are right."""
    halts: list[Halt | None] = [None, *Halt]
    every = [Closing(*parts) for parts in product(halts, range(CLASSES + 1), Pace)]
    known = {closing.encode(): closing for closing in every}

    assert len(known) == len(every)
    assert pytest.approx(len(every)) == 2**CLOSING_BITS
    assert {len(data) for data in known} == {CLOSING_BYTES}
    assert all(Closing.decode(data) == closing for data, closing in known.items())
    good = Closing(Halt.BUSY, 3, Pace.FASTER).encode()
    for place, byte in product(range(CLOSING_BYTES), range(256)):
        data = good[:place] + bytes([byte]) + good[place + 1 :]
        if data not in known:
            with pytest.raises(RefusedError, match="LABEL_GATE"):
                Closing.decode(data)
    for data in (b"", good[:2], good + b"\0"):
        with pytest.raises(RefusedError, match="LABEL_GATE"):
            Closing.decode(data)
