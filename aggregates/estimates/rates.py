"""
Rates: in which part of a group's sessions a derived measure says yes.

A rate is tested on its base, yes and no together: the numerator may be small, noise protects it.
No total over groups is printed, so what is withheld cannot be found by subtraction.
"""

from collections.abc import Iterator
from fractions import Fraction

from privacy.plan import Plan, Table

from .cells import Cell, Noisy, Smooth, counts_of, groups, join_keys, minimum_of
from .intervals import Ratio, proportion


def rates(plan: Plan, table: Table, noisy: Noisy, smooth: Smooth) -> Iterator[Cell]:
    """
    Make a rate table.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind rate.
        noisy: Noisy sums of its query, whose last axis is yes and no.
        smooth: The same after tables were reconciled.

    Yields:
        A cell for each combination of keys.
    """
    query, minimum = counts_of(plan, table), minimum_of(plan)
    scale, design = plan.privacy.scale, float(Fraction(plan.privacy.contribution))
    bases = query.cells[:: len(query.axes[-1].levels)]
    answers = zip(bases, groups(query, noisy), groups(query, smooth), strict=True)
    for cell, (_, counts), (_, (yes, no)) in answers:
        base = sum(counts)
        state = minimum.decide(base, query.sigma, cells=2)
        ratio = Ratio(yes / scale, (yes + no) / scale, query.sigma / scale, 1, 1)
        estimate = proportion(ratio, design=design) if state == "published" else None
        yield Cell(join_keys(table.by, cell[:-1]), base, 2, query.sigma, state, estimate)
