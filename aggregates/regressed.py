"""
The parameters of adjusted tables: least squares on what a law expects, as the textbook has it.

Dummy variables for all levels, the normal equations solved with least norm; nothing is noisy, so
nothing is clipped, and the controls' means are the law's.
"""

from collections.abc import Sequence

import numpy as np

from privacy.codebook import LOG_STEPS, Codebook
from privacy.pairs import blocks_of
from privacy.plan import ADJUSTED_RATES, STEPS, Plan, Table

from .factors import Tensor
from .joint import expected


def regressed(plan: Plan, table: Table, codebook: Codebook) -> Sequence[float]:
    """The parameters of an adjusted table, column by column, in its unit."""
    queries = [plan.query(name) for name in table.queries]
    sizes = [len(block.levels) for block in blocks_of(table, queries)]
    rate = table.kind in ADJUSTED_RATES
    sums = [expected(plan, query) for query in queries]
    pairs = iter(sums[: len(sizes) * (len(sizes) - 1) // 2] if rate else sums[1:])
    met: dict[tuple[int, int], Tensor] = {}
    for one in range(len(sizes)):
        for other in range(one + 1, len(sizes)):
            met[one, other] = next(pairs).reshape(sizes[one], sizes[other])
            met[other, one] = met[one, other].T
    found: list[float] = []
    for held in table.columns or (len(table.controls),):
        if rate:
            blocks = [0, *range(2, 2 + held)]
            yes = [queries[0].axes[1].levels.index(level) for level in queries[0].axes[1].levels
                   if level.name in table.yes]  # fmt: skip
            totals = [met[block, 1][:, yes].sum(axis=1) for block in blocks]
            margins = [met[block, 1].sum(axis=1) for block in blocks]
        else:
            blocks = [*range(1 + held)]
            totals = [sums[-1 - len(sizes) + block].reshape(-1) / LOG_STEPS for block in blocks]
            margins = [sums[0].reshape(-1), *(met[0, block].sum(axis=0) for block in blocks[1:])]
        gram = np.block(
            [
                [np.diag(margins[i]) if i == j else met[a, b] for j, b in enumerate(blocks)]
                for i, a in enumerate(blocks)
            ]
        )
        found += _solved(table, sizes[0], gram, np.concatenate(totals))
    if rate:
        return found
    total = queries[-2]
    if table.kind in STEPS:
        return [float(np.exp(ratio)) for ratio in found]
    measure = codebook.measure(total.measure)
    return [measure.decode(total.centre + log * LOG_STEPS) for log in found]


def _solved(table: Table, count: int, gram: Tensor, totals: Tensor) -> list[float]:
    if table.kind in STEPS:  # the first block's dummies become a line
        into = np.zeros((len(gram), len(gram) - count + 2))
        into[:count, 0], into[:count, 1] = np.arange(count), 1.0
        into[count:, 2:] = np.eye(len(gram) - count)
        line = np.linalg.lstsq(into.T @ gram @ into, into.T @ totals, rcond=1e-12)[0]
        return [float(line[0])]
    effects = np.linalg.lstsq(gram, totals, rcond=1e-12)[0]
    margin = np.diagonal(gram)
    rest = effects[count:] @ margin[count:] / margin[:count].sum()
    return [float(effect + rest) for effect in effects[:count]]
