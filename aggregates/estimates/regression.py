"""
Least squares from noisy pair tables: adjusted levels, a slope, and how far both may err.

The model is additive: a session is expected to come to a number for its level of the first block,
plus one for its level of each control.  Let M hold the first block's margin on its diagonal, and
let X and G be the Gram matrices of first block and controls, and of controls, both less what
margins alone would give (controls are *centred*: their mean is none); g and z are the outcome's
sums in the first block and, centred too, in the controls.  With F the inverse of G,

    A = M - X·F·Xᵀ + C,   r = g - X·F·z,   a = A⁻¹·r.

C is what noise takes from A: of X + N, the expectation of N·F·Nᵀ.  N has no margins of its own, so
it is P·Σ σ²·(1 - 1/s)·F_cc over all levels c of controls, P the centring of the first block.

**Adjusted level** l: a_l is what would be found in l if its sessions had the controls of the whole
sample.  No level is left out as a reference: centring does that.

**Slope**: levels on a line, a = α + γ·s, s = 0, 1, 2, …: (α, γ) = (LᵀAL)⁻¹·Lᵀr, L = (1, s), which
is the regression on the number of the level.  (A line through adjusted levels weighted by how many
there are is another one: controls leave more of some levels than of others.)

**Clipping.**  Noise gives levels that hardly occur eigenvalues near zero or below it; their
coefficients, noise over next to nothing, would spread noise everywhere.  So G is seen in units in
which noise and effects are of size one: L·Lᵀ = B·τ/s, τ the size of effects that one would want to
take out, s the noise on the outcome's sums in a control, and B = 1 but for interactions, whose
levels share the effects of their fields.  With LᵀGL = V·diag(e)·Vᵀ, F = L·V·diag(1/max(e, 1))·VᵀLᵀ.
Where e < 1 noise is larger than what it hides, and coefficients shrink towards none, by e: a
penalty on coefficients of controls, and on no others.

**What is held back** by it: of coefficients b the part (1 - F·G)·b, which moves a number by
h·X·(1 - F·G)·b, h = ∂a/∂r.  For effects of covariance τ²·B its variance is added to that of noise,
less what noise adds to X.

**Noise.**  To first order: everything above is differentiated, line by line, and `gram.lean` goes
back to the noisy cells.  With U = L·V, dF = U·(K∘(Uᵀ·dG·U))·Uᵀ, K the divided differences of
e ↦ 1/max(e, 1) (Daleckii and Krein).  With Σ the noise, g the
truth's gradient and D its second derivatives, the variance is gΣg + tr(DΣDΣ)/2 to second order; at
noisy tables the gradient is noisy too, and says gΣg + tr(DΣDΣ) on average: too much rather than too
little, the more so the rarer a level is.

**Sampling.**  A session moves a number by w·r·x, r its residual, x = h·(its level) - h·X·F·(its
controls).  By Cauchy-Schwarz within an account, whose weights sum to k at most, the clustered
variance is at most k·Σ w·r²·x².  Σ w·x² ≤ h·A·h, of which at least (A·h)_l²/m_l lies in level l;
there r² counts as in that level, in what is left as in the worst.  Of an adjusted level, by how
much its controls' means vary is added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from .gram import Agreed, Floats

LEAST = 1e-9
"""Part of the sample below which an eigenvalue is none."""


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
    units: Floats
    """L."""
    effects: Floats
    """τ²·B."""
    thin: float
    """Accounts below which a level of the first block counts as so many: it is not printed."""
    noise: Floats
    """Variance of the noise on controls' pairs with the first block, by level of the controls."""

    @property
    def total(self) -> float:
        """Accounts in the sample; of next to nobody nothing is printed, or divided by zero."""
        return max(float(self.tables.total), 1.0)


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
    held: Floats
    """(q,): variance of what clipping holds back."""
    reach: Floats
    """(q, levels of the first block): Σ w·x² that surely lies in each level."""
    rest: Floats
    """(q,): what of h·A·h may lie in any of them."""
    moved: Floats
    """(q,): variance of an account's controls as they enter, over N; 0 of a slope."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The matrices of a design, by the names above."""

    margin: Floats
    """Of the first block."""
    held: Floats
    """Margins of the controls, one after the other."""
    x: Floats
    z: Floats
    gram: Floats
    values: Floats
    """Eigenvalues of LᵀGL, and those that are used."""
    kept: Floats
    turn: Floats
    """U."""
    f: Floats
    a: Floats
    r: Floats


