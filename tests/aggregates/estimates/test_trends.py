"""Changes and slopes follow from their months, and are withheld with them."""

from dataclasses import replace
from math import sqrt

import pytest

from aggregates.estimates.trends import trends
from aggregates.release import Row, release
from privacy.forms import factors
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import TRENDS, small_plan

MADE = small_plan(TRENDS)
MODES, VERIFIED = MADE.queries


def of(rows: list[Row], statistic: str, keys: str) -> Row:
    """One row."""
    (row,) = [row for row in rows if (row["statistic"], row["keys"]) == (statistic, keys)]
    return row


def by_month(counts: list[dict[str, int]], made: Plan = MADE) -> list[Row]:
    """The release of noisy counts of work modes in three months, in accounts, σ set to ten."""
    cells = MODES.cells
    months = dict(zip(("2025-10", "2025-11", "2025-12"), counts, strict=True))
    vector = [months[month].get(mode, 0) * SCALE for month, mode in cells]
    queries = tuple(replace(query, sigma=10.0 * SCALE) for query in made.queries)
    noisy = {MODES.name: vector, VERIFIED.name: [0] * VERIFIED.size}
    return release(replace(made, queries=queries), noisy)


OTHERS = {mode: 500 for _, mode in MODES.cells[:10] if mode not in ("fix", "build")}


def test_a_change_is_last_less_first_with_both_months_noise() -> None:
    """By hand: fix falls from a quarter of 5,000 accounts to a tenth of 6,000."""
    first = {**dict.fromkeys(OTHERS, 400), "fix": 1250, "build": 550}
    last = {**dict.fromkeys(OTHERS, 500), "fix": 600, "build": 1400}
    rows = by_month([first, {**OTHERS, "fix": 900, "build": 900}, last])
    change = of(rows, "change", "work_mode=fix")

    assert change["estimate"] == pytest.approx(600 / 6000 - 1250 / 5000)
    # p(1-p)/n of both months; noise σ²·((1-p)² + 9·p²)/n² of both.
    drawn = 0.1 * 0.9 / 6000 + 0.25 * 0.75 / 5000
    noise = 100 * (0.9**2 + 9 * 0.1**2) / 6000**2 + 100 * (0.75**2 + 9 * 0.25**2) / 5000**2
    assert change["se_sampling"] == pytest.approx(sqrt(drawn), rel=1e-4)
    assert change["se_noise"] == pytest.approx(sqrt(noise), rel=1e-4)
    assert change["high"] == pytest.approx(-0.15 + 1.95996 * sqrt(drawn + noise), rel=1e-3)
    assert change["raw"] == 600
    assert change["unit"] == "share"


def test_a_slope_is_that_of_least_squares() -> None:
    """Over months that count alike; one that is left out keeps its distance."""
    months = [
        {**dict.fromkeys(OTHERS, 400), "fix": fix, "build": 1800 - fix} for fix in (1000, 900, 600)
    ]
    slope = of(by_month(months), "slope", "work_mode=fix")

    # Shares .2, .18, .12: the slope is (.12 - .2)/2.
    assert slope["estimate"] == pytest.approx(-0.04)
    assert slope["unit"] == "share per month"
    assert factors("slope", ["2025-11", "2025-12", "2026-02"]) == pytest.approx(
        [-4 / 14, -1 / 14, 5 / 14]  # months 0, 1, 3: mean 4/3, squares 42/9
    )


def test_one_withheld_month_withholds_what_uses_it() -> None:
    """The ends of both; of three months the middle one has no say in a straight line."""
    full = {**dict.fromkeys(OTHERS, 400), "fix": 900, "build": 900}
    rows = by_month([full, {**full, "fix": 20}, full])

    assert of(rows, "change", "work_mode=fix")["state"] == "published"
    assert of(rows, "slope", "work_mode=fix")["state"] == "published"
    rows = by_month([full, full, {**full, "fix": 20}])
    for statistic in ("change", "slope"):
        assert of(rows, statistic, "work_mode=fix")["state"] == "suppressed"
        assert of(rows, statistic, "work_mode=fix")["estimate"] is None
        assert of(rows, statistic, "work_mode=build")["state"] == "published"
    # A trend is shown only where its months' shares are.
    shares = {row["keys"]: row["state"] for row in rows if row["statistic"] == "share"}
    assert shares["month=2025-12; work_mode=fix"] == "suppressed"


def test_a_rates_trend_is_tested_on_its_bases() -> None:
    """A numerator may be nothing at all."""
    vector = [
        (0 if answer == "yes" else 1000) * SCALE if level == "expert" else 0
        for level, _, answer in VERIFIED.cells
    ]
    noisy = {MODES.name: [0] * MODES.size, VERIFIED.name: vector}
    cells = {cell.keys: cell for cell in trends(MADE, MADE.tables[4], noisy, noisy)}

    assert cells["expertise=expert"].state == "published"
    assert cells["expertise=novice"].state == "suppressed"
    estimate = cells["expertise=expert"].estimate
    assert estimate is not None
    assert estimate.value == 0
    assert estimate.se_noise > 0
