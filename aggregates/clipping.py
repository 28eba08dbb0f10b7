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
    """What each account has in each cell of a table, as far as sums for any bound need it."""

    def __init__(self, query: Query) -> None:
        """Nobody yet; of a table of sizes, all sessions lie in one cell."""
        self._size = query.size if query.value == "clipped" else 1
        self._clips = query.value == "clipped"
        self._whole = np.zeros(self._size, np.int64)
        # By norm and by number of sessions; beyond the largest bound it is all one.
        self._norms, self._sessions = np.zeros((2, CLIPS[-1] + 2), np.int64)
        self._large: list[Vector] = []

    def add(self, account: NDArray[np.intp], cell: NDArray[np.intp]) -> None:
        """
        Count whole accounts.

        Args:
            account: Number of the account of each session that the table counts.
            cell: Number of its cell.
        """
        if not len(account):
            return
        # Sorted, so that what an account has in a cell stands together, and so do its cells.
        pairs = np.sort(account.astype(np.int64) * self._size + cell)
        pair = _starts(pairs)
        count = np.diff(pair, append=len(pairs))
        owner = pairs[pair] // self._size
        first = _starts(owner)
        squared = np.add.reduceat(count * count, first)
        sessions = np.diff(pair[first], append=len(pairs))
        np.add.at(self._whole, cell, 1)
        np.add.at(self._norms, np.minimum(_root_above(squared), CLIPS[-1] + 1), 1)
        np.add.at(self._sessions, np.minimum(sessions, CLIPS[-1] + 1), 1)
        if not self._clips:
            return
        # A session's weight hangs on Q alone: a key for Q and cell, as often as there are sessions.
        key = np.repeat(squared, sessions) * self._size + pairs % self._size
        self._large.append(key[key >= 2 * self._size])  # of one session, no bound takes anything

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
        if query.value == "norm":
            return _histogram(self._norms, CLIPS, query, scale)
        if query.value == "size":
            ends = [edge - 1 for edge in query.axes[0].edges[1:-1]] if not query.of else CLIPS
            return _histogram(self._sessions, ends, query, scale)
        bounds = [clip.bound for clip in query.clips]
        if query.value == "capped":
            number = np.arange(len(self._sessions))
            each = [(np.minimum(number, bound) * self._sessions).sum() * scale for bound in bounds]
            return np.array(each, np.int64)
        return np.concatenate([*self._clipped(bounds, scale)])

    def _clipped(self, bounds: Sequence[int], scale: int) -> Iterator[Vector]:
        """A vector for each of rising bounds: all whole, less what is taken off large accounts."""
        keys, count = np.unique(
            np.concatenate([*self._large, np.zeros(0, np.int64)]), return_counts=True
        )
        squared, cell = keys // self._size, keys % self._size
        for bound in bounds:
            large = slice(int(np.searchsorted(squared, bound * bound, side="right")), None)
            cell, count, squared = cell[large], count[large], squared[large]  # fewer at each bound
            vector = self._whole * scale
            less = scale - _root(scale * scale * bound * bound // squared)
            np.subtract.at(vector, cell, count * less)
            yield vector


def _starts(values: Vector) -> NDArray[np.intp]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.diff(values, prepend=values[0] - 1))


def _histogram(number: Vector, ends: Sequence[int], query: Query, scale: int) -> Vector:
    """Accounts by the first end that is not below their number; the last bin is beyond all."""
    place = np.searchsorted(np.array(ends), np.arange(len(number)))
    found = np.zeros(query.size, np.int64)
    np.add.at(found, place, number)
    return found * scale


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


def _root_above(squares: Vector) -> Vector:
    """⌈√x⌉: a bound is at least that if, and only if, its square is at least x."""
    root = _root(squares)
    return root + (root * root < squares)
