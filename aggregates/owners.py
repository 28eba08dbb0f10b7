"""
Whose rows they are: accounts, slices of whole ones, and what each row weighs.

An account that lies in two buckets, or in two places of one, would weigh twice.  `Ranges` therefore
refuses buckets whose ranges of pseudonyms overlap, and `accounts` rows that are not sorted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from privacy.errors import RefusedError
from privacy.labels import PSEUDONYM_BYTES

from .columns import Rows, Vector

SLICE = 2**14
"""Rows that are summed at a time: some 1 MB, so that each column is read from the cache."""


def accounts(rows: Rows) -> NDArray[np.intp]:
    """
    Number each row's account, from 0 upwards.

    Raises:
        RefusedError: The rows are not sorted by account: one could be counted as two.
    """
    if not len(rows):
        return np.zeros(0, np.intp)
    # A pseudonym as two numbers that sort as its bytes do.
    half = PSEUDONYM_BYTES // 2
    high, low = (
        rows[:, at : at + half].view(">u8")[:, 0].astype(np.uint64)
        for at in (rows.shape[1] - PSEUDONYM_BYTES, rows.shape[1] - half)
    )
    rises = high[1:] > high[:-1]
    level = ~rises
    # Seldom equal but for one account's own rows: the lower half decides there.
    level &= high[1:] == high[:-1]
    rises |= level & (low[1:] > low[:-1])
    if not (rises | (level & (low[1:] == low[:-1]))).all():
        raise broken("rows that are not sorted by account.")
    number = np.zeros(len(rows), np.intp)
    np.cumsum(rises, out=number[1:])
    return number


def slices(account: NDArray[np.intp]) -> Iterator[slice]:
    """Stretches of rows that fit a processor's cache, each account whole in one of them."""
    start = 0
    while start < len(account):
        end = start + SLICE
        if end < len(account):
            end = int(np.searchsorted(account, account[end]))
            if end <= start:  # one account fills more than a slice
                end = int(np.searchsorted(account, account[start], side="right"))
        yield slice(start, end)
        start = end


def weights(account: NDArray[np.intp], *, k: Fraction, scale: int) -> Vector:
    """
    Weigh rows so that no account weighs more than ⌊scale·k⌋.

    Args:
        account: Number of each row's account; only rows of the study's population.
        k: Contribution bound, in accounts.
        scale: S, the integer that is a weight of one.

    Returns:
        W = min(S, ⌊S·k/n⌋) of each row; `ContributionBound.weight` says the same of one account.
    """
    sessions = np.bincount(account)  # unweighted: counts, exact
    numerator, denominator = k.as_integer_ratio()
    # A division for each number of sessions that occurs, not for each account.
    number = np.arange(1, sessions.max(initial=0) + 1, dtype=np.int64)
    each = np.minimum(scale, scale * numerator // (denominator * number))
    # Account → sessions → weight; numbers that no row has stand for nobody.
    weight: Vector = each[np.maximum(sessions, 1) - 1].take(account)
    return weight


@dataclass(slots=True)
class Ranges:
    """Which accounts have been seen, as one range of pseudonyms for each bucket."""

    seen: list[tuple[bytes, bytes]]

    def add(self, rows: Rows) -> None:
        """
        Note a bucket's first and last account.

        Raises:
            RefusedError: They overlap with those of a bucket that was added before.
        """
        if not len(rows):
            return
        self.note(*(rows[place, -PSEUDONYM_BYTES:].tobytes() for place in (0, -1)))

    def note(self, first: bytes, last: bytes) -> None:
        """
        The same, of a bucket whose rows lie elsewhere.

        Raises:
            RefusedError: As `add`.
        """
        if any(
            first <= other_last and other_first <= last for other_first, other_last in self.seen
        ):
            raise broken("an account that may lie in two buckets.")
        self.seen.append((first, last))


def broken(found: str) -> RefusedError:
    """The refusal of a bucket."""
    return RefusedError(
        "BUCKET_BROKEN",
        rule="A bucket holds whole rows, sorted by account, and all rows of its accounts.",
        found=found,
        remedy="classify again into a fresh vault; no number of this run was released.",
    )
