"""
Columns of label rows, and where each row lies on an axis: by tables that are made once.

A label is a single byte and a measure two, so that whatever a condition says of a column is a table
of 256 answers and bins are a table of 2¹⁶.  An axis whose levels speak of several columns is the
product of its columns: bytes that the same levels accept are one class, a row's classes make one
number, and a last table says which level that number stands for.  So a slice of rows costs one
look-up for each column, however many labels, levels or conditions there are.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from privacy.codebook import Codebook, Measure
from privacy.labels import SESSION_KEY_BYTES
from privacy.plan import Axis, Level

Rows = NDArray[np.uint8]
"""Label rows, (sessions, row width): the bytes of a bucket."""
Vector = NDArray[np.int64]
Codes = NDArray[np.unsignedinteger]
"""A small whole number for each row."""
Condition = Mapping[str, Sequence[str]]
BYTES, STORED = 2**8, 2**16
"""How many values a label's byte and a measure's two have."""


class Layout:
    """Where the columns of a codebook stand in a row."""

    def __init__(self, codebook: Codebook) -> None:
        start = SESSION_KEY_BYTES + len(codebook.fields)
        self._labels = {
            field.name: (
                SESSION_KEY_BYTES + place,
                {label: n for n, label in enumerate(field.labels)},
            )
            for place, field in enumerate(codebook.fields)
        }
        self._measures = {m.name: (start + 2 * n, m) for n, m in enumerate(codebook.measures)}

    def label(self, name: str) -> tuple[int, Mapping[str, int]]:
        """Place of a column of labels, and the byte of each label."""
        return self._labels[name]

    def measure(self, name: str) -> tuple[int, Measure]:
        """Place of a structural measure, and what it is."""
        return self._measures[name]


class Columns:
    """The columns of a slice of rows; each is gathered once, when it is first asked for."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._labels: dict[int, Codes] = {}
        self._stored: dict[int, NDArray[np.intp]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def label(self, at: int) -> Codes:
        """The bytes of a column of labels."""
        if at not in self._labels:
            self._labels[at] = np.ascontiguousarray(self._rows[:, at])
        return self._labels[at]

    def stored(self, at: int) -> NDArray[np.intp]:
        """Stored values of a measure, two bytes, the higher first: as positions in a table."""
        if at not in self._stored:
            pair = self._rows[:, at : at + 2].view(">u2")
            self._stored[at] = pair[:, 0].astype(np.intp)
        return self._stored[at]


class Places:
    """
    The place of each row on an axis: of the first level that it fulfils, or of its bin.

    `width` is the number of places.  On an axis of labels the last one is nowhere: no level holds.
    """

    def __init__(self, axis: Axis, layout: Layout) -> None:
        self.levels = len(axis.levels)
        self.width = self.levels + (axis.measure == "")
        if axis.measure:
            self._at, _ = layout.measure(axis.measure)
            self._table = _bins(axis.edges)
            return
        # Levels that a row may still lie in are the bits of one number, the first the lowest.
        held = [2**self.levels - 1]
        self._steps: list[tuple[int, Codes, int, Codes]] = []
        for column in dict.fromkeys(column for level in axis.levels for column in level.when):
            at, bytes_of = layout.label(column)
            classes, accepted = _classes(_accepting(column, axis.levels, bytes_of))
            joined, held = _classes([old & new for old in held for new in accepted])
            self._steps.append((at, _table(classes), len(accepted), _table(joined)))
        self._table = _table([_lowest(bits) if bits else self.levels for bits in held])
        if len(self._steps) == 1:  # its classes are those of `held`: one look-up does for both
            at, class_of, count, joined_to = self._steps[0]
            self._steps = [(at, self._table[class_of], count, joined_to)]

    def of(self, columns: Columns) -> Codes:
        """Where each row of a slice lies."""
        if self.width == self.levels:
            return self._table.take(columns.stored(self._at), mode="clip")
        code: Codes = np.zeros(len(columns), np.uint8)
        for number, (at, classes, count, joined) in enumerate(self._steps):
            here = classes.take(columns.label(at), mode="clip")
            code = joined.take(code.astype(np.intp) * count + here, mode="clip") if number else here
        return code if len(self._steps) == 1 else self._table.take(code, mode="clip")


def condition(when: Condition, layout: Layout) -> Places:
    """A condition as an axis of one level: a row that fulfils it is at 0."""
    held = {column: tuple(labels) for column, labels in when.items()}
    return Places(Axis("", (Level("", held),)), layout)


def _accepting(column: str, levels: Sequence[Level], bytes_of: Mapping[str, int]) -> list[int]:
    """Which levels accept each of the 256 bytes; one that is no label is accepted by none."""
    silent = sum(1 << n for n, level in enumerate(levels) if column not in level.when)
    accepted = [silent] * BYTES
    for n, level in enumerate(levels):
        for byte in {bytes_of[label] for label in level.when.get(column, ())}:
            accepted[byte] |= 1 << n
    return accepted


def _classes(values: Sequence[int]) -> tuple[list[int], list[int]]:
    """The number of each value among the different ones, and the different ones."""
    numbers = {value: n for n, value in enumerate(dict.fromkeys(values))}
    return [numbers[value] for value in values], [*numbers]


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _table(numbers: Sequence[int] | NDArray[np.intp]) -> Codes:
    """A table in the smallest type that holds it: it is read for each row."""
    table = np.asarray(numbers)
    return table.astype(np.uint8 if table.max(initial=0) < BYTES else np.uint32)


def _bins(edges: Sequence[int]) -> Codes:
    """The bin of each of the 2¹⁶ stored values."""
    return _table(np.searchsorted(edges[1:-1], np.arange(STORED), side="right"))
