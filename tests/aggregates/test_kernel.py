"""Exact sums: the same as a plain loop's, and never moved by one account further than Δ."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.kernel import Ranges, accounts, add, partial, view, weights
from aggregates.plan import plan
from aggregates.study import Study
from aggregates.twin import draw
from privacy.codebook import LOG_STEPS
from privacy.errors import RefusedError
from privacy.labels import LabelRecord, unpack_bucket
from privacy.plan import Axis, Level, Plan, Query
from privacy.unit import SCALE
from tests.aggregates.rows import (
    ADJUSTED,
    BOOK,
    HEAD,
    MEAN,
    OWN_K,
    RATE,
    SHARE,
    SIZES,
    bucket,
    record,
)

CROSSED = """
[[table]]
name = "outcome_by_month"
share_of = "outcome"
by = ["month", "software_occupation"]
where = { work_mode = ["fix", "build"] }
merge = { month = { "early" = ["2025-10", "2025-11"], "late" = ["2025-12"] } }
"""
PLANS = {
    k: plan(
        Study.parse(
            HEAD.replace("contribution = 1", f"contribution = {k}")
            + "".join((SHARE, RATE, MEAN, CROSSED, SIZES, OWN_K, ADJUSTED))
        )
    )
    for k in ("1", "3", '"1/2"')
}

JUDGED = {"outcome": "succeeded", "success_signal": "5"}
sessions = st.tuples(
    st.integers(min_value=0, max_value=5),
    st.fixed_dictionaries(
        {
            "month": st.sampled_from(["2025-09", "2025-10", "2025-11", "2025-12", "unknown"]),
            "interactive": st.sampled_from(["yes", "yes", "no"]),
            "work_mode": st.sampled_from(["fix", "build", "plan", "unclear"]),
            "expertise": st.sampled_from(["novice", "expert", "unclear"]),
            "outcome": st.sampled_from(["succeeded", "failed", "no_goal", "unclear"]),
            "success_signal": st.sampled_from(["none", "4", "5", "unclear"]),
            "occupation": st.sampled_from(["11", "15", "unclear"]),
        }
    ),
    st.sampled_from([0.0, 1.0, 7.3, 900.0, 10_000.0, 1e9]),
)


def naive(made: Plan, data: bytes) -> dict[str, list[int]]:
    """The same sums in plain Python, record by record, from the plan's words alone."""
    records = [LabelRecord.decode(row, BOOK) for _, row in unpack_bucket(data, BOOK)]
    fields, measures = BOOK.fields, [measure.name for measure in BOOK.measures]

    def holds(one: LabelRecord, condition: Mapping[str, Sequence[str]]) -> bool:
        names = {f.name: f.labels[p] for f, p in zip(fields, one.labels, strict=True)}
        return all(names[column] in labels for column, labels in condition.items())

    population = [
        one
        for one in records
        if holds(one, {**made.population.where, "month": made.population.months})
    ]
    of = Counter(one.account for one in population)

    def value(query: Query, one: LabelRecord) -> int:
        if query.value == "one":
            return 1
        x = one.measures[measures.index(query.measure)]
        if query.value.startswith("amount"):
            x = round(BOOK.measure(query.measure).decode(x) / query.unit)
        x -= query.centre
        if query.value == "amount_squared":
            x = max(x, 0)
        if query.value.endswith("squared"):
            x = x * x // LOG_STEPS
        return max(-query.bound, min(query.bound, x))

    def lies(one: LabelRecord, axis: Axis) -> list[str]:
        if not axis.measure:
            return [level.name for level in axis.levels if holds(one, level.when)][:1]
        x = one.measures[measures.index(axis.measure)]
        return [axis.levels[sum(edge <= x for edge in axis.edges[1:-1])].name]

    sums = {}
    for query in made.queries:
        vector, k = dict.fromkeys(query.cells, 0), made.contribution(query)
        for one in population:
            names = []
            for axis in query.axes:
                names += lies(one, axis)
            if len(names) == len(query.axes) and holds(one, query.where):
                weight = min(SCALE, int(SCALE * k / of[one.account]))
                vector[tuple(names)] += weight * value(query, one)
        sums[query.name] = list(vector.values())
    return sums


def exact(made: Plan, data: bytes) -> dict[str, list[int]]:
    """The kernel's sums."""
    return {name: v.tolist() for name, v in partial(made, view(data, BOOK), BOOK).items()}


@settings(max_examples=60, deadline=None)
@given(st.lists(sessions, max_size=30), st.sampled_from([*PLANS]))
def test_two_implementations_agree(drawn: list[tuple[int, dict[str, str], float]], k: str) -> None:
    """Vectorised and plain, written apart from each other, over whole small populations."""
    data = bucket(record(account, labels, actions_per_prompt=x) for account, labels, x in drawn)

    assert exact(PLANS[k], data) == naive(PLANS[k], data)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(sessions, max_size=12),
    st.lists(sessions, min_size=1, max_size=12),
    st.sampled_from([1, 2, 400]),
    st.sampled_from([*PLANS]),
)
def test_no_account_moves_a_vector_by_more_than_its_sensitivity(
    others: list[tuple[int, dict[str, str], float]],
    own: list[tuple[int, dict[str, str], float]],
    copies: int,
    k: str,
) -> None:
    """
    Add or remove one account, with up to thousands of sessions anywhere, at any extreme.

    At the plan's k and at a table's own, above and below it.
    """
    rest = [record(account, labels, actions_per_prompt=x) for account, labels, x in others]
    mine = [record(77, labels, actions_per_prompt=x) for _, labels, x in own] * copies
    without, within = exact(PLANS[k], bucket(rest)), exact(PLANS[k], bucket(rest + mine))

    for query in PLANS[k].queries:
        moved = [a - b for a, b in zip(within[query.name], without[query.name], strict=True)]
        assert sum(step * step for step in moved) <= query.sensitivity**2


