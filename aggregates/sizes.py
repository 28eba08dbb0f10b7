"""
How much happens in a synthetic session: prompts, actions and words.

Sizes are drawn from a finite list of equally likely values, so that the mean logarithm of a ratio
of whole numbers, rounded as a record rounds it, is a finite sum and not an approximation; the
centre of the distribution is solved for until that sum is the published geometric mean.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import LOG_STEPS, Measure, codebook

from . import margins as m

Floats = NDArray[np.float64]

GRID = 1_024
"""Sizes are exp(μ + spread·z) with z one of so many equally likely normal quantiles."""

CLOSE = 1e-4
"""Of a mean logarithm: a hundredth of a per cent of a geometric mean, published to three digits."""


def grid() -> Floats:
    """The equally likely normal quantiles from which sizes are drawn, shape (GRID,)."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / GRID) for i in range(GRID)])


def whole(prompts: Floats, per_prompt: Floats) -> Floats:
    """A session's whole number of actions or words: at least one."""
    return np.maximum(1.0, np.rint(prompts * per_prompt))


def stored(measure: Measure, value: Floats) -> Floats:
    """What a record holds for a quantity: `Measure.encode` over an array."""
    logs = np.log(np.maximum(value, measure.floor) / measure.floor)
    return np.asarray(np.minimum(np.rint(LOG_STEPS * logs), measure.top))


def solve_centre(
    name: str,
    target: float,
    busy: float,
    prompts: Floats,
    shift: Floats,
    weight: Floats,
    spread: float,
) -> float:
    """
    The μ at which a measure's mean stored logarithm is that of a target.

    The mean is nearly linear in μ with slope 1, so a step by the gap converges at once.  It rises
    in small steps, since sizes are whole numbers and records round: where these are coarsest, no
    μ comes nearer than some 10⁻⁵, and `CLOSE` is where to stop.

    Args:
        name: Measure per prompt, from the codebook.
        target: Geometric mean, in the measure's unit.
        busy: Share of sessions that have any; the others lie at the floor, stored as 0.
        prompts: P(1 prompt), P(2), …
        shift: What each style of session adds to μ.
        weight: Share of each style.
        spread: Standard deviation of the logarithm.
    """
    measure = codebook().measure(name)
    counts = np.arange(1.0, len(prompts) + 1)[:, None, None]
    z = grid()[None, None, :]
    goal = float(np.log(target / measure.floor)) / busy
    centre = goal + float(np.log(measure.floor))
    for _ in range(60):
        size = np.exp(centre + shift[None, :, None] + spread * z)
        mean = stored(measure, whole(counts, size) / counts).mean(axis=2) / LOG_STEPS
        gap = goal - float(prompts @ mean @ weight)
        centre += gap
        if abs(gap) < CLOSE:
            return centre
    raise ValueError(f"No centre gives {name} the geometric mean {target}.")


def prompt_counts() -> Floats:
    """P(1 prompt), P(2), … up to the most a session has."""
    # Negative binomial by its recurrence P(k+1)/P(k) = (k + r)/(k + 1)·q.
    q = (m.PROMPTS_MEAN - 1) / (m.PROMPTS_MEAN - 1 + m.PROMPTS_SHAPE)
    k = np.arange(m.PROMPTS_MOST - 1)
    chance = np.append(1.0, np.cumprod((k + m.PROMPTS_SHAPE) / (k + 1) * q))
    return np.asarray(chance / chance.sum())


def style_shares() -> Floats:
    """Share of sessions in which the person leads, the agent plans, neither."""
    led = sum(m.EXECUTION[m.PERCENTS.index(p)] for p in ("90", "100"))
    planned = sum(m.PLANNING[m.PERCENTS.index(p)] for p in ("0", "10")) * (1 - led)
    return np.array([led, planned, 1 - led - planned])
