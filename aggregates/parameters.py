"""
The parameter behind each printed number of a synthetic population, from its law alone.

Every statistic is a function of sums that the law expects; here each is written once more, as the
textbook has it and without noise, thresholds or intervals, so that a release is not held against
itself.  All hold at every contribution bound, since account sizes are independent of the rest.
Quantiles are those of the *binned* measure, as in the release.  Where the law knows no parameter
there is none.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import exp

import numpy as np

from privacy.codebook import LOG_STEPS, Codebook
from privacy.forms import MONTH, is_rates_trend
from privacy.pairs import blocks_of
from privacy.plan import ADJUSTED_RATES, QUANTILES, STEPS, Kind, Plan, Table
from privacy.rows import keys_of

from .factors import Tensor
from .joint import expected

Place = tuple[str, str, str]
"""(table, statistic, keys), as in tables.csv."""


def parameters(plan: Plan, codebook: Codebook) -> dict[Place, float]:
    """
    Reckon the planted parameters of a plan.

    Args:
        plan: What is asked.
        codebook: Where the floors of measures stand.

    Returns:
        Place → value in the table's unit, for every cell whose parameter the law knows.
    """
    found: dict[Place, float] = {}
    for table in plan.tables:
        if table.kind not in KINDS:
            continue
        values = KINDS[table.kind](plan, table, codebook)
        places = ((table.name, table.kind, keys) for keys in keys_of(plan, table))
        found |= dict(zip(places, map(float, values), strict=True))
    return found


def _sums(plan: Plan, table: Table, number: int = 0) -> Tensor:
    """Expected sums of one of a table's queries, shape (levels of each axis)."""
    query = plan.query(table.queries[number])
    return expected(plan, query).reshape([len(axis.levels) for axis in query.axes])


def _shares(plan: Plan, table: Table, _: Codebook) -> Tensor:
    sums = _sums(plan, table)
    return np.asarray(sums / sums.sum(axis=-1, keepdims=True)).reshape(-1)


def _rates(plan: Plan, table: Table, _: Codebook) -> Tensor:
    return _rate(plan, table, _sums(plan, table)).reshape(-1)


def _rate(plan: Plan, table: Table, sums: Tensor) -> Tensor:
    levels = [level.name for level in plan.query(table.queries[0]).axes[-1].levels]
    yes, no = ([levels.index(name) for name in names] for names in (table.yes, table.no))
    part = sums[..., yes].sum(axis=-1)
    return np.asarray(part / (part + sums[..., no].sum(axis=-1)))


def _trends(plan: Plan, table: Table, _: Codebook) -> Tensor:
    query, sums = plan.query(table.queries[0]), _sums(plan, table)
    names = [axis.name for axis in query.axes]
    month = names.index(MONTH)
    if is_rates_trend(table):
        by_month = _rate(plan, table, sums)
    else:
        by_month = np.asarray(sums / sums.sum(axis=-1, keepdims=True))
    by_month = np.moveaxis(by_month, month, -1)
    if table.kind == "change":
        return np.asarray(by_month[..., -1] - by_month[..., 0]).reshape(-1)
    months = [level.name for level in query.axes[month].levels]
    at = np.array([12 * int(name[:4]) + int(name[5:]) for name in months], np.float64)
    slope = np.polynomial.polynomial.polyfit(at - at.mean(), by_month.reshape(-1, len(at)).T, 1)
    return np.asarray(slope[1])


def _means(plan: Plan, table: Table, _: Codebook) -> Tensor:
    total = plan.query(table.queries[1])
    steps = _sums(plan, table, 1) / _sums(plan, table) + total.centre
    return np.asarray(total.unit * steps).reshape(-1)


def _geometric_means(plan: Plan, table: Table, codebook: Codebook) -> Tensor:
    total = plan.query(table.queries[1])
    logs = _sums(plan, table, 1) / _sums(plan, table) + total.centre
    return np.asarray(codebook.measure(total.measure).floor * np.exp(logs / LOG_STEPS)).reshape(-1)


def _quantiles(plan: Plan, table: Table, codebook: Codebook) -> Sequence[float]:
    histogram, axis = _sums(plan, table, 1), plan.query(table.queries[1]).axes[-1]
    floor = codebook.measure(axis.measure).floor
    found = []
    for bins in histogram.reshape(-1, len(axis.levels)):
        below = np.concatenate([[0.0], np.cumsum(bins / bins.sum())])
        found += [
            floor * exp(np.interp(int(name) / 100, below, axis.edges) / LOG_STEPS)
            for name in QUANTILES
        ]
    return found


