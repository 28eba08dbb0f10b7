"""
Which rates of a study are told from one partition of states, and which are bought by themselves.

R rates bought apart divide the loss among R measurements of two cells each; a partition gets the
loss of all of them, but its rates sum more cells.  Say that a rate sums a cells of yes and b of no,
that p of its base say yes, and that it wants a deviation of t in its base.  Its noise is
σ²·(a(1-p)² + b·p²), so it wants σ ≤ t/√(a(1-p)² + b·p²).  In the same way the test of its base,
σ²·(a + b), wants σ ≤ s/√(a + b), s what a middling base has to spare above the minimum, over z.
A measurement that σ will do for costs Δ²/2σ²: so a set of rates costs, in parts of the loss,
the largest of (a(1-p)² + b·p²)/t² and (a + b)/s² over its rates, which is what `workload.price`
would charge it at the same c.

**The rule**: begin with each rate by itself; while joining two sets makes them cheaper than they
were together, join the two that gain most.  Nested rates gain always (R of them on one base make
R + 1 states, and none sums more than R + 1 cells where apart they take 2R); R independent ones make
2ᴿ states and stay apart from three on.

Rates share only what they count alike: the same groups, the same `where`, the same k.  It is
decided on the expected sums that price the plan, before any data, and stands in the plan: which
query each rate names, and which of its levels say yes and no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from statistics import median

from privacy.codebook import Codebook
from privacy.forms import MOST_CELLS
from privacy.plan import Plan, Query, Table

from .estimates.cells import counts_of
from .estimates.intervals import Z95
from .estimates.rates import answers
from .partition import Answer, Labels, Partition, partition
from .population import both
from .targets import WIDTH, Sums

STATES = "states"
"""Axis of a partition, and the last part of its query's name."""


@dataclass(frozen=True, slots=True)
class _Rate:
    """A rate that is bought by itself, and what it wants of its noise."""

    table: Table
    counts: Query
    part: float
    """p: expected part of yes in all groups together."""
    width: float
    """t, in accounts."""
    spare: float
    """s, in accounts; 0 where a middling base does not pass at all."""

    @property
    def answer(self) -> Answer:
        """What it asks, read off its own two levels."""
        yes, no = self.counts.axes[-1].levels
        return Answer(no.when, yes.when)


def share(
    draft: Plan, sums: Sums, half_widths: Mapping[str, float | None], codebook: Codebook
) -> tuple[list[Query], list[Table]]:
    """
    Join the rates of a plan that are cheaper together.

    Args:
        draft: A plan without prices, in which each rate has counts of its own.
        sums: Expected sums of its queries.
        half_widths: Table → wanted half-width, or None for its kind's.
        codebook: The closed vocabulary.

    Returns:
        Queries and tables, in their order; a partition stands where its first rate's counts stood.
    """
    queries, tables = [*draft.queries], [*draft.tables]
    for rates in _alike(draft, sums, half_widths):
        possible = _possible(draft, rates[0].counts, codebook)
        for joined in _grouped(rates, possible):
            if len(joined) > 1:
                queries, tables = _joined(joined, possible, queries, tables)
    return queries, tables


def _alike(draft: Plan, sums: Sums, half_widths: Mapping[str, float | None]) -> list[list[_Rate]]:
    """Rates that count the same sessions in the same groups."""
    found: list[tuple[Query, list[_Rate]]] = []
    once = {t.queries[0]: t for t in reversed(draft.tables) if t.kind == "rate"}
    for query in draft.queries:  # what says yes and no to moments is two cells, not states
        once.pop(query.of, None)
    for table in reversed(once.values()):
        counts = counts_of(draft, table)
        groups = replace(counts, name="", axes=counts.axes[:-1])
        rates = next((rates for alike, rates in found if alike == groups), None)
        if rates is None:
            found.append((groups, rates := []))
        half = half_widths.get(table.name) or WIDTH[table.kind]
        rates.append(_rate(draft, table, sums, half))
    return [rates for _, rates in found]


def _rate(draft: Plan, table: Table, sums: Sums, half: float) -> _Rate:
    counts, privacy = counts_of(draft, table), draft.privacy
    told = [(yes, no) for _, yes, no in answers(table, counts, sums)]
    yes, no = (sum(column) for column in zip(*told, strict=True))
    typical = median(yes + no for yes, no in told) / privacy.scale
    least = float(privacy.minimum_accounts * draft.contribution(counts))
    return _Rate(
        table,
        counts,
        part=yes / max(yes + no, 1),
        width=max(half * typical / Z95, 1e-3),
        spare=max((typical - least) / privacy.z, 0.0),
    )


def _possible(draft: Plan, query: Query, codebook: Codebook) -> Labels:
    """The labels that a record of a query can hold."""
    given = both({**draft.population.where, "month": draft.population.months}, query.where)
    return {
        field.name: tuple(n for n in field.labels if n in given.get(field.name, field.labels))
        for field in codebook.fields
    }


def _grouped(rates: Sequence[_Rate], possible: Labels) -> list[list[_Rate]]:
    """The rule: sets of rates that are cheapest, joined step by step."""

    @cache
    def cost(places: frozenset[int]) -> float:
        chosen = [rates[place] for place in sorted(places)]
        made = _partition(chosen, possible)
        cells = max(len(made.axis.levels) * (rate.counts.size // 2) for rate in chosen)
        silent = any(not made.yes[r.table.name] or not made.no[r.table.name] for r in chosen)
        if len(places) > 1 and (silent or cells > MOST_CELLS):
            return float("inf")
        return max(
            _cost(rate, len(made.yes[rate.table.name]), len(made.no[rate.table.name]))
            for rate in chosen
        )

    def gain(pair: tuple[frozenset[int], frozenset[int]]) -> float:
        one, other = pair
        return cost(one) + cost(other) - cost(one | other)

    sets = [frozenset([place]) for place in range(len(rates))]
    while len(sets) > 1:
        best = max(combinations(sets, 2), key=gain)
        if gain(best) <= 1e-9 * cost(best[0]):
            break
        sets = [one for one in sets if one not in best] + [best[0] | best[1]]
    return [[rates[place] for place in sorted(places)] for places in sets]


def _cost(rate: _Rate, inside: int, outside: int) -> float:
    noise = inside * (1 - rate.part) ** 2 + outside * rate.part**2
    test = (inside + outside) / rate.spare**2 if rate.spare else 0.0
    return max(noise / rate.width**2, test)


def _partition(rates: Sequence[_Rate], possible: Labels) -> Partition:
    return partition(STATES, {rate.table.name: rate.answer for rate in rates}, possible)


def _joined(
    rates: Sequence[_Rate], possible: Labels, queries: Sequence[Query], tables: Sequence[Table]
) -> tuple[list[Query], list[Table]]:
    """The plan's queries and tables with one partition in the place of some rates' own counts."""
    made, first = _partition(rates, possible), rates[0].counts
    name = f"{first.name.rpartition('.')[0]}.{STATES}"
    states = replace(first, name=name, axes=(*first.axes[:-1], made.axis))
    old = {rate.counts.name: rate.table.name for rate in rates}
    kept = [
        states if query.name == first.name else query
        for query in queries
        if query.name == first.name or query.name not in old
    ]

    def told(table: Table) -> Table:
        rate = next((old[query] for query in table.queries if query in old), None)
        if rate is None:
            return table
        return replace(table, queries=(name,), yes=made.yes[rate], no=made.no[rate])

    return kept, [told(table) for table in tables]
