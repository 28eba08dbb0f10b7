"""
Corrected shares and rates: what the right labels would say, where the rater's mistakes are known.

The estimate is Rogan and Gladen's [1]: p = (q - 1 + Sp)/J, J = Se + Sp - 1, from the labels' q and
the mistakes of a validation of the *same* group and population; nothing is said where there is
none, or where J < .3: `not_computed`.  The row stands beside that of the labels, which keeps to
what was labelled; both are printed by one decision, on one noisy count.

[1] Rogan & Gladen 1978, American Journal of Epidemiology 107(1):71-76.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import sqrt

from privacy.mistakes import Mistakes, is_identified, mistakes_of
from privacy.plan import Plan, Table
from privacy.rows import REST, read_keys

from .cells import Cell, Noisy, Smooth
from .intervals import Z95, Estimate, Ratio, roots
from .rates import rates
from .shares import shares


def corrections(plan: Plan, table: Table, noisy: Noisy, smooth: Smooth) -> Iterator[Cell]:
    """
    Make a table of corrected shares or rates.

    Args:
        plan: The plan that the sums were measured under, with its validation.
        table: A table of the kind corrected.
        noisy: Noisy sums of its query.
        smooth: The same after tables were reconciled.

    Yields:
        A cell for each of the share or rate, and none for what a share withholds; one that cannot
        be corrected is not computed, whatever was decided of its labels.
    """

    def estimator(keys: str, ratio: Ratio, design: float) -> Estimate | None:
        mistakes = mistakes_of(plan, table, read_keys(keys))
        if mistakes is None or not mistakes.is_identified:
            return None
        return corrected(ratio, mistakes, design=design)

    for cell in (rates if table.is_rate else shares)(plan, table, noisy, smooth, estimator):
        if cell.keys.endswith(f"={REST}"):
            continue
        identified = is_identified(plan, table, cell.keys)
        yield cell if identified else replace(cell, state="not_computed", estimate=None)


def corrected(ratio: Ratio, mistakes: Mistakes, *, design: float, z: float = Z95) -> Estimate:
    """
    Estimate what right labels would say, with an interval of noise, sampling and mistakes.

    With q(p) = (1-Sp) + J·p, all p with (s̃ - q·ñ)² ≤ z²[σ²(a(1-q)² + b·q²) + D·ñ·q(1-q)
    + ñ²(p²·V(Se) + (1-p)²·V(Sp))].  q is linear in p, so the condition is quadratic in p; without
    mistakes it is that of `proportion`.  As there, a numerator that no p leads to is moved to the
    nearest that one does, which loses no p.

    Args:
        ratio: Numerator and base of the labels.
        mistakes: Those that the rater makes; p is identified.
        design: D, at most k.
        z: Two-sided normal quantile.
    """
    base, j, least = ratio.base, mistakes.youden, 1 - mistakes.specificity
    if base <= 0:
        return Estimate(0.5, 0.0, 1.0, 1.0, 1.0)
    part = min(max(ratio.part, least * base), (least + j) * base)
    value = mistakes.corrected(part / base)
    noise, drawn = ratio.sigma**2, design * base
    # The condition of `proportion` as a polynomial in q, with q = least + j·p put in.
    q2 = base**2 - z**2 * (noise * (ratio.inside + ratio.outside) - drawn)
    q1 = -2 * part * base + z**2 * (2 * noise * ratio.inside - drawn)
    q0 = part**2 - z**2 * noise * ratio.inside
    yes, no = ((z * base) ** 2 * mistakes.variance(p) for p in (1.0, 0.0))
    low, high = roots(
        q2 * j**2 - yes - no,
        (2 * q2 * least + q1) * j + 2 * no,
        q2 * least**2 + q1 * least + q0 - no,
    )
    labelled = mistakes.labelled(value)
    spread = ratio.inside * (1 - labelled) ** 2 + ratio.outside * labelled**2
    return Estimate(
        value,
        low=max(0.0, min(low, value)),
        high=min(1.0, max(high, value)),
        se_noise=ratio.sigma * sqrt(spread) / base / j,
        se_sampling=sqrt(drawn * labelled * (1 - labelled)) / base / j,
    )
