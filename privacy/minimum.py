"""
Who may be printed: no cell that fewer than m accounts stand behind, except with chance β.

For a set U of cells whose exact weighted count is n_U, accounts(U) ≥ n_U/k, because no account
weighs more than k.  Its noisy count ñ_U has Gaussian noise of deviation σ_U, so
`n_U ≥ ñ_U - z·σ_U` fails with chance β/M at z = Φ⁻¹(1 - β/M), and with chance at most β for any
of the M sets of a release (union bound, whatever their dependence).  A set is printed iff
`(ñ_U - z·σ_U)/k ≥ m`.  The noise is the measurement's own: no second one is paid for.

A discrete Gaussian's tail is no heavier than that of the continuous one shifted by one unit [1],
a sum of c of them by c units; so z·σ_U is rounded up to a whole unit of 1/S accounts, and c more
are taken off: a millionth of an account.

Where a total is shown (the base of a share), what is withheld can be found by subtraction.
All M lower bounds hold *together* with chance 1 - β, and no count is negative, so the withheld
cells V of a group have n_V ≥ Σ max(ñ_c - z·σ_c, 0), for whichever V the noise has chosen.  If that
is not m accounts, one printed cell more is withheld: it alone brings m of them into V.

Totals are clipped: an account's *vector* of counts has an L2 norm of at most k = C.  One cell holds
at most C of an account, so the test of a cell is the same.  A sum over c cells may hold √c·C of it
(Cauchy-Schwarz), so of V withheld cells √c times as much is demanded.

What is withheld may be shown as one row, "all others": the sum of V.  A reader can add up and
subtract what is shown, so he knows sums over unions of printed cells and V, and no others.  Each of
these has m accounts, with chance 1 - β for all of them together: a printed cell by its test, V by
the bounds above, however V was chosen, and a union because it holds one of them.  V has two
cells at least, else its row would show a cell that was withheld.  The row stands, besides, the
test of any set, k·m + z·σ·√c on its sum of c cells: so its columns can be held against each other.
It tells nothing new: a printed cell's count over its share is the whole, and the whole less the
printed cells is V.

[1] Canonne, Kamath & Steinke 2020, arXiv:2004.00010 (P[X ≥ t] ≤ P[N(0, σ²) ≥ t - 1]).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, inf, nextafter, sqrt
from statistics import NormalDist
from typing import Literal

State = Literal["published", "suppressed", "not_computed"]
"""What became of a cell.  `not_computed`: nothing was measured that it could be made of."""
LEAST_MERGED = 2
"""A row of what was withheld holds so many cells at least: one alone would be shown by it."""
BETA = 1e-3
"""Chance that any printed cell of a release has fewer than m accounts behind it."""


def quantile(beta: float, tested: int) -> float:
    """
    How many deviations to take off: z = Φ⁻¹(1 - β/M), rounded up.

    Args:
        beta: Chance of a wrong cell in the whole release.
        tested: M, how many cells are tested in it; at least 1.
    """
    # The upper tail is read as a lower one: 1 - β/M would lose digits.
    return nextafter(-NormalDist().inv_cdf(beta / max(tested, 1)), inf)


@dataclass(frozen=True, slots=True)
class Minimum:
    """The test of a release: m accounts, at k and z, on sums in units of 1/scale."""

    accounts: int
    """m."""
    k: Fraction
    z: float
    scale: int
    clipped: bool = False
    """Whether k bounds the norm of an account's vector, and not the sum of it."""

    def margin(self, sigma: float, *, cells: int = 1) -> int:
        """
        z·σ_U in units of 1/scale, rounded up, and one unit more for each cell.

        Args:
            sigma: Deviation of the noise on each cell.
            cells: How many cells of independent noise are summed in U.
        """
        return ceil(self.z * sigma * sqrt(cells)) + cells

    def threshold(self, sigma: float, *, cells: int = 1) -> int:
        """Smallest noisy count that is printed: k·m + z·σ_U, in units of 1/scale."""
        # In whole numbers: a release asks this of each of its cells, and fractions are slow.
        least = -(-self.accounts * self.k.numerator * self.scale // self.k.denominator)
        return least + self.margin(sigma, cells=cells)

    def accounts_at_least(self, noisy: int, sigma: float, *, cells: int = 1) -> int:
        """
        What the release guarantees: (ñ - zσ)/k, rounded down, never below 0.

        Args:
            noisy: Noisy weighted count of the set, in units of 1/scale.
            sigma: Deviation of the noise on each of its cells.
            cells: How many cells are summed in it.
        """
        certain = noisy - self.margin(sigma, cells=cells)
        return max(0, certain * self.k.denominator // (self.scale * self.k.numerator))

    def decide(self, noisy: int, sigma: float, *, cells: int = 1) -> State:
        """Whether a set may be printed by itself."""
        enough = noisy >= self.threshold(sigma, cells=cells)
        return "published" if enough else "suppressed"

    def decide_group(self, noisy: Sequence[int], sigma: float) -> list[State]:
        """
        Which cells of a group may be printed when their total can be known.

        Args:
            noisy: Noisy weighted counts of all cells that make up the total.
            sigma: Deviation of the noise on each.

        Returns:
            A state for each cell.  Either all are published, or those withheld have at least m
            accounts together, or none is published (and so no total is).
        """
        least = self.threshold(sigma)
        states: list[State] = ["published" if n >= least else "suppressed" for n in noisy]
        shown = [index for index, state in enumerate(states) if state == "published"]
        hidden = self._certain(
            [n for n, state in zip(noisy, states, strict=True) if state == "suppressed"], sigma
        )
        spread = len(states) - len(shown) if self.clipped else 1
        # hidden² against m²·k²·c: whole numbers, no root.
        needed = self.accounts * self.k * self.scale
        if shown and len(shown) < len(states) and hidden**2 < needed**2 * spread:
            states[min(shown, key=lambda index: noisy[index])] = "suppressed"
        return states

    def decide_rest(
        self, noisy: Sequence[int], sigma: float
    ) -> tuple[list[State], tuple[int, ...]]:
        """
        Which cells of a group may be printed, and which of the others together as one row.

        Args:
            noisy: Noisy weighted counts of all cells of the group; weights bound an account.
            sigma: Deviation of the noise on each.

        Returns:
            A state for each cell, and the withheld cells whose sum may be printed: all of them,
            at least two; none where that row may not stand, even with the smallest printed cell.
        """
        states = self.decide_group(noisy, sigma)
        found = list(states)
        while (shown := [n for n, state in enumerate(found) if state == "published"]) and (
            len(found) - len(shown) >= LEAST_MERGED
        ):
            hidden = tuple(n for n, state in enumerate(found) if state == "suppressed")
            if self.rest_at_least([noisy[n] for n in hidden], sigma) >= self.accounts:
                return found, hidden
            if found != states:
                break
            found[min(shown, key=lambda index: noisy[index])] = "suppressed"
        return states, ()

    def rest_at_least(self, hidden: Sequence[int], sigma: float) -> int:
        """
        What is guaranteed of withheld cells together: by their own bounds, and by that of a set.

        Args:
            hidden: Noisy counts of the cells that were withheld, by whatever choice.
            sigma: Deviation of the noise on each.
        """
        apart = int(Fraction(self._certain(hidden, sigma), self.scale) / self.k)
        return min(apart, self.accounts_at_least(sum(hidden), sigma, cells=len(hidden)))

    def _certain(self, noisy: Sequence[int], sigma: float) -> int:
        """Σ max(ñ - z·σ, 0): what cells hold at least, all bounds of a release holding together."""
        margin = self.margin(sigma)
        return sum(max(0, count - margin) for count in noisy)
