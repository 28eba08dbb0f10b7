"""
What the queries of a plan read of a slice of rows: settled once, read once, shared.

Tables of one study cross the same axes over and over and count the same sessions.  So equal axes,
conditions and values become one object when a plan is made ready, and a slice keeps what it found
for each of them: a column is gathered once, an account weighed once for each k.

No row is taken out of a slice, which would copy all of them.  A row that a query does not count
weighs 0 in it, and one that lies in no level of an axis goes to a place beyond them; those places
are left away when a bucket is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import LOG_STEPS, Codebook, Measure
from privacy.plan import Axis, Plan, Query

from .columns import STORED, Codes, Columns, Condition, Layout, Places, Vector, condition
from .owners import weights

Key = TypeVar("Key")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Reading:
    """One query, made ready."""

    query: Query
    axes: tuple[Places, ...]
    where: Places
    k: Fraction
    """Most that an account weighs in it, in accounts."""
    value: "Value | None"
    """What a row's weight is multiplied with; None for 1."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Places on each axis, those beyond its levels too."""
        return tuple(axis.width for axis in self.axes)

    def places(self) -> Vector:
        """A vector of zeros over all places, those beyond the levels too."""
        return np.zeros(prod(self.widths), np.int64)

    def inner(self, vector: Vector) -> Vector:
        """The query's own cells of a vector over all places."""
        levels = tuple(slice(axis.levels) for axis in self.axes)
        return vector.reshape(self.widths)[levels].ravel()


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What each of the 2¹⁶ stored values of a measure adds, before it is weighed."""

    at: int
    """Where the measure stands in a row."""
    table: Vector


class Readings:
    """The queries of a plan, made ready; what is equal is one and the same object."""

    def __init__(self, plan: Plan, codebook: Codebook) -> None:
        self._plan, self._layout = plan, Layout(codebook)
        self._axes: list[tuple[Axis, Places]] = []
        self._conditions: list[tuple[Condition, Places]] = []
        self._values: list[tuple[object, Value]] = []
        months = {"month": plan.population.months}
        self.population = self._condition({**plan.population.where, **months})

    def of(self, query: Query) -> Reading:
        """A query of the plan, made ready."""
        axes = (
            _once(self._axes, axis, lambda axis=axis: Places(axis, self._layout))  # type: ignore[misc]
            for axis in self._axes_of(query)
        )
        where, k = self._condition(query.where), self._plan.contribution(query)
        return Reading(query, (*axes,), where, k, self._value(query))

    def _axes_of(self, query: Query) -> tuple[Axis, ...]:
        """The axes on which records lie: the bins of sizes are for accounts, moments have none."""
        if query.value == "moments":
            return self._plan.query(query.of).axes
        return () if query.value in ("norm", "size") else query.axes

    def _condition(self, when: Condition) -> Places:
        return _once(self._conditions, when, lambda: condition(when, self._layout))

    def _value(self, query: Query) -> Value | None:
        if not query.measure:
            return None
        at, measure = self._layout.measure(query.measure)
        alike = (query.value, query.measure, query.centre, query.bound, query.unit)
        return _once(self._values, alike, lambda: Value(at, _summands(query, measure)))


class Slice:
    """Rows of whole accounts; what several queries ask of them is found once."""

    def __init__(
        self, readings: Readings, columns: Columns, account: NDArray[np.intp], scale: int
    ) -> None:
        """
        Nothing is read yet, but who is counted.

        Args:
            readings: The plan's.
            columns: The rows.
            account: Number of each row's account, from 0.
            scale: S, the integer that is a weight of one.
        """
        self._columns, self._account, self._scale = columns, account, scale
        self._places: dict[Places, Codes] = {}
        self._cells: dict[tuple[Places, ...], NDArray[np.intp]] = {}
        self._weights: dict[tuple[int, int, Places], Vector] = {}
        self._population = readings.population
        self._inside = self._fulfil(readings.population)

    def cell(self, axes: tuple[Places, ...]) -> NDArray[np.intp]:
        """Where each row lies in a vector over all places of some axes."""
        if axes not in self._cells:
            places = map(self._place, axes)
            cell = next(places, np.zeros(len(self._account), np.uint8)).astype(np.intp)
            for axis, place in zip(axes[1:], places, strict=True):
                cell *= axis.width
                cell += place
            self._cells[axes] = cell
        return self._cells[axes]

    def summand(self, reading: Reading) -> Vector:
        """What each row adds to its cell: its weight, times its value."""
        weight = self._weight(reading.k, reading.where)
        if reading.value is None:
            return weight
        stored = self._columns.stored(reading.value.at)
        return weight * reading.value.table.take(stored, mode="clip")

    def counted(self, reading: Reading) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Account and cell of each row that lies in one of a query's own cells."""
        held, cell = self._held(reading)
        return self._account[held], cell[held]

    def weighed(self, reading: Reading) -> tuple[NDArray[np.intp], NDArray[np.intp], Vector]:
        """The same, and what each of these rows weighs."""
        held, cell = self._held(reading)
        return self._account[held], cell[held], self._weight(reading.k, reading.where)[held]

    def _held(self, reading: Reading) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        held = self._inside & self._fulfil(reading.where)
        cell = np.zeros(len(self._account), np.intp)
        for axis in reading.axes:
            place = self._place(axis)
            held &= place < axis.levels
            cell *= axis.levels
            cell += place
        return held, cell

    def _weight(self, k: Fraction, where: Places) -> Vector:
        """What each row weighs that fulfils a condition; 0 for the others."""
        key = (*k.as_integer_ratio(), where)  # a fraction takes long to hash
        if key in self._weights:
            return self._weights[key]
        if where is not self._population:
            weight = self._weight(k, self._population) * self._fulfil(where)
        elif self._inside.all():
            weight = weights(self._account, k=k, scale=self._scale)
        else:
            weight = np.zeros(len(self._account), np.int64)
            weight[self._inside] = weights(self._account[self._inside], k=k, scale=self._scale)
        self._weights[key] = weight
        return weight

    def _fulfil(self, where: Places) -> NDArray[np.bool_]:
        fulfilled: NDArray[np.bool_] = self._place(where) == 0
        return fulfilled

    def _place(self, axis: Places) -> Codes:
        if axis not in self._places:
            self._places[axis] = axis.of(self._columns)
        return self._places[axis]


def _once(known: list[tuple[Key, Made]], key: Key, make: Callable[[], Made]) -> Made:
    """What was made for an equal key, or made now.  (Conditions are mappings: they do not hash.)"""
    for other, made in known:
        if other == key:
            return made
    known.append((key, make()))
    return known[-1][1]


def _summands(query: Query, measure: Measure) -> Vector:
    """The centred value, or its square in thousandths; clamped to the plan's bound."""
    value = _steps(measure, query.unit) if query.unit else np.arange(STORED, dtype=np.int64)
    value = value - query.centre
    if query.value == "amount_squared":
        value = np.maximum(value, 0)  # counted from the low end: what is below counts as it
    if query.value in ("log_squared", "amount_squared"):
        value = value * value // LOG_STEPS
    return np.clip(value, -query.bound, query.bound)


def _steps(measure: Measure, unit: float) -> Vector:
    """Each of the 2¹⁶ stored values as an amount in steps; its square fits 64 bits."""
    amounts = measure.floor * np.exp(np.arange(STORED) / LOG_STEPS) / unit
    return np.rint(np.minimum(amounts, 2.0**31)).astype(np.int64)
