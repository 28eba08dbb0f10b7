"""A plan that somebody edited is refused where it promises more than it keeps."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from privacy.errors import RefusedError
from privacy.plan import Level, Plan
from privacy.raters import CLAUDE
from privacy.soundness import cells_tested, check_sound
from privacy.spending import MOST_CAP, Prices, Spending
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    AGREE,
    DESIGNED,
    MEAN,
    NOTHING,
    OWN_K,
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
WEIGHED = small_plan(SHARE, OWN_K)
PEOPLE = small_plan(SHARE, ACCOUNT_SIZES)
PAIRED = small_plan(DESIGNED)
MOVED = small_plan(TRENDS)
EMPTY = small_plan(SHARE, NOTHING)
AGREED = small_plan(AGREE)
HELD = small_plan(ADJUSTED)


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


def weighed(name: str, **changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The plan of tables with their own k, with one of its queries changed."""
    made = [replace(q, **changes) if q.name == name else q for q in WEIGHED.queries]
    return replace(WEIGHED, queries=(*made,))


def nothing(**changes: Any) -> Plan:  # noqa: ANN401  any field of a table
    """A plan with a table that is not computed, changed."""
    first, last = EMPTY.tables
    return replace(EMPTY, tables=(first, replace(last, **changes)))


def people(**changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The plan of account sizes, with their query changed."""
    first, sizes = PEOPLE.queries
    return replace(PEOPLE, queries=(first, replace(sizes, **changes)))


def paired(name: str, **changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The plan of design effects, with one of its queries changed."""
    made = [replace(q, **changes) if q.name == name else q for q in PAIRED.queries]
    return replace(PAIRED, queries=(*made,))


def parted(**changes: Any) -> Plan:  # noqa: ANN401  any field of an axis
    """The same with other bins."""
    return people(axes=(replace(PEOPLE.queries[1].axes[0], **changes),))


def query(**changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The plan with its first query changed."""
    first, *others = MADE.queries
    return replace(MADE, queries=(replace(first, **changes), *others))


def privacy(**changes: Any) -> Plan:  # noqa: ANN401  any field of a plan's privacy
    """The plan with another promise."""
    return replace(MADE, privacy=replace(MADE.privacy, **changes))


def held(number: int, **changes: Any) -> Plan:  # noqa: ANN401  any field of a table
    """The plan of regressions, with one of its tables changed."""
    made = [*HELD.tables]
    made[number] = replace(made[number], **changes)
    return replace(HELD, tables=(*made,))


def pair(number: int, **changes: Any) -> Plan:  # noqa: ANN401  any field of a query
    """The same with one query of the first table, or of the last, changed."""
    name = HELD.tables[0 if number >= 0 else -1].queries[number]
    made = [replace(q, **changes) if q.name == name else q for q in HELD.queries]
    return replace(HELD, queries=(*made,))


LEVELS, STEPS, _, MEANS, _ = HELD.tables
PAIR = HELD.query(LEVELS.queries[1])
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
    "a larger weight for a table": lambda: weighed("verified_at_five.count", contribution="6"),
    "a weight for a table that had the plan's": lambda: weighed("modes.count", contribution="2"),
    "the plan's weight where half is paid for": lambda: weighed(
        "sizes_at_a_half.bins", contribution=""
    ),
    "a mean of sums and weights at two k": lambda: weighed(
        "sizes_at_a_half.weight", contribution="1/3"
    ),
    "a weight that is no fraction": lambda: weighed("modes.count", contribution="1e9"),
    "a weight for a total": lambda: total("work.norms", contribution="1"),
    "accounts with less sensitivity": lambda: people(sensitivity=2**20 - 1),
    "accounts with less noise": lambda: people(sigma=PEOPLE.queries[1].sigma * 0.99),
    "accounts of another table": lambda: people(of="modes.count"),
    "accounts at a weight": lambda: people(contribution="5"),
    "accounts by a measure": lambda: parted(measure="prompts"),
    "accounts from two sessions on": lambda: parted(edges=(2, 3, 4, 7, 12, 2**20)),
    "bins under another name": lambda: parted(edges=(1, 2, 3, 6, 9, 2**20)),
    "accounts crossed with modes": lambda: people(
        axes=(*PEOPLE.queries[0].axes, *PEOPLE.queries[1].axes)
    ),
    "sessions for accounts": lambda: people(value="one"),
    "sizes beyond that nobody counted": lambda: replace(
        PEOPLE, privacy=replace(PEOPLE.privacy, tested=PEOPLE.privacy.tested - 1)
    ),
    "moments with less sensitivity": lambda: paired("designed.moments", sensitivity=25 * 2**20 - 1),
    "moments at the sensitivity of counts": lambda: paired(
        "designed.moments", sensitivity=5 * 2**20
    ),
    "moments with less noise": lambda: paired(
        "designed.moments", sigma=PAIRED.query("designed.moments").sigma * 0.99
    ),
    "moments of another table": lambda: paired("designed.moments", of="shared.count"),
    "moments of nothing": lambda: paired("designed.moments", of=""),
    "moments at another weight": lambda: paired("designed.moments", contribution="4"),
    "moments of other sessions": lambda: paired("designed.moments", where={"outcome": ("failed",)}),
    "moments by label": lambda: paired(
        "designed.moments", axes=PAIRED.query("designed.count").axes
    ),
    "a share's moments for a rate": lambda: paired(
        "designed.moments", axes=PAIRED.query("shared.moments").axes
    ),
    "counts in the place of moments": lambda: paired("shared.moments", value="one", of=""),
    "a table that prints its moments": lambda: replace(
        PAIRED,
        tables=(
            replace(PAIRED.tables[0], queries=PAIRED.tables[0].queries[::-1]),
            *PAIRED.tables[1:],
        ),
    ),
    "a rate whose moments say yes for no": lambda: replace(
        PAIRED,
        tables=(replace(PAIRED.tables[0], yes=("no",), no=("yes",)), *PAIRED.tables[1:]),
    ),
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
    "a pair with less noise": lambda: pair(1, sigma=PAIR.sigma * 0.99),
    "a pair with less sensitivity": lambda: pair(1, sensitivity=PAIR.sensitivity - 1),
    "a pair of a sum": lambda: pair(1, value="log", measure="actions", bound=9000),
    "a pair of other sessions": lambda: pair(1, where={}),
    "a pair at another k": lambda: pair(1, contribution="1/2"),
    "a pair of one block": lambda: pair(1, axes=PAIR.axes[:1]),
    "a pair the wrong way round": lambda: pair(1, axes=PAIR.axes[::-1]),
    "a pair of other levels": lambda: pair(
        1, axes=(PAIR.axes[0], replace(PAIR.axes[1], levels=PAIR.axes[1].levels[1:]))
    ),
    "fewer pairs": lambda: held(2, queries=LEVELS.queries[:-1]),
    "pairs in another order": lambda: held(2, queries=LEVELS.queries[::-1]),
    "no pairs": lambda: held(2, queries=()),
    "a regression tested on another pair": lambda: held(
        2, queries=(LEVELS.queries[3], *LEVELS.queries[1:])
    ),
    "controls of another name": lambda: held(0, controls=("month", "surface")),
    "fewer controls": lambda: held(0, controls=LEVELS.controls[:1], columns=()),
    "columns that fall": lambda: held(0, columns=(2, 0)),
    "columns beyond the controls": lambda: held(0, columns=(0, 3)),
    "a column before none": lambda: held(0, columns=(-1, 2)),
    "an outcome that says nothing": lambda: held(0, yes=(), no=()),
    "an outcome that says yes alone": lambda: held(0, yes=(*LEVELS.yes, *LEVELS.no), no=()),
    "an outcome that says both": lambda: held(0, no=(*LEVELS.no, *LEVELS.yes)),
    "an outcome that leaves some out": lambda: held(0, no=LEVELS.no[1:]),
    "a regression by something else": lambda: held(0, by=("month",)),
    "a slope untested": lambda: replace(
        HELD, privacy=replace(HELD.privacy, tested=HELD.privacy.tested - 1)
    ),
    "an adjusted mean with a yes": lambda: held(3, yes=("novice",)),
    "an adjusted mean without squares": lambda: held(3, queries=MEANS.queries[:-1]),
    "an adjusted mean tested on a sum": lambda: held(
        3, queries=(MEANS.queries[2], *MEANS.queries[1:])
    ),
    "sums of another measure": lambda: pair(-2, measure="prompts"),
    "sums around another centre": lambda: pair(-2, centre=7),
    "sums of other sessions": lambda: pair(-2, where={}),
    "squares by level": lambda: pair(-1, axes=HELD.query(MEANS.queries[0]).axes),
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
    check_sound(HELD)
    # 5 levels and their sum, of rates and of weights: columns and further rates share decisions.
    assert HELD.privacy.tested == 6 + 6
    check_sound(pair(1, sigma=PAIR.sigma * 2))
    check_sound(WEIGHED)
    check_sound(PEOPLE)
    check_sound(PAIRED)
    assert PEOPLE.privacy.tested == 10 + 5 + 4  # modes, bins, and what lies beyond all but the last
    check_sound(weighed("verified_at_five.count", contribution="4"))  # noise for five hides four
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


ASKING = replace(CLAUDE, model="m", endpoint="https://api.example.org", roots="PEM")
PRICED = replace(MADE, rater=ASKING, spending=Spending(Prices(100_000, 500_000, 0, 0), 5_000_000))


def test_prices_and_a_cap_that_can_be_reckoned_with_are_sound() -> None:
    """The control; and no price at all is sound as well: then there is no cap to hold."""
    check_sound(PRICED)
    check_sound(replace(PRICED, spending=None))


@pytest.mark.parametrize(
    "forged",
    [
        replace(PRICED, rater=MADE.rater),
        replace(PRICED, spending=Spending(Prices(-1, 500_000, 0, 0), 5_000_000)),
        replace(PRICED, spending=Spending(Prices(100_000, 500_000, 0, 0, factor=0), 5_000_000)),
        replace(PRICED, spending=Spending(Prices(100_000, 500_000, 0, 0), 0)),
        replace(PRICED, spending=Spending(Prices(100_000, 500_000, 0, 0), MOST_CAP + 1)),
    ],
    ids=["asks nobody", "pays back", "free above the cliff", "no cap", "beyond all caps"],
)
def test_spending_that_somebody_edited_is_refused(forged: Plan) -> None:
    """A price below nothing would make room under the cap with every call."""
    with pytest.raises(RefusedError, match="PLAN_SPENDING"):
        check_sound(forged)
