"""Tables that count the same agree, and are no worse for it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from math import sqrt
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregates.reconcile import reconcile
from aggregates.release import release
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import BOOK, SHARE, TOTAL, small_plan

BY_MONTH = """
[[table]]
name = "modes_by_month"
share_of = "work_mode"
by = ["month"]
"""
BY_BOTH = """
[[table]]
name = "modes_by_both"
share_of = "work_mode"
by = ["month", "outcome"]
"""
OTHER = """
[[table]]
name = "modes_without"
share_of = "work_mode"
by = ["expertise"]
leave_out = { expertise = ["unclear"] }

[[table]]
name = "modes_where"
share_of = "work_mode"
by = ["month"]
where = { outcome = "failed" }
"""
AGAIN = """
[[table]]
name = "modes_again"
share_of = "work_mode"
"""
MADE = small_plan(SHARE, BY_MONTH, BY_BOTH)
MODES, MONTHS, BOTH = (
    MADE.query(f"{name}.count") for name in ("modes", "modes_by_month", "modes_by_both")
)

vectors = st.fixed_dictionaries(
    {
        query.name: st.lists(
            st.integers(min_value=-50 * SCALE, max_value=900 * SCALE),
            min_size=query.size,
            max_size=query.size,
        )
        for query in MADE.queries
    }
)


def by_mode(query_cells: Sequence[tuple[str, ...]], values: Sequence[float]) -> dict[str, float]:
    """A vector summed to its last key."""
    sums: dict[str, float] = {}
    for cell, value in zip(query_cells, values, strict=True):
        sums[cell[-1]] = sums.get(cell[-1], 0.0) + value
    return sums


@settings(deadline=None, max_examples=30)
@given(vectors)
def test_tables_agree_whatever_the_noise(noisy: dict[str, list[int]]) -> None:
    """Modes alone, by month, and by month and outcome: every sum is the same."""
    smooth = reconcile(MADE, noisy, BOOK)
    alone, month, both = (by_mode(q.cells, smooth[q.name]) for q in (MODES, MONTHS, BOTH))

    for mode, value in alone.items():
        assert month[mode] == pytest.approx(value, abs=SCALE / 1000)
        assert both[mode] == pytest.approx(value, abs=SCALE / 1000)


@settings(deadline=None, max_examples=20)
@given(vectors)
def test_what_agrees_already_stays(noisy: dict[str, list[int]]) -> None:
    """Reconciling twice is reconciling once: it is a projection."""
    once = reconcile(MADE, noisy, BOOK)
    again = reconcile(MADE, {n: [round(x) for x in v] for n, v in once.items()}, BOOK)

    for name, values in once.items():
        assert again[name] == pytest.approx(values, abs=SCALE / 1000)


CROSSED = "".join(
    f'''
[[table]]
name = "{name}"
share_of = "{of}"
by = [{", ".join(f'"{key}"' for key in by)}]
'''
    for name, of, by in (
        ("one", "outcome", ()),
        ("two", "outcome", ("expertise",)),
        ("three", "expertise", ("month",)),
        ("four", "outcome", ("month", "expertise")),
        ("five", "month", ()),
        ("six", "outcome", ("expertise", "month", "codebase")),
    )
)
"""Margins of margins, some of them in another order: most rules follow from others."""
TANGLED = small_plan(CROSSED)
WIDE = ("occupation", "task_value")


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_it_is_the_best_linear_estimate(data: st.DataObject) -> None:
    """The formula itself, written out as matrices, for any deviations of noise up to 1 : 1,000."""
    deviations = [data.draw(st.floats(1.0, 1e3)) for _ in TANGLED.queries]
    made = replace(
        TANGLED,
        queries=tuple(
            replace(q, sigma=s * SCALE) for q, s in zip(TANGLED.queries, deviations, strict=True)
        ),
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    noisy = {
        q.name: [round(x) for x in rng.normal(900 * SCALE, q.sigma, q.size)] for q in made.queries
    }
    found = np.concatenate([np.array(noisy[q.name], float) for q in made.queries])
    variance = np.concatenate([np.full(q.size, q.sigma**2) for q in made.queries])
    rules = _rules()
    step = np.linalg.lstsq(rules * variance @ rules.T, rules @ found, rcond=None)[0]
    best = found - variance * (rules.T @ step)

    smooth = reconcile(made, noisy, BOOK)
    got = np.concatenate([np.array(smooth[q.name]) for q in made.queries])
    assert np.abs(rules @ found).max() > SCALE
    assert np.abs(got - best).max() < SCALE / 1000
    assert np.abs(rules @ got).max() < SCALE / 1000


@cache
def _rules() -> NDArray[np.float64]:
    """A row for each cell of a margin: 1 at its cells in the finer table, -1 at itself."""
    cells = [
        (query, frozenset(zip((axis.name for axis in query.axes), cell, strict=True)))
        for query in TANGLED.queries
        for cell in query.cells
    ]
    return np.array(
        [
            [
                (own <= other) * (float(query is fine) - float(query is coarse))
                for query, other in cells
            ]
            for coarse, fine in product(TANGLED.queries, TANGLED.queries)
            if {axis.name for axis in coarse.axes} < {axis.name for axis in fine.axes}
            for one, own in cells
            if one is coarse
        ]
    )


def test_many_cells_take_no_more_steps() -> None:
    """Tables of 16,000 cells agree after fewer steps than there are rules for pairs of them."""
    more = (SHARE.replace("modes", name).replace("work_mode", name) for name in WIDE)
    axes = [query.axes[0] for query in small_plan(*more).queries]
    *others, six = TANGLED.queries
    *keys, answers = six.axes
    six = replace(six, axes=(*keys[:2], *axes, answers))
    wide = replace(TANGLED, queries=(*others, six))
    rng = np.random.default_rng()
    noisy = {q.name: [round(x) for x in rng.normal(0, q.sigma, q.size)] for q in wide.queries}
    with patch("aggregates.reconcile.MOST_STEPS", 40):
        smooth = reconcile(wide, noisy, BOOK)
    one = wide.query("one.count")
    table = np.reshape(smooth[six.name], [len(axis.levels) for axis in six.axes])

    assert six.size > 10_000
    assert table.sum(axis=(0, 1, 2, 3)) == pytest.approx(smooth[one.name], abs=SCALE / 1000)


def test_the_more_precise_table_counts_for_more() -> None:
    """By hand: 100 measured with σ = 1 against three months of 40 with σ = 2 each."""
    made = small_plan(SHARE, BY_MONTH)
    first, second = made.queries
    sigmas = {first.name: 1.0 * SCALE, second.name: 2.0 * SCALE}
    made = replace(made, queries=tuple(replace(q, sigma=sigmas[q.name]) for q in made.queries))
    noisy = {first.name: [100 * SCALE] * 10, second.name: [40 * SCALE] * 30}
    smooth = reconcile(made, noisy, BOOK)

    # 100 has variance 1, the sum of 120 has 12: (100·12 + 120·1)/13 = 101.538; and a third of it.
    assert smooth[first.name] == pytest.approx([1320 / 13 * SCALE] * 10)
    assert smooth[second.name] == pytest.approx([440 / 13 * SCALE] * 30)


@pytest.mark.statistical
def test_no_cell_becomes_less_certain_and_margins_become_more_so() -> None:
    """
    Over 4,000 draws of noise the deviation of a mode falls from σ to that of both together.

    An estimate of a deviation from 4,000 draws is off by one in ninety; five of those are allowed,
    a false alarm of less than 10⁻⁶.
    """
    made = small_plan(SHARE, BY_MONTH)
    made = replace(made, queries=tuple(replace(q, sigma=2.0 * SCALE) for q in made.queries))
    first, second = made.queries
    random, found = Random(), list[float]()
    for _ in range(4_000):
        noisy = {
            q.name: [round(random.gauss(0, 2.0 * SCALE)) for _ in range(q.size)]
            for q in (first, second)
        }
        found.append(reconcile(made, noisy, BOOK)[first.name][0] / SCALE)
    deviation = sqrt(sum(x * x for x in found) / len(found))

    # Variances 4 and 3·4: together 4·12/16 = 3.
    assert deviation == pytest.approx(sqrt(3), rel=5 / 90)
    assert deviation < 2 * (1 - 5 / 90)


def test_what_counts_other_sessions_is_left_alone() -> None:
    """An axis that leaves labels out, another condition, a clipped total are no margins."""
    made = small_plan(SHARE, OTHER, TOTAL)
    noisy = {query.name: [*range(query.size)] for query in made.queries}

    assert reconcile(made, noisy, BOOK) == noisy


def test_who_is_printed_is_decided_on_what_was_measured() -> None:
    """A cell that another table says is large stays withheld where its own count is small."""
    made = small_plan(SHARE, BY_MONTH)
    first, second = made.queries
    noisy = {first.name: [10 * SCALE] * 10, second.name: [4000 * SCALE] * 30}
    rows = release(made, noisy)
    alone = [row for row in rows if row["table"] == "modes"]

    assert {row["state"] for row in alone} == {"suppressed"}
    assert {row["state"] for row in rows if row["table"] == "modes_by_month"} == {"published"}


def test_counts_that_two_tables_need_are_bought_once() -> None:
    """Then they agree to the digit, and each is as precise as the loss of both allows."""
    made, alone = small_plan(SHARE, AGAIN), small_plan(SHARE)

    assert [query.name for query in made.queries] == ["modes.count"]
    assert [table.queries for table in made.tables] == [("modes.count",)] * 2
    assert made.queries[0].sigma == alone.queries[0].sigma
    assert made.privacy.tested == alone.privacy.tested == 10
    assert _estimates(made, "modes") == _estimates(made, "modes_again")


def _estimates(made: Plan, table: str) -> list[object]:
    noisy = {query.name: [n * 900 * SCALE for n in range(query.size)] for query in made.queries}
    return [row["estimate"] for row in release(made, noisy) if row["table"] == table]
