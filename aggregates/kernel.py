"""
From label rows to exact integer vectors: weights, cells, sums.

An account whole in one bucket, rows sorted by account: so the contribution bound is local to
a bucket, and the vectors of buckets add up.  All arithmetic is on 64-bit integers: `np.add.at` sums
them as they are.  (numpy's weighted `bincount` sums in float64, exact below 2⁵³ only.)

Why no account moves a vector by more than Δ: a row lies in one cell at most and adds W·x there,
|x| ≤ bound, and the W of an account's rows sum to at most ⌊S·k⌋ (`ContributionBound`).  n, the
number of an account's sessions, is counted over the study's population, one and the same for
every query; what a query's own `where` drops makes the account weigh less, never more.

A bucket is summed in slices of whole accounts that fit a processor's cache; what queries share is
read once (`readings`).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from privacy.codebook import Codebook
from privacy.labels import row_width
from privacy.plan import Plan
from privacy.queries import OF_ACCOUNTS

from .clipping import Contributions
from .columns import Columns, Rows, Vector
from .moments import moments
from .owners import Ranges, accounts, broken, slices, weights
from .readings import Readings, Slice

__all__ = ["Kernel", "Ranges", "accounts", "add", "partial", "view", "weights"]


def view(bucket: bytes | memoryview, codebook: Codebook) -> Rows:
    """
    See a bucket's bytes as rows, without a copy.

    Raises:
        RefusedError: The bucket is no whole number of rows.
    """
    width = row_width(codebook)
    if len(bucket) % width:
        raise broken("a bucket that is no whole number of rows.")
    return np.frombuffer(bucket, np.uint8).reshape(-1, width)


class Kernel:
    """A plan made ready to be summed, over any number of buckets."""

    def __init__(self, plan: Plan, codebook: Codebook) -> None:
        """
        Settle what each query reads.

        Args:
            plan: What to sum.
            codebook: The codebook that the rows are written under.
        """
        self._plan, self._readings = plan, Readings(plan, codebook)
        read = {query.name: self._readings.of(query) for query in plan.queries}
        self._of_pairs = {n: r for n, r in read.items() if r.query.value == "moments"}
        others = ("moments", *OF_ACCOUNTS)
        self._of_records = {n: r for n, r in read.items() if r.query.value not in others}
        # Of a table about accounts, the counts alone read rows: its other queries stand on them.
        about = (query for query in plan.queries if query.value in OF_ACCOUNTS)
        self._of_accounts = {query.name: read[query.name] for query in about if not query.of}

    def partial(self, rows: Rows) -> dict[str, Vector]:
        """
        Exact sums of one bucket.

        Args:
            rows: The bucket's rows, sorted by account.

        Returns:
            Query → int64 vector over its cells, in units of 1/scale (times the measure's unit); of
            a clipped query one for each bound, one after the other.

        Raises:
            RefusedError: The rows are not sorted by account.
        """
        scale = self._plan.privacy.scale
        sums = {name: one.places() for name, one in self._of_records.items()}
        pairs = {name: np.zeros(one.query.size, np.int64) for name, one in self._of_pairs.items()}
        whole = {name: Contributions(one.query) for name, one in self._of_accounts.items()}
        who = accounts(rows)
        for part in slices(who):
            account = who[part] - who[part.start]
            found = Slice(self._readings, Columns(rows[part]), account, scale)
            for name, one in self._of_records.items():
                np.add.at(sums[name], found.cell(one.axes), found.summand(one))
            for name, one in self._of_pairs.items():
                rows_of, levels = found.weighed(one), one.axes[-1].levels
                pairs[name] += moments(*rows_of, levels=levels, parts=one.query.size, scale=scale)
            for name, one in self._of_accounts.items():
                whole[name].add(*found.counted(one))
        return {
            query.name: whole[query.of or query.name].sums(query, scale)
            if query.value in OF_ACCOUNTS
            else pairs[query.name]
            if query.value == "moments"
            else self._of_records[query.name].inner(sums[query.name])
            for query in self._plan.queries
        }


def partial(plan: Plan, rows: Rows, codebook: Codebook) -> dict[str, Vector]:
    """Exact sums of one bucket: `Kernel.partial`, for those who have but one."""
    return Kernel(plan, codebook).partial(rows)


def add(sums: Mapping[str, Sequence[int]], more: Mapping[str, Vector]) -> dict[str, list[int]]:
    """Add a bucket's vectors to those of others, in Python's unbounded integers."""
    parts = {name: vector.tolist() for name, vector in more.items()}
    if not sums:
        return parts
    return {
        name: [a + b for a, b in zip(vector, parts[name], strict=True)]
        for name, vector in sums.items()
    }
