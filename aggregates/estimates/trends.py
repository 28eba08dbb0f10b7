"""
Trends: how a share or a rate changed from the first month to the last, and how steeply.

Both are sums Σ c_t·p_t over months t: of the change, c is -1 at the first and +1 at the last; of
the slope, by least squares over months that count alike, c_t = (t - t̄)/Σ(t - t̄)².

**Noise.**  Months are cells of their own, with noise of their own; within a month, numerator and
base share it: p̂_t - p_t is about ((1-p)·e - p·e')/n, e and e' the noise in numerator and rest, so
the variance is Σ c_t²·σ²·(a(1-p_t)² + b·p_t²)/n_t².

**Sampling.**  Accounts live through several months, so the p̂_t are dependent.  An account adds
Σ w·c_t·r/n_t over its sessions, r their residuals and w their weights, and by Cauchy-Schwarz
(Σ w·c_t·r/n_t)² ≤ Σw · Σ w·(c_t·r/n_t)², whatever the dependence.  With Σw ≤ k the variance is at
most k·Σ c_t²·p_t(1-p_t)/n_t, as if months were independent and D = k: for habits that last, a
change is known better than that.

A row is printed if every month that it uses is: the same decisions as in the share or rate itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from privacy.forms import MONTH, factors, is_rates_trend
from privacy.minimum import State
from privacy.plan import Plan, Table

from .cells import Cell, Noisy, Smooth, counts_of, groups, join_keys, minimum_of
from .intervals import Z95, Estimate
from .rates import answers
from .shares import decide


@dataclass(frozen=True, slots=True)
class _Month:
    """A share or rate in one month, in accounts."""

    state: State
    tested: int
    part: float
    base: float
    inside: int
    """How many noisy cells the numerator sums."""
    outside: int
    """How many the rest of the base sums."""


def trends(plan: Plan, table: Table, noisy: Noisy, smooth: Smooth) -> Iterator[Cell]:
    """
    Make a table of changes or slopes.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind change or slope.
        noisy: Noisy sums of its query.
        smooth: The same after tables were reconciled.

    Yields:
        A cell for each combination of keys, tested on its smallest month.
    """
    query = counts_of(plan, table)
    names = [axis.name for axis in query.axes]
    months = [level.name for level in query.axes[names.index(MONTH)].levels]
    found: dict[tuple[str, ...], list[_Month]] = {}
    for cell, month in _by_month(plan, table, noisy, smooth):
        keys = tuple(cell[names.index(name)] for name in table.by)
        found.setdefault(keys, []).append(month)
    weights = factors(table.kind, months)
    design, sigma = float(plan.contribution(query)), query.sigma / plan.privacy.scale
    summed = len(table.yes) + len(table.no) if is_rates_trend(table) else 1
    for keys, row in found.items():
        used = [(c, month) for c, month in zip(weights, row, strict=True) if c]
        withheld = any(month.state != "published" for _, month in used)
        estimate = None if withheld else _combined(used, sigma, design)
        tested = min(month.tested for _, month in used)
        state: State = "suppressed" if withheld else "published"
        keyed = join_keys(table.by, keys)
        yield Cell(keyed, tested, summed, query.sigma, state, estimate, minimum_of(plan, query))


def _by_month(
    plan: Plan, table: Table, noisy: Noisy, smooth: Smooth
) -> Iterator[tuple[Sequence[str], _Month]]:
    """Each cell of the share or rate, with the decision that it had there."""
    query, scale = counts_of(plan, table), plan.privacy.scale
    minimum = minimum_of(plan, query)
    if is_rates_trend(table):
        inside, outside = len(table.yes), len(table.no)
        rate = zip(answers(table, query, noisy), answers(table, query, smooth), strict=True)
        for (levels, yes, no), (_, part, rest) in rate:
            state = minimum.decide(yes + no, query.sigma, cells=inside + outside)
            base = max((part + rest) / scale, 1.0)
            yield levels, _Month(state, yes + no, part / scale, base, inside, outside)
        return
    width = len(query.axes[-1].levels)
    both = zip(groups(query, noisy), groups(query, smooth), strict=True)
    for number, ((_, counts), (_, parts)) in enumerate(both):
        cells, base = query.cells[number * width :], max(sum(parts) / scale, 1.0)
        states, _ = decide(table, minimum, counts, query.sigma)
        for cell, count, part, state in zip(cells, counts, parts, states, strict=False):
            yield cell, _Month(state, count, part / scale, base, 1, width - 1)


def _combined(used: Sequence[tuple[float, _Month]], sigma: float, design: float) -> Estimate:
    value = noise = drawn = 0.0
    for c, month in used:
        p = min(max(month.part / month.base, 0.0), 1.0)
        spread = month.inside * (1 - p) ** 2 + month.outside * p**2
        value += c * p
        noise += (c * sigma / month.base) ** 2 * spread
        drawn += c**2 * design * p * (1 - p) / month.base
    reach = Z95 * sqrt(noise + drawn)
    return Estimate(value, value - reach, value + reach, sqrt(noise), sqrt(drawn))
