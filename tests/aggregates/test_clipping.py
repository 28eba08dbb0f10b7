"""Totals are clipped exactly: no account moves any vector further than its bound, ever."""

from collections import Counter
from dataclasses import replace
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.clipping import Contributions, _root
from aggregates.kernel import add, partial, view
from privacy.plan import Plan
from privacy.unit import CLIPS, SCALE, clipped_weight
from tests.aggregates.rows import BOOK, TOTAL, bucket, record, small_plan

MADE = small_plan(TOTAL + 'by = ["outcome"]\nwhere = { surface = "cli" }\n')
MODES = ("fix", "build", "plan", "test", "unclear")
OUTCOMES = ("succeeded", "failed", "no_goal")
COUNT = MADE.query("work.count")

cells = st.tuples(st.sampled_from(MODES), st.sampled_from(OUTCOMES))
accounts_of = st.dictionaries(cells, st.integers(min_value=1, max_value=3000), max_size=15)


def sessions(account: int, counts: dict[tuple[str, str], int]) -> list[bytes]:
    """An account with so many sessions in each cell."""
    return [
        row
        for (mode, outcome), count in counts.items()
        for row in [record(account, {"work_mode": mode, "outcome": outcome})] * count
    ]


def exact(rows: list[bytes], made: Plan = MADE) -> dict[str, list[int]]:
    """The kernel's sums."""
    return {name: v.tolist() for name, v in partial(made, view(bucket(rows), BOOK), BOOK).items()}


OTHERS = [
    row for n in range(5) for row in sessions(n, {("fix", "failed"): n + 1, ("plan", "no_goal"): 2})
]
WITHOUT = exact(OTHERS)


def moved(name: str, within: dict[str, list[int]]) -> list[int]:
    """What an account did to a query's sums."""
    return [a - b for a, b in zip(within[name], WITHOUT[name], strict=True)]


@settings(max_examples=40, deadline=None)
@given(accounts_of)
def test_no_account_moves_a_total_by_more_than_any_of_its_bounds(
    counts: dict[tuple[str, str], int],
) -> None:
    """Thousands of sessions in one cell, in all of them, or none: for every C, in whole numbers."""
    within = exact(OTHERS + sessions(77, counts))

    for number, clip in enumerate(COUNT.clips):
        steps = moved(COUNT.name, within)[number * COUNT.size :][: COUNT.size]
        assert sum(step * step for step in steps) <= clip.sensitivity**2
    for clip, step in zip(MADE.query("work.whole").clips, moved("work.whole", within), strict=True):
        assert 0 <= step <= clip.sensitivity
    for name in ("work.norms", "work.sizes"):
        query = MADE.query(name)
        assert sum(step * step for step in moved(name, within)) <= query.sensitivity**2


@settings(max_examples=40, deadline=None)
@given(accounts_of)
def test_clipping_is_what_it_says(counts: dict[tuple[str, str], int]) -> None:
    """The same in plain Python, cell by cell: a weight by the proof's own function."""
    within = exact(sessions(77, counts))
    squared, whole = sum(n * n for n in counts.values()), sum(counts.values())
    names = [tuple(cell) for cell in COUNT.cells]

    for number, clip in enumerate(COUNT.clips):
        found = within[COUNT.name][number * COUNT.size :][: COUNT.size]
        for (outcome, mode), value in zip(names, found, strict=True):
            n = counts.get((mode, outcome), 0)
            assert value == n * (clipped_weight(squared, clip.bound) if n else 0)
    if counts:
        place = sum(bound * bound < squared for bound in CLIPS)
        assert within["work.norms"] == [SCALE * (n == place) for n in range(len(CLIPS) + 1)]
        place = sum(bound < whole for bound in CLIPS)
        assert within["work.sizes"] == [SCALE * (n == place) for n in range(len(CLIPS) + 1)]
        assert within["work.whole"] == [SCALE * min(whole, bound) for bound in CLIPS]


@given(
    st.integers(min_value=1, max_value=2**42),
    st.sampled_from(CLIPS),
)
def test_a_clipped_weight_never_lifts_a_norm_above_its_bound(squared: int, bound: int) -> None:
    """W²·Q ≤ S²·C², and W is the largest whole number for which that holds, up to S."""
    weight = clipped_weight(squared, bound)

    assert weight**2 * squared <= (SCALE * bound) ** 2
    assert weight == SCALE or (weight + 1) ** 2 * squared > (SCALE * bound) ** 2


@given(st.lists(st.integers(min_value=0, max_value=2**60), min_size=1, max_size=20))
def test_roots_are_exact(values: list[int]) -> None:
    """Floats have 53 bits; squares here have up to 60."""
    edges = [
        x for v in values for r in [isqrt(v)] for x in (r * r, r * r + 2 * r, max(r * r - 1, 0))
    ]

    for numbers in (values, edges):
        assert _root(np.array(numbers, np.int64)).tolist() == [isqrt(x) for x in numbers]


def test_the_bound_is_reached() -> None:
    """It is no loose one: an account in one cell, beyond C, uses all of it."""
    within = exact(OTHERS + sessions(77, {("fix", "succeeded"): 2000}))

    for number, clip in enumerate(COUNT.clips):
        steps = moved(COUNT.name, within)[number * COUNT.size :][: COUNT.size]
        # 2,000 weights, each rounded down by less than one unit of 2⁻²⁰.
        assert clip.sensitivity - 2000 < max(steps) <= clip.sensitivity


def test_a_million_sessions_of_one_account_do_not_overflow() -> None:
    """As many as a bucket holds, in one cell: squares and sums stay within 64 bits."""
    size = 2**20
    one = Contributions(COUNT)
    one.add(np.zeros(size, np.intp), np.zeros(size, np.intp))
    found = one.sums(COUNT, SCALE).reshape(len(CLIPS), COUNT.size)

    for clip, vector in zip(COUNT.clips, found, strict=True):
        assert 0 < vector[0] <= clip.sensitivity
        assert not vector[1:].any()
    assert one.sums(MADE.query("work.whole"), SCALE)[-1] == 1024 * SCALE


def test_only_what_the_table_counts_is_clipped() -> None:
    """Sessions that `where` or a left-out label drops make no account larger."""
    kept = {("fix", "failed"): 3}
    noise = [record(77, {"work_mode": "fix", "outcome": "failed", "surface": "ide"})] * 500
    noise += [record(77, {"work_mode": "fix", "outcome": "unclear", "month": "2025-09"})] * 500

    assert exact(sessions(77, kept) + noise) == exact(sessions(77, kept))


def test_clipped_sums_of_buckets_add_up() -> None:
    """An account whole in one bucket, whichever it is."""
    rows = {n: sessions(n, {("fix", "failed"): n * 7, ("plan", "failed"): 2}) for n in range(1, 9)}
    together = exact([row for one in rows.values() for row in one])
    parts: dict[str, list[int]] = {}
    for own in rows.values():
        parts = add(parts, partial(MADE, view(bucket(own), BOOK), BOOK))

    assert parts == together


@pytest.mark.parametrize("k", ["1", "5"])
def test_the_contribution_plays_no_part(k: str) -> None:
    """K bounds weights; a total has bounds of its own."""
    made = replace(MADE, privacy=replace(MADE.privacy, contribution=k))

    assert exact(OTHERS, made) == WITHOUT
    assert Counter(WITHOUT["work.norms"])[0] > 0