def levels(design: Design) -> Fit:
    """Adjusted levels of the first block."""
    parts = _parts(design)
    values, vectors = np.linalg.eigh(parts.a)
    kept = np.maximum(values, max(design.thin, LEAST * design.total))
    turned = vectors.T @ parts.r
    pull = (vectors / kept) @ vectors.T
    divided = _divided(values, kept)
    by_a = vectors @ (divided * vectors[:, :, None] * turned[None, None, :]) @ vectors.T
    found = pull @ parts.r
    effects = parts.f @ (parts.z - parts.x.T @ found)
    varies = max(float(effects @ parts.gram @ effects), 0.0) / design.total**2
    return _fit(design, parts, found, pull, by_a, varies)


def slope(design: Design) -> Fit:
    """How much an adjusted level rises from one level of the first block to the next."""
    parts = _parts(design)
    count = len(parts.margin)
    line = np.stack([np.ones(count), np.arange(count)], axis=1)
    values, vectors = np.linalg.eigh(line.T @ parts.a @ line)
    into = (vectors / np.maximum(values, LEAST * design.total)) @ vectors.T @ line.T
    pull, found = into[1:], line @ into @ parts.r
    by_a = -pull[:, :, None] * found[None, None, :]
    return _fit(design, parts, pull @ parts.r, pull, by_a, 0.0)


def sampling(fit: Fit, residual: Floats, bound: float) -> Floats:
    """
    Bound on the sampling variance, clustered by account.

    Args:
        fit: The statistics.
        residual: Variance of a residual in each level of the first block.
        bound: k.
    """
    return np.asarray(bound * (fit.reach @ residual + fit.rest * residual.max() + fit.moved))


def _parts(design: Design) -> _Parts:
    tables, (first, *controls) = design.tables, design.blocks
    margin, total = tables.margins[first], design.total
    held = np.concatenate([np.zeros(0), *(tables.margins[block] for block in controls)])
    met = [np.zeros((len(margin), 0)), *(tables.pairs[first, block] for block in controls)]
    x = np.concatenate(met, axis=1) - np.outer(margin, held) / total
    gram = np.zeros((len(held), len(held)))
    places = _places(design)
    for one, i in zip(controls, places, strict=True):
        for other, j in zip(controls, places, strict=True):
            if one == other:
                gram[i, j] = np.diag(tables.margins[one])
            elif one < other:
                gram[i, j] = tables.pairs[one, other]
                gram[j, i] = tables.pairs[one, other].T
    gram -= np.outer(held, held) / total
    sums = np.concatenate([np.zeros(0), *design.sums[1:]])
    z = sums - design.whole / total * held
    values, vectors = np.linalg.eigh(design.units.T @ gram @ design.units)
    kept, turn = np.maximum(values, 1.0), design.units @ vectors
    f = (turn / kept) @ turn.T
    return _Parts(
        margin, held, x, z, gram, values, kept, turn, f,
        a=np.diag(margin) - x @ f @ x.T + float(design.noise @ np.diagonal(f)) * _centred(margin),
        r=design.sums[0] - x @ f @ z,
    )  # fmt: skip


