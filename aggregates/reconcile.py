"""
Tables that count the same sessions are made to agree, by how precisely each was measured.

A table by month and mode and one by mode alone both know how many sessions each mode has.  Their
noise differs, so would what they say.  Let x̃ be all noisy cells, Σ their noise, and A·x = 0 say
that each cell of the coarser table is the sum of its cells in the finer: then
x̂ = x̃ - ΣAᵀ(AΣAᵀ)⁻¹A·x̃ fulfils them all, and of all linear estimates that do it has the smallest
variance (Gauss-Markov).  It is reckoned after the noise and costs nothing.

The noise of x̂ is Σ - ΣAᵀ(AΣAᵀ)⁻¹AΣ, never more than Σ for any sum of cells, so intervals that go by
Σ hold, and are a little wide.  Who may be printed is still decided on x̃, by the proof of `minimum`.

Two tables are reconciled only where the axes that one has more hold every session of the other: an
axis that leaves labels out counts other sessions.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import Codebook
from privacy.plan import Axis, Plan, Query

from .estimates.cells import Smooth

LARGEST = 4_000
"""Cells that are reconciled together; more are left as they are, since time grows with the cube."""


def reconcile(plan: Plan, noisy: Mapping[str, Sequence[int]], codebook: Codebook) -> Smooth:
    """
    Reconcile the counts of a plan.

    Args:
        plan: The plan that the sums were measured under.
        noisy: Noisy vectors.
        codebook: Tells whether an axis holds every session.

    Returns:
        Every query; those that share nothing with another are as they were.
    """
    pairs = [*_margins(plan, codebook)]
    names = dict.fromkeys(query.name for pair in pairs for query in pair)
    queries = [plan.query(name) for name in names]
    smooth: dict[str, Sequence[float]] = {name: [*map(float, v)] for name, v in noisy.items()}
    if not queries or sum(query.size for query in queries) > LARGEST:
        return smooth
    starts = dict(zip(names, np.cumsum([0, *(q.size for q in queries)]).tolist(), strict=False))
    found = np.concatenate([np.array(smooth[name]) for name in names])
    variance = np.concatenate([np.full(query.size, query.sigma**2) for query in queries])
    rules = np.concatenate(
        [_rules(coarse, fine, starts, len(found)) for coarse, fine in pairs], axis=0
    )
    spread = rules * variance
    # Rules of several tables may follow from one another: the least-squares solution is the same.
    step = np.linalg.lstsq(spread @ rules.T, rules @ found, rcond=None)[0]
    found = found - spread.T @ step
    for query in queries:
        smooth[query.name] = found[starts[query.name] :][: query.size].tolist()
    return smooth


def _margins(plan: Plan, codebook: Codebook) -> Iterator[tuple[Query, Query]]:
    """Pairs of queries of which the first is a margin of the second."""
    counts = [query for query in plan.queries if query.value == "one"]
    for coarse, fine in product(counts, counts):
        more = [axis for axis in fine.axes if axis not in coarse.axes]
        if (
            more
            and coarse.where == fine.where
            and coarse.contribution == fine.contribution
            and all(axis in fine.axes for axis in coarse.axes)
            and all(_holds_all(axis, plan, codebook) for axis in more)
        ):
            yield coarse, fine


def _holds_all(axis: Axis, plan: Plan, codebook: Codebook) -> bool:
    """Whether each session of the study's population lies in some level of an axis."""
    if axis.measure:
        return True
    columns = {column for level in axis.levels for column in level.when}
    if len(columns) != 1:
        return False
    (column,) = columns
    held = {label for level in axis.levels for label in level.when[column]}
    labels = plan.population.where.get(column, codebook.field(column).labels)
    return set(plan.population.months if column == "month" else labels) <= held


def _rules(
    coarse: Query, fine: Query, starts: Mapping[str, int], cells: int
) -> NDArray[np.float64]:
    """One row for each cell of the coarser: its sum in the finer, less itself."""
    rules = np.zeros((coarse.size, cells))
    kept = [fine.axes.index(axis) for axis in coarse.axes]
    places = {cell: number for number, cell in enumerate(coarse.cells)}
    for number, cell in enumerate(fine.cells):
        rules[places[tuple(cell[place] for place in kept)], starts[fine.name] + number] = 1.0
    rules[np.arange(coarse.size), starts[coarse.name] + np.arange(coarse.size)] = -1.0
    return rules
