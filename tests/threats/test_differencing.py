"""
Threat: two releases are subtracted, or one is asked for again and again and averaged.

A count of everybody less the count of everybody but one person is that person, if both are exact.
The attacker here knows all the others, and is told a noisy count per release, each with the noise
that its charge ρ buys.  Along one count he sees N(s, 1) with the person and N(0, 1) without, in
deviations, s ≤ μ = √(2ρ); over releases that he may average, μ grows with the root of what was
charged in all, and no faster.  Bounds are Clopper and Pearson's, wrong with 10⁻⁶ in all; of 6,000
tries either way they lie about .17 below the truth.
"""

from fractions import Fraction
from math import sqrt

import pytest

from privacy.measurements import add_noise, rho_of, sigma_for
from privacy.unit import SCALE
from tests.aggregates.test_audit import least_mu, mu

TRIES, OTHERS = 6_000, 100
RHO = rho_of(2.0, 1e-7)
SIGMA = sigma_for(SCALE, RHO)
MU = mu(str(RHO))


def told(accounts: int, *, tries: int = TRIES) -> list[float]:
    """Noisy counts of as many releases, less the others, in deviations."""
    true = accounts * SCALE
    noisy = add_noise([true] * tries, size=tries, sensitivity=SCALE, sigma=SIGMA, charge=RHO)
    return [(one - OTHERS * SCALE) / SIGMA for one in noisy]


def averaged(accounts: int, releases: int) -> list[float]:
    """The mean of several releases, in deviations of that mean."""
    several = [told(accounts) for _ in range(releases)]
    return [sum(one) / sqrt(releases) for one in zip(*several, strict=True)]


@pytest.mark.statistical
def test_a_difference_tells_no_more_than_the_release_that_holds_the_person() -> None:
    """
    First a release with the person or without, then one without: subtracted.

    The control is the same in exact counts, where the difference is the person.
    """
    after = told(OTHERS)
    within, without = (
        [(a - b) / sqrt(2) for a, b in zip(told(OTHERS + here), after, strict=True)]
        for here in (1, 0)
    )
    assert least_mu(without, within, MU / sqrt(8)) <= MU

    assert least_mu([0.0] * TRIES, [1.0] * TRIES, 0.5) > 5 * MU


@pytest.mark.statistical
@pytest.mark.parametrize("releases", [1, 4])
def test_releases_tell_what_they_were_charged_for_together(releases: int) -> None:
    """Averaged, they stay below μ of the sum of their charges."""
    claimed = mu(str(releases * Fraction(RHO)))
    without, within = (averaged(OTHERS + here, releases) for here in (0, 1))
    assert least_mu(without, within, claimed / 2) <= claimed


@pytest.mark.statistical
def test_noise_drawn_anew_for_one_charge_is_caught() -> None:
    """The control: four times the noise for the price of one; 2μ less .17 is well above μ."""
    without, within = (averaged(OTHERS + here, 4) for here in (0, 1))
    assert least_mu(without, within, MU) > MU
