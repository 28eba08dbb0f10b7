"""Intervals against their definition, and what they do where there is little to say."""

from math import inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.estimates.intervals import Z95, Mean, Ratio, mean, proportion

counts = st.floats(min_value=-50, max_value=2000)


@given(
    counts,
    counts,
    st.floats(min_value=0.1, max_value=60),
    st.integers(min_value=1, max_value=9),
    st.sampled_from([0.5, 1.0, 3.0]),
)
def test_a_proportion_is_inside_iff_the_inequality_holds(
    part: float, rest: float, sigma: float, outside: int, design: float
) -> None:
    """The quadratic is solved rightly: checked by the inequality itself, on a grid of p."""
    ratio = Ratio(part, part + rest, sigma, 1, outside)
    found = proportion(ratio, design=design)
    base, s = ratio.base, min(max(part, 0.0), max(ratio.base, 0.0))

    assert 0 <= found.low <= found.value <= found.high <= 1
    if (found.low, found.high) == (0, 1):
        return
    for p in (n / 200 for n in range(201)):
        noise = sigma**2 * ((1 - p) ** 2 + outside * p**2)
        allowed = Z95**2 * (noise + design * base * p * (1 - p))
        gap = (s - p * base) ** 2 - allowed
        if abs(gap) > 1e-6 * (1 + allowed):
            assert (found.low <= p <= found.high) == (gap < 0)


def test_without_noise_it_is_the_score_interval() -> None:
    """Wilson's interval for 8 of 10: (.4902, .9433), by his formula."""
    # (p̂ + z²/2n ± z√(p̂(1-p̂)/n + z²/4n²)) / (1 + z²/n) with p̂ = .8, n = 10.
    z2 = Z95**2
    middle, reach = 0.8 + z2 / 20, Z95 * sqrt(0.8 * 0.2 / 10 + z2 / 400)
    found = proportion(Ratio(8, 10, 0.0, 1, 1), design=1.0)

    assert (found.low, found.high) == pytest.approx(
        ((middle - reach) / (1 + z2 / 10), (middle + reach) / (1 + z2 / 10))
    )
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_noise_that_drowns_the_base_leaves_everything_open() -> None:
    """No bounded solution: [0, 1]; the same base with little noise says something."""
    assert proportion(Ratio(5, 10, 20.0, 1, 1), design=1.0).low == 0
    assert proportion(Ratio(5, 10, 20.0, 1, 1), design=1.0).high == 1
    assert proportion(Ratio(0, -3, 20.0, 1, 1), design=1.0).high == 1
    assert proportion(Ratio(5, 10, 0.1, 1, 1), design=1.0).high < 0.8


def test_the_two_sources_stand_apart() -> None:
    """By hand at p = 1/4, n = 400, σ = 10, three cells outside the numerator."""
    # Noise: 10·√((3/4)² + 3·(1/4)²)/400 = 10·√.75/400 = .02165.
    # Sampling with D = 2: √(2·400·3/16)/400 = √150/400 = .03062.
    found = proportion(Ratio(100, 400, 10.0, 1, 3), design=2.0)

    assert found.value == 0.25
    assert found.se_noise == pytest.approx(0.021651, abs=1e-6)
    assert found.se_sampling == pytest.approx(0.030619, abs=1e-6)


@given(
    st.floats(min_value=-300, max_value=300),
    st.floats(min_value=-20, max_value=500),
    st.floats(min_value=0.1, max_value=40),
    st.floats(min_value=0.01, max_value=4),
)
def test_a_mean_is_inside_iff_the_inequality_holds(
    total: float, weight: float, sigma: float, variance: float
) -> None:
    """As for proportions, over the whole public range of the mean."""
    cell = Mean(total, weight, 2 * sigma, sigma, variance, bound=3.0)
    found = mean(cell, design=1.0)

    assert -3 <= found.low <= found.high <= 3
    if weight <= 0 or weight**2 <= Z95**2 * sigma**2:
        assert (found.low, found.high) == (-3, 3)
        return
    for mu in (n / 40 for n in range(-120, 121)):
        allowed = Z95**2 * (4 * sigma**2 + mu**2 * sigma**2 + weight * variance)
        gap = (total - mu * weight) ** 2 - allowed
        if abs(gap) > 1e-6 * (1 + allowed) and -3 < mu < 3:
            assert (found.low <= mu <= found.high) == (gap < 0)
    assert found.se_noise < inf
