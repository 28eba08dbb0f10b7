"""
Columns of label rows: labels and measures by name, conditions, and positions on axes.

Labels are single bytes, so that a condition is a table of 256 answers; measures are two bytes, so
that bins are a table of 2¹⁶.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import Codebook, Measure
from privacy.labels import SESSION_KEY_BYTES
from privacy.plan import Axis

Rows = NDArray[np.uint8]
"""Label rows, (sessions, row width): the bytes of a bucket."""
Vector = NDArray[np.int64]
Place = NDArray[np.intp]
"""Position of each row in an axis or a vector."""
NOWHERE = -1
"""Position of a row that lies in no level."""


class Columns:
    """The columns of some rows by name, and conditions on them."""

    def __init__(self, rows: Rows, codebook: Codebook) -> None:
        """Nothing is copied until a column is asked for."""
        self._rows = rows
        self._labels = {
            field.name: (
                SESSION_KEY_BYTES + place,
                {label: n for n, label in enumerate(field.labels)},
            )
            for place, field in enumerate(codebook.fields)
        }
        start = SESSION_KEY_BYTES + len(codebook.fields)
        self._levels: list[tuple[Axis, Place]] = []
        self._measures = {m.name: (start + 2 * n, m) for n, m in enumerate(codebook.measures)}

    def __len__(self) -> int:
        return len(self._rows)

    def fulfil(self, condition: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
        """Which rows fulfil a condition."""
        held = np.ones(len(self._rows), np.bool_)
        for column, labels in condition.items():
            held &= (self._table(column, [labels]) == 0)[self._column(column)]
        return held

    def level(self, axis: Axis) -> Place:
        """The first level of an axis whose condition each row fulfils, or NOWHERE; or its bin."""
        for known, places in self._levels:
            if known == axis:  # several queries share their axes
                return places
        self._levels.append((axis, self._level(axis)))
        return self._levels[-1][1]

    def _level(self, axis: Axis) -> Place:
        if axis.measure:
            return _bins(axis.edges)[self.stored(axis.measure)]
        columns = {tuple(level.when) for level in axis.levels}
        if len(columns) == 1 and len(column := next(iter(columns))) == 1:
            table = self._table(column[0], [level.when[column[0]] for level in axis.levels])
            return table[self._column(column[0])]
        places = np.full(len(self._rows), NOWHERE, np.intp)
        for place in reversed(range(len(axis.levels))):  # the first level has the last word
            places[self.fulfil(axis.levels[place].when)] = place
        return places

    def stored(self, measure: str) -> Vector:
        """Stored values of a structural measure: two bytes, the higher first."""
        at, _ = self._measures[measure]
        return self._rows[:, at].astype(np.int64) * 256 + self._rows[:, at + 1]

    def measure(self, name: str) -> Measure:
        """A measure by name."""
        return self._measures[name][1]

    def _column(self, name: str) -> NDArray[np.uint8]:
        return self._rows[:, self._labels[name][0]]

    def _table(self, column: str, groups: Sequence[Sequence[str]]) -> NDArray[np.intp]:
        """Byte → number of the first group that holds its label; all 256 bytes have an answer."""
        table = np.full(256, NOWHERE, np.intp)
        places = self._labels[column][1]
        for number, group in reversed([*enumerate(groups)]):
            table[[places[label] for label in group]] = number
        return table


@lru_cache(maxsize=64)
def _bins(edges: tuple[int, ...]) -> Place:
    """The bin of each of the 2¹⁶ stored values."""
    return np.searchsorted(edges[1:-1], np.arange(2**16), side="right")
