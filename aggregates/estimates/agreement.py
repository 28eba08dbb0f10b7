"""
Agreement: how far two columns say the same of a session, from one noisy two-way table.

Let n_ij be the sessions that one column gives label i and the other j, n their sum, R_i and C_j
the sums of rows and columns.  **Exact** is the part on the diagonal; **adjacent**, of ordered
labels, the part at most one place from it.  **Kappa** is Cohen's [1]: 1 less the disagreement that
is there over what the margins alone would give.  With v_ij = 1 off the diagonal, A = Σ v_ij·n_ij
and B = Σ v_ij·R_i·C_j, it is 1 - A·n/B.  **Weighted kappa** [2] is the same with v_ij = (i - j)²:
it counts how far apart ordered labels are, as `classifiers.agreement` does.

**Noise** on each cell is independent, of deviation σ.  A·n and B are products of sums that share
cells, so noise lifts each by σ²·Σ v_ij on average; that is taken off.

**Interval** of q = 1 - κ: all q that H(q) = A·n - q·B does not contradict at 95 %, as for ratios.
∂H/∂n_ij = u_ij - q·t_ij, with u_ij = v_ij·n + A and t_ij = Σ_l v_il·C_l + Σ_k v_kj·R_k, so the
noise has the variance σ²·Σ (u - q·t)².  Sampling is clustered by account: one of weights w moves H
by Σ w·h, h = u - q·t, and (Σ w·h)² ≤ Σw·Σ w·h² ≤ k·Σ w·h², so the variance is at most
k·Σ n_ij·(u - q·t)².  Both are quadratic in q, and so is what has to be solved.  Noisy cells below
zero are taken for zero in the last sum, which makes it larger.  (u and t are noisy themselves; that
lifts Σ u² by twice the second-order part of the noise, so the interval errs towards being wide.)
A·n outside [0, 2·B] is moved to its end first, as for ratios: for every κ in [-1, 1] that makes
|H(q)| smaller, so no κ is lost, and noise alone never says that agreement is perfect.

A table is tested on its base, the sum of all cells; no total over groups is printed.

[1] Cohen 1960, Educational and Psychological Measurement 20(1):37-46.
[2] Cohen 1968, Psychological Bulletin 70(4):213-220.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isqrt, sqrt

import numpy as np
from numpy.typing import NDArray

from privacy.plan import Kind, Plan, Query, Table

from .cells import Cell, Noisy, Smooth, join_keys, minimum_of
from .intervals import Z95, Estimate, Ratio, proportion, roots

Cells = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Square:
    """The two-way table of one group, in accounts, with the noise on each of its cells."""

    cells: Cells
    sigma: float

    def estimate(self, kind: Kind, *, design: float) -> Estimate:
        """
        Estimate one statistic of agreement.

        Args:
            kind: kappa, weighted_kappa, exact or adjacent.
            design: D, at most k: how much more than independent sessions accounts vary.
        """
        apart = np.abs(np.subtract.outer(*[np.arange(len(self.cells))] * 2)).astype(np.float64)
        if kind in ("exact", "adjacent"):
            near = apart <= (kind == "adjacent")
            part, base = float(self.cells[near].sum()), float(self.cells.sum())
            inside = int(near.sum())
            ratio = Ratio(part, base, self.sigma, inside, self.cells.size - inside)
            return proportion(ratio, design=design)
        return self._kappa(apart**2 if kind == "weighted_kappa" else apart > 0, design)

    def _kappa(self, weight: NDArray[np.generic], design: float) -> Estimate:
        v, n = weight.astype(np.float64), float(self.cells.sum())
        rows, columns = self.cells.sum(axis=1), self.cells.sum(axis=0)
        lifted = self.sigma**2 * float(v.sum())
        observed = float((v * self.cells).sum())
        there, expected = observed * n - lifted, float(rows @ v @ columns) - lifted
        if n <= 0 or expected <= 0:
            return Estimate(0.0, -1.0, 1.0, 1.0, 1.0)
        there = min(max(there, 0.0), 2 * expected)
        u, t = v * n + observed, (v @ columns)[:, None] + (rows @ v)[None, :]
        counts = np.maximum(self.cells, 0.0)

        def parts(each: Cells | float) -> tuple[float, float, float]:
            """Σ u², Σ u·t, Σ t², each cell counting so much."""
            return tuple(float((each * one).sum()) for one in (u * u, u * t, t * t))  # type: ignore[return-value]

        noise, drawn = parts(self.sigma**2), parts(design * counts)
        a, b, c = (Z95**2 * (one + other) for one, other in zip(noise, drawn, strict=True))
        q = there / expected
        low, high = roots(expected**2 - c, -2 * (there * expected - b), there**2 - a)

        def error(of: tuple[float, float, float]) -> float:
            return sqrt(max(of[0] - 2 * q * of[1] + q * q * of[2], 0.0)) / expected

        value, lower, upper = (min(max(1 - end, -1.0), 1.0) for end in (q, high, low))
        return Estimate(value, lower, upper, error(noise), error(drawn))


def agreements(plan: Plan, table: Table, noisy: Noisy, smooth: Smooth) -> Iterator[Cell]:
    """
    Make a table of one statistic of agreement.

    Args:
        plan: The plan that the sums were measured under.
        table: A table of the kind kappa, weighted_kappa, exact or adjacent.
        noisy: Noisy sums of its query, whose last two axes hold the labels.
        smooth: The same after tables were reconciled.

    Yields:
        A cell for each combination of keys, tested on its base.
    """
    query = plan.query(table.queries[0])
    minimum, design = minimum_of(plan, query), float(plan.contribution(query))
    width = square(query)
    for place in range(0, query.size, width):
        base = sum(noisy[query.name][place : place + width])
        state = minimum.decide(base, query.sigma, cells=width)
        estimate = None
        if state == "published":
            found = two_way(smooth[query.name][place : place + width], plan.privacy.scale)
            sigma = query.sigma / plan.privacy.scale
            estimate = Square(found, sigma).estimate(table.kind, design=design)
        keys = join_keys(table.by, query.cells[place][:-2])
        yield Cell(keys, base, width, query.sigma, state, estimate, minimum)


def square(query: Query) -> int:
    """How many cells a two-way table has."""
    return len(query.axes[-1].levels) ** 2


def two_way(cells: Sequence[float], scale: int) -> Cells:
    """Cells of one group as a square, in accounts."""
    vector = np.asarray(cells, np.float64) / scale
    return vector.reshape(isqrt(vector.size), -1)
