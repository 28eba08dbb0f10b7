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

AΣAᵀ is never written down: it has a row for each cell of each margin, and solving it would take
the cube of that.  It is applied, by summing tables over axes and spreading the gaps again, and
solved by conjugate gradients.  These end after as many steps as it has different eigenvalues; and
since it is blind to which level of an axis is which, these hang on the sets of axes alone, of which
there are few, and not on how many cells they have.  Where rules follow from one another it is
singular, but A·x̃ lies in its range, and so do all steps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import Codebook
from privacy.plan import Axis, Plan, Query
from privacy.second import repeats

from .estimates.cells import Smooth

Floats = NDArray[np.float64]
CLOSE = 1e-12
"""What is left of the tables' disagreement, of what it was."""
MOST_STEPS = 1_000
"""Far more than there are eigenvalues; tables would agree less closely, and nothing else."""


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
    smooth: dict[str, Sequence[float]] = {name: [*map(float, v)] for name, v in noisy.items()}
    rules = [_Rule.of(coarse, fine) for coarse, fine in _margins(plan, codebook)]
    if not rules:
        return smooth
    queries = {query.name: query for rule in rules for query in (rule.coarse, rule.fine)}
    cells = {name: np.reshape(smooth[name], _shape(query)) for name, query in queries.items()}
    left = _gaps(rules, cells)
    along, size = left, float(left @ left)
    enough = size * CLOSE**2
    for _ in range(MOST_STEPS):
        if size <= enough:
            break
        change = _spread(rules, along, queries)
        image = _gaps(rules, change)
        step = size / float(along @ image)
        for name, of_table in change.items():
            cells[name] = cells[name] - step * of_table
        left = left - step * image
        before, size = size, float(left @ left)
        along = left + size / before * along
    smooth.update((name, table.ravel().tolist()) for name, table in cells.items())
    return smooth


@dataclass(frozen=True, slots=True)
class _Rule:
    """Each cell of the coarser table is the sum of its cells in the finer."""

    coarse: Query
    fine: Query
    summed: tuple[int, ...]
    """Axes of the finer that the coarser has not."""
    order: tuple[int, ...]
    """Where each axis of the coarser stands among those that are left."""
    weight: float
    """1 over the deviation of a rule's noise: so all of them count alike."""

    @classmethod
    def of(cls, coarse: Query, fine: Query) -> "_Rule":
        summed = tuple(n for n, axis in enumerate(fine.axes) if axis not in coarse.axes)
        left = [axis for axis in fine.axes if axis in coarse.axes]
        order = tuple(left.index(axis) for axis in coarse.axes)
        noise = coarse.sigma**2 + fine.size / coarse.size * fine.sigma**2
        return cls(coarse, fine, summed, order, 1 / sqrt(noise))


def _gaps(rules: Sequence[_Rule], cells: Mapping[str, Floats]) -> Floats:
    """A·x: by how much each rule is not fulfilled."""
    return np.concatenate(
        [
            rule.weight
            * np.ravel(
                cells[rule.fine.name].sum(axis=rule.summed).transpose(rule.order)
                - cells[rule.coarse.name]
            )
            for rule in rules
        ]
    )


def _spread(
    rules: Sequence[_Rule], gaps: Floats, queries: Mapping[str, Query]
) -> dict[str, Floats]:
    """ΣAᵀ·y: gaps given back to the cells that they are made of, to each by its variance."""
    change = {name: np.zeros(_shape(query)) for name, query in queries.items()}
    start = 0
    for rule in rules:
        gap = rule.weight * gaps[start : start + rule.coarse.size]
        start += rule.coarse.size
        gap = gap.reshape(_shape(rule.coarse))
        change[rule.coarse.name] -= gap
        back = np.argsort(rule.order).tolist()
        change[rule.fine.name] += np.expand_dims(gap.transpose(back), rule.summed)
    return {name: table * queries[name].sigma ** 2 for name, table in change.items()}


def _shape(query: Query) -> tuple[int, ...]:
    return tuple(len(axis.levels) for axis in query.axes)


def _margins(plan: Plan, codebook: Codebook) -> Iterator[tuple[Query, Query]]:
    """Pairs of queries of which the first is a margin of the second."""
    counts = [query for query in plan.queries if query.value == "one"]
    axes = _different(axis for query in counts for axis in query.axes)
    whole = {n for n, axis in enumerate(axes) if _holds_all(axis, plan, codebook)}
    # Axes by number: tables cross the same ones again and again.
    crossed = {query.name: {axes.index(axis) for axis in query.axes} for query in counts}
    for coarse, fine in product(counts, counts):
        more = crossed[fine.name] - crossed[coarse.name]
        if (
            more
            and more <= whole
            and crossed[coarse.name] <= crossed[fine.name]
            and coarse.where == fine.where
            and coarse.contribution == fine.contribution
        ):
            yield coarse, fine


def _different(axes: Iterable[Axis]) -> list[Axis]:
    found: list[Axis] = []
    for axis in axes:
        if axis not in found:
            found.append(axis)
    return found


def _holds_all(axis: Axis, plan: Plan, codebook: Codebook) -> bool:
    """Whether each session of the study's population lies in some level of an axis."""
    if axis.measure:
        return True
    columns = {column for level in axis.levels for column in level.when}
    if len(columns) != 1:
        return False
    (column,) = columns
    if column != repeats(column):
        return False  # a second reading is of a sample: the others lie in no level of it
    labels = plan.population.where.get(column, codebook.field(column).labels)
    # A level that says nothing of the column holds all of its labels.
    held = {label for level in axis.levels for label in level.when.get(column, labels)}
    return set(plan.population.months if column == "month" else labels) <= held
