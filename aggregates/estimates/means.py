"""
Means: of a quantity, or of its logarithm.

A mean is a noisy sum over a noisy weight.  A *geometric mean* sums logarithms, centred and clamped
to public bounds, and prints the exponential: the typical size of something that spreads over orders
of magnitude.  A *mean* sums the quantity itself, in whole steps of its public range.  Zero counts
as the measure's declared floor in both, which the codebook prints.

How far values spread within a cell decides how far a mean varies by sampling.  One number for the
whole table is measured, the sum of squares over all cells, since the noise on a cell's own would
drown it; from it the squares of the cells' means are taken off, corrected for their noise.  What is
common to a table's cells is therefore an assumption, which the bundle states: of logarithms the
variance, of quantities the variance as a part of the squared mean (sizes that are twice as large
spread twice as far).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from privacy.codebook import LOG_STEPS, Codebook
from privacy.plan import Plan, Query, Table

from .cells import Cell, Noisy, join_keys, minimum_of
from .intervals import Estimate, Mean, mean

THOUSAND = float(LOG_STEPS)
"""Sums are of whole thousandths of a logarithm, or of steps; means are reckoned in thousands."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """Noisy sums of one table in accounts times thousands of the value's unit."""

    weights: tuple[float, ...]
    totals: tuple[float, ...]
    squares: float
    sigma_weight: float
    sigma_total: float
    sigma_squares: float


def means(plan: Plan, table: Table, noisy: Noisy, codebook: Codebook) -> Iterator[Cell]:
    """
    Make a table of means or geometric means.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind mean or geometric_mean.
        noisy: Noisy weights, sums and the sum of squares.
        codebook: Where the measure's floor stands.

    Yields:
        A cell for each combination of keys, tested on its noisy weight, in the measure's unit.
    """
    weight, total, spread = (plan.query(name) for name in table.queries)
    minimum, scale = minimum_of(plan, weight), plan.privacy.scale
    design = float(plan.contribution(weight))
    states = [minimum.decide(count, weight.sigma) for count in noisy[weight.name]]
    sums = _Sums(
        weights=tuple(w / scale for w in noisy[weight.name]),
        totals=tuple(s / scale / THOUSAND for s in noisy[total.name]),
        squares=noisy[spread.name][0] / scale / THOUSAND,
        sigma_weight=weight.sigma / scale,
        sigma_total=total.sigma / scale / THOUSAND,
        sigma_squares=spread.sigma / scale / THOUSAND,
    )
    shown = [number for number, state in enumerate(states) if state == "published"]
    if table.kind == "geometric_mean":
        variance, unit = _common_variance(sums, shown), _exponential(total, codebook)
    else:
        variance, unit = _common_ratio(sums, shown, total, spread), _linear(total)
    for number, (cell, state) in enumerate(zip(weight.cells, states, strict=True)):
        estimate = None
        if state == "published":
            found = Mean(
                total=sums.totals[number],
                weight=sums.weights[number],
                sigma_total=sums.sigma_total,
                sigma_weight=sums.sigma_weight,
                variance=variance(number),
                bound=total.bound / THOUSAND,
            )
            estimate = unit(mean(found, design=design))
        tested = noisy[weight.name][number]
        keys = join_keys(table.by, cell)
        yield Cell(keys, tested, 1, weight.sigma, state, estimate, minimum)


def _common_variance(sums: _Sums, shown: Sequence[int]) -> Callable[[int], float]:
    """
    Variance of the logarithm within cells, common to all of them, rounded up.

    Σw(x - μ_c)² = Σw·x² - Σ_c s_c²/n_c, and a noisy s̃_c² is too large by σ_s² on average.  Cells
    that are not shown keep their means' squares in, and one deviation of the noise is added:
    both make the interval wider, never narrower.
    """
    squared = [max(sums.totals[c] ** 2 - sums.sigma_total**2, 0.0) / sums.weights[c] for c in shown]
    rest = max(sums.squares + sums.sigma_squares - sum(squared), sums.sigma_squares)
    variance = rest / max(sum(sums.weights), 1.0)
    return lambda _: variance


def _common_ratio(
    sums: _Sums, shown: Sequence[int], total: Query, spread: Query
) -> Callable[[int], float]:
    """
    Variance within a cell as a part of its squared mean, common to all of them, rounded up.

    With means μ_c above the low end, Σw·x² = Σ_c n_c·μ_c²·(1 + r), hence r.  Cells that are not
    shown keep their squares in, and one deviation of the noise is added, as above.  No variance is
    larger than (high - μ)(μ - low), that of a coin with two sides [Bhatia & Davis 2000].
    """
    rises = (total.centre - spread.centre) / THOUSAND
    height = 2 * total.bound / THOUSAND

    def above(number: int) -> float:
        return min(max(rises + sums.totals[number] / sums.weights[number], 0.0), height)

    # A noisy mean's square is too large by its noise, which is taken off.
    noise = sums.sigma_total**2
    squared = sum(
        max(sums.weights[c] * above(c) ** 2 - noise / sums.weights[c], 0.0) for c in shown
    )
    if not squared:
        return lambda number: above(number) * (height - above(number))
    ratio = max((sums.squares + sums.sigma_squares) / squared - 1, sums.sigma_squares / squared)
    return lambda c: min(ratio * above(c) ** 2, above(c) * (height - above(c)))


def _exponential(query: Query, codebook: Codebook) -> Callable[[Estimate], Estimate]:
    """From the centred logarithm to the measure's unit; standard errors by the delta method."""
    measure = codebook.measure(query.measure)

    def convert(estimate: Estimate) -> Estimate:
        value, low, high = (
            measure.decode(query.centre + centred * THOUSAND)
            for centred in (estimate.value, estimate.low, estimate.high)
        )
        return Estimate(value, low, high, value * estimate.se_noise, value * estimate.se_sampling)

    return convert


def _linear(query: Query) -> Callable[[Estimate], Estimate]:
    """From thousands of centred steps to the measure's unit."""

    def convert(estimate: Estimate) -> Estimate:
        value, low, high = (
            query.unit * (query.centre + centred * THOUSAND)
            for centred in (estimate.value, estimate.low, estimate.high)
        )
        by = query.unit * THOUSAND
        return Estimate(value, low, high, by * estimate.se_noise, by * estimate.se_sampling)

    return convert
