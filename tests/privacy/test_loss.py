"""Losses are exact, have one spelling, and never sum past what was split."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import ConfigurationError
from privacy.loss import GRAIN, read_rho, split, total, write_rho


def test_ten_tenths_are_one() -> None:
    """What floats get wrong."""
    assert total([Fraction(1, 10)] * 10) == 1
    assert sum([0.1] * 10) != 1.0


@given(st.fractions(min_value=0, max_value=10))
def test_a_loss_reads_back(rho: Fraction) -> None:
    """Written and read is the same loss."""
    assert read_rho(write_rho(rho)) == rho


@pytest.mark.parametrize("text", ["2/4", "0.5", "-1/2", "1/0", "", " 1/2", "1e-3", "half"])
def test_only_one_spelling_is_read(text: str) -> None:
    """A loss that could be written twice could be signed once and charged otherwise."""
    with pytest.raises(ConfigurationError, match="LOSS_UNREADABLE"):
        read_rho(text)

    assert read_rho("1/2") == Fraction(1, 2)


@given(
    st.fractions(min_value=Fraction(1, 100), max_value=5),
    st.lists(st.floats(min_value=1e-3, max_value=1e3), min_size=1, max_size=20),
)
def test_parts_never_exceed_the_whole_and_lose_little(rho: Fraction, parts: list[float]) -> None:
    """Rounded down to the grain, each of them."""
    try:
        shares = split(rho, parts)
    except ConfigurationError:
        assert min(parts) / sum(parts) * rho < Fraction(2, GRAIN)
        return

    assert rho - len(parts) * Fraction(1, GRAIN) <= total(shares) <= rho
    assert all(share > 0 for share in shares)


def test_a_part_of_nothing_is_refused() -> None:
    """A measurement that costs nothing would have infinite noise."""
    with pytest.raises(ConfigurationError, match="BUDGET_TOO_FINE"):
        split(Fraction(1, GRAIN), [1.0, 1.0])

    assert split(Fraction(2, GRAIN), [1.0, 1.0]) == [Fraction(1, GRAIN)] * 2
