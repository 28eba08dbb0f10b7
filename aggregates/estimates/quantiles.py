"""
Quantiles of a binned variable: one noisy histogram gives all of them, and their intervals.

The variable is the measure in public bins of equal ratio, within a bin spread evenly over its
logarithm.  What is printed are quantiles of *that* variable; they lie within a bin's width (a
factor of 1.28 at most) of the measure's own, and a reader is told so.

**Base.**  A cell's weight is measured twice: by itself (W, deviation σ_w; the cell is tested on
it) and as the sum H of its B bins (deviation σ√B).  The precision-weighted mean of both is
N = α·W + (1-α)·H with α = B·σ²/(B·σ² + σ_w²), and each bin takes its part of N - H, so that bins
and base agree.  The sum of the first j bins is then S_j + (j/B)·α·(W - H).

**Interval.**  At the quantile x_q of q, T(x) = S(x) - q·N has mean 0.  With c = (j/B)·α + q(1-α)
and d = α(j/B - q), T_j = S_j - c·H + d·W, whose noise has the variance
σ²·(j·(1-c)² + (B-j)·c²) + d²·σ_w², about that of a Brownian bridge.  Sampling adds at most
D·N·q(1-q), by the argument of `intervals`; of a point within a bin too, since there a session's
part lies between 0 and 1, and a square is convex.  For the same reason the noise of a mean of two
neighbouring edges varies at most as the mean of their variances.  The interval is the hull of all x
with T(x)² ≤ z²·Var T(x): at x_q that fails with chance 5 %, whatever the other x do.

**Estimate.**  Noise can make cumulative sums fall; the nearest rising sequence (pool adjacent
violators) is interpolated instead.  Where it leaves the hull, the interval is stretched to hold it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt

from privacy.codebook import LOG_STEPS, Codebook
from privacy.plan import QUANTILES, Plan, Query, Table

from .cells import Cell, Noisy, join_keys, minimum_of
from .intervals import Z95, Estimate
from .monotone import rising


def quantiles(plan: Plan, table: Table, noisy: Noisy, codebook: Codebook) -> Iterator[Cell]:
    """
    Make a table of quantiles.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind quantiles.
        noisy: Noisy weights and histograms.
        codebook: Where the measure's floor and ceiling stand.

    Yields:
        A cell for each combination of keys and each of `QUANTILES`, tested on the cell's noisy
        weight, in the measure's unit.
    """
    weight, histogram = (plan.query(name) for name in table.queries)
    minimum, scale = minimum_of(plan, weight), plan.privacy.scale
    design = float(plan.contribution(weight))
    edges = _edges(histogram, codebook)
    bins, names = len(edges) - 1, (*table.by, "quantile")
    for number, cell in enumerate(weight.cells):
        tested = noisy[weight.name][number]
        state = minimum.decide(tested, weight.sigma)
        counts = [n / scale for n in noisy[histogram.name][number * bins : (number + 1) * bins]]
        sums = _Sums(tested / scale, counts, weight.sigma / scale, histogram.sigma / scale)
        for name in QUANTILES:
            estimate = None
            if state == "published":
                estimate = _quantile(sums, int(name) / 100, edges, design)
            keys = join_keys(names, (*cell, name))
            yield Cell(keys, tested, 1, weight.sigma, state, estimate, minimum)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Weight and histogram of one cell, in accounts."""

    weight: float
    counts: Sequence[float]
    sigma_weight: float
    sigma: float

    @property
    def trust(self) -> float:
        """α: how much of the base is the weight's."""
        summed = len(self.counts) * self.sigma**2
        return summed / (summed + self.sigma_weight**2)

    @property
    def base(self) -> float:
        """N."""
        return self.trust * self.weight + (1 - self.trust) * sum(self.counts)

    def below(self) -> list[float]:
        """Weight below each edge, from 0 to N."""
        part = (self.base - sum(self.counts)) / len(self.counts)
        sums = [0.0]
        for count in self.counts:
            sums.append(sums[-1] + count + part)
        return sums

    def noise(self, q: float) -> list[float]:
        """Variance of the noise in T at each edge."""
        bins, trust = len(self.counts), self.trust
        found = []
        for j in range(bins + 1):
            c, d = j / bins * trust + q * (1 - trust), trust * (j / bins - q)
            of_bins = self.sigma**2 * (j * (1 - c) ** 2 + (bins - j) * c**2)
            found.append(of_bins + (d * self.sigma_weight) ** 2)
        return found


