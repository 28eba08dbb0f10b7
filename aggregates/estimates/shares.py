"""
Shares: how a group's sessions divide among labels.

The base of a group is the sum of its own noisy cells, so that shares that are shown whole sum
to 1 and lie in [0, 1] by themselves: a printed cell is positive, and so is their sum.  Where a
label is withheld, the others are clipped to [0, 1].

Shares and a noisy count together give the base away, and with it the sum of what is withheld:
hence the group decision of `privacy.minimum`.
"""

from collections.abc import Iterator

from privacy.plan import Plan, Table

from .cells import Cell, Noisy, Smooth, counts_of, groups, minimum_of
from .design import design_of
from .intervals import Ratio, proportion


def shares(plan: Plan, table: Table, noisy: Noisy, smooth: Smooth) -> Iterator[Cell]:
    """
    Make a share table.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind share.
        noisy: Noisy sums of its query.
        smooth: The same after tables were reconciled.

    Yields:
        A cell for each combination of keys and label, each tested on its own noisy count.
    """
    query = counts_of(plan, table)
    minimum, design = minimum_of(plan, query), design_of(plan, table, noisy)
    scale = plan.privacy.scale
    for (keys, counts), (_, parts) in zip(groups(query, noisy), groups(query, smooth), strict=True):
        base = sum(parts) / scale
        states = minimum.decide_group(counts, query.sigma)
        for key, count, part, state in zip(keys, counts, parts, states, strict=True):
            ratio = Ratio(part / scale, base, query.sigma / scale, 1, len(counts) - 1)
            estimate = proportion(ratio, design=design) if state == "published" else None
            yield Cell(key, count, 1, query.sigma, state, estimate, minimum)
