"""Nobody is printed alone."""

from fractions import Fraction
from math import sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.measurements import add_noise, sigma_for
from privacy.minimum import BETA, Minimum, quantile
from tests.support.sampling import fewest

SCALE = 2**20
K = Fraction(1)


def minimum(*, accounts: int = 20, k: Fraction = K, z: float = 4.0) -> Minimum:
    """A test of few accounts."""
    return Minimum(accounts, k=k, z=z, scale=SCALE)


def test_z_grows_with_the_cells_of_a_release() -> None:
    """Φ⁻¹(1 - .001/3000) = 4.97, and never less than the exact value."""
    assert quantile(BETA, 3000) == pytest.approx(4.97, abs=0.005)
    assert quantile(0.5, 1) == pytest.approx(0.0, abs=1e-9)
    assert NormalDist().cdf(-quantile(BETA, 71)) <= BETA / 71 * (1 + 1e-12)
    assert quantile(BETA, 0) == quantile(BETA, 1)


def test_the_threshold_is_km_and_z_deviations() -> None:
    """By hand: k = 2, m = 20, z = 4, σ = 3 accounts, one cell and four."""
    test = minimum(k=Fraction(2))

    # 2·20 + 4·3 = 52 accounts; four cells have σ·√4: 40 + 24 = 64.  And a unit for each cell.
    assert test.threshold(3.0 * SCALE) == 52 * SCALE + 1
    assert test.threshold(3.0 * SCALE, cells=4) == 64 * SCALE + 4


@given(
    st.integers(min_value=-(10**10), max_value=10**10),
    st.floats(min_value=1.0, max_value=1e8),
    st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(5)]),
    st.integers(min_value=1, max_value=9),
)
def test_what_is_published_is_guaranteed(noisy: int, sigma: float, k: Fraction, cells: int) -> None:
    """A printed cell's `accounts_at_least` is at least m, and a withheld one's is not."""
    test = minimum(k=k)
    published = test.decide(noisy, sigma, cells=cells) == "published"

    assert published == (test.accounts_at_least(noisy, sigma, cells=cells) >= 20)


@given(st.lists(st.integers(min_value=-50, max_value=200), min_size=1, max_size=9))
def test_what_a_group_withholds_cannot_be_found_by_subtraction(accounts: list[int]) -> None:
    """All, none, or withheld cells with m accounts together at least."""
    test, sigma = minimum(), 2.0 * SCALE
    counts = [count * SCALE for count in accounts]
    states = test.decide_group(counts, sigma)
    hidden = [c for c, state in zip(counts, states, strict=True) if state == "suppressed"]
    certain = sum(test.accounts_at_least(count, sigma) for count in hidden)

    # Each `accounts_at_least` is rounded down, so their sum may miss one for each cell.
    assert not hidden or len(hidden) == len(counts) or certain >= 20 - len(hidden)
    for count, state in zip(counts, states, strict=True):
        assert state == "suppressed" or test.decide(count, sigma) == "published"


def test_one_small_cell_takes_a_second_one_with_it() -> None:
    """A single withheld cell equals the total minus the others."""
    test, sigma = minimum(), 1.0 * SCALE  # threshold 24

    assert test.decide_group([100 * SCALE, 50 * SCALE, 3 * SCALE], sigma) == [
        "published", "suppressed", "suppressed",
    ]  # fmt: skip
    # Two that have 23 - 4 = 19 accounts each for certain hide one another: 38 ≥ 20.
    assert test.decide_group([100 * SCALE, 23 * SCALE, 23 * SCALE], sigma) == [
        "published", "suppressed", "suppressed",
    ]  # fmt: skip
    assert test.decide_group([100 * SCALE, 50 * SCALE], sigma) == ["published", "published"]
    assert test.decide_group([100 * SCALE, 3 * SCALE], sigma) == ["suppressed", "suppressed"]


@pytest.mark.statistical
def test_cells_just_below_the_minimum_are_hardly_ever_printed() -> None:
    """The guarantee with real noise, and a control that would be seen without it."""
    # β = .5 over M = 4 cells of 19 accounts each: at most half of 200 releases print any.
    rho, cells, releases = Fraction(1, 200), 4, 200
    sigma = sigma_for(SCALE, rho)  # 10 accounts
    test = minimum(z=quantile(0.5, cells))
    exact = [19 * SCALE] * cells * releases
    noisy = add_noise(exact, size=len(exact), sensitivity=SCALE, sigma=sigma, charge=rho)

    def clean(test: Minimum) -> int:
        blocks = [noisy[at : at + cells] for at in range(0, len(noisy), cells)]
        return sum(all(test.decide(c, sigma) == "suppressed" for c in block) for block in blocks)

    # Clean releases: Bin(200, ≥ .5); fewer than the bound once in 10⁹ at most.
    assert clean(test) >= fewest(releases, 0.5, false_alarm=1e-9)
    # Without the margin: each cell is printed with chance .46, a release is clean with .085.
    assert clean(minimum(z=0.0)) < fewest(releases, 0.5, false_alarm=1e-9)
    assert sigma == pytest.approx(SCALE / sqrt(2 * rho))
