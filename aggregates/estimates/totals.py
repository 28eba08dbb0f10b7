"""
Totals: how many sessions there are, with each account clipped and the whole rescaled.

**Bound.**  Two noisy histograms say how large accounts are: by the norm of their counts in the
table, and by the number of their sessions.  What a bound would cut off is Σ_i A_i·(C_{i+1} - C_i)
over the bounds from it on, A_i the accounts beyond C_i.  Taken for C is the bound with the smallest
error of a cell, (cut off / cells)² + (C·σ₁)²; for the cap of the grand total the one with the
smallest cut² + (c·σ₁)².  Noise may make a tail where there is none: one deviation is taken off each
A_i, and A must not rise.

**Estimate.**  z_c is a cell's noisy clipped count, Z their sum, T the noisy capped total.  Printed
is r·z_c with r = max(1, T/Z): what was cut off is taken to divide among cells as the rest does.

**Interval.**  It speaks of the sessions in the corpus, not of accounts that might have been there.
*Noise*: d(r·z_c) = r·dz_c + p·dT - r·p·dZ with p = z_c/Z, and dZ holds dz_c, so the variance is
r²·s²·(1 - 2p + p²·cells) + p²·σ_T², s = C·σ₁.  *What was cut off*: an account of norm q loses a
part 1 - C/q of each n_c, and Σ_c (n_c·(1 - C/q))² = (q - C)².  Were its sessions drawn as those of
the others are, perhaps all in one cell, cell c would get a variance of at most
p(1-p)·Σ_a (q_a - C)²; that stands where other tables have sampling.  *What lies beyond the cap* c
of T is in no number, so totals are rather too low.  Accounts of more than t sessions are taken to
thin out at least as t^(-5/3) beyond c; then it is at most 1.5·A(c)·c.  That is added to the upper
end, with A(c) at its upper 95 % bound.

If large accounts work otherwise than small ones, a cell is off by more; the bundle says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from statistics import NormalDist

from privacy.minimum import Minimum
from privacy.plan import Clip, Plan, Query, Table
from privacy.unit import CLIPS

from .cells import Cell, Noisy, join_keys, minimum_of
from .intervals import Z95, Estimate
from .monotone import rising

UPPER = NormalDist().inv_cdf(0.95)
"""One-sided 95 %."""

Clips = Mapping[str, int]
"""Clipped or capped query → which of its bounds was chosen."""


def choose(plan: Plan, noisy: Noisy) -> dict[str, int]:
    """
    Choose the bounds of all totals of a plan from their noisy histograms.

    Args:
        plan: The plan.
        noisy: Noisy vectors, those of `norm` and `size` at least.
    """
    chosen: dict[str, int] = {}
    for table in plan.tables:
        if table.kind == "total":
            count, whole, norms, sizes = (plan.query(name) for name in table.queries)
            chosen[count.name] = _best(plan, count, _tail(plan, norms, noisy))
            chosen[whole.name] = _best(plan, whole, _tail(plan, sizes, noisy))
    return chosen


def choose_exactly(bins: Sequence[int], scale: int, *, part: float) -> int:
    """
    The first bound that cuts off no more than a part of all, in a histogram without noise.

    Args:
        bins: Expected accounts by norm or by sessions, in units of 1/scale.
        scale: S.
        part: How much may be cut off.
    """
    tail = [sum(bins[i + 1 :]) / scale for i in range(len(CLIPS))]
    whole = sum(bins) / scale + _beyond(tail, 0)
    return next((i for i in range(len(CLIPS)) if _beyond(tail, i) <= part * whole), len(CLIPS) - 1)


def totals(plan: Plan, table: Table, noisy: Noisy, clips: Clips) -> Iterator[Cell]:
    """
    Make a table of totals.

    The grand total is known from r, so what is withheld could be found by subtraction: hence the
    group decision of `privacy.minimum` over all cells of the table.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind total.
        noisy: Noisy vectors, at the bounds that were chosen.
        clips: Which those are.

    Yields:
        A cell for each combination of keys, in sessions.
    """
    told = _told(plan, table, noisy, clips)
    count, minimum = told.count, told.minimum(told.clip)
    states = minimum.decide_group(noisy[count.name], told.clip.sigma)
    for cell, tested, state in zip(count.cells, noisy[count.name], states, strict=True):
        estimate = told.estimate(tested) if state == "published" else None
        keys = join_keys(table.by, cell)
        yield Cell(keys, tested, 1, told.clip.sigma, state, estimate, minimum)


def grand_total(plan: Plan, table: Table, noisy: Noisy, clips: Clips) -> Iterator[Cell]:
    """The number of sessions in all cells together: one row, tested by itself."""
    told = _told(plan, table, noisy, clips)
    minimum = told.minimum(told.cap)
    (tested,) = noisy[told.whole.name]
    state = minimum.decide(tested, told.cap.sigma)
    estimate = None
    if state == "published":
        value, noise = tested / told.scale, told.cap.sigma / told.scale
        low, high = max(0.0, value - Z95 * noise), value + Z95 * noise + told.beyond
        estimate = Estimate(value, low, high, noise, 0.0)
    yield Cell("", tested, 1, told.cap.sigma, state, estimate, minimum)


@dataclass(frozen=True, slots=True)
class _Told:
    """The noisy numbers of one table of totals, in sessions, and the bounds behind them."""

    test: Minimum
    count: Query
    whole: Query
    clip: Clip
    cap: Clip
    scale: int
    clipped: float
    """Z."""
    capped: float
    """T."""
    lost: float
    """Σ_a (q_a - C)² over accounts beyond the bound."""
    beyond: float
    """Sessions beyond the cap of T, at most."""

    def minimum(self, clip: Clip) -> Minimum:
        """The test at a bound: an account adds at most C to a cell."""
        return replace(self.test, k=Fraction(clip.bound), clipped=True)

    def estimate(self, tested: int) -> Estimate:
        """A cell's total with its interval."""
        z, whole = tested / self.scale, max(self.clipped, 1e-9)
        ratio, part = max(1.0, self.capped / whole), min(1.0, z / whole)
        spread, cells = self.clip.sigma / self.scale, self.count.size
        noise = sqrt(
            (ratio * spread) ** 2 * max(1 - 2 * part + part**2 * cells, 0.0)
            + (part * self.cap.sigma / self.scale) ** 2
        )
        lost = sqrt(self.lost * part * (1 - part))
        value, reach = ratio * z, Z95 * sqrt(noise**2 + lost**2)
        low, high = max(0.0, value - reach), value + reach + part * self.beyond
        return Estimate(value, low, high, noise, lost)


