"""
What a plan will probably show: from the published margins, never from data.

A synthetic population with those margins is drawn with a fixed seed and its exact sums are scaled
to a stated number of accounts.  They go through the very function that makes a release, so that
the forecast cannot drift from what it forecasts: a cell is expected to be published if it would be
with noise of zero, and its interval is the one that its σ gives.

Where a study's months are not those of the published margins, the synthetic sessions are spread
evenly over the study's months.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from statistics import median

import numpy as np

from privacy.codebook import Codebook
from privacy.labels import SESSION_KEY_BYTES
from privacy.plan import Forecast, Plan, Reading

from .clipping import at_bounds
from .estimates.totals import choose
from .kernel import partial
from .release import release
from .rereading import reread
from .targets import Sums
from .twin import Twin, draw

PRIOR_ACCOUNTS = 20_000, 60_000
"""Least and most accounts that are drawn: they know the margins, and are drawn within a second."""
PRIOR_SEED = 1


def prior(plan: Plan, accounts: int, sessions: int, codebook: Codebook) -> dict[str, list[int]]:
    """
    Expected sums of a plan's queries.

    Args:
        plan: The plan; prices are not needed yet.
        accounts: How many accounts are expected.
        sessions: How many sessions they have.
        codebook: The closed vocabulary.

    Returns:
        Query → expected vector, in units of 1/scale; of a clipped query one for each bound.
    """
    drawn = min(max(accounts, PRIOR_ACCOUNTS[0]), PRIOR_ACCOUNTS[1])
    expected = round(drawn * sessions / accounts)
    twin = _twin(drawn, expected, plan.population.months, codebook, plan.readings)
    sums = partial(plan, twin.rows, twin.codebook)
    return {
        name: [round(int(cell) * accounts / drawn) for cell in vector]
        for name, vector in sums.items()
    }


@lru_cache(maxsize=1)  # `plan` asks for the same sessions again when it has shared its queries
def _twin(
    accounts: int,
    sessions: int,
    months: Sequence[str],
    codebook: Codebook,
    readings: tuple[Reading, ...],
) -> Twin:
    twin = draw(accounts, sessions, seed=PRIOR_SEED, codebook=codebook)
    return reread(in_months(twin, months), readings, seed=PRIOR_SEED)


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
    clips = choose(plan, sums)
    settled = {query.name: at_bounds(query, sums[query.name], clips) for query in plan.queries}
    rows = release(plan, settled, codebook, clips)
    tested = [row for row in rows if row["state"] != "not_computed"]
    published = [row for row in tested if row["state"] == "published"]
    widths: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in published:
        half = (float(row["high"] or 0) - float(row["low"] or 0)) / 2
        widths[str(row["table"]), str(row["statistic"])].append(half)
    return Forecast(
        accounts=accounts,
        sessions=sessions,
        cells=len(tested),
        published=len(published),
        suppressed=tuple(
            f"{row['table']}: {row['keys']}" for row in tested if row["state"] != "published"
        ),
        half_widths={
            table.name: median(widths[table.name, table.kind])
            for table in reversed(plan.tables)  # of several statistics, the first one's
            if (table.name, table.kind) in widths
        },
        bits_per_session=round(codebook.instrument_bits, 3),
    )


def in_months(twin: Twin, months: Sequence[str]) -> Twin:
    """The twin, or its sessions spread evenly over other months than those of its margins."""
    rows, codebook = twin.rows, twin.codebook
    fields = [field.name for field in codebook.fields]
    at = SESSION_KEY_BYTES + fields.index("month")
    wanted = np.array([codebook.field("month").index(month) for month in months], np.uint8)
    if np.isin(wanted, rows[:, at]).all():
        return twin
    spread = rows.copy()
    spread[:, at] = wanted[np.arange(len(rows)) % len(wanted)]
    return Twin(spread, codebook)
