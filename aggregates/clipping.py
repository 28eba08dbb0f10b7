"""
Exact sums of totals: each account's vector of counts, shrunk to a norm of at most C.

Weights would count an account with a hundred sessions as one; a total wants them all, as far as
privacy allows.  So the whole vector is scaled (`privacy.unit.clipped_weight` has the proof): the
account keeps its proportions, and moves the sums by at most S·C.  Which C is best depends on how
large accounts are, and is chosen after noise; until then the sums are kept for every C.  An account
lies whole in one bucket, so all this is local to a bucket.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from privacy.plan import Query
from privacy.unit import CLIPS

Vector = NDArray[np.int64]


class Contributions:
    """What each account of a bucket has in each cell of a table."""

    def __init__(self, account: NDArray[np.intp], cell: NDArray[np.intp], size: int) -> None:
        """
        Count.

        Args:
            account: Number of the account of each session that the table counts.
            cell: Number of its cell.
            size: How many cells there are.
        """
        self._size = size
        pairs, counts = np.unique(account.astype(np.int64) * size + cell, return_counts=True)
        self._cell, self._count = pairs % size, counts.astype(np.int64)
        # Accounts that the table counts, numbered anew from 0.
        _, self._account = np.unique(pairs // size, return_inverse=True)
        accounts = int(self._account.max(initial=-1)) + 1
        self._squared, self._sessions = np.zeros((2, accounts), np.int64)
        np.add.at(self._squared, self._account, self._count**2)
        np.add.at(self._sessions, self._account, self._count)
        self._whole = np.zeros(size, np.int64)
        np.add.at(self._whole, self._cell, self._count)

    def sums(self, query: Query, scale: int) -> Vector:
        """
        The exact sums of one query about accounts.

        Args:
            query: A query of one of the values `OF_ACCOUNTS`.
            scale: S, the integer that is a weight of one.

        Returns:
            In units of 1/scale: a vector over the query's cells, or one after the other for each
            of its bounds.
        """
        grid = np.array(CLIPS, np.int64)
        if query.value == "norm":
            return _histogram(np.searchsorted(grid**2, self._squared), query, scale)
        if query.value == "size" and query.of:
            return _histogram(np.searchsorted(grid, self._sessions), query, scale)
        if query.value == "size":
            inner = query.axes[0].edges[1:-1]
            return _histogram(np.searchsorted(inner, self._sessions, side="right"), query, scale)
        bounds = [clip.bound for clip in query.clips]
        if query.value == "capped":
            each = [np.minimum(self._sessions, bound).sum() * scale for bound in bounds]
            return np.array(each, np.int64)
        return np.concatenate([*self._clipped(bounds, scale)])

    def _clipped(self, bounds: Sequence[int], scale: int) -> Iterator[Vector]:
        """A vector for each of rising bounds: all whole, less what is taken off large accounts."""
        cell, count, squared = self._cell, self._count, self._squared[self._account]
        for bound in bounds:
            large = squared > bound * bound  # fewer at each bound
            cell, count, squared = cell[large], count[large], squared[large]
            vector = self._whole * scale
            less = scale - _root(scale * scale * bound * bound // squared)
            np.subtract.at(vector, cell, count * less)
            yield vector


def _histogram(place: NDArray[np.intp], query: Query, scale: int) -> Vector:
    """Accounts in each bin; each lies in one, so it moves the vector by S, whatever k is."""
    return np.bincount(place, minlength=query.size).astype(np.int64) * scale


def at_bounds(query: Query, sums: Sequence[int], clips: Mapping[str, int]) -> list[int]:
    """A query's vector at the bound that was chosen; all of it where there is nothing to choose."""
    start = clips.get(query.name, 0) * query.size
    return list(sums[start : start + query.size])


def _root(squares: Vector) -> Vector:
    """⌊√x⌋ of whole numbers below 2⁶¹: a float's root, which is off by less than one, put right."""
    root = np.sqrt(squares.astype(np.float64)).astype(np.int64)
    root -= root * root > squares
    root += (root + 1) * (root + 1) <= squares
    return root