def _quantile(sums: _Sums, q: float, edges: Sequence[float], design: float) -> Estimate:
    """A quantile with its interval; `edges` are logarithms, and so is all arithmetic on them."""
    base, below = max(sums.base, 1e-9), sums.below()
    noise = sums.noise(q)
    drawn = design * base * q * (1 - q)
    at = [s - q * base for s in below]
    value = _crossing(rising(at[1:-1]), edges, low=-q * base, high=(1 - q) * base)
    held = [value, *_held(at, [variance + drawn for variance in noise], edges)]
    low, high = min(held), max(held)
    slope = _slope(below, edges, value, base)
    middle = noise[min(range(len(edges)), key=lambda j: abs(edges[j] - value))]
    size = exp(value)
    return Estimate(
        size,
        low=exp(low),
        high=exp(high),
        se_noise=size * sqrt(middle) / slope,
        se_sampling=size * sqrt(drawn) / slope,
    )


def _crossing(inner: Sequence[float], edges: Sequence[float], *, low: float, high: float) -> float:
    """Where T, known to be `low` at the first edge and `high` at the last, passes 0."""
    at = [low, *(min(max(value, low), high) for value in inner), high]
    j = next(n for n in range(1, len(at)) if at[n] >= 0)
    rise = at[j] - at[j - 1]
    part = -at[j - 1] / rise if rise > 0 else 0.5
    return edges[j - 1] + part * (edges[j] - edges[j - 1])


def _held(at: Sequence[float], spread: Sequence[float], edges: Sequence[float]) -> Iterator[float]:
    """
    Ends of all stretches on which T(x)² ≤ z²·Var T(x).

    Within a bin both T and the bound on its variance are straight, so that is a quadratic in t:
    (T_j + t·d)² ≤ z²·(V_j + t·v), which holds between its roots.
    """
    for j, (low, high) in enumerate(pairwise(edges)):
        d, v = at[j + 1] - at[j], spread[j + 1] - spread[j]
        a, b = d * d, 2 * at[j] * d - Z95**2 * v
        c = at[j] ** 2 - Z95**2 * spread[j]
        for t in _between(a, b, c):
            yield (1 - t) * low + t * high


def _between(a: float, b: float, c: float) -> tuple[float, ...]:
    """Ends of the stretch of [0, 1] on which a·t² + b·t + c ≤ 0, for a ≥ 0; none without one."""
    if a <= 1e-12 * (abs(b) + abs(c)):  # straight
        ends = [t for t, held in ((0.0, c <= 0), (1.0, b + c <= 0)) if held]
        crossing = -c / b if b else 2.0
        return (*ends, crossing) if len(ends) == 1 else (*ends,)
    under = b * b - 4 * a * c
    if under < 0:
        return ()
    first, last = ((-b - sqrt(under)) / (2 * a), (-b + sqrt(under)) / (2 * a))
    first, last = max(first, 0.0), min(last, 1.0)
    return (first, last) if first <= last else ()


def _slope(below: Sequence[float], edges: Sequence[float], value: float, base: float) -> float:
    """
    How fast weight grows around a point, over a stretch of four bins.

    It only parts the uncertainty into its sources; the interval does not use it.
    """
    j = min(range(len(edges)), key=lambda n: abs(edges[n] - value))
    first, last = max(0, j - 2), min(len(edges) - 1, j + 2)
    grown = max(below[last] - below[first], 0.01 * base)
    return grown / (edges[last] - edges[first])


def _edges(query: Query, codebook: Codebook) -> list[float]:
    """Edges of the bins as logarithms; the outer bins hold what lies beyond the public range."""
    axis = query.axes[-1]
    floor = log(codebook.measure(axis.measure).floor)
    return [floor + edge / LOG_STEPS for edge in axis.edges]
