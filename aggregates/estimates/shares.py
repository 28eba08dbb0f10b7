"""
Shares: how a group's sessions divide among labels.

The base of a group is the sum of its own noisy cells, so that shares that are shown whole sum
to 1 and lie in [0, 1] by themselves: a printed cell is positive, and so is their sum.  Where a
label is withheld, the others are clipped to [0, 1].

Shares and a noisy count together give the base away, and with it the sum of what is withheld:
hence the group decision of `privacy.minimum`.  A table may show that sum as a row of its own, "all
others": then the shares of a group that are shown sum to 1.  If a group withholds nothing, that row
is not computed.
"""

from collections.abc import Iterator, Sequence

from privacy.minimum import LEAST_MERGED, Minimum, State
from privacy.plan import Plan, Table
from privacy.rows import REST

from .cells import Cell, Estimator, Noisy, Smooth, counts_of, groups, labelled, minimum_of
from .design import design_of
from .intervals import Ratio


def shares(
    plan: Plan, table: Table, noisy: Noisy, smooth: Smooth, estimator: Estimator = labelled
) -> Iterator[Cell]:
    """
    Make a share table.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of shares.
        noisy: Noisy sums of its query.
        smooth: The same after tables were reconciled.
        estimator: From a cell's keys, ratio and D to what is printed of it.

    Yields:
        A cell for each combination of keys and label, each tested on its own noisy count.
    """
    query = counts_of(plan, table)
    minimum, design = minimum_of(plan, query), design_of(plan, table, noisy)
    scale = plan.privacy.scale
    for (keys, counts), (_, parts) in zip(groups(query, noisy), groups(query, smooth), strict=True):
        base = sum(parts) / scale
        states, merged = decide(table, minimum, counts, query.sigma)
        for key, count, part, state in zip(keys, counts, parts, states, strict=True):
            ratio = Ratio(part / scale, base, query.sigma / scale, 1, len(counts) - 1)
            estimate = estimator(key, ratio, design) if state == "published" else None
            yield Cell(key, count, 1, query.sigma, state, estimate, minimum)
        if not table.residual:
            continue
        key = f"{keys[0].rpartition('=')[0]}={REST}"
        if not merged:
            whole = all(state == "published" for state in states)
            state = "not_computed" if whole else "suppressed"
            yield Cell(key, 0, LEAST_MERGED, query.sigma, state, None, minimum)
            continue
        hidden, width = [counts[place] for place in merged], len(merged)
        part = sum(parts[place] for place in merged) / scale
        ratio = Ratio(part, base, query.sigma / scale, width, len(counts) - width)
        yield Cell(
            key, sum(hidden), width, query.sigma, "published",
            estimator(key, ratio, design), minimum,
            minimum.rest_at_least(hidden, query.sigma),
        )  # fmt: skip


def decide(
    table: Table, minimum: Minimum, counts: Sequence[int], sigma: float
) -> tuple[list[State], tuple[int, ...]]:
    """A group's decisions, for a share and its trends alike, and which cells its rest merges."""
    if table.residual:
        return minimum.decide_rest(counts, sigma)
    return minimum.decide_group(counts, sigma), ()
