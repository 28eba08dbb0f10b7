"""
The parameter behind each printed number of a synthetic population, from its law alone.

Every statistic is a function of sums that the law expects; here each is written once more, as the
textbook has it and without noise, thresholds or intervals, so that a release is not held against
itself.  All hold at every contribution bound, since account sizes are independent of the rest;
numbers of accounts are those of a population of the size that the forecast states.
Quantiles are those of the *binned* measure, as in the release.  Where the law knows no parameter
there is none.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp, isfinite

import numpy as np

from privacy.codebook import LOG_STEPS, Codebook
from privacy.forms import MONTH, is_rates_trend
from privacy.plan import AGREEMENTS, QUANTILES, Kind, Plan, Table
from privacy.rows import REST, keys_of

from .accounts import account_sizes
from .factors import Tensor
from .joint import expected
from .regressed import regressed

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
        with np.errstate(divide="ignore", invalid="ignore"):  # of nobody there is no rate
            values = KINDS[table.kind](plan, table, codebook)
        # What a row of all others merges is chosen by the noise: it has no parameter.
        cells = (keys for keys in keys_of(plan, table) if not keys.endswith(f"={REST}"))
        for keys, value in zip(cells, map(float, values), strict=True):
            if isfinite(value):
                found[table.name, table.kind, keys] = value
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


def _agreements(plan: Plan, table: Table, _: Codebook) -> Sequence[float]:
    """Agreement of two columns, as Cohen has it."""
    found = []
    for cells in _sums(plan, table).reshape(-1, *_sums(plan, table).shape[-2:]):
        part = cells / cells.sum()
        apart = np.abs(np.subtract.outer(*[np.arange(len(part))] * 2))
        if table.kind in ("exact", "adjacent"):
            found.append(float(part[apart <= (table.kind == "adjacent")].sum()))
            continue
        weight = apart**2 if table.kind == "weighted_kappa" else apart > 0
        chance = np.outer(part.sum(axis=1), part.sum(axis=0))
        found.append(1 - float((weight * part).sum() / (weight * chance).sum()))
    return found


def _accounts(plan: Plan, table: Table, _: Codebook) -> Tensor:
    """Accounts by their sessions, in a synthetic population as large as the forecast expects."""
    edges = plan.query(table.queries[0]).axes[0].edges
    sizes = account_sizes(plan.forecast.accounts, plan.forecast.sessions)
    bins = np.bincount(
        np.searchsorted(edges[1:-1], sizes, side="right"), minlength=len(edges) - 1
    ).astype(np.float64)
    return bins if table.kind == "accounts" else np.asarray(bins[::-1].cumsum()[::-1][1:])


KINDS: Mapping[Kind, Callable[[Plan, Table, Codebook], Tensor | Sequence[float]]] = {
    "share": _shares,
    "rate": _rates,
    "change": _trends,
    "slope": _trends,
    "mean": _means,
    **dict.fromkeys(AGREEMENTS, _agreements),
    "accounts": _accounts,
    "accounts_above": _accounts,
    "geometric_mean": _geometric_means,
    "quantiles": _quantiles,
    "adjusted_rate": regressed,
    "adjusted_slope": regressed,
    "adjusted_geometric_mean": regressed,
    "adjusted_ratio": regressed,
}
"""Kind of table → its parameters, in the order of its rows."""
