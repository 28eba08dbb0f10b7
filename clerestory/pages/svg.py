"""
Draw a group of cells: dots with intervals, or lines with interval bands over months.

A chart says nothing that the table beside it does not say; it carries a title and a
description, takes its colours from the page's style sheet (so it turns dark and prints), and
scales without losing size: rows use percentages of the width and real pixels for text, panels
over time are small enough to stand side by side or under each other.  What is withheld is
named in its place; it is never drawn as zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from .cell import Cell
from .markup import Element, tag
from .wording import TOO_FEW, Format

_ROW, _TOP, _FOOT = 44, 4, 26
"""Pixels: height of a row, space above the first, space for the ticks below the last."""
_WIDTH, _HEIGHT = 300, 168
_LEFT, _RIGHT, _UP, _DOWN, _INSET = 38, 296, 26, 138, 22
"""A panel over time, in its own units: the part that is plotted, and how far from its sides
the first and the last month stand, so that their values find room."""
_LONGEST = 42
"""Characters of a label in a chart; the table has it whole."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From zero, or a round number below the smallest value, to one above the largest."""

    top: float
    step: float
    bottom: float = 0.0

    @classmethod
    def over(cls, values: Sequence[float]) -> "Scale":
        """The scale that holds zero and these values in three to seven steps; [0, 1] without."""
        largest, smallest = max([0.0, *values]), min([0.0, *values])
        if largest == smallest:
            return cls(1.0, 0.25)
        span = largest - smallest
        power = 10.0 ** floor(log10(span / 3))
        step = next(power * m for m in (1, 2, 2.5, 5, 10) if span / (power * m) <= 5.5)
        top, bottom = (ceil(end / step - 1e-9) for end in (largest, -smallest))
        return cls(step * top, step, -step * bottom)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Where lines are drawn, zero and both ends included."""
        first, last = round(self.bottom / self.step), round(self.top / self.step)
        return tuple(self.step * i for i in range(first, last + 1))

    def part(self, value: float) -> float:
        """Position of a value, 0 to 1."""
        return min(1.0, max(0.0, (value - self.bottom) / (self.top - self.bottom)))


@dataclass(frozen=True, slots=True)
class Mark:
    """A further value in a row, drawn in its own shape: `ring` or `diamond`."""

    shape: str
    value: float


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a dot chart."""

    label: str
    cell: Cell
    marks: tuple[Mark, ...] = ()


def dots(
    rows: Sequence[Row],
    *,
    name: str,
    title: str,
    description: str,
    scale: Scale,
    show: Format,
    show_tick: Format,
) -> Element:
    """
    A dot with its interval for each row, as wide as its place.

    Args:
        rows: From top to bottom.
        name: Unique on the page; title and description are found by it.
        title: What the chart shows, read out in its place.
        description: Its values in words.
        scale: Shared by charts that are compared.
        show: How values are printed.
        show_tick: How the values of the axis are printed.
    """
    height = _TOP + _ROW * len(rows) + _FOOT
    floor_line = height - _FOOT + 4
    grid: list[Element] = []
    for tick in scale.ticks:
        x = _across(scale.part(tick))
        grid.append(tag("line", class_="grid", x1=x, x2=x, y1=_TOP, y2=floor_line))
        anchor = _anchor(scale.part(tick))
        grid.append(tag("text", show_tick(tick), class_=f"tick {anchor}", x=x, y=height - 6))
    body = [_row(row, _TOP + _ROW * i, scale, show) for i, row in enumerate(rows)]
    heads = _heads(name, title, description)
    attributes = {"width": "100%", "height": str(height), "class": "dots"}
    return Element("svg", {**attributes, **_reads(name)}, (heads, grid, body))


