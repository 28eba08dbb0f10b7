"""
Exact sums of moments: how much an account's sessions go together, pooled over a table.

Within a group, an account's sessions weigh s_c in each cell c.  Of a rate three products are kept,
s_yes², s_yes·s_no and s_no²; of a share two, Σ s_c² (pairs of sessions alike) and Σ_{c≠d} s_c·s_d
(pairs apart).  Each is summed over the account's groups, divided by S and rounded down, so that
what an account adds is bounded in whole numbers (`privacy.unit.ContributionBound.moments`): all
its products together are at most (Σ s_c)²/S ≤ ⌊K²/S⌋, K = ⌊S·k⌋.  A product is at most K² < 2⁵⁵.

An account lies whole in one bucket, so all this is local to a bucket.
"""

import numpy as np
from numpy.typing import NDArray

from privacy.queries import OF_RATES

Vector = NDArray[np.int64]
Place = NDArray[np.intp]


def moments(
    account: Place, cell: Place, weight: Vector, *, levels: int, parts: int, scale: int
) -> Vector:
    """
    The exact moments of a bucket.

    Args:
        account: Number of the account of each session that the table counts, from 0.
        cell: Number of its cell; cells of one group follow one another.
        weight: What it weighs, in units of 1/scale.
        levels: How many cells a group has.
        parts: How many moments there are: three of a rate, two of a share.
        scale: S.

    Returns:
        The moments in units of 1/scale squared accounts.
    """
    width = int(cell.max(initial=0)) // levels + 1
    group, place = np.unique(account * width + cell // levels, return_inverse=True)
    weighed = np.zeros((len(group), levels), np.int64)
    np.add.at(weighed, (place, cell % levels), weight)
    if parts == len(OF_RATES):
        yes, no = weighed[:, 0], weighed[:, 1]
        products = np.stack([yes * yes, yes * no, no * no])
    else:
        alike = (weighed * weighed).sum(axis=1)
        products = np.stack([alike, weighed.sum(axis=1) ** 2 - alike])
    owner = group // width
    each = np.zeros((parts, int(owner.max(initial=-1)) + 1), np.int64)
    for number in range(parts):
        np.add.at(each[number], owner, products[number])
    # Rounded down account by account: that is what bounds each of them.
    return np.asarray((each // scale).sum(axis=1))
