"""
What the synthetic population expects of a query: exact, with no population drawn.

A sum that a query asks for is the sum of a product of factors over everything that the query does
not name, which `einsum` reckons in a good order.  Account sizes are independent of everything else,
so that expected sums of the weights are the same, up to the number of accounts, at every
contribution bound.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from privacy.codebook import LOG_STEPS, codebook
from privacy.plan import Axis, Plan, Query

from .factors import Factor, Tensor, factors


def expected(plan: Plan, query: Query) -> Tensor:
    """
    What a query's vector expects of one account, in accounts (times the value's unit).

    Args:
        plan: Whose population is counted.
        query: A query of weights.

    Returns:
        Shape (cells,).

    Raises:
        KeyError: The query speaks of a column or a value that the law does not know.
    """
    terms = [*_conditions({**plan.population.where, "month": plan.population.months})]
    terms += _conditions(query.where)
    out = []
    for number, axis in enumerate(query.axes):
        columns, places = _levels(axis)
        terms.append(((*columns, f"axis {number}"), places))
        out.append(f"axis {number}")
    if query.value != "one":
        terms.append(((query.measure,), _values(query)))
    return _contract(terms, out).reshape(-1)


def _contract(terms: Sequence[tuple[tuple[str, ...], Tensor]], out: Sequence[str]) -> Tensor:
    """Multiply terms with the factors of all columns that they stand on, and sum the rest out."""
    known = factors()
    wanted = [column for columns, _ in terms for column in columns if not column.startswith("axis")]
    needed: dict[str, Factor] = {}
    while wanted:
        column = wanted.pop()
        if column not in needed:
            needed[column] = known[column]
            wanted += known[column].given
    operands = [((*factor.given, name), factor.chance) for name, factor in needed.items()]
    names = [*dict.fromkeys(name for columns, _ in (*operands, *terms) for name in columns)]
    numbers = {name: number for number, name in enumerate(names)}
    call: list[object] = []
    for columns, table in (*operands, *terms):
        call += [table, [numbers[name] for name in columns]]
    # Smallest result first, pair by pair: the whole product would have billions of entries.
    found = np.einsum(*call, [numbers[name] for name in out], optimize="greedy")  # type: ignore[call-overload]
    return np.asarray(found, np.float64)


def _conditions(
    where: Mapping[str, Sequence[str]],
) -> Iterator[tuple[tuple[str, ...], Tensor]]:
    for column, labels in where.items():
        names = factors()[column].labels
        yield (column,), np.array([float(name in labels) for name in names])


def _levels(axis: Axis) -> tuple[tuple[str, ...], Tensor]:
    """Columns of an axis, and 1 where their labels lie in a level, shape (*columns, levels)."""
    if axis.measure:
        values = np.arange(factors()[axis.measure].chance.shape[-1])
        places = np.searchsorted(axis.edges[1:-1], values, side="right")
        return (axis.measure,), np.eye(len(axis.levels))[places]
    columns = tuple(dict.fromkeys(column for level in axis.levels for column in level.when))
    names = [factors()[column].labels for column in columns]
    free = np.ones([len(labels) for labels in names])
    tables = []
    for level in axis.levels:
        inside = np.ones_like(free)
        for place, (column, labels) in enumerate(zip(columns, names, strict=True)):
            held = level.when.get(column, labels)
            shape = [-1 if place == other else 1 for other in range(len(columns))]
            inside = inside * np.array([float(name in held) for name in labels]).reshape(shape)
        tables.append(inside * free)
        free = free * (1 - inside)  # the first level that holds a record has it
    return columns, np.stack(tables, axis=-1)


def _values(query: Query) -> Tensor:
    """What a query adds for each stored value of its measure, as the kernel has it."""
    values = np.arange(factors()[query.measure].chance.shape[-1])
    if query.unit:
        amounts = codebook().measure(query.measure).floor * np.exp(values / LOG_STEPS)
        values = np.rint(amounts / query.unit).astype(np.int64)
    centred = values - query.centre
    if query.value == "amount_squared":
        centred = np.maximum(centred, 0)
    if query.value in ("log_squared", "amount_squared"):
        centred = centred**2 // LOG_STEPS
    return np.clip(centred, -query.bound, query.bound).astype(np.float64)
