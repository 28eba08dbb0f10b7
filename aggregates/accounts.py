"""
How many sessions each account has, in a synthetic population of any size.

The published tail gives three points of P(more than n sessions) and a mean; between the points, and
beyond the last, the tail is a power law, whose last exponent is what makes the mean right.  Sizes
are quantiles of that law, not draws: totals are exact and the tail is as published at every scale.
"""

from bisect import bisect_left
from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray

from .margins import ACCOUNTS, LARGEST_ACCOUNT, MORE_THAN, SESSIONS


def account_sizes(accounts: int, sessions: int) -> NDArray[np.int64]:
    """
    Sessions of each account, largest first, shape (accounts,); they sum to `sessions`.

    Where the mean asked for is not the published one, what accounts have beyond their first session
    is scaled; the rounding is carried along, so that the sum is exact and order is kept.
    """
    tail = published_tail()[::-1]
    middles = (np.arange(accounts) + 0.5) / accounts
    sizes = len(tail) - np.searchsorted(tail, middles, side="left")
    extra, wanted = np.cumsum(sizes - 1), sessions - accounts
    if extra[-1] == 0:
        extra = np.arange(1, accounts + 1)
    # Exact in whole numbers: no rounding of a float decides how many there are.
    scaled = np.array([int(x) * wanted // int(extra[-1]) for x in extra], dtype=np.int64)
    return np.asarray(1 + np.diff(scaled, prepend=0))


@cache
def published_tail() -> NDArray[np.float64]:
    """P(at least n sessions) for n = 1, 2, …, LARGEST_ACCOUNT."""
    grid = range(100, 501)
    steepness = bisect_left(grid, -SESSIONS / ACCOUNTS, key=lambda s: -_tail(s / 100).sum())
    low, high = (steepness - 1 + 100) / 100, (steepness + 100) / 100
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _tail(middle).sum() > SESSIONS / ACCOUNTS else (low, middle)
    return _tail(high)


def _tail(last: float) -> NDArray[np.float64]:
    n = np.arange(1.0, LARGEST_ACCOUNT + 1)
    two, six, eleven = MORE_THAN[1], MORE_THAN[5], MORE_THAN[10]
    first, second = log(two / six) / log(6 / 2), log(six / eleven) / log(11 / 6)
    tail = np.where(n < 6, two * (n / 2) ** -first, six * (n / 6) ** -second)
    tail = np.where(n < 11, tail, eleven * (n / 11) ** -last)
    tail[0] = 1.0
    return tail