def _fit(
    design: Design, parts: _Parts, found: Floats, pull: Floats, by_a: Floats, moved: float
) -> Fit:
    """Statistics with their gradients, given those by r (`pull`) and by A."""
    x, f, z, total = parts.x, parts.f, parts.z, design.total
    carried = pull @ x
    by_x = -(by_a + by_a.transpose(0, 2, 1)) @ x @ f - pull[:, :, None] * (f @ z)
    by_f = -x.T @ by_a @ x - carried[:, :, None] * z
    by_f += (by_a * _centred(parts.margin)).sum(axis=(1, 2))[:, None, None] * np.diag(design.noise)
    turned = parts.turn.T @ by_f @ parts.turn
    by_gram = parts.turn @ (_divided(parts.values, parts.kept) * turned) @ parts.turn.T
    by_z = -carried @ f
    # From centred matrices to what they were made of.
    held, mean = parts.held, design.whole / total
    both = by_gram + by_gram.transpose(0, 2, 1)
    by_held = -both @ held / total - parts.margin @ by_x / total - mean * by_z
    by_held += np.diagonal(by_gram, axis1=1, axis2=2)
    by_margin = np.diagonal(by_a, axis1=1, axis2=2) - by_x @ held / total
    by_whole = -by_z @ held / total
    by_total = ((by_gram @ held) @ held + (by_x @ held) @ parts.margin) / total**2
    by_total -= by_whole * mean
    places, (first, *controls) = _places(design), design.blocks
    margins = {first: by_margin}
    pairs = {}
    for one, i in zip(controls, places, strict=True):
        margins[one] = by_held[:, i]
        pairs[first, one] = by_x[:, :, i]
        for other, j in zip(controls, places, strict=True):
            if one < other:
                pairs[one, other] = both[:, i, j]
    sums = (pull, *(by_z[:, place] for place in places))
    leaning = Leaning(Agreed(by_total, margins, pairs), sums, by_whole)
    return _with_errors(design, parts, found, pull, leaning, moved)


def _with_errors(
    design: Design, parts: _Parts, found: Floats, pull: Floats, leaning: Leaning, moved: float
) -> Fit:
    # 1 - F·G = U·diag(1 - e/max(e, 1))·U⁻¹, and U⁻¹·(τ²B)·U⁻ᵀ is s·τ of each control.
    loses = parts.turn * (1 - np.maximum(parts.values, 0) / parts.kept)
    into = np.linalg.solve(parts.turn, design.effects)
    spread = loses @ np.linalg.solve(parts.turn, into.T) @ loses.T
    carried = pull @ parts.x
    misses = ((carried @ spread) * carried).sum(axis=1)
    apart = pull @ _centred(parts.margin)
    by_noise = (apart * pull).sum(axis=1) * float(design.noise @ np.diagonal(spread))
    enters = pull @ parts.a
    square = np.maximum((enters * pull).sum(axis=1), 0.0)
    reach = enters**2 / np.maximum(parts.margin, max(design.thin, LEAST * design.total))
    # What surely lies in a level is never more than all there is.
    reach *= np.minimum(1.0, square / np.maximum(reach.sum(axis=1), 1e-300))[:, None]
    return Fit(
        values=found,
        leaning=leaning,
        held=np.maximum(misses - by_noise, 0.0),
        reach=reach,
        rest=np.maximum(square - reach.sum(axis=1), 0.0),
        moved=np.full(len(found), moved),
    )


def _centred(margin: Floats) -> Floats:
    """P: what is left of the first block's levels without their mean."""
    return np.asarray(np.eye(len(margin)) - 1 / len(margin))


def _places(design: Design) -> Sequence[slice]:
    """Where each control's levels stand among those of all."""
    ends = accumulate((len(sums) for sums in design.sums[1:]), initial=0)
    return [slice(start, end) for start, end in pairwise(ends)]


def _divided(values: Floats, kept: Floats) -> Floats:
    """Divided differences of e ↦ 1/max(e, least): -1/(e·e') unclipped, 0 where both are clipped."""
    apart = values[:, None] - values[None, :]
    with_both = (kept[:, None] - kept[None, :]) / np.where(apart == 0, 1.0, apart)
    ratio = np.where(apart == 0, (kept == values)[:, None], with_both)
    return np.asarray(-ratio / (kept[:, None] * kept[None, :]))
