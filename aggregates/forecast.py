"""
What a plan will probably show: from the published margins, never from data.

A synthetic population with those margins is drawn with a fixed seed and its exact sums are scaled
to a stated number of accounts.  They go through the very function that makes a release, so that
the forecast cannot drift from what it forecasts: a cell is expected to be published if it would be
with noise of zero, and its interval is the one that its σ gives.

Where a study's months are not those of the published margins, the synthetic sessions are spread
evenly over the study's months.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf, sqrt
from statistics import median

import numpy as np

from privacy.codebook import LOG_STEPS, Codebook
from privacy.labels import SESSION_KEY_BYTES
from privacy.plan import Forecast, Plan, Query, Table

from .estimates.cells import groups
from .estimates.intervals import Z95
from .kernel import Rows, partial
from .release import Row, release
from .study import OF_MEASURES
from .twin import draw
from .workload import AMOUNT_SPREAD, BINS, SPREAD

PRIOR_ACCOUNTS = 20_000, 60_000
"""Least and most accounts that are drawn: they know the margins, and are drawn within a second."""
PRIOR_SEED = 1
WIDTH = {"share": 0.05, "rate": 0.05, "geometric_mean": 0.1, "mean": 0.1, "quantiles": 0.05}
"""Half-width that noise may give a middling group, unless the table states its own: in points of
a share or of a distribution function, or as a part of the mean."""
PRINTED = (0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
"""Wishes for the smallest cell of a table that should still be printed: at which part of its
cells it lies, counted from the smallest.  `plan` takes the wish that prints most, since paying
for one table's small cells takes the loss away from all others."""
SPREAD_ERROR = 0.1
"""Deviation that noise may give the variance behind a mean's interval: in squared natural
logarithms, where the published measures have variances about 1, or as a part of the squares."""

Sums = Mapping[str, Sequence[int]]


def prior(plan: Plan, accounts: int, sessions: int, codebook: Codebook) -> dict[str, list[int]]:
    """
    Expected sums of a plan's queries.

    Args:
        plan: The plan; prices are not needed yet.
        accounts: How many accounts are expected.
        sessions: How many sessions they have.
        codebook: The closed vocabulary.

    Returns:
        Query → expected vector, in units of 1/scale.
    """
    drawn = min(max(accounts, PRIOR_ACCOUNTS[0]), PRIOR_ACCOUNTS[1])
    twin = draw(drawn, round(drawn * sessions / accounts), seed=PRIOR_SEED, codebook=codebook)
    rows = _in_months(twin.rows, plan.population.months, codebook)
    sums = partial(plan, rows, codebook)
    return {
        name: [round(int(cell) * accounts / drawn) for cell in vector]
        for name, vector in sums.items()
    }


def targets(
    plan: Plan, sums: Sums, half_widths: Mapping[str, float | None], printed: float
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

    Returns:
        Query → T in accounts (times the value's unit); positive.
    """
    wanted: dict[str, float] = {}
    for table in plan.tables:
        half = half_widths.get(table.name) or WIDTH[table.kind]
        for name in table.queries:  # what two statistics need is as precise as the stricter wants
            target = max(_target(plan, table, plan.query(name), sums, half, printed), 1e-3)
            wanted[name] = min(target, wanted.get(name, inf))
    return wanted


def forecast(plan: Plan, sums: Sums, accounts: int, sessions: int, codebook: Codebook) -> Forecast:
    """
    Forecast a priced plan.

    Args:
        plan: The plan with its σ.
        sums: Expected sums.
        accounts: Expected accounts, as they are stated in the forecast.
        sessions: Expected sessions.
        codebook: The closed vocabulary.
    """
    rows = release(plan, sums, codebook)
    published = [row for row in rows if row["state"] == "published"]
    return Forecast(
        accounts=accounts,
        sessions=sessions,
        cells=len(rows),
        published=len(published),
        suppressed=tuple(
            f"{row['table']}: {row['keys']}" for row in rows if row["state"] != "published"
        ),
        half_widths={
            table.name: median(widths)
            for table in reversed(plan.tables)  # of several statistics, the first one's
            if (widths := [_half_width(row) for row in published if _is_of(row, table)])
        },
        bits_per_session=round(codebook.instrument_bits, 3),
    )


def _target(
    plan: Plan, table: Table, query: Query, sums: Sums, half: float, printed: float
) -> float:
    counts = plan.query(table.queries[0])
    bases = [sum(cells) / plan.privacy.scale for _, cells in groups(counts, sums)]
    if table.kind in OF_MEASURES:
        # The last axis of a mean's weights is a key like any other: every cell is a group.
        bases = [cell / plan.privacy.scale for cell in sums[counts.name]]
    whole, typical = sum(bases), median(bases)
    part = query.name.removeprefix(f"{table.name}.")
    if part == SPREAD:
        return SPREAD_ERROR * whole * LOG_STEPS
    if part == AMOUNT_SPREAD:
        return SPREAD_ERROR * sums[query.name][0] / plan.privacy.scale
    if part == BINS:
        # In the middle of a distribution, noise is that of a bridge over all bins.
        return half * typical / (Z95 * sqrt(len(query.axes[-1].levels)) / 2)
    # Two noisy cells or sums stand in each ratio, hence the root; a share's own cell dominates.
    terms = 1.0 if table.kind == "share" else sqrt(0.5) if table.kind == "rate" else sqrt(2)
    width = half * typical / (Z95 * terms)
    if query.value == "log":
        return width * LOG_STEPS
    if table.kind == "mean":
        rises, apart = _mean_in_steps(plan, table, sums)
        width *= rises if query.value == "amount" else min(rises / max(apart, 1e-9), 1.0)
        if query.value == "amount":
            return width
    return min(width, _printable(plan, table, counts, sums, printed) or width)


def _mean_in_steps(plan: Plan, table: Table, sums: Sums) -> tuple[float, float]:
    """A middling cell's expected mean in steps, and how far it lies from what is subtracted."""
    counts, total = (plan.query(name) for name in table.queries[:2])
    pairs = zip(sums[total.name], sums[counts.name], strict=True)
    apart = median(s / w if w > 0 else 0.0 for s, w in pairs)
    return total.centre + apart, abs(apart)


def _printable(plan: Plan, table: Table, counts: Query, sums: Sums, printed: float) -> float:
    """Deviation at which the cell at that part of the table passes; 0 where it cannot."""
    summed = len(counts.axes[-1].levels) if table.kind == "rate" else 1
    cells = [int(cell) for cell in sums[counts.name]]
    tested = sorted(sum(cells[at : at + summed]) for at in range(0, len(cells), summed))
    cell = tested[int(printed * (len(tested) - 1))] / plan.privacy.scale
    least = float(plan.privacy.minimum_accounts * Fraction(plan.privacy.contribution))
    return max(0.0, (cell - least) / plan.privacy.z / sqrt(summed)) if cell > 1.5 * least else 0.0


def _is_of(row: Row, table: Table) -> bool:
    return (row["table"], row["statistic"]) == (table.name, table.kind)


def _half_width(row: Row) -> float:
    return (float(row["high"] or 0) - float(row["low"] or 0)) / 2


def _in_months(rows: Rows, months: Sequence[str], codebook: Codebook) -> Rows:
    fields = [field.name for field in codebook.fields]
    at = SESSION_KEY_BYTES + fields.index("month")
    wanted = np.array([codebook.field("month").index(month) for month in months], np.uint8)
    if np.isin(wanted, rows[:, at]).all():
        return rows
    spread = rows.copy()
    spread[:, at] = wanted[np.arange(len(rows)) % len(wanted)]
    return spread
