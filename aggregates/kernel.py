"""
From label rows to exact integer vectors: weights, cells, sums.

An account whole in one bucket, rows sorted by account: so the contribution bound is local to
a bucket, and the vectors of buckets add up.  All arithmetic is on 64-bit integers.  (numpy's
weighted `bincount` sums in float64, exact below 2⁵³ only; `np.add.at` sums the integers.)

Why no account moves a vector by more than Δ: a row lies in one cell at most and adds W·x there,
|x| ≤ bound, and the W of an account's rows sum to at most ⌊S·k⌋ (`ContributionBound`).  n, the
number of an account's sessions, is counted over the study's population, one and the same for
every query; what a query's own `where` drops makes the account weigh less, never more.

A bucket is summed in slices of whole accounts that fit a processor's cache.  An account that lies
in two buckets would weigh twice.  `Ranges` therefore refuses buckets whose ranges of pseudonyms
overlap, and `accounts` rows that are not sorted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import LOG_STEPS, Codebook, Measure
from privacy.errors import RefusedError
from privacy.labels import PSEUDONYM_BYTES, row_width
from privacy.plan import Plan, Query
from privacy.queries import OF_ACCOUNTS

from .clipping import Contributions
from .columns import NOWHERE, Columns, Rows, Vector

SLICE = 2**15
"""Rows that are summed at a time: some 2 MB, so that each column is read from the cache."""


def view(bucket: bytes, codebook: Codebook) -> Rows:
    """
    See a bucket's bytes as rows, without a copy.

    Raises:
        RefusedError: The bucket is no whole number of rows.
    """
    width = row_width(codebook)
    if len(bucket) % width:
        raise _refused("a bucket that is no whole number of rows.")
    return np.frombuffer(bucket, np.uint8).reshape(-1, width)


def partial(plan: Plan, rows: Rows, codebook: Codebook) -> dict[str, Vector]:
    """
    Exact sums of one bucket.

    Args:
        plan: What to sum.
        rows: The bucket's rows, sorted by account.
        codebook: The codebook that the rows were written under.

    Returns:
        Query → int64 vector over its cells, in units of 1/scale (times the measure's unit); of a
        clipped query one for each bound, one after the other.

    Raises:
        RefusedError: The rows are not sorted by account.
    """
    who = accounts(rows)
    sums = {query.name: np.zeros(query.summed, np.int64) for query in plan.queries}
    for part in _slices(who):
        for name, vector in _slice(plan, rows[part], who[part], codebook).items():
            sums[name] += vector
    return sums


def _slices(account: NDArray[np.intp]) -> Iterator[slice]:
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


def _slice(
    plan: Plan, rows: Rows, account: NDArray[np.intp], codebook: Codebook
) -> dict[str, Vector]:
    """Exact sums of whole accounts."""
    columns = Columns(rows, codebook)
    inside = columns.fulfil({**plan.population.where, "month": plan.population.months})
    who = account[inside] - account[0]
    bounds = {plan.contribution(query) for query in plan.queries}
    weight = {k: weights(who, k=k, scale=plan.privacy.scale) for k in bounds}
    kept = columns if inside.all() else Columns(rows[inside], codebook)
    whole = {
        query.name: _contributions(query, kept, who)
        for query in plan.queries
        if query.of == "" and query.value in OF_ACCOUNTS
    }
    return {
        query.name: whole[query.of or query.name].sums(query, plan.privacy.scale)
        if query.value in OF_ACCOUNTS
        else _sum(query, kept, weight[plan.contribution(query)])
        for query in plan.queries
    }


def accounts(rows: Rows) -> NDArray[np.intp]:
    """
    Number each row's account, from 0 upwards.

    Raises:
        RefusedError: The rows are not sorted by account: one could be counted as two.
    """
    if not len(rows):
        return np.zeros(0, np.intp)
    halves = _pseudonyms(rows)
    before, after = halves[:-1], halves[1:]
    rises = (after[:, 0] > before[:, 0]) | (
        (after[:, 0] == before[:, 0]) & (after[:, 1] > before[:, 1])
    )
    same = (after == before).all(axis=1)
    if not (rises | same).all():
        raise _refused("rows that are not sorted by account.")
    return np.concatenate([[0], np.cumsum(rises)]).astype(np.intp)


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
    sessions = np.bincount(account).astype(np.int64)  # unweighted: counts, exact
    numerator, denominator = k.as_integer_ratio()
    each: Vector = np.minimum(scale, scale * numerator // (denominator * np.maximum(sessions, 1)))
    weight: Vector = each[account]
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
            raise _refused("an account that may lie in two buckets.")
        self.seen.append((first, last))


def add(sums: Mapping[str, Sequence[int]], more: Mapping[str, Vector]) -> dict[str, list[int]]:
    """Add a bucket's vectors to those of others, in Python's unbounded integers."""
    parts = {name: vector.tolist() for name, vector in more.items()}
    if not sums:
        return parts
    return {
        name: [a + b for a, b in zip(vector, parts[name], strict=True)]
        for name, vector in sums.items()
    }


def _contributions(query: Query, rows: Columns, account: NDArray[np.intp]) -> Contributions:
    counted, cell = _cells(query, rows)
    return Contributions(account[counted], cell[counted], query.size)


def _cells(query: Query, rows: Columns) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Which rows a query counts, and in which cell."""
    counted = rows.fulfil(query.where)
    cell = np.zeros(len(rows), np.intp)
    for axis in query.axes:
        level = rows.level(axis)
        counted &= level != NOWHERE
        cell = cell * len(axis.levels) + level
    return counted, cell


def _sum(query: Query, rows: Columns, weight: Vector) -> Vector:
    counted, cell = _cells(query, rows)
    value = weight if query.value == "one" else weight * _value(query, rows)
    vector = np.zeros(query.size, np.int64)
    np.add.at(vector, cell[counted], value[counted])
    return vector


def _value(query: Query, rows: Columns) -> Vector:
    """The centred value, or its square in thousandths; clamped to the plan's bound."""
    value = rows.stored(query.measure)
    if query.unit:
        value = _steps(rows.measure(query.measure), query.unit)[value]
    centred = value - query.centre
    if query.value == "amount_squared":
        centred = np.maximum(centred, 0)  # counted from the low end: what is below counts as it
    if query.value in ("log_squared", "amount_squared"):
        centred = centred * centred // LOG_STEPS
    return np.clip(centred, -query.bound, query.bound)


@lru_cache(maxsize=64)
def _steps(measure: Measure, unit: float) -> Vector:
    """Each of the 2¹⁶ stored values as an amount in steps; its square fits 64 bits."""
    amounts = measure.floor * np.exp(np.arange(2**16) / LOG_STEPS) / unit
    return np.rint(np.minimum(amounts, 2.0**31)).astype(np.int64)


def _pseudonyms(rows: Rows) -> NDArray[np.uint64]:
    """Each row's pseudonym as two numbers that sort as its bytes do."""
    tail = np.ascontiguousarray(rows[:, -PSEUDONYM_BYTES:])
    return tail.view(">u8").astype(np.uint64)


def _refused(found: str) -> RefusedError:
    return RefusedError(
        "BUCKET_BROKEN",
        rule="A bucket holds whole rows, sorted by account, and all rows of its accounts.",
        found=found,
        remedy="classify again into a fresh vault; no number of this run was released.",
    )
