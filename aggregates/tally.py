"""
Exact sums over buckets, wherever they were summed: here, or by a worker on another machine.

Vectors of buckets are integers and add up, so the order of buckets and the place where each was
summed change nothing: the totals are those of one process, bit for bit.  What must hold for that
is checked where the noise will be drawn: every bucket of the run counts once, and no account lies
in two (`kernel.Ranges`, whose first and last pseudonyms come with the sums).

A bucket's sums travel as numbers of one width, so that their length follows from the plan alone.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from privacy.codebook import Codebook
from privacy.errors import RefusedError
from privacy.labels import PSEUDONYM_BYTES
from privacy.plan import Plan

from .columns import Rows, Vector
from .kernel import Kernel, Ranges, add, partial, view

_NUMBER = np.dtype(">i8")
_EDGES = 1 + 2 * PSEUDONYM_BYTES
"""Bytes in front: whether there is any account, the first, the last."""


class Tally:
    """
    The sums of one run as they grow.

    Args:
        plan: What to sum.
        codebook: The codebook of the rows.
        due: Of sums that others made: number of a bucket → digest of its blob.
    """

    def __init__(
        self, plan: Plan, codebook: Codebook, due: Mapping[str, str] | None = None
    ) -> None:
        self.sums: dict[str, list[int]] = {q.name: [0] * q.summed for q in plan.queries}
        self._plan, self._codebook = plan, codebook
        self._due, self._ranges = dict(due or {}), Ranges([])

    @cached_property
    def _kernel(self) -> Kernel:
        return Kernel(self._plan, self._codebook)

    def add_bucket(self, bucket: bytes | memoryview) -> None:
        """
        Sum a bucket's rows.

        Raises:
            RefusedError: It is broken, or an account of it may lie in another.
        """
        rows = view(bucket, self._codebook)
        self._ranges.add(rows)
        self.sums = add(self.sums, self._kernel.partial(rows))

    def digest(self, number: str) -> str:
        """
        Digest of the bucket whose sums come next; from now on they have come.

        Raises:
            RefusedError: They came already, or the run has no such bucket.
        """
        try:
            return self._due.pop(number)
        except KeyError:
            raise _refused("sums of a bucket that is counted, or that is none of them.") from None

    def add_sums(self, packed: bytes | memoryview) -> None:
        """
        Add what another worker summed.

        Raises:
            RefusedError: They are no sums of this plan, or an account may lie in two buckets.
        """
        sums, edges = unpack_sums(self._plan, packed)
        if edges:
            self._ranges.note(*edges)
        self.sums = add(self.sums, sums)

    def check_complete(self) -> None:
        """
        Raise unless every bucket that was due has been counted.

        Raises:
            RefusedError: One is missing.
        """
        if self._due:
            raise _refused("a run in which a bucket is missing.")


def pack_sums(plan: Plan, bucket: bytes | memoryview, codebook: Codebook) -> bytes:
    """
    One bucket's exact sums, with its first and last account, in a length that the plan decides.

    Raises:
        RefusedError: The bucket is broken.
    """
    rows = view(bucket, codebook)
    sums = partial(plan, rows, codebook)
    numbers = (np.asarray(sums[query.name], np.int64).astype(_NUMBER) for query in plan.queries)
    return b"".join([_edges(rows), *(vector.tobytes() for vector in numbers)])


def unpack_sums(
    plan: Plan, packed: bytes | memoryview
) -> tuple[dict[str, Vector], tuple[bytes, bytes] | None]:
    """
    Sums, and the first and last account if there is any.

    Raises:
        RefusedError: They are no sums of this plan.
    """
    packed = bytes(packed)
    numbers = np.frombuffer(packed[_EDGES:], np.uint8)
    ends = np.cumsum([query.summed for query in plan.queries])
    if packed[:1] not in (b"\0", b"\1") or len(numbers) != _NUMBER.itemsize * ends[-1]:
        raise _refused("sums of another length than this plan's.")
    vectors = np.split(numbers.view(_NUMBER).astype(np.int64), ends[:-1])
    sums = {query.name: vector for query, vector in zip(plan.queries, vectors, strict=True)}
    first, last = packed[1 : 1 + PSEUDONYM_BYTES], packed[1 + PSEUDONYM_BYTES : _EDGES]
    return sums, (first, last) if packed[0] else None


def _edges(rows: Rows) -> bytes:
    if not len(rows):
        return bytes(_EDGES)
    return b"\1" + b"".join(rows[place, -PSEUDONYM_BYTES:].tobytes() for place in (0, -1))


def _refused(found: str) -> RefusedError:
    return RefusedError(
        "SUMS_BROKEN",
        rule="Every bucket of a run is counted once, with sums that a worker made for its plan.",
        found=found,
        remedy="treat the node that sent them as compromised; no number of this run was released.",
    )
