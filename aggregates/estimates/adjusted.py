"""
Adjusted rates, adjusted geometric means, and how either rises with a step.

`regression` finds the numbers in a `sample` whose tables `gram` has made to agree; here they are
tested and get their intervals.  Pair tables, margins and sums are printed nowhere.

A level is tested as a rate's base or a mean's weight is, whatever is held equal: on its own noisy
count in the table of levels and outcomes (of a mean: the count of levels).  A slope, and a ratio
per step, are of the whole sample and tested on its sum; since that sum is printed beside levels, a
level withheld could be found by subtraction.  So no slope is printed while levels are withheld
unless these have the minimum of accounts together, by the bounds of `minimum`.

The interval is the estimate with 1.96 standard errors of noise and sampling together: a rate's is
cut off at 0 and 1, a mean's at the measure's public bounds.
"""

from collections.abc import Iterator, Sequence
from math import exp, sqrt

import numpy as np

from privacy.codebook import LOG_STEPS, Codebook
from privacy.minimum import Minimum, State
from privacy.plan import ADJUSTED_RATES, STEPS, Plan, Query, Table
from privacy.rows import keys_of

from .cells import Cell, Noisy, minimum_of
from .gram import Floats
from .intervals import Z95, Estimate
from .regression import Design, sampling
from .sample import fits, sample_of


def adjusted(plan: Plan, table: Table, noisy: Noisy, codebook: Codebook) -> Iterator[Cell]:
    """
    Make a table of adjusted levels, or of what a step adds.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of a regression.
        noisy: Noisy sums of its queries.
        codebook: Where a measure's floor stands.

    Yields:
        A cell for each level in each column, or one for each column.
    """
    # Before any cell is tested: what runs in a rehearsal is what runs after the seal.
    sample, found = sample_of(plan, table, noisy), list[Estimate]()
    for design, fit in fits(table, sample):
        noise = sample.noise(design, fit)
        residual = _residual(plan, table, noisy, design)
        drawn = sampling(fit, residual, float(plan.contribution(plan.query(table.queries[0]))))
        found += [
            _told(plan, table, codebook, value, sqrt(of_noise), sqrt(of_draw))
            for value, of_noise, of_draw in zip(fit.values, noise, drawn, strict=True)
        ]
    counts = plan.query(table.queries[0])
    tests = [*_tests(counts, noisy, minimum_of(plan, counts), steps=table.kind in STEPS)]
    tests *= len(found) // len(tests)
    for keys, estimate, (tested, summed, state) in zip(
        keys_of(plan, table), found, tests, strict=True
    ):
        shown = estimate if state == "published" else None
        yield Cell(keys, tested, summed, counts.sigma, state, shown, minimum_of(plan, counts))


def _tests(
    counts: Query, noisy: Noisy, minimum: Minimum, *, steps: bool
) -> Iterator[tuple[int, int, State]]:
    """What was tested, of how many cells, and the state: of each level, or of all together."""
    first = len(counts.axes[0].levels)
    width = counts.size // first
    vector = noisy[counts.name]
    bases = [sum(vector[at : at + width]) for at in range(0, counts.size, width)]
    states = [minimum.decide(base, counts.sigma, cells=width) for base in bases]
    if not steps:
        yield from ((base, width, state) for base, state in zip(bases, states, strict=True))
        return
    margin = minimum.margin(counts.sigma, cells=width)
    withheld = [base for base, state in zip(bases, states, strict=True) if state != "published"]
    hidden = sum(max(0, base - margin) for base in withheld)
    state = minimum.decide(sum(bases), counts.sigma, cells=counts.size)
    if withheld and hidden < minimum.accounts * minimum.k * minimum.scale:
        state = "suppressed"
    yield sum(bases), counts.size, state


def _residual(plan: Plan, table: Table, noisy: Noisy, design: Design) -> Floats:
    """Variance of what the regression leaves: of a rate by level, of a mean one, rounded up."""
    count, total = len(design.sums[0]), max(float(design.tables.total), 1.0)
    if table.kind in ADJUSTED_RATES:
        base = np.maximum(design.tables.margins[0], max(design.thin, 1e-9))
        rate = np.clip(design.sums[0] / base, 0.0, 1.0)
        return np.asarray(rate * (1 - rate))
    squares = plan.query(table.queries[-1])
    unit = plan.privacy.scale * LOG_STEPS
    around = (noisy[squares.name][0] + squares.sigma) / unit - design.whole**2 / total
    return np.full(count, max(around, squares.sigma / unit) / total)


def _told(
    plan: Plan, table: Table, codebook: Codebook, value: float, noise: float, drawn: float
) -> Estimate:
    """One number in the table's unit, with its interval."""
    reach = Z95 * sqrt(noise**2 + drawn**2)
    if table.kind == "adjusted_rate":
        estimate, low, high = _within((value, value - reach, value + reach), 0.0, 1.0)
        return Estimate(estimate, low, high, noise, drawn)
    if table.kind == "adjusted_slope":
        return Estimate(value, value - reach, value + reach, noise, drawn)
    sums = plan.query(table.queries[-2])
    bound = sums.bound / LOG_STEPS
    if table.kind == "adjusted_ratio":  # no step is longer than the whole public range
        ends = _within((value, value - reach, value + reach), -2 * bound, 2 * bound)
        made = [exp(end) for end in ends]
    else:
        measure = codebook.measure(sums.measure)
        ends = _within((value, value - reach, value + reach), -bound, bound)
        made = [measure.decode(sums.centre + end * LOG_STEPS) for end in ends]
    return Estimate(made[0], made[1], made[2], made[0] * noise, made[0] * drawn)


def _within(ends: Sequence[float], low: float, high: float) -> list[float]:
    return [min(max(float(end), low), high) for end in ends]
