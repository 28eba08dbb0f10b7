"""
One estimation sample: the sums of an adjusted table, as designs of its regressions and back.

The sums are read off the noisy vectors and made to agree; a design takes of them what a regression
with so many controls needs, and gradients by a design are led back to the noisy cells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import LOG_STEPS
from privacy.pairs import blocks_of
from privacy.plan import ADJUSTED_RATES, STEPS, Axis, Plan, Query, Table

from .cells import Noisy
from .gram import ALONE, Agreed, Floats, Pair, agree, lean
from .regression import LEAST, Design, Fit, Leaning, levels, slope

OUTCOME = 1
"""Number of a rate's block of outcomes; what the table is by is 0, controls follow."""
THIN = 2.0
"""Least count of a level of what the table is by, in deviations of its noise."""
EFFECT = {"rate": 0.05, "mean": 0.1}
"""τ: size of effects of controls that one would want to take out, in points of a rate or as a part
of a mean."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Sums of one estimation sample, in accounts, and whether their outcome is a block of them."""

    effect: float
    """τ."""
    alike: tuple[Floats, ...]
    """B of each control."""
    counts: tuple[Pair, ...]
    agreed: Agreed
    yes: tuple[int, ...]
    """Of a rate: the outcome's levels that say yes."""
    values: tuple[Pair, ...]
    """Of a mean: the logarithm's sums by block."""
    valued: Agreed | None

    def design(self, controls: int) -> Design:
        """The regression with so many of the controls."""
        pairs = {(pair.one, pair.other): pair for pair in self.counts}
        first = self.counts[0]
        thin = THIN * first.sigma * sqrt(first.values.shape[1])
        if self.valued is not None:
            blocks = tuple(range(controls + 1))
            sums = tuple(self.valued.margins[block] for block in blocks)
            whole = float(self.valued.total)
            told = [pair.sigma for pair in self.values[1 : controls + 1]]
        else:
            blocks = (0, *range(OUTCOME + 1, OUTCOME + 1 + controls))
            yes, met = [*self.yes], self.agreed.pairs
            others = (met[OUTCOME, block][yes].sum(axis=0) for block in blocks[1:])
            sums = (met[0, OUTCOME][:, yes].sum(axis=1), *others)
            whole = float(self.agreed.margins[OUTCOME][yes].sum())
            told = [pairs[OUTCOME, block].sigma for block in blocks[1:]]
        noise = [np.zeros(0), *(_agreed_noise(pairs[0, block]) for block in blocks[1:])]
        alike = self.alike[:controls]
        units = [
            np.linalg.cholesky(shared) * sqrt(self.effect / max(sigma, LEAST * self.total))
            for shared, sigma in zip(alike, told, strict=True)
        ]
        return Design(
            self.agreed, blocks, sums, whole, _diagonal(units),
            _diagonal([self.effect**2 * shared for shared in alike]), thin, np.concatenate(noise),
        )  # fmt: skip

    @property
    def total(self) -> float:
        """Accounts in the sample, at least one."""
        return max(float(self.agreed.total), 1.0)

    def noise(self, design: Design, fit: Fit) -> Floats:
        """Variance from noise, and from what clipping holds back because of it."""
        told = self.leaning(design, fit.leaning)
        direct = sum(pair.sigma**2 * (on**2).sum(axis=(1, 2)) for pair, on in told)
        return np.asarray(direct + fit.held)

    def leaning(self, design: Design, leaning: Leaning) -> list[tuple[Pair, Floats]]:
        """How statistics lean on each noisy cell of each table."""
        by = leaning.tables
        if self.valued is not None:
            sums = dict(zip(design.blocks, leaning.sums, strict=True))
            on = lean(self.values, Agreed(leaning.whole, sums, {}))
            told = zip(self.values, on, strict=True)
            return [*zip(self.counts, lean(self.counts, by), strict=True), *told]
        yes, pairs = [*self.yes], dict(by.pairs)
        for block, part in zip(design.blocks, leaning.sums, strict=True):
            place = (0, OUTCOME) if block == 0 else (OUTCOME, block)
            pairs[place] = np.zeros((len(part), *self.agreed.pairs[place].shape))
            if block == 0:
                pairs[place][:, :, yes] = part[:, :, None]
            else:
                pairs[place][:, yes, :] = part[:, None, :]
        outcome = np.zeros((len(by.total), len(self.agreed.margins[OUTCOME])))
        outcome[:, yes] = leaning.whole[:, None]
        margins = {**by.margins, OUTCOME: outcome}
        on = lean(self.counts, Agreed(by.total, margins, pairs))
        return [*zip(self.counts, on, strict=True)]


def _alike(block: Axis) -> Floats:
    """How effects of a block's levels go together: those of an interaction share their fields'."""
    shared = np.eye(len(block.levels))
    columns = dict.fromkeys(column for level in block.levels for column in level.when)
    for column in columns if len(columns) > 1 else ():
        labels = [level.when.get(column) for level in block.levels]
        shared += np.array([[one == other for other in labels] for one in labels], np.float64)
    return shared


def _diagonal(parts: Sequence[NDArray[np.floating]]) -> Floats:
    """A matrix of blocks along its diagonal."""
    ends = np.cumsum([0, *(len(part) for part in parts)])
    whole = np.zeros((ends[-1], ends[-1]))
    for part, start, end in zip(parts, ends[:-1], ends[1:], strict=True):
        whole[start:end, start:end] = part
    return whole


def _agreed_noise(pair: Pair) -> Floats:
    """Variance of a pair's noise without its margins, by level of the second block."""
    columns = pair.values.shape[1]
    return np.full(columns, pair.sigma**2 * (1 - 1 / columns))


def sample_of(plan: Plan, table: Table, noisy: Noisy) -> Sample:
    """Take the sums of an adjusted table, and make them agree."""
    queries = [plan.query(name) for name in table.queries]
    effect = EFFECT["rate" if table.kind in ADJUSTED_RATES else "mean"]
    blocks = blocks_of(table, queries)
    sizes = [len(block.levels) for block in blocks]
    alike = tuple(map(_alike, blocks[2 if table.yes else 1 :]))
    pairs, scale = [*combinations(range(len(sizes)), 2)], plan.privacy.scale

    def read(query: Query, one: int, other: int, unit: float = 1.0) -> Pair:
        values = np.array(noisy[query.name], np.float64) / scale / unit
        return Pair(one, other, values.reshape(sizes[one], -1), query.sigma / scale / unit)

    if table.kind in ADJUSTED_RATES:
        counts = [read(query, *pair) for query, pair in zip(queries, pairs, strict=True)]
        names = [level.name for level in queries[0].axes[1].levels]
        yes = tuple(names.index(name) for name in table.yes)
        return Sample(effect, alike, (*counts,), agree(counts), yes, (), None)
    weight, *between = queries[: 1 + len(pairs)]
    counts = [read(weight, 0, ALONE)]
    counts += [read(query, *pair) for query, pair in zip(between, pairs, strict=True)]
    sums = queries[1 + len(pairs) : -1]
    values = [read(query, block, ALONE, LOG_STEPS) for block, query in enumerate(sums)]
    return Sample(effect, alike, (*counts,), agree(counts), (), (*values,), agree(values))


def fits(table: Table, sample: Sample) -> Iterator[tuple[Design, Fit]]:
    """The regressions of a table, one for each of its columns."""
    for controls in table.columns or (len(table.controls),):
        design = sample.design(controls)
        yield design, slope(design) if table.kind in STEPS else levels(design)
