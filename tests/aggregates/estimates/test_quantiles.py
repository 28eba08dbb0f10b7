"""Quantiles come out of a histogram as they went in, and say how sure they are."""

from itertools import pairwise
from math import log
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.estimates.intervals import Z95
from aggregates.estimates.monotone import rising
from aggregates.estimates.quantiles import _held, quantiles
from aggregates.release import Row
from aggregates.worker import unsafe_release_unsealed
from privacy.unit import SCALE
from tests.aggregates.rows import BOOK, SIZES, bucket, quiet, record, small_plan

MADE = small_plan(SIZES)
BINS = MADE.query("sizes.bins").axes[-1]


def of_expert(rows: list[Row], statistic: str = "quantiles") -> list[Row]:
    """The rows of one statistic of one level."""
    return [row for row in rows if row["statistic"] == statistic and "=expert" in str(row["keys"])]


def sizes(values: list[float]) -> list[Row]:
    """What a release without noise says of experts with one session of each size."""
    rows = [
        record(n, {"expertise": "expert"}, actions_per_prompt=value)
        for n, value in enumerate(values)
    ]
    return unsafe_release_unsealed(quiet(MADE), [bucket(rows)])


def test_quantiles_are_those_of_the_binned_variable() -> None:
    """Spread evenly over a logarithm, a bin's width apart at most; by hand for a thousand sizes."""
    values = [2.0 * 10 ** (n / 999) for n in range(1000)]  # from 2 to 20, even in logarithms
    found = [row["estimate"] for row in of_expert(sizes(values))]

    for row, part in zip(found, (0.05, 0.25, 0.5, 0.75, 0.95), strict=True):
        assert isinstance(row, float)
        # 4,605 thousandths in 19 bins: .2424 of a logarithm each.
        assert abs(log(row) - log(2 * 10**part)) <= 0.2424
    assert found[2] == pytest.approx(median(values), rel=0.05)


def test_an_interval_without_noise_is_that_of_a_sample() -> None:
    """Ranks by the normal approximation: q ± 1.96·√(q(1-q)/n), read off the same distribution."""
    values = [2.0 * 10 ** (n / 999) for n in range(1000)]
    middle = of_expert(sizes(values))[2]
    low, high = middle["low"], middle["high"]

    assert isinstance(low, float)
    assert isinstance(high, float)
    # ± .0310 of the ranks is ± .0714 of a logarithm, but for how the bins lie.
    assert log(high / low) / 2 == pytest.approx(0.0714, abs=0.01)


def test_what_lies_beyond_the_range_lies_in_the_outer_bins() -> None:
    """A size of ten thousand counts as one within the public bounds."""
    found = of_expert(sizes([0.5] * 300 + [10_000.0] * 100))

    assert isinstance(found[0]["estimate"], float)
    assert 1.0 <= found[0]["estimate"] <= 1.28
    assert isinstance(found[4]["estimate"], float)
    assert 78 <= found[4]["estimate"] <= 100


def test_a_mean_is_the_mean() -> None:
    """Without noise, of clamped values, with the interval of a sample of accounts."""
    values = [float(2 + n % 9) for n in range(900)]  # 2 … 10, mean 6, variance 60/9
    (row,) = of_expert(sizes([*values, 1e4]), "mean")

    # The one beyond counts as 100.  Sizes are kept as thousandths of a logarithm: 1 in 2,000.
    assert row["estimate"] == pytest.approx((900 * 6 + 100) / 901, rel=1e-3)
    # (900·20/3 + 94²)/901 is about 16.4 around the mean: √(16.4/901) = .135.
    assert row["se_sampling"] == pytest.approx(0.135, rel=0.03)


vectors = st.fixed_dictionaries(
    {
        query.name: st.lists(
            st.integers(min_value=-300 * SCALE, max_value=3000 * SCALE),
            min_size=query.size,
            max_size=query.size,
        )
        for query in MADE.queries
    }
)


@given(vectors)
def test_quantiles_rise_and_stay_within_the_public_range(noisy: dict[str, list[int]]) -> None:
    """Whatever the noise: a fifth above a quarter, a number outside its bounds, were nonsense."""
    cells = [*quantiles(MADE, MADE.tables[2], noisy, BOOK)]

    for first in range(0, len(cells), 5):
        found = [cell.estimate for cell in cells[first : first + 5]]
        for one, other in pairwise(found):
            assert (one is None) == (other is None)
            if one and other:
                assert one.value <= other.value * (1 + 1e-12)
        for one in found:
            if one:
                assert 0.999 <= one.low <= one.value <= one.high <= 100.1
                assert one.se_noise > 0
                assert one.se_sampling > 0


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=30))
def test_pooling_gives_the_nearest_sequence_that_never_falls(values: list[float]) -> None:
    """It rises, keeps the sum, and leaves alone what rises already."""
    found = rising(values)

    assert all(a <= b + 1e-6 for a, b in pairwise(found))
    assert sum(found) == pytest.approx(sum(values), rel=1e-9, abs=1e-3)
    assert rising(found) == pytest.approx(found)
    assert rising([3.0, 1.0, 2.0, 5.0]) == [2.0, 2.0, 2.0, 5.0]


@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=12),
    st.lists(st.floats(0.01, 100), min_size=12, max_size=12),
)
def test_an_interval_ends_where_its_inequality_does(at: list[float], spread: list[float]) -> None:
    """The hull of all points with T² ≤ z²·V, looked for on a fine grid, ends between the ends."""
    edges = [float(n) for n in range(len(at))]
    found = list(_held(at, spread[: len(at)], edges))
    fine = 400
    inside = []
    for step in range((len(at) - 1) * fine + 1):
        j = min(step // fine, len(at) - 2)
        t = step / fine - j
        value = (1 - t) * at[j] + t * at[j + 1]
        if value**2 <= Z95**2 * ((1 - t) * spread[j] + t * spread[j + 1]):
            inside.append(j + t)

    assert bool(found) >= bool(inside)
    if inside:
        assert min(found) <= min(inside) + 1e-6
        assert max(found) >= max(inside) - 1e-6
        # A stretch shorter than the grid may lie beyond what the grid saw; its ends hold by sign.
        for end in (min(found), max(found)):
            j = min(int(end), len(at) - 2)
            value = at[j] + (end - j) * (at[j + 1] - at[j])
            reach = spread[j] + (end - j) * (spread[j + 1] - spread[j])
            assert value**2 <= Z95**2 * reach * (1 + 1e-6) + 1e-6
