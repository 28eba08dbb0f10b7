"""What every table is made of: cells that were tested, with a number for those that passed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from privacy.minimum import Minimum, State
from privacy.plan import Plan, Query, Table

from .intervals import Estimate, Ratio, proportion

Noisy = Mapping[str, Sequence[int]]
"""Query → noisy vector, in units of 1/scale."""
Smooth = Mapping[str, Sequence[float]]
"""The same after tables were reconciled: what is estimated from, never what is tested."""
Estimator = Callable[[str, Ratio, float], Estimate | None]
"""Keys of a cell, its ratio and D → its number; None where none can be made."""
Count = TypeVar("Count", int, float)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: whom it was tested on, and what it says if it may."""

    keys: str
    """`axis=level; …`"""
    tested: int
    """Noisy weighted count that stood the test, in units of 1/scale."""
    summed: int
    """How many noisy cells were summed into it."""
    sigma: float
    """Deviation of the noise on each, in units of 1/scale."""
    state: State
    estimate: Estimate | None
    """None unless the state is published."""
    minimum: Minimum | None = None
    """The test it stood, where that is not the plan's: at the bound of a total."""
    accounts: int | None = None
    """What is guaranteed, where that does not follow from `tested` alone: of what is withheld."""


def labelled(keys: str, ratio: Ratio, design: float) -> Estimate:
    """A proportion of labels as they are."""
    del keys
    return proportion(ratio, design=design)


def minimum_of(plan: Plan, query: Query | None = None) -> Minimum:
    """The test that a query's cells must stand; without one, those of the plan's own k."""
    privacy = plan.privacy
    k = plan.contribution(query) if query else Fraction(privacy.contribution)
    return Minimum(privacy.minimum_accounts, k=k, z=privacy.z, scale=privacy.scale)


def groups(
    query: Query, noisy: Mapping[str, Sequence[Count]]
) -> Iterator[tuple[list[str], list[Count]]]:
    """
    Walk over a query's cells, one block of the last axis at a time.

    Yields:
        The keys of a block's cells and their noisy counts; cells of one block differ in the
        last axis only, which runs fastest.
    """
    names = [axis.name for axis in query.axes]
    width = len(query.axes[-1].levels) if query.axes else 1
    vector = noisy[query.name]
    for start in range(0, query.size, width):
        cells = query.cells[start : start + width]
        keys = [join_keys(names, cell) for cell in cells]
        yield keys, list(vector[start : start + width])


def join_keys(names: Sequence[str], levels: Sequence[str]) -> str:
    """The keys of a row as one text; empty for a table that has none."""
    return "; ".join(f"{name}={level}" for name, level in zip(names, levels, strict=True))


def counts_of(plan: Plan, table: Table) -> Query:
    """The query whose cells a table is tested on."""
    return plan.query(table.queries[0])
