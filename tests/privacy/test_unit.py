"""No account weighs more than k."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import ConfigurationError
from privacy.unit import ACCOUNT, SCALE, ContributionBound

bounds = st.builds(
    ContributionBound,
    st.fractions(min_value=Fraction(1, 100), max_value=100, max_denominator=100),
)


@given(bounds, st.integers(min_value=1, max_value=10**7))
def test_all_sessions_together_weigh_at_most_k(bound: ContributionBound, sessions: int) -> None:
    """The claim that the sensitivity stands on, for any number of sessions."""
    together = sessions * bound.weight(sessions)

    assert 0 <= together <= bound.sensitivity() <= bound.k * SCALE
    assert bound.weight(sessions) <= SCALE


@given(bounds, st.integers(min_value=1, max_value=1000))
def test_rounding_loses_less_than_a_thousandth(bound: ContributionBound, sessions: int) -> None:
    """The estimand stays that of exact weights: less than n units of S·k are lost."""
    exact = min(Fraction(sessions), bound.k) * SCALE

    assert exact - sessions < sessions * bound.weight(sessions) <= exact


@pytest.mark.parametrize("k", [Fraction(0), Fraction(-1), Fraction(129), Fraction(1, 1001)])
def test_a_bound_that_means_nothing_is_refused(k: Fraction) -> None:
    """Zero, negative, or beyond what 64 bits were argued for."""
    with pytest.raises(ConfigurationError, match="CONTRIBUTION_BOUND"):
        ContributionBound(k)

    assert ContributionBound(Fraction(1)).sensitivity(largest=5) == 5 * SCALE
    assert ACCOUNT.name == "account"
