"""A plan that somebody edited is refused where it promises more than it keeps."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from privacy.errors import RefusedError
from privacy.plan import Level, Plan
from privacy.soundness import cells_tested, check_sound
from tests.aggregates.rows import (
    AGREE,
    MEAN,
    NOTHING,
    RATE,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
    small_plan,
)

MADE = small_plan(SHARE, RATE, MEAN)
SIZED = small_plan(SIZES)
TOTALS = small_plan(TOTAL)
MOVED = small_plan(TRENDS)
EMPTY = small_plan(SHARE, NOTHING)
AGREED = small_plan(AGREE)


def sized(name: str, **changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The plan of all statistics of a measure, with one of its queries changed."""
    made = [replace(q, **changes) if q.name == name else q for q in SIZED.queries]
    return replace(SIZED, queries=(*made,))


def bins(**changes: Any) -> Plan:  # noqa: ANN401  any field of an axis
    """The same with other bins."""
    *keys, last = SIZED.query("sizes.bins").axes
    return sized("sizes.bins", axes=(*keys, replace(last, **changes)))


def moved(number: int, **changes: Any) -> Plan:  # noqa: ANN401  any field of a table
    """The plan of trends, with one of its tables changed."""
    made = [*MOVED.tables]
    made[number] = replace(made[number], **changes)
    return replace(MOVED, tables=(*made,))


def over(**changes: Any) -> Plan:  # noqa: ANN401  any field of an axis
    """The same with other months."""
    first, *others = MOVED.queries
    months, modes = first.axes
    return replace(
        MOVED, queries=(replace(first, axes=(replace(months, **changes), modes)), *others)
    )


