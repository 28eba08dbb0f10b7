"""The three kinds of table, without noise to speak of: figures that can be reckoned by hand."""

from collections.abc import Sequence

import pytest

from aggregates.estimates.cells import Cell, join_keys
from aggregates.estimates.means import means
from aggregates.estimates.rates import rates
from aggregates.estimates.shares import shares
from aggregates.worker import unsafe_release_unsealed
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import BOOK, MEAN, RATE, SHARE, bucket, quiet, record, small_plan

ONE_SHARE, ONE_RATE, ONE_MEAN = small_plan(SHARE), small_plan(RATE), small_plan(MEAN)


def vector(made: Plan, query: str, **accounts: float) -> list[int]:
    """A query's vector from accounts (times the value) by the joined names of the cell."""
    cells = ["_".join(cell) for cell in made.query(query).cells]
    return [round(accounts.get(cell, 0) * SCALE) for cell in cells]


def by_keys(cells: Sequence[Cell]) -> dict[str, Cell]:
    """Cells by what they are about."""
    return {cell.keys: cell for cell in cells}


def test_shares_that_are_shown_whole_sum_to_one() -> None:
    """Without a withheld label, and each is its own part of the sum."""
    made = quiet(ONE_SHARE)
    modes = [cell[0] for cell in made.query("modes.count").cells]
    noisy = {"modes.count": vector(made, "modes.count", **{**dict.fromkeys(modes, 50), "fix": 150})}
    found = [cell.estimate for cell in shares(made, made.tables[0], noisy, noisy)]

    # 9 · 50 + 150 = 600 accounts.
    assert all(found)
    assert sum(estimate.value for estimate in found if estimate) == pytest.approx(1.0)
    assert {round(estimate.value, 6) for estimate in found if estimate} == {0.083333, 0.25}


def test_a_withheld_label_takes_another_with_it() -> None:
    """Else the share's base would give it away; and the rest keep the right base."""
    made = quiet(ONE_SHARE)
    noisy = {"modes.count": vector(made, "modes.count", fix=100, build=200, plan=97, operate=3)}
    cells = by_keys([*shares(made, made.tables[0], noisy, noisy)])

    assert cells["work_mode=operate"].estimate is None
    assert cells["work_mode=plan"].state == "suppressed"  # the smallest that would be printed
    assert cells["work_mode=fix"].estimate is not None
    assert cells["work_mode=fix"].estimate.value == pytest.approx(0.25)


def test_a_rate_is_tested_on_its_base() -> None:
    """A numerator of one is printed if the base is large, and none is if it is small."""
    made = quiet(ONE_RATE)
    counts = vector(made, "verified.count", expert_yes=1, expert_no=99, novice_yes=9, novice_no=9)
    noisy = {"verified.count": counts}
    cells = by_keys([*rates(made, made.tables[0], noisy, noisy)])
    expert, novice = cells["expertise=expert"], cells["expertise=novice"]

    assert expert.estimate is not None
    assert expert.estimate.value == pytest.approx(0.01)
    assert (expert.tested, expert.summed) == (100 * SCALE, 2)
    assert novice.state == "suppressed"
    assert novice.estimate is None


def test_a_geometric_mean_is_the_mean_of_logarithms() -> None:
    """Half the accounts at 2, half at 8: the geometric mean is 4, and the spread is ln 2."""
    data = bucket(
        record(n, {"expertise": "expert"}, actions_per_prompt=2.0 if n % 2 else 8.0)
        for n in range(200)
    )
    (row,) = [
        row
        for row in unsafe_release_unsealed(quiet(ONE_MEAN), [data])
        if row["state"] == "published"
    ]

    assert row["keys"] == "expertise=expert"
    assert row["estimate"] == pytest.approx(4.0, rel=1e-3)
    # se of the mean logarithm: ln 2/√200 = .0490; times 4 by the delta method.
    assert row["se_sampling"] == pytest.approx(4 * 0.0490, rel=5e-3)
    assert row["se_noise"] == pytest.approx(0.0, abs=1e-3)
    assert isinstance(row["low"], float)
    assert isinstance(row["high"], float)
    # 4·exp(±1.96·.0490)
    assert (row["low"], row["high"]) == pytest.approx((3.634, 4.403), abs=5e-3)


def test_the_spread_is_rounded_towards_a_wider_interval() -> None:
    """Noise on sum and squares never makes the variance vanish."""
    made = ONE_MEAN
    weight, total, spread = made.queries
    noisy = {
        weight.name: vector(made, weight.name, expert=500),
        total.name: [0] * total.size,
        spread.name: [-(10**12)],
    }
    (cell,) = [
        cell for cell in means(made, made.tables[0], noisy, BOOK) if cell.estimate is not None
    ]

    assert cell.estimate is not None
    assert cell.estimate.se_sampling > 0


def test_keys_name_their_axes() -> None:
    """And are empty where there is none."""
    assert join_keys(["a", "b"], ["x", "y z"]) == "a=x; b=y z"
    assert join_keys([], []) == ""