def _adjusted(plan: Plan, table: Table, codebook: Codebook) -> Sequence[float]:
    """
    What ordinary least squares comes to in the whole population, by its normal equations.

    Of the unknowns, levels of what the table is by (or a line through them) come first, then those
    of the controls, centred, so that a level is what it would be at the whole sample's controls.
    """
    queries = [plan.query(name) for name in table.queries]
    sizes = [len(block.levels) for block in blocks_of(table, queries)]
    pairs = dict(zip(combinations(range(len(sizes)), 2), _pairs(plan, table), strict=False))
    controls = [n for n in range(1, len(sizes)) if not (table.yes and n == 1)]
    found: list[float] = []
    for count in table.columns or (len(controls),):
        blocks = [0, *controls[:count]]
        gram, sums = _normal(plan, table, pairs, blocks)
        first = sizes[0]
        basis = np.eye(first)
        if table.kind in STEPS:
            basis = np.stack([np.ones(first), np.arange(first)], axis=1)
        turn = np.zeros((len(gram), basis.shape[1] + len(gram) - first))
        turn[:first, : basis.shape[1]] = basis
        turn[first:, basis.shape[1] :] = np.eye(len(gram) - first)
        solved = np.linalg.lstsq(turn.T @ gram @ turn, turn.T @ sums, rcond=1e-12)[0]
        values = solved[1:2] if table.kind in STEPS else solved[:first]
        found += [_in_unit(plan, table, codebook, float(value)) for value in values]
    return found


def _pairs(plan: Plan, table: Table) -> list[Tensor]:
    """Expected counts of each pair of blocks, in their order."""
    start = 0 if table.yes else 1
    return [
        _sums(plan, table, number)
        for number in range(start, len(table.queries))
        if len(plan.query(table.queries[number]).axes) == 2
    ]


def _normal(
    plan: Plan, table: Table, pairs: Mapping[tuple[int, int], Tensor], blocks: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The Gram matrix of some blocks and the outcome's sums in them, controls centred."""
    margins = {block: _margin(pairs, block) for block in blocks}
    gram = np.block(
        [
            [
                np.diag(margins[a]) if a == b else pairs[a, b] if a < b else pairs[b, a].T
                for b in blocks
            ]
            for a in blocks
        ]
    )
    if table.yes:
        levels = [level.name for level in plan.query(table.queries[0]).axes[1].levels]
        yes = [levels.index(name) for name in table.yes]
        of = [pairs[0, 1].T if block == 0 else pairs[1, block] for block in blocks]
        sums = np.concatenate([met[yes].sum(axis=0) for met in of])
    else:
        values = [n for n in range(len(table.queries)) if _adds(plan, table, n) == "log"]
        sums = np.concatenate([_sums(plan, table, values[block]) for block in blocks])
    whole, first = float(gram[: len(margins[0]), : len(margins[0])].sum()), len(margins[0])
    mean = np.concatenate([np.zeros(first), *(margins[block] / whole for block in blocks[1:])])
    # A control's column less its mean m: (c - m·1)ᵀ(d - n·1) = cᵀd - N·m·n, and so for the sums.
    held = np.concatenate([margins[block] for block in blocks])
    gram = gram - np.outer(held, mean) - np.outer(mean, held) + whole * np.outer(mean, mean)
    return gram, sums - float(sums[:first].sum()) * mean


def _margin(pairs: Mapping[tuple[int, int], Tensor], block: int) -> Tensor:
    one, other = next(pair for pair in pairs if block in pair)
    return np.asarray(pairs[one, other].sum(axis=1 if block == one else 0))


def _adds(plan: Plan, table: Table, number: int) -> str:
    return plan.query(table.queries[number]).value


def _in_unit(plan: Plan, table: Table, codebook: Codebook, value: float) -> float:
    if table.kind in ADJUSTED_RATES:
        return value
    total = plan.query(table.queries[-2])
    if table.kind == "adjusted_ratio":
        return exp(value / LOG_STEPS)
    return codebook.measure(total.measure).floor * exp((total.centre + value) / LOG_STEPS)


KINDS: Mapping[Kind, Callable[[Plan, Table, Codebook], Tensor | Sequence[float]]] = {
    "share": _shares,
    "rate": _rates,
    "change": _trends,
    "slope": _trends,
    "mean": _means,
    "geometric_mean": _geometric_means,
    "quantiles": _quantiles,
    "adjusted_rate": _adjusted,
    "adjusted_slope": _adjusted,
    "adjusted_geometric_mean": _adjusted,
    "adjusted_ratio": _adjusted,
}
"""Kind of table → its parameters, in the order of its rows."""
