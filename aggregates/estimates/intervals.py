"""
Intervals for ratios of noisy sums: noise and clustered sampling in one quadratic.

The interval of a ratio p = s/n is the set of all p that the noisy sums do not contradict at
95 %: all p with (s̃ - p·ñ)² ≤ z²·Var(s̃ - p·ñ).  Unlike "estimate ± two standard errors" it is
right where n is small against the noise: it becomes wide, or everything.

Sampling is clustered by account.  Let an account's sessions in the base weigh w₁ … w_j, at most k
together, and e be their residuals: (Σ w·e)² ≤ Σw · Σ w·e² ≤ k·Σ w·e² (Cauchy-Schwarz), so the
clustered variance is at most D·n·Var(e) with D = k, whatever the dependence inside an account.
"""

from dataclasses import dataclass, replace
from math import hypot, sqrt
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)
"""Two-sided 95 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One printed number, in the table's unit."""

    value: float
    low: float
    """Lower end of the 95 % interval, of all errors that are stated."""
    high: float
    se_noise: float
    """Standard error that the privacy noise alone gives it."""
    se_sampling: float
    """Bound on the standard error of drawing these accounts and not others."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A numerator among noisy cells whose sum is the base, in accounts."""

    part: float
    """s̃: sum of the numerator's cells."""
    base: float
    """ñ: sum of all cells of the base, the numerator's among them."""
    sigma: float
    """Deviation of the noise on each cell."""
    inside: int
    """a: how many noisy cells the numerator sums."""
    outside: int
    """b: how many the rest of the base sums."""


def proportion(ratio: Ratio, *, design: float, z: float = Z95) -> Estimate:
    """
    Estimate a proportion with its interval.

    s̃ - p·ñ = (1-p)·s̃ - p·(ñ - s̃), so the noise has variance σ²(a(1-p)² + b·p²), and sampling at
    most D·n·p(1-p).  Solving (s̃ - p·ñ)² ≤ z²[σ²(a(1-p)² + b·p²) + D·max(ñ,0)·p(1-p)] for p:

    A·p² + B·p + C ≤ 0,  A = ñ² - z²[σ²(a+b) - D·ñ₊],  B = -2s̃ñ + z²[2σ²a - D·ñ₊],  C = s̃² - z²σ²a.

    A numerator outside [0, ñ] is moved to its end first: for every p in [0, 1] that makes
    |s̃ - p·ñ| smaller, so no p is lost, and the interval is never empty.

    Args:
        ratio: Numerator and base.
        design: D, at most k: how much more than independent sessions they vary.
        z: Two-sided normal quantile.

    Returns:
        The estimate, clipped to [0, 1]; the interval [0, 1] where nothing bounds it.
    """
    base = ratio.base
    if base <= 0:
        return Estimate(0.5, 0.0, 1.0, 1.0, 1.0)
    part = min(max(ratio.part, 0.0), base)
    value = part / base
    noise, drawn = ratio.sigma**2, design * base
    a = base**2 - z**2 * (noise * (ratio.inside + ratio.outside) - drawn)
    b = -2 * part * base + z**2 * (2 * noise * ratio.inside - drawn)
    c = part**2 - z**2 * noise * ratio.inside
    low, high = roots(a, b, c)
    spread = ratio.inside * (1 - value) ** 2 + ratio.outside * value**2
    return Estimate(
        value,
        low=max(0.0, low),
        high=min(1.0, high),
        se_noise=ratio.sigma * sqrt(spread) / base,
        se_sampling=sqrt(drawn * value * (1 - value)) / base,
    )


@dataclass(frozen=True, slots=True)
class Mean:
    """A noisy sum over a noisy weight: the sum in accounts times a unit, the weight in accounts."""

    total: float
    weight: float
    sigma_total: float
    sigma_weight: float
    variance: float
    """Of the values within the cell, in the unit's square."""
    bound: float
    """Public bound on |value|, after centring and clamping."""


def mean(cell: Mean, *, design: float, z: float = Z95) -> Estimate:
    """
    Estimate a mean with its interval.

    All μ with (s̃ - μ·ñ)² ≤ z²[σ_s² + μ²σ_n² + D·max(ñ,0)·v]: sum and weight have noise of their
    own, drawn independently.

    Args:
        cell: Sum, weight, their noise, and the values' variance.
        design: D, at most k.
        z: Two-sided normal quantile.

    Returns:
        The mean of the centred values, clipped to the public bound, in their unit.
    """
    bound = cell.bound
    if cell.weight <= 0:
        return Estimate(0.0, -bound, bound, bound, bound)
    value = min(max(cell.total / cell.weight, -bound), bound)
    drawn = design * cell.weight * cell.variance
    a = cell.weight**2 - z**2 * cell.sigma_weight**2
    b = -2 * cell.total * cell.weight
    c = cell.total**2 - z**2 * (cell.sigma_total**2 + drawn)
    low, high = roots(a, b, c)
    return Estimate(
        value,
        low=min(max(-bound, low), bound),
        high=max(min(bound, high), -bound),
        se_noise=sqrt(cell.sigma_total**2 + (value * cell.sigma_weight) ** 2) / cell.weight,
        se_sampling=sqrt(drawn) / cell.weight,
    )


def widened(estimate: Estimate, error: float, *, stretch: float = 1.0) -> Estimate:
    """
    A proportion whose interval holds a further error, with the others in it as often as they count.

    Each side is the root of the sum of squares of its reach and of the error's [Zou & Donner
    2008, Statistics in Medicine 27(10):1693-1702]: so an uneven interval stays uneven.
    """
    reach = Z95 * error
    return replace(
        estimate,
        low=max(0.0, estimate.value - hypot(stretch * (estimate.value - estimate.low), reach)),
        high=min(1.0, estimate.value + hypot(stretch * (estimate.high - estimate.value), reach)),
    )


def roots(a: float, b: float, c: float) -> tuple[float, float]:
    """Where a·x² + b·x + c ≤ 0, or everywhere if that is no bounded stretch."""
    discriminant = b * b - 4 * a * c
    if a <= 0 or discriminant < 0:
        return float("-inf"), float("inf")
    root = sqrt(discriminant)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)