def over_time(
    points: Sequence[tuple[str, Cell]],
    *,
    name: str,
    title: str,
    description: str,
    scale: Scale,
    show: Format,
    show_tick: Format,
) -> Element:
    """
    One line with its interval band; months without a number break it.

    Args:
        points: (month in words, cell), in the order of time.
        name: Unique on the page; title and description are found by it.
        title: What the chart shows, read out in its place.
        description: Its values in words.
        scale: Shared by the panels that are compared.
        show: How values are printed.
        show_tick: How the values of the axis are printed.
    """
    step = (_RIGHT - _LEFT - 2 * _INSET) / max(1, len(points) - 1)
    xs = [_LEFT + _INSET + step * i for i in range(len(points))]
    grid: list[Element] = []
    for tick in (t for i, t in enumerate(scale.ticks) if i % 2 == 0 or len(scale.ticks) < 5):
        y = _down(scale, tick)
        grid.append(tag("line", class_="grid", x1=_LEFT, x2=_RIGHT, y1=y, y2=y))
        grid.append(tag("text", show_tick(tick), class_="tick end", x=_LEFT - 6, y=y + 4))
    marks: list[Element] = []
    for run in _runs([cell for _, cell in points]):
        upper = [f"{xs[i]:.1f},{_down(scale, points[i][1].high):.1f}" for i in run]
        lower = [f"{xs[i]:.1f},{_down(scale, points[i][1].low):.1f}" for i in reversed(run)]
        middle = [f"{xs[i]:.1f},{_down(scale, points[i][1].estimate):.1f}" for i in run]
        if len(run) > 1:
            marks.append(tag("polygon", class_="band", points=" ".join(upper + lower)))
            marks.append(tag("polyline", class_="line", points=" ".join(middle)))
        for i in run:
            marks.extend(_moment(xs[i], points[i][1], scale, alone=len(run) == 1))
    for x, (_, cell) in zip(xs, points, strict=True):
        marks.extend([] if cell.published else _gap(x, cell))
    ends = [i for i, (_, cell) in enumerate(points) if cell.published]
    for i in sorted({*ends[:1], *ends[-1:]}):
        cell = points[i][1]
        y = _down(scale, cell.high) - 6
        marks.append(tag("text", show(cell.estimate), class_="value middle", x=xs[i], y=y))
    every = ceil(len(points) / 4)
    months = [
        tag("text", month, class_="tick middle", x=xs[i], y=_HEIGHT - 12)
        for i, (month, _) in enumerate(points)
        if i % every == 0
    ]
    attributes = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "class": "time"}
    heads = _heads(name, title, description)
    return Element("svg", {**attributes, **_reads(name)}, (heads, grid, marks, months))


def _row(row: Row, y: float, scale: Scale, show: Format) -> Element:
    middle = y + 26
    drawn: list[Element] = [tag("text", _short(row.label), class_="label", x=0, y=y + 14)]
    track = tag("line", class_="track", x1="0%", x2="100%", y1=middle, y2=middle)
    cell = row.cell
    if cell.published:
        low, high = _across(scale.part(cell.low)), _across(scale.part(cell.high))
        drawn += [
            tag("text", show(cell.estimate), class_="value end", x="100%", y=y + 14),
            track,
            tag("line", class_="interval", x1=low, x2=high, y1=middle, y2=middle),
            tag("circle", class_="dot", cx=_across(scale.part(cell.estimate)), cy=middle, r=5),
        ]
    else:
        drawn += [tag("text", cell.withheld, class_="withheld end", x="100%", y=y + 14), track]
    drawn += [_mark(mark, middle, scale) for mark in row.marks]
    return tag("g", *drawn)


def _mark(mark: Mark, y: float, scale: Scale) -> Element:
    x = _across(scale.part(mark.value))
    if mark.shape == "ring":
        return tag("circle", class_="ring", cx=x, cy=y, r=5)
    # A nested svg is a point of origin given in per cent: paths cannot use them themselves.
    diamond = tag("path", class_="diamond", d="M0 -7 L6 0 L0 7 L-6 0 Z")
    return tag("svg", diamond, class_="at", x=x, y=y, width=1, height=1)


def _moment(x: float, cell: Cell, scale: Scale, *, alone: bool) -> list[Element]:
    dot = tag("circle", class_="dot", cx=x, cy=_down(scale, cell.estimate), r=3.5)
    if not alone:
        return [dot]
    low, high = _down(scale, cell.low), _down(scale, cell.high)
    return [tag("line", class_="interval", x1=x, x2=x, y1=low, y2=high), dot]


def _gap(x: float, cell: Cell) -> list[Element]:
    sign = "too few" if cell.withheld == TOO_FEW else "not done"
    return [
        tag("line", class_="gap", x1=x, x2=x, y1=_UP, y2=_DOWN),
        tag("text", sign, class_="withheld middle", x=x, y=_UP - 6),
    ]


def _runs(cells: Sequence[Cell]) -> list[list[int]]:
    published = [i for i, cell in enumerate(cells) if cell.published]
    runs = [published[:1]] if published else []
    for before, after in pairwise(published):
        if after == before + 1:
            runs[-1].append(after)
        else:
            runs.append([after])
    return runs


def _heads(name: str, title: str, description: str) -> list[Element]:
    return [tag("title", title, id=f"{name}-title"), tag("desc", description, id=f"{name}-desc")]


def _reads(name: str) -> dict[str, str]:
    return {"role": "img", "aria-labelledby": f"{name}-title {name}-desc"}


def _across(part: float) -> str:
    return f"{100 * part:.2f}%"


def _down(scale: Scale, value: float) -> float:
    return _DOWN - (_DOWN - _UP) * scale.part(value)


def _anchor(part: float) -> str:
    return "start" if part < 0.02 else "end" if part > 0.98 else "middle"


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
