"""
Geometric means: the typical size of something that spreads over orders of magnitude.

Stored values are logarithms, centred and clamped to public bounds, so the mean of the logarithm
is a noisy sum over a noisy weight, and its exponential is the geometric mean.  Zero counts as the
measure's declared floor, which the codebook prints.

How far values spread within a cell decides how far a mean varies by sampling.  One number for the
whole table is measured, the sum of squares over all cells, since the noise on a cell's own would
drown it; from it the squares of the cells' means are taken off, corrected for their noise.
The spread is therefore common to a table's cells: an assumption, which the bundle states.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from privacy.codebook import LOG_STEPS, Codebook
from privacy.plan import Plan, Query, Table

from .cells import Cell, Noisy, join_keys, minimum_of
from .intervals import Estimate, Mean, mean


def geometric_means(plan: Plan, table: Table, noisy: Noisy, codebook: Codebook) -> Iterator[Cell]:
    """
    Make a table of geometric means.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind geometric_mean.
        noisy: Noisy weights, sums and the sum of squares.
        codebook: Where the measure's floor stands.

    Yields:
        A cell for each combination of keys, tested on its noisy weight, in the measure's unit.
    """
    weight, total, spread = (plan.query(name) for name in table.queries)
    minimum, scale = minimum_of(plan), plan.privacy.scale
    design = float(Fraction(plan.privacy.contribution))
    weights, sums = noisy[weight.name], noisy[total.name]
    states = [minimum.decide(count, weight.sigma) for count in weights]
    shown = [
        (w / scale, s / scale / LOG_STEPS)
        for w, s, state in zip(weights, sums, states, strict=True)
        if state == "published"
    ]
    everything = max(sum(weights) / scale, 1.0)
    variance = _variance(
        noisy[spread.name][0] / scale / LOG_STEPS,
        everything,
        shown,
        sigma_total=total.sigma / scale / LOG_STEPS,
        sigma_squares=spread.sigma / scale / LOG_STEPS,
    )
    for cell, w, s, state in zip(weight.cells, weights, sums, states, strict=True):
        estimate = None
        if state == "published":
            estimate = _exponential(
                mean(
                    Mean(
                        total=s / scale / LOG_STEPS,
                        weight=w / scale,
                        sigma_total=total.sigma / scale / LOG_STEPS,
                        sigma_weight=weight.sigma / scale,
                        variance=variance,
                        bound=total.bound / LOG_STEPS,
                    ),
                    design=design,
                ),
                total,
                codebook,
            )
        yield Cell(join_keys(table.by, cell), w, 1, weight.sigma, state, estimate)


def _variance(
    squares: float,
    weight: float,
    shown: Sequence[tuple[float, float]],
    *,
    sigma_total: float,
    sigma_squares: float,
) -> float:
    """
    Variance of the logarithm within cells, common to all of them, rounded up.

    Σw(x - μ_c)² = Σw·x² - Σ_c s_c²/n_c, and a noisy s̃_c² is too large by σ_s² on average.  Cells
    that are not shown keep their means' squares in, and one deviation of the noise is added:
    both make the interval wider, never narrower.
    """
    means = sum(max(s * s - sigma_total**2, 0.0) / w for w, s in shown)
    return max(squares + sigma_squares - means, sigma_squares) / weight


def _exponential(estimate: Estimate, query: Query, codebook: Codebook) -> Estimate:
    """From the centred logarithm to the measure's unit; standard errors by the delta method."""
    measure = codebook.measure(query.measure)

    def unit(centred: float) -> float:
        return measure.decode(query.centre + centred * LOG_STEPS)

    value = unit(estimate.value)
    return Estimate(
        value,
        low=unit(estimate.low),
        high=unit(estimate.high),
        se_noise=value * estimate.se_noise,
        se_sampling=value * estimate.se_sampling,
    )
