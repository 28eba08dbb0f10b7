"""
Least squares from a noisy Gram matrix: adjusted levels, a slope, and their two errors.

The model is additive: what a session is expected to come to is a mean, plus a coefficient for its
level in each block.  With G the Gram matrix of all levels, m its diagonal, g the outcome's sums by
level and ȳ their mean, the coefficients are β = H·(g - ȳ·m), H the inverse of G.  Levels of a block
sum to one, so G is singular in known directions; the tables agree, so nothing points there, and
what is estimated does not depend on them: no level has to be left out as a reference.

- **Adjusted level** l of the first block: ȳ + β_l + Σ m_c·β_c/N over all levels c of the controls:
  what would be found in l if its sessions had the controls of the whole sample.
- **Slope**: the first block is replaced by the number of its level, 0, 1, 2, …, centred; its
  coefficient.  (Not the line through adjusted levels weighted by how many there are: experts do
  other work, so that levels weigh what the controls leave of them.)

**Clipping.**  Noise gives levels that hardly occur eigenvalues near zero or below it.  H has 1/λ
instead of 1/e where e < λ = 2·max σ: coefficients in such directions shrink towards the mean.

**Noise.**  To first order df = cᵀH·dg + Σ_ij K_ij·(Vᵀc)_i·(Vᵀg)_j·(Vᵀ·dG·V)_ij, K_ij the divided
differences of e ↦ 1/max(e, λ) at eigenvalues e_i, e_j of G = V·diag(e)·Vᵀ (Daleckii and Krein);
unclipped that is -H·dG·H.  From there `gram.lean` goes back to the noisy cells.

**Sampling.**  A session moves f by w·r·xᵀh, h = H·c, r its residual.  By Cauchy-Schwarz within an
account, whose weights sum to k at most, the clustered variance is at most k·Σ w·r²·(xᵀh)².  Of
Σ w·(xᵀh)² = cᵀHc, at least v_l²/m_l lies in level l, v the first block's part of G·h; there r² is
that of the level, what is left counts with the largest of them.  Of an adjusted level, what its
controls' means vary by is added: k·Var(x_cᵀβ_c)/N.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .gram import Agreed, Floats


@dataclass(frozen=True, slots=True)
class Design:
    """What is regressed: agreed tables, and where the outcome's sums stand in them."""

    tables: Agreed
    blocks: tuple[int, ...]
    """Numbers of the blocks: the first one's levels are estimated, the others are controls."""
    sums: tuple[Floats, ...]
    """The outcome's sum in each level of each block, agreed too."""
    whole: float
    """The outcome's sum over the sample."""
    clip: float
    """λ."""


@dataclass(frozen=True, slots=True)
class Leaning:
    """Gradients of q statistics, by what a design is made of."""

    tables: Agreed
    sums: tuple[Floats, ...]
    """(q, levels) of each block."""
    whole: Floats
    """(q,)"""


@dataclass(frozen=True, slots=True)
class Fit:
    """Some statistics of one regression."""

    values: Floats
    leaning: Leaning
    reach: Floats
    """(q, levels of the first block): Σ w·(xᵀh)² that surely lies in each level."""
    rest: Floats
    """(q,): what of cᵀHc may lie in any of them."""
    moved: Floats
    """(q,): variance of an account's controls as they enter, over N; 0 of a slope."""


def levels(design: Design) -> Fit:
    """Adjusted levels of the first block."""
    gram, margin = _gram(design)
    count = len(design.sums[0])
    held = np.concatenate([np.zeros(count), margin[count:]]) / _total(design)
    wanted = np.tile(held, (count, 1))
    wanted[:, :count] += np.eye(count)
    fit, beta = _solve(design, gram, margin, wanted, np.eye(len(margin)))
    mean = design.whole / _total(design)
    carried = held @ beta
    # The controls' means are estimated too: c itself leans on margins and total.
    by = fit.leaning.tables
    apart = np.split(beta / _total(design), _ends(design))
    margins = {
        block: by.margins[block] + (apart[at] if at else 0.0)
        for at, block in enumerate(design.blocks)
    }
    total = by.total - carried / _total(design) - mean / _total(design)
    whole = fit.leaning.whole + 1 / _total(design)
    varies = beta[count:] @ gram[count:, count:] @ beta[count:] / _total(design) - carried**2
    return Fit(
        values=mean + fit.values,
        leaning=Leaning(Agreed(total, margins, by.pairs), fit.leaning.sums, whole),
        reach=fit.reach,
        rest=fit.rest,
        moved=np.full(count, max(varies, 0.0) / _total(design)),
    )


