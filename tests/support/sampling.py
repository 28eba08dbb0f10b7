"""
Whether samples come from a distribution, with a stated rate of false alarm.

No table, no scipy, no bins chosen by the data: the Dvoretzky-Kiefer-Wolfowitz inequality with
Massart's constant [1] holds for every sample size and for discrete distributions too.  The helper
has tests of its own, since a test that cannot fail protects nobody.

[1] Massart 1990, Annals of Probability 18(3):1269-1283.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import exp, lgamma, log, log1p, sqrt

FALSE_ALARM = 1e-9
"""Chance that samples of the very distribution are said not to be."""


def drawn_from(samples: Sequence[int], cdf: Mapping[int, float]) -> bool:
    """
    Whether integer samples are compatible with a distribution.

    P(sup |Fₙ - F| > t) ≤ 2·exp(-2nt²) [1], so t = √(ln(2/FALSE_ALARM)/2n).

    Args:
        samples: At least one integer.
        cdf: P(X ≤ x) for each x of the distribution's support, as far as it matters.
    """
    ordered = sorted(samples)
    n = len(ordered)
    tolerance = sqrt(log(2 / FALSE_ALARM) / (2 * n))
    return all(abs(bisect_right(ordered, x) / n - p) <= tolerance for x, p in cdf.items())


def discrete_gaussian(sigma: float) -> dict[int, float]:
    """P(X ≤ x) of the discrete Gaussian around 0: weights exp(-x²/2σ²), normalised, to 12 σ."""
    reach = int(12 * sigma) + 1
    weights = {x: exp(-(x**2) / (2 * sigma**2)) for x in range(-reach, reach + 1)}
    whole, below, cdf = sum(weights.values()), 0.0, {}
    for x, weight in weights.items():
        below += weight / whole
        cdf[x] = below
    return cdf


def fewest(trials: int, chance: float, false_alarm: float) -> int:
    """
    Fewest successes that need not surprise: the largest c with P(Bin(n, p) < c) ≤ false_alarm.

    Args:
        trials: n.
        chance: p.
        false_alarm: Chance of fewer than c successes, at most.
    """
    below = 0.0
    for count in range(trials + 1):
        # In logarithms: of some thousand trials the coefficients are no floats.
        ways = lgamma(trials + 1) - lgamma(count + 1) - lgamma(trials - count + 1)
        below += exp(ways + count * log(chance) + (trials - count) * log1p(-chance))
        if below > false_alarm:
            return count
    return trials


def most(successes: int, trials: int, false_alarm: float) -> float:
    """
    Largest chance that a count of successes is compatible with (Clopper & Pearson 1934, one-sided).

    Args:
        successes: How many there were.
        trials: n.
        false_alarm: Chance that the true chance lies above what is returned, at most.
    """
    if successes >= trials:
        return 1.0
    low, high = successes / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        logs = (
            lgamma(trials + 1) - lgamma(c + 1) - lgamma(trials - c + 1)
            + c * log(middle) + (trials - c) * log1p(-middle)
            for c in range(successes + 1)
        )  # fmt: skip
        low, high = (middle, high) if sum(map(exp, logs)) > false_alarm else (low, middle)
    return high
