"""The statistical helpers notice what they are for."""

from math import sqrt
from random import SystemRandom

import pytest

from tests.support.sampling import FALSE_ALARM, discrete_gaussian, drawn_from, fewest, most


@pytest.mark.statistical
def test_samples_of_the_distribution_pass_and_others_do_not() -> None:
    """Shift, too little and too much spread are all seen (false alarm 1e-9 by DKW)."""
    random, cdf = SystemRandom(), discrete_gaussian(3.0)
    # Inversion: the smallest x with F(x) ≥ u.  20,000 samples: tolerance √(ln(2e9)/40000) = .023.
    samples = [next(x for x, p in cdf.items() if p >= u) for u in uniform(random, 20_000)]

    assert drawn_from(samples, cdf)
    assert not drawn_from([x + 1 for x in samples], cdf)
    assert not drawn_from(samples, discrete_gaussian(2.4))  # CDFs differ by about .05 at σ
    assert not drawn_from(samples, discrete_gaussian(3.8))


def uniform(random: SystemRandom, n: int) -> list[float]:
    """Numbers in [0, .999999]: the cut keeps float sums of a CDF above every one of them."""
    return [random.random() * 0.999999 for _ in range(n)]


def test_the_discrete_gaussian_is_one() -> None:
    """Known values: symmetric, sums to 1, variance below σ² and close to it."""
    cdf = discrete_gaussian(3.0)
    weights = {x: p - cdf.get(x - 1, 0.0) for x, p in cdf.items()}

    assert cdf[max(cdf)] == pytest.approx(1.0)
    assert cdf[-1] == pytest.approx(1 - cdf[0])
    # At σ = 3 the variance differs from σ² by a factor of order exp(-2π²σ²) = 1e-77.
    assert sqrt(sum(x * x * w for x, w in weights.items())) == pytest.approx(3.0)


def test_the_fewest_successes_are_those_of_the_binomial() -> None:
    """Two trials at one half, by hand."""
    # P(0) = 1/4, P(≤1) = 3/4, P(≤2) = 1.
    assert fewest(2, 0.5, false_alarm=0.2) == 0
    assert fewest(2, 0.5, false_alarm=0.3) == 1
    assert fewest(2, 0.5, false_alarm=0.8) == 2
    assert FALSE_ALARM < 1e-6


def test_the_most_likely_chance_is_clopper_and_pearsons() -> None:
    """By hand: none of n at a tenth is 1 - .1^(1/n); of two one, the larger root of 1 - p² = .1."""
    assert most(0, 10, false_alarm=0.1) == pytest.approx(1 - 0.1**0.1, rel=1e-9)
    assert most(1, 2, false_alarm=0.1) == pytest.approx(sqrt(0.9), rel=1e-9)
    assert most(2, 2, false_alarm=0.1) == 1.0
