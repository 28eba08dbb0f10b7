"""What queries share and read by tables: the same as record by record, whatever a plan asks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aggregates.kernel import Kernel, accounts, view
from aggregates.owners import SLICE, slices
from privacy.errors import RefusedError
from privacy.forms import LARGEST_BOUND
from privacy.labels import PSEUDONYM_BYTES, row_width
from privacy.plan import Axis, Level, Plan, Query
from privacy.unit import CLIPS, SCALE, clipped_weight
from tests.aggregates.rows import BOOK, SHARE, TOTAL, bucket, record, small_plan
from tests.aggregates.test_kernel import exact, naive

MADE = small_plan(SHARE, TOTAL)
PLAIN = MADE.query("modes.count")
COLUMNS = {
    "month": ("2025-09", "2025-10", "2025-11", "2025-12", "unknown"),
    "interactive": ("yes", "no"),
    "work_mode": ("fix", "build", "plan", "unclear"),
    "outcome": ("succeeded", "failed", "no_goal", "unclear"),
    "success_signal": ("none", "4", "5", "unclear"),
}
SIZES = (0.0, 1.0, 7.3, 900.0, 10_000.0, 1e9)

conditions = st.dictionaries(st.sampled_from([*COLUMNS]), st.none(), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries(
        {
            name: st.lists(st.sampled_from(COLUMNS[name]), unique=True, min_size=1, max_size=4).map(
                tuple
            )
            for name in names
        }
    )
)
"""Levels may overlap, speak of different columns, or of none."""


def numbered(whens: Sequence[Mapping[str, tuple[str, ...]]]) -> tuple[Level, ...]:
    """Levels of those conditions, each with a name of its own."""
    return tuple(Level(str(n), when) for n, when in enumerate(whens))


@st.composite
def bins(draw: st.DrawFn) -> Axis:
    """Bins of a measure between any rising edges."""
    edges = sorted(draw(st.sets(st.integers(0, 2**16), min_size=2, max_size=6)))
    return Axis("bins", numbered([{}] * (len(edges) - 1)), "actions_per_prompt", (*edges,))


labelled = st.lists(conditions, min_size=1, max_size=5).map(lambda w: Axis("labels", numbered(w)))


@st.composite
def queries(draw: st.DrawFn, name: str) -> Query:
    """A query of records: what `soundness` lets through, and some that it does not."""
    axes = [replace(axis, name=str(n)) for n, axis in enumerate(draw(st.lists(AXES, max_size=3)))]
    value: Any = draw(st.sampled_from(["one", "log", "log_squared", "amount", "amount_squared"]))
    query = replace(
        PLAIN,
        name=name,
        axes=(*axes,),
        where=draw(conditions),
        value=value,
        contribution=draw(st.sampled_from(["", "1", "5", "1/2", "128"])),
    )
    if value == "one":
        return query
    return replace(
        query,
        measure="actions_per_prompt",
        centre=draw(st.integers(0, 2**16 - 1)),
        bound=draw(st.sampled_from([1, 1000, LARGEST_BOUND - 1])),
        unit=draw(st.sampled_from([0.01, 1.0, 37.5])) if value.startswith("amount") else 0.0,
    )


AXES = st.one_of(labelled, labelled, bins())
plans = st.integers(1, 4).flatmap(
    lambda count: st.tuples(*(queries(f"q{n}") for n in range(count)))
)
rows = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.fixed_dictionaries(
            {name: st.sampled_from(labels) for name, labels in COLUMNS.items()}
            # Most of them lie in the population, or most examples would be of nobody.
            | {"interactive": st.sampled_from(["yes", "yes", "yes", "no"])}
            | {"month": st.sampled_from([*COLUMNS["month"], *COLUMNS["month"][1:4] * 2])}
        ),
        st.sampled_from(SIZES),
    ),
    min_size=3,
    max_size=25,
)


def packed(drawn: list[tuple[int, dict[str, str], float]]) -> bytes:
    """A bucket of what was drawn."""
    return bucket(record(account, labels, actions_per_prompt=x) for account, labels, x in drawn)


QUICK = settings(max_examples=100, deadline=None, phases=[p for p in Phase if p != Phase.explain])


@QUICK
@given(plans, rows, st.sampled_from([1, 2, 7, SLICE]))
def test_any_plan_sums_as_record_by_record(
    made: tuple[Query, ...], drawn: list[tuple[int, dict[str, str], float]], size: int
) -> None:
    """Any crossing of any levels under any condition and k, in slices of any size."""
    plan, data = replace(MADE, queries=made), packed(drawn)

    with patch("aggregates.owners.SLICE", size):
        assert exact(plan, data) == naive(plan, data)


@st.composite
def totals(draw: st.DrawFn) -> Plan:
    """A table of totals over any crossing."""
    axes = [
        replace(axis, name=str(n)) for n, axis in enumerate(draw(st.lists(labelled, max_size=2)))
    ]
    where = draw(conditions)
    return replace(
        MADE,
        queries=tuple(
            replace(query, where=where, axes=(*axes,) if query.value == "clipped" else query.axes)
            for query in MADE.queries
            if query.name.startswith("work.")
        ),
    )


@QUICK
@given(totals(), rows, st.sampled_from([1, 3, SLICE]), st.integers(1, 5))
def test_any_total_is_clipped_account_by_account(
    plan: Plan, drawn: list[tuple[int, dict[str, str], float]], size: int, copies: int
) -> None:
    """Each account's counts by the loop in plain Python, each weight by the proof's function."""
    count = plan.queries[0]
    # At k = 128 each of up to 128 sessions weighs S: plain counts.
    plain = replace(plan, queries=(replace(count, value="one", clips=(), contribution="128"),))
    own = [packed([one for one in drawn if one[0] == n] * copies) for n in range(5)]
    vectors = [[cell // SCALE for cell in naive(plain, part)[count.name]] for part in own]
    vectors = [vector for vector in vectors if sum(vector)]
    squares = [sum(n * n for n in vector) for vector in vectors]

    with patch("aggregates.owners.SLICE", size):
        found = exact(plan, packed(drawn * copies))

    assert found[count.name] == [
        sum(v[c] * clipped_weight(q, bound) for v, q in zip(vectors, squares, strict=True))
        for bound in CLIPS
        for c in range(count.size)
    ]
    sizes = [sum(vector) for vector in vectors]
    assert found["work.whole"] == [SCALE * sum(min(n, bound) for n in sizes) for bound in CLIPS]
    norms = Counter(sum(bound * bound < q for bound in CLIPS) for q in squares)
    bins_of_sizes = Counter(sum(bound < n for bound in CLIPS) for n in sizes)
    assert found["work.norms"] == [SCALE * norms[n] for n in range(len(CLIPS) + 1)]
    assert found["work.sizes"] == [SCALE * bins_of_sizes[n] for n in range(len(CLIPS) + 1)]


halves = st.sampled_from([0, 1, 255, 2**63 - 1, 2**63, 2**64 - 1])
pseudonyms = st.lists(st.tuples(halves, halves), max_size=8)


@given(pseudonyms | pseudonyms.map(sorted))
def test_accounts_are_told_apart_by_all_their_bytes(drawn: list[tuple[int, int]]) -> None:
    """Pseudonyms that differ in one half only, at the ends of 64 bits; any disorder is refused."""
    names = [high.to_bytes(8) + low.to_bytes(8) for high, low in drawn]
    filler = bytes(row_width(BOOK) - PSEUDONYM_BYTES)
    found = view(b"".join(filler + name for name in names), BOOK)

    if names != sorted(names):
        with pytest.raises(RefusedError, match="BUCKET_BROKEN"):
            accounts(found)
    else:
        different = sorted(set(names))
        assert accounts(found).tolist() == [different.index(name) for name in names]


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 10))
def test_slices_hold_whole_accounts(sizes: list[int], size: int) -> None:
    """Each account in one of them, whatever its size; no row is lost, none longer than it must."""
    who = np.repeat(np.arange(len(sizes)), sizes)
    with patch("aggregates.owners.SLICE", size):
        parts = [who[part].tolist() for part in slices(who)]

    assert [one for part in parts for one in part] == who.tolist()
    assert sum(len(set(part)) for part in parts) == len(sizes)
    assert all(len(part) <= size or len(set(part)) == 1 for part in parts)


def test_the_largest_sums_are_exact() -> None:
    """Every row at the clamp and at a weight of S: far beyond 2⁵³, where floats would round."""
    bound = LARGEST_BOUND - 1
    query = replace(
        PLAIN,
        axes=(),
        value="amount",
        measure="prompts",
        bound=bound,
        unit=1e-9,
        contribution="128",
    )
    data = bucket(record(n, {}, prompts=10_000.0) for n in range(40_001))
    made = replace(MADE, queries=(query,))

    assert exact(made, data) == {query.name: [40_001 * bound * SCALE]}
    assert 40_001 * bound * SCALE > 2**53


def test_an_axis_may_have_more_levels_than_a_byte() -> None:
    """Levels of two crossed columns, more than 256: each row is still in its own."""
    months = [f"20{year}-{month:02d}" for year in range(24, 36) for month in range(1, 13)]
    whens = [{"month": (m,), "interactive": (i,)} for m in months for i in ("yes", "no")]
    wide = replace(PLAIN, axes=(Axis("wide", numbered(whens)),))
    made = replace(
        MADE, queries=(wide,), population=replace(MADE.population, months=(*months,), where={})
    )
    last = record(1, {"month": months[-1], "interactive": "no"})
    data = bucket([last, record(2, {"month": months[0]}), record(3, {"month": months[130]})])

    assert exact(made, data) == naive(made, data)
    assert [n for n, cell in enumerate(exact(made, data)[wide.name]) if cell] == [0, 260, 287]


def test_what_is_equal_is_read_once() -> None:
    """Two queries of one axis, condition and value share them: that is where the speed is."""
    twice = replace(MADE, queries=(PLAIN, replace(PLAIN, name="again")))
    with patch("aggregates.columns.Columns.label", autospec=True) as label:
        label.side_effect = lambda columns, at: np.zeros(len(columns), np.uint8)
        Kernel(twice, BOOK).partial(view(bucket([record(1, {})]), BOOK))

    read = [call.args[1] for call in label.call_args_list]
    assert len(read) == len(set(read))