def test_the_sensitivity_is_reached() -> None:
    """The bound is not a loose one: an account in one cell, at the clamp, uses all of it."""
    made = PLANS["1"]
    data = bucket([record(1, {"expertise": "novice", "work_mode": "fix"}, actions_per_prompt=1e4)])
    sums = exact(made, data)

    assert made.query("verified_at_five.count").sensitivity == 5 * SCALE
    five = exact(made, bucket([record(1, {"expertise": "novice", **JUDGED})] * 7))
    assert max(five["verified_at_five.count"]) >= 0.999 * 5 * SCALE
    assert max(five["verified.count"]) <= SCALE
    for name in ("modes.count", "actions.weight", "actions.sum", "sizes.bins"):
        moved = isqrt(sum(step * step for step in sums[name]))
        assert moved >= 0.999 * made.query(name).sensitivity
    # Without the bound, a thousand sessions would move it a thousand times as far.
    many = np.zeros(1000, np.intp)
    assert weights(many, k=Fraction(1), scale=SCALE).sum() <= SCALE < 1000 * SCALE


def test_the_weight_counts_sessions_of_the_population_only() -> None:
    """Sessions outside months and conditions take no weight away."""
    inside = record(1, {"work_mode": "fix"})
    outside = record(1, {"work_mode": "fix", "month": "2025-09"})
    headless = record(1, {"work_mode": "fix", "interactive": "no"})
    fix = PLANS["1"].query("modes.count").cells.index(("fix",))

    assert exact(PLANS["1"], bucket([inside, outside, headless]))["modes.count"][fix] == SCALE
    assert exact(PLANS["1"], bucket([inside] * 3))["modes.count"][fix] == SCALE // 3 * 3


def test_buckets_add_up() -> None:
    """However a population is divided, an account whole in one bucket, the sums are the same."""
    twin = draw(500, 900, seed=None, codebook=BOOK)
    made = PLANS["1"]

    def total(parts: int) -> dict[str, list[int]]:
        sums: dict[str, list[int]] = {}
        for data in twin.buckets(parts):
            sums = add(sums, partial(made, view(data, BOOK), BOOK))
        return sums

    assert total(1) == total(7)
    assert sum(total(1)["modes.count"]) > 200 * SCALE


def test_an_account_in_two_buckets_is_refused() -> None:
    """It would weigh twice."""
    first, second = draw(100, 180, seed=None, codebook=BOOK).buckets(2)
    ranges = Ranges([])
    ranges.add(view(b"", BOOK))
    ranges.add(view(second, BOOK))
    ranges.add(view(first, BOOK))

    with pytest.raises(RefusedError, match="BUCKET_BROKEN"):
        ranges.add(view(first, BOOK))


def test_rows_that_are_not_sorted_are_refused() -> None:
    """An account in two places of a bucket would be two accounts."""
    rows = view(bucket([record(n % 3, {}) for n in range(9)]), BOOK)

    assert accounts(rows).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    with pytest.raises(RefusedError, match="BUCKET_BROKEN"):
        accounts(rows[[0, 3, 1]])
    with pytest.raises(RefusedError, match="BUCKET_BROKEN"):
        view(rows.tobytes()[:-1], BOOK)


def test_bytes_outside_the_vocabulary_count_nowhere() -> None:
    """A label position that does not exist is in no level, and a measure stays in its clamp."""
    data = bytearray(bucket([record(1, {"work_mode": "fix", "expertise": "expert"})]))
    place = 16 + [field.name for field in BOOK.fields].index("work_mode")
    start = 16 + len(BOOK.fields)
    data[place] = 255
    data[start : start + 2 * len(BOOK.measures)] = b"\xff" * (2 * len(BOOK.measures))
    sums = exact(PLANS["1"], bytes(data))
    total = PLANS["1"].query("actions.sum")

    assert sum(sums["modes.count"]) == 0
    assert sum(sums["actions.sum"]) == SCALE * total.bound


def test_the_first_level_that_holds_has_a_row() -> None:
    """What `plan` says about levels that overlap, in both ways in which an axis is read."""
    first, second = (
        Level("first", {"work_mode": ("fix",)}),
        Level("second", {"work_mode": ("fix",)}),
    )
    both = Level("second", {"work_mode": ("fix",), "expertise": ("expert",)})
    data = bucket([record(1, {"work_mode": "fix", "expertise": "expert"})])
    query = PLANS["1"].query("modes.count")

    for levels in ((first, second), (first, both), (both, first)):
        axis = Axis("overlapping", levels)
        made = replace(PLANS["1"], queries=(replace(query, axes=(axis,)),))
        assert exact(made, data)["modes.count"] == [SCALE, 0]


def test_an_empty_bucket_is_all_zeros() -> None:
    """Nobody is in it, and every public cell still is."""
    sums = exact(PLANS["1"], b"")

    assert {name: len(v) for name, v in sums.items()} == {
        q.name: q.size for q in PLANS["1"].queries
    }
    assert not any(any(vector) for vector in sums.values())