def _told(plan: Plan, table: Table, noisy: Noisy, clips: Clips) -> _Told:
    count, whole, norms, sizes = (plan.query(name) for name in table.queries)
    clip, cap = (query.clips[clips[query.name]] for query in (count, whole))
    scale = plan.privacy.scale
    return _Told(
        test=minimum_of(plan),
        count=count,
        whole=whole,
        clip=clip,
        cap=cap,
        scale=scale,
        clipped=sum(noisy[count.name]) / scale,
        capped=noisy[whole.name][0] / scale,
        lost=_lost(_tail(plan, norms, noisy), clips[count.name]),
        beyond=_thinning(plan, sizes, noisy, clips[whole.name]),
    )


def _tail(plan: Plan, query: Query, noisy: Noisy) -> list[float]:
    """A_i: accounts beyond each bound, never rising, one deviation of the noise taken off."""
    bins, scale = noisy[query.name], plan.privacy.scale
    beyond, found = 0, list[float]()
    for summed, count in enumerate(reversed(bins[1:]), start=1):
        beyond += count
        found.append((beyond - query.sigma * sqrt(summed)) / scale)
    return [max(0.0, accounts) for accounts in reversed(rising(found))]


def _beyond(tail: Sequence[float], chosen: int) -> float:
    """Σ A_i·(C_{i+1} - C_i) from a bound on; beyond the last it is taken to be as much again."""
    gaps = [high - low for low, high in pairwise((*CLIPS, 2 * CLIPS[-1]))]
    return sum(a * gap for a, gap in zip(tail[chosen:], gaps[chosen:], strict=True))


def _thinning(plan: Plan, query: Query, noisy: Noisy, chosen: int) -> float:
    """∫ A(t) dt beyond a bound c, if A(t) ≤ A(c)·(c/t)^(5/3): at most 1.5·A(c)·c."""
    bins = noisy[query.name][chosen + 1 :]
    accounts = (sum(bins) + UPPER * query.sigma * sqrt(len(bins))) / plan.privacy.scale
    return 1.5 * max(accounts, 0.0) * CLIPS[chosen]


def _best(plan: Plan, query: Query, tail: Sequence[float]) -> int:
    scale = plan.privacy.scale

    def error(index: int) -> float:
        noise = query.clips[index].sigma / scale
        return (_beyond(tail, index) / query.size) ** 2 + noise**2

    return min(range(len(query.clips)), key=error)


def _lost(tail: Sequence[float], chosen: int) -> float:
    """Σ (q - C)² over the accounts beyond a bound, each taken to be as large as its bin allows."""
    ends = (*CLIPS, 2 * CLIPS[-1])[chosen:]
    accounts = [a - b for a, b in pairwise((*tail, 0.0))][chosen:]
    return sum(n * (end - ends[0]) ** 2 for n, end in zip(accounts, ends[1:], strict=True))