def total(name: str, **changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The plan of totals, with one of its queries changed."""
    made = [replace(q, **changes) if q.name == name else q for q in TOTALS.queries]
    return replace(TOTALS, queries=(*made,))


def clip(name: str, number: int, **changes: Any) -> Plan:  # noqa: ANN401  any field of a clip
    """The same with one bound of a query changed."""
    clips = [*TOTALS.query(name).clips]
    clips[number] = replace(clips[number], **changes)
    return total(name, clips=(*clips,))


def agreed(number: int, **changes: Any) -> Plan:  # noqa: ANN401  any field of an axis
    """A plan of agreement, with one axis of its last query changed."""
    first, signals = AGREED.queries
    axes = [*signals.axes]
    axes[number] = replace(axes[number], **changes)
    return replace(AGREED, queries=(first, replace(signals, axes=(*axes,))))


def nothing(**changes: Any) -> Plan:  # noqa: ANN401  any field of a table
    """A plan with a table that is not computed, changed."""
    first, last = EMPTY.tables
    return replace(EMPTY, tables=(first, replace(last, **changes)))


def query(**changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The plan with its first query changed."""
    first, *others = MADE.queries
    return replace(MADE, queries=(replace(first, **changes), *others))


def privacy(**changes: Any) -> Plan:  # noqa: ANN401  any field of a plan's privacy
    """The plan with another promise."""
    return replace(MADE, privacy=replace(MADE.privacy, **changes))


FIRST = MADE.queries[0]
CLIP = TOTALS.query("work.count").clips[7]
NORMS = TOTALS.query("work.norms").axes[0]
BINS = SIZED.query("sizes.bins").axes[-1]
SIGNS = AGREED.queries[-1].axes[0].levels
EDITS: dict[str, Callable[[], Plan]] = {
    "less noise": lambda: query(sigma=FIRST.sigma * 0.99),
    "smaller sensitivity": lambda: query(sensitivity=FIRST.sensitivity - 1),
    "smaller charge": lambda: query(rho=str(Fraction(FIRST.rho) * Fraction(99, 100))),
    "no clamp": lambda: query(bound=0),
    "larger clamp": lambda: query(bound=2),
    "smaller sum": lambda: privacy(rho=str(MADE.loss - Fraction(1, 10**9))),
    "smaller epsilon": lambda: privacy(epsilon=1.99),
    "smaller delta": lambda: privacy(delta=1e-8),
    "larger weight": lambda: privacy(contribution="2"),
    "fewer cells": lambda: privacy(tested=21),
    "smaller z": lambda: privacy(z=MADE.privacy.z - 0.01),
    "larger beta": lambda: privacy(beta=0.01),
    # Each of these once let an exact count, or a cell with nobody behind it, through.
    "weights below zero": lambda: replace(
        query(sensitivity=1, sigma=1000.0), privacy=replace(MADE.privacy, scale=-(2**20))
    ),
    "weights that overflow": lambda: privacy(scale=2**50),
    "a table tested on a sum of logarithms": lambda: query(
        value="log", measure="actions", centre=0, bound=9000
    ),
    "two queries of one name": lambda: replace(
        MADE, queries=(*MADE.queries, replace(FIRST, sigma=FIRST.sigma / 9))
    ),
    "a charge that takes hours to read": lambda: query(rho="1e999999999"),
    "a fraction divided by zero": lambda: privacy(rho="1/0"),
    "more cells than fit": lambda: query(axes=FIRST.axes * 9),
    "bins that fall": lambda: bins(edges=BINS.edges[::-1]),
    "fewer bins than edges": lambda: bins(levels=BINS.levels[1:]),
    "bins of nothing": lambda: bins(measure=""),
    "bins of other cells": lambda: sized("sizes.bins", axes=(BINS,)),
    "quantiles of labels": lambda: sized("sizes.bins", axes=FIRST.axes),
    "a mean of no step": lambda: sized("sizes.amount", unit=0.0),
    "steps without bounds": lambda: sized("sizes.amount", unit=float("inf")),
    "two lengths of a step": lambda: sized("sizes.amount_spread", unit=1.0),
    "a mean of two measures": lambda: sized("sizes.amount_spread", measure="prompts"),
    "a mean of other sessions": lambda: sized("sizes.sum", where={"outcome": ("failed",)}),
    "less noise for an amount": lambda: sized(
        "sizes.amount", sigma=SIZED.query("sizes.amount").sigma * 0.99
    ),
    "statistics of two tables under one name": lambda: replace(
        SIZED, tables=(replace(SIZED.tables[0], base="others"), *SIZED.tables[1:])
    ),
    "a statistic twice": lambda: replace(SIZED, tables=(SIZED.tables[0], *SIZED.tables)),
    "a trend over something else": lambda: over(name="surface"),
    "a trend over words": lambda: over(levels=(Level("once", {}), Level("later", {}))),
    "a trend of one month": lambda: over(levels=MOVED.queries[0].axes[0].levels[:1]),
    "a trend with months for keys": lambda: moved(1, by=("month",)),
    "a share's trend without its labels": lambda: moved(1, by=()),
    "a rate's trend of its answers": lambda: moved(
        4, by=("expertise", "verified_success", "month")
    ),
    "a bound with less noise": lambda: clip("work.count", 7, sigma=CLIP.sigma * 0.99),
    "a bound with less sensitivity": lambda: clip(
        "work.count", 7, sensitivity=CLIP.sensitivity - 1
    ),
    "a bound that is none of ours": lambda: clip("work.count", 7, bound=CLIP.bound + 1),
    "a cap with less noise": lambda: clip("work.whole", 0, sigma=1.0),
    "no bounds": lambda: total("work.count", clips=()),
    "bounds of a histogram": lambda: total("work.norms", clips=TOTALS.query("work.count").clips),
    "a histogram with less sensitivity": lambda: total("work.norms", sensitivity=2**20 - 1),
    "norms of another table": lambda: total("work.norms", of="other.count"),
    "counts of another table": lambda: total("work.count", of="other.count"),
    "weights of another table": lambda: query(of="verified.count"),
    "fewer bins of norms": lambda: total(
        "work.norms", axes=(replace(NORMS, levels=NORMS.levels[1:]),)
    ),
    "a total tested on weights": lambda: total("work.count", value="one", clips=()),
    "agreement of other labels": lambda: agreed(1, levels=SIGNS[::-1]),
    "agreement of fewer labels": lambda: agreed(1, levels=SIGNS[1:]),
    "agreement of a label twice": lambda: agreed(0, levels=(*SIGNS[:-1], SIGNS[0])),
    "agreement of bins": lambda: agreed(0, measure="prompts", edges=(0, 1, 2, 3, 4, 5, 6)),
    "agreement by one of its own fields": lambda: replace(
        AGREED,
        tables=(*AGREED.tables[:-1], replace(AGREED.tables[-1], by=("success_signal",))),
    ),
    "agreement of more cells than are tested": lambda: replace(
        AGREED, privacy=replace(AGREED.privacy, tested=5)
    ),
    "a table that is not computed, of a query": lambda: nothing(queries=("modes.count",)),
    "a table that is not computed, with keys": lambda: nothing(by=("work_mode",)),
    "a table that is not computed, with a rest": lambda: nothing(residual=True),
    "a table of nothing that is said to be computed": lambda: nothing(kind="share"),
    "a query that no table asks for": lambda: replace(
        MADE, queries=(*MADE.queries, replace(FIRST, name="more"))
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_plan_is_refused(edit: str) -> None:
    """Each number that a promise leans on, one at a time."""
    with pytest.raises(RefusedError, match=r"PLAN_(NOISE|SUM|EPSILON|THRESHOLD|MALFORMED)"):
        check_sound(EDITS[edit]())


def test_a_compiled_plan_is_sound_and_a_stricter_one_too() -> None:
    """The control: what `plan` writes passes, and so does more caution than it takes."""
    check_sound(MADE)
    check_sound(SIZED)
    check_sound(TOTALS)
    check_sound(MOVED)
    check_sound(EMPTY)
    check_sound(AGREED)
    # Two-way tables of five surfaces, and one of all sessions: six bases.
    assert AGREED.privacy.tested == 6
    # A table that is not computed costs nothing and tests nothing.
    assert EMPTY.privacy.tested == small_plan(SHARE).privacy.tested
    assert EMPTY.queries == small_plan(SHARE).queries
    # 3 months of 10 modes, and of 6 levels: a trend adds no decision of its own.
    assert MOVED.privacy.tested == 30 + 18
    check_sound(clip("work.count", 7, sigma=CLIP.sigma * 2))
    assert TOTALS.privacy.tested == 10 + 1
    check_sound(privacy(z=MADE.privacy.z + 1))
    check_sound(query(sigma=FIRST.sigma * 2))
    assert cells_tested(MADE.tables, MADE.queries) == MADE.privacy.tested == 22
