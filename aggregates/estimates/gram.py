"""
Pair tables made to agree, and how what is made of them leans on each noisy cell.

Each block's margin stands in every table that holds the block, each time with noise of its own.
Of all tables X that agree with one another, those are taken that lie nearest to the noisy T, each
by its precision: minimise Σ ‖T_t - X_t‖²/σ_t² under X_t·1 = m_i and X_tᵀ·1 = m_j for some margins
of one total N (generalised least squares: of all linear unbiased estimates the most precise).

For given margins the nearest table is T + r/s_j + c/s_i - d/(s_i·s_j), r and c what its rows and
columns lack, d what its total lacks, s the numbers of levels.  Put in, the minimum over margins is

    N   = the tables' totals averaged by precision, 1/(σ_t²·s_i·s_j) each,
    m_i = the tables' margins averaged by precision, 1/(σ_t²·s_j) each, and shifted evenly to N.

All of it is linear in T.  So the noise of any smooth statistic f(N, m, X) is, to first order,
Σ_t σ_t²·‖∂f/∂T_t‖², and `lean` carries ∂f/∂(N, m, X) back through these very lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ALONE = -1
"""The other block of a table that has only one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Where two blocks meet: noisy counts or sums, and the deviation of the noise on each."""

    one: int
    other: int
    """Numbers of the blocks; `ALONE` for none, and then the table is one column."""
    values: Floats
    """(levels of one, levels of the other)"""
    sigma: float

    @property
    def precision(self) -> float:
        """Of the table's total."""
        return 1 / (self.sigma**2 * self.values.size)


@dataclass(frozen=True, slots=True)
class Agreed:
    """Tables that agree; or by each, gradients of statistics, along an axis in front."""

    total: Floats
    margins: Mapping[int, Floats]
    """Block → margin."""
    pairs: Mapping[tuple[int, int], Floats]
    """Blocks → table."""


def agree(tables: Sequence[Pair]) -> Agreed:
    """Take the tables nearest to the noisy ones, by precision, whose margins agree."""
    weights = np.array([table.precision for table in tables])
    totals = np.array([table.values.sum() for table in tables])
    total = weights @ totals / weights.sum()
    margins = {}
    for block, sides in _sides(tables).items():
        told = [weight * _margin(tables[at].values, axis) for at, axis, weight in sides]
        mean = np.sum(told, axis=0)
        margins[block] = mean + (total - mean.sum()) / len(mean)
    pairs = {}
    for table in tables:
        if table.other != ALONE:
            rows, columns = table.values.shape
            lacks = margins[table.one] - _margin(table.values, 0)
            lacked = margins[table.other] - _margin(table.values, 1)
            left = (total - table.values.sum()) / (rows * columns)
            pairs[table.one, table.other] = (
                table.values + lacks[:, None] / columns + lacked[None, :] / rows - left
            )
    return Agreed(total, margins, pairs)


def lean(tables: Sequence[Pair], by: Agreed) -> list[Floats]:
    """
    How statistics lean on each noisy cell.

    Args:
        tables: The noisy tables that were made to agree.
        by: Gradients of the statistics by what `agree` returns: total (q,), margins (q, levels),
            pairs (q, levels, levels); what is not in it is not leant on.

    Returns:
        Of each table (q, levels, levels).
    """
    weights = np.array([table.precision for table in tables])
    total = by.total.copy()
    margins = {
        block: by.margins.get(block, np.zeros((len(total), tables[at].values.shape[axis])))
        for block, ((at, axis, _), *_) in _sides(tables).items()
    }
    on = []
    for table in tables:
        rows, columns = table.values.shape
        pair = by.pairs.get((table.one, table.other), np.zeros((len(total), rows, columns)))
        lacks, lacked = pair.sum(axis=2) / columns, pair.sum(axis=1) / rows
        left = -pair.sum(axis=(1, 2)) / (rows * columns)
        on.append(pair - lacks[:, :, None] - lacked[:, None, :] - left[:, None, None])
        if table.other != ALONE:
            margins[table.one] = margins[table.one] + lacks
            margins[table.other] = margins[table.other] + lacked
            total += left
    for block, sides in _sides(tables).items():
        shift = margins[block].mean(axis=1)
        total += shift
        for at, axis, weight in sides:
            moved = weight * (margins[block] - shift[:, None])
            on[at] += moved[:, :, None] if axis == 0 else moved[:, None, :]
    shares = weights / weights.sum()
    return [one + (share * total)[:, None, None] for one, share in zip(on, shares, strict=True)]


def _margin(values: Floats, axis: int) -> Floats:
    return np.asarray(values.sum(axis=1 - axis))


def _sides(tables: Sequence[Pair]) -> dict[int, list[tuple[int, int, float]]]:
    """Block → the tables that hold it, along which axis, and what part each has in its margin."""
    found: dict[int, list[tuple[int, int, float]]] = {}
    for at, table in enumerate(tables):
        for axis, block in ((0, table.one), (1, table.other)):
            if block != ALONE:
                precision = table.precision * table.values.shape[axis]
                found.setdefault(block, []).append((at, axis, precision))
    return {
        block: [(at, axis, p / sum(p for _, _, p in sides)) for at, axis, p in sides]
        for block, sides in found.items()
    }
