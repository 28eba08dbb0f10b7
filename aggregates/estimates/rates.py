"""
Rates: in which part of a group's sessions a derived measure says yes.

A rate is tested on its base, yes and no together: the numerator may be small, noise protects it.
Several rates can be made of one partition, whose levels say yes to some of them and no to others.
No total over groups is printed, so what is withheld cannot be found by subtraction.
"""

from collections.abc import Iterator, Mapping, Sequence

from privacy.plan import Plan, Query, Table

from .cells import (
    Cell,
    Count,
    Estimator,
    Noisy,
    Smooth,
    counts_of,
    groups,
    join_keys,
    labelled,
    minimum_of,
)
from .design import design_of
from .intervals import Ratio


def rates(
    plan: Plan, table: Table, noisy: Noisy, smooth: Smooth, estimator: Estimator = labelled
) -> Iterator[Cell]:
    """
    Make a rate table.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of rates.
        noisy: Noisy sums of its query, whose last axis holds the answers.
        smooth: The same after tables were reconciled.
        estimator: From a cell's keys, ratio and D to what is printed of it.

    Yields:
        A cell for each combination of keys.
    """
    query = counts_of(plan, table)
    minimum, design = minimum_of(plan, query), design_of(plan, table, noisy)
    scale, inside, outside = plan.privacy.scale, len(table.yes), len(table.no)
    both = zip(answers(table, query, noisy), answers(table, query, smooth), strict=True)
    for (cell, yes, no), (_, part, rest) in both:
        state = minimum.decide(yes + no, query.sigma, cells=inside + outside)
        ratio = Ratio(part / scale, (part + rest) / scale, query.sigma / scale, inside, outside)
        keys = join_keys(table.by, cell)
        estimate = estimator(keys, ratio, design) if state == "published" else None
        yield Cell(keys, yes + no, inside + outside, query.sigma, state, estimate, minimum)


def answers(
    table: Table, query: Query, sums: Mapping[str, Sequence[Count]]
) -> Iterator[tuple[tuple[str, ...], Count, Count]]:
    """
    Sum up what says yes and what says no to a rate, group by group.

    Args:
        table: A rate, or a trend of one.
        query: Its counts, whose last axis holds the answers.
        sums: Query → vector.

    Yields:
        The group's levels, the sum of its cells that say yes, and that of those that say no.
    """
    levels = [level.name for level in query.axes[-1].levels]
    yes, no = ([levels.index(name) for name in names] for names in (table.yes, table.no))
    for cell, (_, counts) in zip(query.cells[:: len(levels)], groups(query, sums), strict=True):
        said, denied = (sum(counts[place] for place in places) for places in (yes, no))
        yield cell[:-1], said, denied
