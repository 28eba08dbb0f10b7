"""
How little noise each pair of a regression should have: the split inside an adjusted table.

To first order, noise gives a printed number q the variance Σ_t σ_t²·L_qt, L_qt the squared length
of how q leans on table t (`estimates.gram`).  Let c_t = Σ_q L_qt.  Under a fixed loss Σ Δ_t²/2σ_t²,
Σ c_t·σ_t² is least at σ_t² ∝ Δ_t/√c_t, so ρ_t ∝ Δ_t·√c_t: the pair of levels and outcomes is told
most precisely, pairs of two controls hardly at all.

The leaning itself depends on how noise is shared, through the precisions by which margins agree:
a few rounds settle it.  Everything is reckoned on expected sums, in closed form; no data, no draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt
from statistics import median

from privacy.codebook import LOG_STEPS
from privacy.measurements import rho_of
from privacy.plan import STEPS, Plan, Table

from .estimates.intervals import Z95
from .estimates.sample import fits, sample_of

ROUNDS = 3
FLOOR = 1e-3
"""Least ρ of a pair against the largest: what is nothing to first order is told all the same."""
PART = 0.25
"""Part of the loss at which the split is reckoned: it decides only which levels are so rare that
they are clipped, not how much is spent."""


def leverage(
    plan: Plan, table: Table, sums: Mapping[str, Sequence[int]], half: float
) -> dict[str, float]:
    """
    Wishes for the queries of an adjusted table, all but a mean's sum of squares.

    Args:
        plan: The plan; prices are not needed yet.
        table: A table of a regression.
        sums: Expected sums.
        half: Half-width that noise may give a middling level; a slope's is a part of it, such that
            the first and the last level are as far apart.

    Returns:
        Query → T in units of its noise, for which the middling number meets its wish.
    """
    first = plan.query(table.queries[0])
    steps = max(len(first.axes[0].levels) - 1, 1) if table.kind in STEPS else 1
    wish = half / Z95 / steps
    names = [name for name in table.queries if plan.query(name).value != "log_squared"]
    wide = {name: plan.query(name).sensitivity for name in names}
    rho = PART * float(rho_of(plan.privacy.epsilon, plan.privacy.delta)) / len(names)
    sigma = {name: wide[name] / sqrt(2 * rho) for name in names}
    for _ in range(ROUNDS):
        pull, _ = _pull(plan, table, sums, sigma)
        parts = {name: wide[name] * sqrt(pull[name]) for name in names}
        least = max(parts.values()) * FLOOR
        shape = {name: wide[name] / sqrt(max(parts[name], least)) for name in names}
        spent = sum((wide[n] / shape[n]) ** 2 for n in names) / (2 * rho * len(names))
        sigma = {name: shape[name] * sqrt(spent) for name in names}
    _, noise = _pull(plan, table, sums, sigma)
    scale = wish / max(median(noise), 1e-12)
    return {name: sigma[name] / plan.privacy.scale * scale for name in names}


def _pull(
    plan: Plan, table: Table, sums: Mapping[str, Sequence[int]], sigma: Mapping[str, float]
) -> tuple[dict[str, float], list[float]]:
    """C of each query, in units of its noise and for equal wishes; deviation of each number."""
    queries = tuple(
        replace(query, sigma=sigma[query.name]) if query.name in sigma else query
        for query in plan.queries
    )
    sample = sample_of(replace(plan, queries=queries), table, sums)
    names = [name for name in table.queries if name in sigma]
    pull, noise = dict.fromkeys(names, 0.0), list[float]()
    for design, fit in fits(table, sample):
        leaning = sample.leaning(design, fit.leaning)
        lengths = [(on**2).sum(axis=(1, 2)) for _, on in leaning]
        for name, length in zip(names, lengths, strict=True):
            logs = plan.query(name).value == "log"
            pull[name] += float(length.sum()) / (LOG_STEPS**2 if logs else 1)
        told = sum(
            pair.sigma**2 * length for (pair, _), length in zip(leaning, lengths, strict=True)
        )
        noise += [sqrt(variance) for variance in told]
    return pull, noise
