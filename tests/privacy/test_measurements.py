"""Noise costs what is charged for it, and has the scale it is charged for."""

from fractions import Fraction
from math import log, nextafter, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import ConfigurationError, RefusedError
from privacy.loss import GRAIN
from privacy.measurements import LARGEST, add_noise, cost_of, epsilon_of, rho_of, sigma_for
from tests.support.sampling import discrete_gaussian, drawn_from


@pytest.mark.statistical
def test_noise_has_the_scale_it_is_charged_for() -> None:
    """A quarter too little or too much is noticed; false alarm 1e-9 by DKW."""
    # Δ = 1, σ = 4: ρ = 1/32.  20,000 cells: tolerance .023; CDFs at σ ± 1/4 differ by over .05.
    noise = add_noise(
        [0] * 20_000,
        size=20_000,
        sensitivity=1,
        sigma=4.0,
        charge=Fraction(1, 32) * Fraction(101, 100),
    )

    assert drawn_from(noise, discrete_gaussian(4.0))
    assert not drawn_from(noise, discrete_gaussian(3.0))
    assert not drawn_from(noise, discrete_gaussian(5.0))


@pytest.mark.statistical
def test_cells_are_noised_independently() -> None:
    """One draw for two cells would let a reader subtract it; false alarm 1e-9 by DKW."""
    noise = add_noise([0] * 20_000, size=20_000, sensitivity=1, sigma=4.0, charge=Fraction(1, 31))
    sums = [a + b for a, b in zip(noise[::2], noise[1::2], strict=True)]

    # Independent: √2·4 = 5.66.  The same draw twice would give 8, opposite draws 0.
    assert drawn_from(sums, discrete_gaussian(4 * sqrt(2)))
    assert not drawn_from([2 * a for a in noise[::2]], discrete_gaussian(4 * sqrt(2)))


def test_noise_without_its_charge_is_refused() -> None:
    """The map is asked at every call: no caller's arithmetic is trusted."""
    cost = cost_of(sensitivity=3, sigma=10.0)
    short = cost - Fraction(1, 10**18)

    with pytest.raises(RefusedError, match="NOISE_UNDERCHARGED"):
        add_noise([1, 2], size=2, sensitivity=3, sigma=10.0, charge=short)
    with pytest.raises(RefusedError, match="NOISE_UNDERCHARGED"):
        add_noise([1, 2], size=2, sensitivity=4, sigma=10.0, charge=cost)

    assert len(add_noise([1, 2], size=2, sensitivity=3, sigma=10.0, charge=cost)) == 2


def test_a_vector_of_another_length_is_refused() -> None:
    """OpenDP's fixed-size domains let it pass, so we look ourselves."""
    for vector in ([1], [1, 2, 3], []):
        with pytest.raises(RefusedError, match="NOISE_LENGTH"):
            add_noise(vector, size=2, sensitivity=1, sigma=1.0, charge=Fraction(1))

    assert len(add_noise([1, 2], size=2, sensitivity=1, sigma=1.0, charge=Fraction(1))) == 2


def test_sums_beyond_32_bits_work() -> None:
    """OpenDP's `int` is 32 bits: a sum of 2.8 billion would raise, and tell that it is one."""
    (noisy,) = add_noise([2_800_000_000], size=1, sensitivity=1, sigma=1.0, charge=Fraction(1))

    assert abs(noisy - 2_800_000_000) < 50  # 50 σ


def test_sums_beyond_64_bits_are_clamped() -> None:
    """An overflow error would depend on the data."""
    high, low = add_noise([2**70, -(2**70)], size=2, sensitivity=1, sigma=1.0, charge=Fraction(1))

    assert abs(high - LARGEST) < 50
    assert abs(low + LARGEST) < 50


@settings(max_examples=40)
@given(
    st.integers(min_value=1, max_value=2**40),
    st.fractions(min_value=Fraction(1, 10**6), max_value=2, max_denominator=10**9),
)
def test_sigma_is_the_least_that_the_charge_pays_for(sensitivity: int, rho: Fraction) -> None:
    """Rounded towards privacy, by one float and not more."""
    sigma = sigma_for(sensitivity, rho)

    assert cost_of(sensitivity=sensitivity, sigma=sigma) <= rho
    assert cost_of(sensitivity=sensitivity, sigma=nextafter(sigma, 0)) > rho
    # Never below the formula: ρ = Δ²/2σ² exactly.
    assert Fraction(sensitivity) ** 2 / (2 * Fraction(sigma) ** 2) <= rho


def test_nothing_is_bought_with_nothing() -> None:
    """A charge of zero has no σ."""
    for sensitivity, rho in ((1, Fraction(0)), (1, Fraction(-1)), (0, Fraction(1))):
        with pytest.raises(ConfigurationError, match="CHARGE_NOT_POSITIVE"):
            sigma_for(sensitivity, rho)

    assert sigma_for(1, Fraction(1, 2)) == pytest.approx(1.0)


def test_the_conversion_is_opendps_and_rounds_towards_privacy() -> None:
    """At δ = 10⁻⁷, ε = 2 is ρ ≈ .0742; the textbook's formula allows less."""
    rho = rho_of(2.0, 1e-7)

    assert float(rho) == pytest.approx(0.0742, abs=5e-5)
    assert epsilon_of(rho, 1e-7) <= 2.0 < epsilon_of(rho + Fraction(1, GRAIN), 1e-7)
    # ρ + 2√(ρ·ln(1/δ)) = 2.26 for the same ρ: looser (Bun & Steinke 2016, proposition 1.3).
    assert epsilon_of(rho, 1e-7) < float(rho) + 2 * sqrt(float(rho) * log(1e7))
    assert epsilon_of(Fraction(15, 100), 1e-7) == pytest.approx(2.92, abs=0.005)
    assert epsilon_of(Fraction(0), 1e-7) == 0.0


@pytest.mark.parametrize(
    ("epsilon", "delta"),
    [(0.0, 1e-7), (1e-9, 1e-7), (-1.0, 1e-7), (float("inf"), 1e-7), (1.0, 0.0), (1.0, 1.0)],
)
def test_a_budget_that_is_none_is_refused(epsilon: float, delta: float) -> None:
    """Before anything is measured."""
    with pytest.raises(ConfigurationError, match="BUDGET_UNREADABLE"):
        rho_of(epsilon, delta)


def test_a_sensitivity_that_no_float_holds_costs_what_the_next_one_does() -> None:
    """Beyond 2⁵³ the float of an integer may lie below it: rounded up, never down."""
    odd = 2**53 + 1

    assert float(odd) < odd
    assert cost_of(sensitivity=odd, sigma=1e16) == cost_of(sensitivity=2**53 + 2, sigma=1e16)
    assert cost_of(sensitivity=odd, sigma=1e16) > cost_of(sensitivity=2**53, sigma=1e16)
