"""
The design effect D of a table: how much more than independent sessions its figures vary.

Sampling is clustered by account, and at a contribution bound k its variance is at most k times that
of independent sessions (`intervals`).  At k = 1 that is nearly what it is; at k = 5 it is often
three times too much.  So a table may buy one *pooled* D from its moments.

**Rate.**  An account adds s to a group's yes and f to its no; with the residual (1-p)s - p·f the
variance is V = (1-p)²Σs² - 2p(1-p)Σs·f + p²Σf², sums over accounts and groups, p the table's rate.
D = V / (n·p(1-p)), n the table's base.  Where groups have rates of their own, V grows by about
(p_g - p)²·Σn² a group and n·p(1-p) by (p_g - p)²·Σn: D is then mixed with Σn²/Σn, the D of accounts
whose sessions are all alike, which is the larger one.

**Share.**  Over the labels ℓ of a group, Σ (s_ℓ - p_ℓ·n)² = Σ s_ℓ² - 2nΣ p_ℓ·s_ℓ + n²Σ p_ℓ².  Where
an account's size has nothing to do with its labels, nΣ p_ℓ·s_ℓ is n²P on average, P = Σ p_ℓ².  So
V = Σs² - P·Σn² = (1-P)·alike - P·apart and D = V / (n·(1-P)), P a mean over groups by their bases.

What is common to a table's groups and labels is therefore an assumption, which the bundle states.
The noise of V is known: one deviation of it is added, so that D errs to the wide side five times
out of six, and D is clipped to [.5, k].  Moments are never printed, nor is D.
"""

from math import sqrt

from privacy.plan import Plan, Query, Table

from .cells import Noisy, counts_of, groups

LEAST = 0.5
"""Smallest D that is believed."""


def design_of(plan: Plan, table: Table, noisy: Noisy) -> float:
    """
    D of a share or a rate: that of its moments, or k where it has none.

    Args:
        plan: The plan that the sums were measured under.
        table: A share, a rate, or either of them corrected.
        noisy: Noisy counts and moments.
    """
    counts, k = counts_of(plan, table), float(plan.contribution(counts_of(plan, table)))
    if len(table.queries) == 1:
        return k
    moments, scale = plan.query(table.queries[1]), plan.privacy.scale
    found = [cell / scale for cell in noisy[moments.name]]
    if table.is_rate:
        base, part = _rate(counts, noisy, scale)
        factors = [(1 - part) ** 2, -2 * part * (1 - part), part**2]
        apart = part * (1 - part)
    else:
        base, same = _share(counts, noisy, scale)
        factors, apart = [1 - same, -same], 1 - same
    if base * apart <= 0:
        return k
    variance = sum(factor * cell for factor, cell in zip(factors, found, strict=True))
    noise = moments.sigma / scale * sqrt(sum(factor**2 for factor in factors))
    return min(max((variance + noise) / (base * apart), LEAST), k)


def _rate(counts: Query, noisy: Noisy, scale: int) -> tuple[float, float]:
    """The table's base and rate, all groups together."""
    cells = noisy[counts.name]
    yes, no = sum(cells[0::2]) / scale, sum(cells[1::2]) / scale
    return yes + no, min(max(yes / (yes + no), 0.0), 1.0) if yes + no > 0 else 0.0


def _share(counts: Query, noisy: Noisy, scale: int) -> tuple[float, float]:
    """The table's base, and P = Σ p²: the mean over groups, by their bases, of what is no noise."""
    base = same = 0.0
    for _, cells in groups(counts, noisy):
        whole = sum(cells) / scale
        if whole > 0:
            noise = len(cells) * (counts.sigma / scale) ** 2
            squares = sum((cell / scale) ** 2 for cell in cells)
            base += whole
            same += min(max(squares - noise, 0.0) / whole, whole)
    return base, same / base if base else 1.0
