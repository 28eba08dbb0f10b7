"""
Rates: in which part of a group's sessions a derived measure says yes.

A rate is tested on its base, yes and no together: the numerator may be small, noise protects it.
Several rates can be made of one partition, whose levels say yes to some of them and no to others.
No total over groups is printed, so what is withheld cannot be found by subtraction.
"""

from collections.abc import Iterator

from privacy.plan import Plan, Table

from .cells import Cell, Noisy, Smooth, counts_of, groups, join_keys, minimum_of
from .design import design_of
from .intervals import Ratio, proportion


def rates(plan: Plan, table: Table, noisy: Noisy, smooth: Smooth) -> Iterator[Cell]:
    """
    Make a rate table.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind rate.
        noisy: Noisy sums of its query, whose last axis holds the answers.
        smooth: The same after tables were reconciled.

    Yields:
        A cell for each combination of keys.
    """
    query = counts_of(plan, table)
    minimum, design = minimum_of(plan, query), design_of(plan, table, noisy)
    scale, levels = plan.privacy.scale, [level.name for level in query.axes[-1].levels]
    yes, no = ([levels.index(name) for name in names] for names in (table.yes, table.no))
    bases = query.cells[:: len(levels)]
    for cell, (_, counts), (_, parts) in zip(
        bases, groups(query, noisy), groups(query, smooth), strict=True
    ):
        base = sum(counts[place] for place in (*yes, *no))
        state = minimum.decide(base, query.sigma, cells=len(yes) + len(no))
        part, rest = (sum(parts[place] for place in places) / scale for places in (yes, no))
        ratio = Ratio(part, part + rest, query.sigma / scale, len(yes), len(no))
        estimate = proportion(ratio, design=design) if state == "published" else None
        keys = join_keys(table.by, cell[:-1])
        yield Cell(keys, base, len(yes) + len(no), query.sigma, state, estimate, minimum)
