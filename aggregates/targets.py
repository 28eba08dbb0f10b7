"""
How little noise each query should have, before any price is known.

Wishes come from the study (how wide a table's intervals may be) and from what is expected of the
population (how large its groups are); `workload.price` then makes the largest noise, each against
its own wish, as small as the loss allows.
"""

from collections.abc import Mapping, Sequence
from math import inf, sqrt
from statistics import median

from privacy.codebook import LOG_STEPS
from privacy.plan import ADJUSTED_MEANS, ADJUSTED_RATES, AGREEMENTS, TRENDS, Plan, Query, Table
from privacy.unit import CLIPS

from .clipping import at_bounds
from .estimates.agreement import Square, square, two_way
from .estimates.cells import groups
from .estimates.intervals import Z95
from .estimates.rates import answers
from .estimates.totals import choose_exactly
from .leverage import leverage
from .table import OF_MEASURES
from .workload import AMOUNT_SPREAD, BINS

WIDTH = {
    "share": 0.05,
    "rate": 0.05,
    "geometric_mean": 0.1,
    "mean": 0.1,
    "quantiles": 0.05,
    "total": 0.1,
    "grand_total": 0.1,
    "adjusted_rate": 0.05,
    "adjusted_slope": 0.05,
    "adjusted_geometric_mean": 0.1,
    "adjusted_ratio": 0.1,
    "accounts": 0.1,
    "accounts_above": 0.1,
    **dict.fromkeys(AGREEMENTS, 0.05),
}
"""Half-width that noise may give a middling group, unless the table states its own: in points of
a share or of a distribution function, or as a part of the mean or of the number."""
PRINTED = (0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
"""Wishes for the smallest cell of a table that should still be printed: at which part of its
cells it lies, counted from the smallest.  `plan` takes the wish that prints most, since paying
for one table's small cells takes the loss away from all others."""
SPREAD_ERROR = 0.1
"""Deviation that noise may give the variance behind a mean's interval: in squared natural
logarithms, where the published measures have variances about 1, or as a part of the squares."""
DESIGN_ERROR = 0.05
"""Deviation that noise may give a table's moments, as a part of its base: a quarter or more of that
is what independent sessions vary, so D is known to within a fifth."""
CUT = 0.02
"""Part of all sessions that a bound of a total may cut off in what is expected of it."""
GRAND = 0.2
"""How wide the grand total's interval may be against a cell's: all cells are scaled by it."""
FINE = 0.0001
"""Deviation of the noise on histograms of account sizes, as a part of all accounts: the bound is
chosen from them, and a tail that drowns in noise is cut off unseen.  (At five times as much, the
median error of 63 totals rose from 1.2 to 2.0 %.)"""

Sums = Mapping[str, Sequence[int]]


Inside = Mapping[tuple[str, str], Mapping[str, float]]
"""Name and kind of each adjusted table → wishes for its queries."""


def inside(plan: Plan, sums: Sums, half_widths: Mapping[str, float | None]) -> Inside:
    """How noise should be shared inside adjusted tables: the same for all of `PRINTED`."""
    return {
        (t.name, t.kind): leverage(plan, t, sums, half_widths.get(t.name) or WIDTH[t.kind])
        for t in plan.tables
        if t.kind in (*ADJUSTED_RATES, *ADJUSTED_MEANS)
    }


def targets(
    plan: Plan,
    sums: Sums,
    half_widths: Mapping[str, float | None],
    printed: float,
    adjusted: Inside,
) -> dict[str, float]:
    """
    How little noise each query should have: T of the minimax split.

    Two wishes, the stricter counts: a middling group's interval is not widened by more than the
    half-width that the table states, and the cell at the part `printed` of the table passes the
    test of the minimum: (q - k·m)/z. Cells smaller than that are given up; to pay for them would
    take the loss away from all others.

    Args:
        plan: A plan whose z and minimum are settled.
        sums: Expected sums.
        half_widths: Table → wanted half-width, or None for its kind's.
        printed: One of `PRINTED`.
        adjusted: What `inside` says.

    Returns:
        Query → T in accounts (times the value's unit); positive.
    """
    wanted: dict[str, float] = {}
    for table in plan.tables:
        # Made of what its share or rate has bought, or of nothing.
        if table.kind in (*TRENDS, "corrected") or not table.queries:
            continue
        half = half_widths.get(table.name) or WIDTH[table.kind]
        own = adjusted.get((table.name, table.kind), {})
        for name in table.queries:  # what two statistics need is as precise as the stricter wants
            query = plan.query(name)
            if name in own:
                target = min(own[name], _tested(plan, table, query, sums, printed) or inf)
            else:
                target = _target(plan, table, query, sums, half, printed)
            target = max(target, 1e-3)
            wanted[name] = min(target, wanted.get(name, inf))
    return wanted


def _target(
    plan: Plan, table: Table, query: Query, sums: Sums, half: float, printed: float
) -> float:
    if table.kind in ("total", "grand_total"):
        return _of_totals(plan, table, query, sums, half)
    counts = plan.query(table.queries[0])
    if table.kind in AGREEMENTS:
        return _of_agreement(plan, table, counts, sums, half, printed)
    if query.value == "moments":
        return DESIGN_ERROR * sum(sums[counts.name]) / plan.privacy.scale
    if table.kind == "rate":
        return _of_rate(plan, table, counts, sums, half, printed)
    bases = [sum(cells) / plan.privacy.scale for _, cells in groups(counts, sums)]
    if table.kind in OF_MEASURES or counts.value == "size":
        # The last axis of a mean's weights is a key like any other: every cell is a group.
        bases = [cell / plan.privacy.scale for cell in sums[counts.name]]
    whole, typical = sum(bases), median(bases)
    part = query.name.removeprefix(f"{table.name}.")
    if query.value == "log_squared":
        return SPREAD_ERROR * whole * LOG_STEPS
    if part == AMOUNT_SPREAD:
        return SPREAD_ERROR * sums[query.name][0] / plan.privacy.scale
    if part == BINS:
        # In the middle of a distribution, noise is that of a bridge over all bins.
        return half * typical / (Z95 * sqrt(len(query.axes[-1].levels)) / 2)
    # Two noisy cells or sums stand in each ratio, hence the root; a share's own cell dominates.
    terms = 1.0 if table.kind == "share" or counts.value == "size" else sqrt(2)
    width = half * typical / (Z95 * terms)
    if query.value == "log":
        return width * LOG_STEPS
    if table.kind == "mean":
        rises, apart = _mean_in_steps(plan, table, sums)
        width *= rises if query.value == "amount" else min(rises / max(apart, 1e-9), 1.0)
        if query.value == "amount":
            return width
    cells = [cell / plan.privacy.scale for cell in sums[counts.name]]
    return min(width, _printable(plan, counts, cells, printed) or width)


def _of_rate(
    plan: Plan, table: Table, counts: Query, sums: Sums, half: float, printed: float
) -> float:
    """Deviation of a state's noise: a rate sums those of its yes and those of its no."""
    told = [(yes, no) for _, yes, no in answers(table, counts, sums)]
    bases = [(yes + no) / plan.privacy.scale for yes, no in told]
    part = sum(yes for yes, _ in told) / plan.privacy.scale / max(sum(bases), 1e-9)
    inside, outside = len(table.yes), len(table.no)
    spread = sqrt(inside * (1 - part) ** 2 + outside * part**2)
    width = half * median(bases) / (Z95 * spread)
    return min(width, _printable(plan, counts, bases, printed, inside + outside) or width)


def _tested(plan: Plan, table: Table, query: Query, sums: Sums, printed: float) -> float:
    """Deviation at which a regression's level at that part passes; 0 of what tests none."""
    if query.name != table.queries[0]:
        return 0.0
    width = query.size // len(query.axes[0].levels)
    vector = [cell / plan.privacy.scale for cell in sums[query.name]]
    bases = [sum(vector[at : at + width]) for at in range(0, query.size, width)]
    return _printable(plan, query, bases, printed, width)


def _mean_in_steps(plan: Plan, table: Table, sums: Sums) -> tuple[float, float]:
    """A middling cell's expected mean in steps, and how far it lies from what is subtracted."""
    counts, total = (plan.query(name) for name in table.queries[:2])
    pairs = zip(sums[total.name], sums[counts.name], strict=True)
    apart = median(s / w if w > 0 else 0.0 for s, w in pairs)
    return total.centre + apart, abs(apart)


def _of_agreement(
    plan: Plan, table: Table, counts: Query, sums: Sums, half: float, printed: float
) -> float:
    """Deviation of a cell's noise: how much of it reaches the statistic is reckoned at one."""
    scale, width = plan.privacy.scale, square(counts)
    found = [
        two_way(sums[counts.name][at : at + width], scale) for at in range(0, counts.size, width)
    ]
    design = float(plan.contribution(counts))
    felt = [Square(cells, 1.0).estimate(table.kind, design=design).se_noise for cells in found]
    bases = [float(cells.sum()) for cells in found]
    wanted = half / (Z95 * max(median(felt), 1e-12))
    return min(wanted, _printable(plan, counts, bases, printed, width) or wanted)


def _printable(
    plan: Plan, counts: Query, tested: Sequence[float], printed: float, summed: int = 1
) -> float:
    """Deviation at which the set at that part of the table passes; 0 where it cannot."""
    cell = sorted(tested)[int(printed * (len(tested) - 1))]
    least = float(plan.privacy.minimum_accounts * plan.contribution(counts))
    return max(0.0, (cell - least) / plan.privacy.z / sqrt(summed)) if cell > 1.5 * least else 0.0


def _of_totals(plan: Plan, table: Table, query: Query, sums: Sums, half: float) -> float:
    """Deviation at a bound of one: of a middling cell, of the grand total, of a histogram."""
    count, whole, norms, sizes = (plan.query(name) for name in table.queries)
    scale = plan.privacy.scale
    clips = {
        count.name: choose_exactly(sums[norms.name], scale, part=CUT),
        whole.name: choose_exactly(sums[sizes.name], scale, part=CUT),
    }
    bound, cap = CLIPS[clips[count.name]], CLIPS[clips[whole.name]]
    cells = sorted(cell / scale for cell in at_bounds(count, sums[count.name], clips))
    width = half * median(cells) / (Z95 * bound)
    if query.name == count.name:
        least = plan.privacy.minimum_accounts * bound
        test = (median(cells) - least) / (plan.privacy.z * bound)
        return min(width, test) if test > 0 else width
    if query.name == whole.name:
        return GRAND * half * sum(cells) / (Z95 * cap)
    return max(FINE * sum(sums[norms.name]) / scale, 3 * width)