def slope(design: Design) -> Fit:
    """The coefficient of the first block's number of level."""
    gram, margin = _gram(design)
    count, others = len(design.sums[0]), len(margin) - len(design.sums[0])
    steps = np.arange(count) - np.arange(count) @ margin[:count] / _total(design)
    # Where steps are centred the slope has no derivative by their mean: it is held fixed.
    into = np.zeros((len(margin), 1 + others))
    into[:count, 0] = steps
    into[count:, 1:] = np.eye(others)
    wanted = np.zeros((1, 1 + others))
    wanted[0, 0] = 1.0
    fit, _ = _solve(design, gram, margin, wanted, into)
    return fit


def sampling(fit: Fit, residual: Floats, bound: float) -> Floats:
    """
    Bound on the sampling variance, clustered by account.

    Args:
        fit: The statistics.
        residual: Variance of a residual in each level of the first block.
        bound: k.
    """
    return np.asarray(bound * (fit.reach @ residual + fit.rest * residual.max() + fit.moved))


def _solve(
    design: Design, gram: Floats, margin: Floats, wanted: Floats, into: Floats
) -> tuple[Fit, Floats]:
    """Statistics wanted·β, where coefficients are into·β, and those coefficients."""
    mean = design.whole / _total(design)
    sums = np.concatenate(design.sums)
    values, vectors = np.linalg.eigh(into.T @ gram @ into)
    kept = np.maximum(values, design.clip)
    turned = vectors.T @ (into.T @ (sums - mean * margin))
    aimed = wanted @ vectors
    beta = into @ (vectors @ (turned / kept))
    by_sums = (aimed / kept) @ vectors.T @ into.T
    divided = _divided(values, kept)
    by_gram = vectors @ (divided * aimed[:, :, None] * turned[None, None, :]) @ vectors.T
    by_gram = into @ by_gram @ into.T
    by_mean = -by_sums @ margin
    leaning = _leaning(design, by_gram, by_sums, -mean * by_sums, by_mean / _total(design))
    enters = by_sums @ gram[:, : len(design.sums[0])]
    held = np.maximum(margin[: len(design.sums[0])], design.clip)
    reach = enters**2 / held
    square = (aimed**2 / kept).sum(axis=1)
    # Clipped directions may tell more than there is: never more than all of it.
    reach *= np.minimum(1.0, square / np.maximum(reach.sum(axis=1), 1e-300))[:, None]
    rest = np.maximum(square - reach.sum(axis=1), 0.0)
    return Fit(aimed @ (turned / kept), leaning, reach, rest, np.zeros(len(wanted))), beta


def _divided(values: Floats, kept: Floats) -> Floats:
    """Divided differences of e ↦ 1/max(e, λ): -1/(e·e') unclipped, 0 where both are clipped."""
    apart = values[:, None] - values[None, :]
    with_both = (kept[:, None] - kept[None, :]) / np.where(apart == 0, 1.0, apart)
    ratio = np.where(apart == 0, (kept == values)[:, None], with_both)
    return np.asarray(-ratio / (kept[:, None] * kept[None, :]))


def _leaning(
    design: Design, by_gram: Floats, by_sums: Floats, by_margin: Floats, by_whole: Floats
) -> Leaning:
    ends, blocks = _ends(design), design.blocks
    parts = [np.split(row, ends, axis=2) for row in np.split(by_gram, ends, axis=1)]
    margins = {
        block: np.diagonal(parts[at][at], axis1=1, axis2=2) + part
        for at, (block, part) in enumerate(
            zip(blocks, np.split(by_margin, ends, axis=1), strict=True)
        )
    }
    pairs = {
        (one, other): parts[i][j] + parts[j][i].transpose(0, 2, 1)
        for i, one in enumerate(blocks)
        for j, other in enumerate(blocks)
        if i < j
    }
    total = -by_whole * design.whole / _total(design)
    sums = tuple(np.split(by_sums, ends, axis=1))
    return Leaning(Agreed(total, margins, pairs), sums, by_whole)


def _gram(design: Design) -> tuple[Floats, Floats]:
    """The Gram matrix of all levels of all blocks, and its diagonal."""
    tables, blocks = design.tables, design.blocks
    rows = [
        [
            np.diag(tables.margins[one])
            if one == other
            else tables.pairs[one, other]
            if one < other
            else tables.pairs[other, one].T
            for other in blocks
        ]
        for one in blocks
    ]
    return np.block(rows), np.concatenate([tables.margins[block] for block in blocks])


def _ends(design: Design) -> Sequence[int]:
    return [int(end) for end in np.cumsum([len(sums) for sums in design.sums])[:-1]]


def _total(design: Design) -> float:
    """Accounts in the sample; of next to nobody nothing is printed, and nothing divides by zero."""
    return max(float(design.tables.total), 1.0)
