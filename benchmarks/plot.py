"""A plot of measurements as one SVG file: panels side by side, of the pages' own elements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clerestory.pages.markup import Element, tag, write
from clerestory.pages.svg import Scale

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _UP, _DOWN = 340, 296, 56, 324, 70, 252
"""A panel, and the part of it that is plotted."""
_STYLE = """
text { font: 12px sans-serif; fill: #333 } .title { font-weight: bold } .end { text-anchor: end }
.middle { text-anchor: middle } .grid { stroke: #ddd } line, polyline { fill: none }
.first { stroke: #1f4e79; stroke-width: 2 } .second { stroke: #b3541e; stroke-width: 2 }
circle.first { fill: #1f4e79 } circle.second { fill: #b3541e }
.limit { stroke: #888; stroke-dasharray: 5 4 }
"""
_CLASSES = ("first", "second")


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes."""

    title: str
    lines: Mapping[str, Sequence[float]]
    """What is measured → its value at each point; two at most."""
    limit: float | None
    """What the last point must not exceed: a broken line."""


def plot(title: str, across: str, at: Sequence[float], panels: Sequence[Panel]) -> str:
    """
    Draw panels over the same points.

    Args:
        title: What is shown, for those who have it read out.
        across: What runs to the right.
        at: Where each point lies, from 0.
        panels: From left to right.

    Returns:
        The file.
    """
    width = _WIDTH * len(panels)
    body = [_panel(panel, number * _WIDTH, across, at) for number, panel in enumerate(panels)]
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {width} {_HEIGHT}",
        "width": str(width),
        "height": str(_HEIGHT),
        "role": "img",
    }
    heads = [tag("title", title), tag("style", _STYLE)]
    return write(Element("svg", attributes, (heads, body))) + "\n"


def _panel(panel: Panel, left: float, across: str, at: Sequence[float]) -> Element:
    wide = Scale.over(at)
    high = Scale.over([panel.limit or 0.0, *(y for line in panel.lines.values() for y in line)])

    def x(value: float) -> float:
        return left + _LEFT + wide.part(value) * (_RIGHT - _LEFT)

    def y(value: float) -> float:
        return _DOWN - high.part(value) * (_DOWN - _UP)

    drawn: list[Element] = [tag("text", panel.title, class_="title", x=left + _LEFT, y=16)]
    for tick in high.ticks:
        drawn.append(tag("line", class_="grid", x1=x(0), x2=x(wide.top), y1=y(tick), y2=y(tick)))
        drawn.append(tag("text", f"{tick:g}", class_="end", x=x(0) - 6, y=y(tick) + 4))
    for tick in wide.ticks:
        drawn.append(tag("text", f"{tick:g}", class_="middle", x=x(tick), y=_DOWN + 16))
    drawn.append(tag("text", across, class_="middle", x=x(wide.top / 2), y=_DOWN + 36))
    if panel.limit:
        ends = {"x1": x(0), "x2": x(wide.top), "y1": y(panel.limit), "y2": y(panel.limit)}
        drawn.append(tag("line", class_="limit", **ends))
    for class_, (name, values) in zip(_CLASSES, panel.lines.items(), strict=False):
        pairs = [(x(a), y(value)) for a, value in zip(at, values, strict=True)]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs)
        drawn.append(tag("polyline", class_=class_, points=line))
        drawn += [tag("circle", class_=class_, cx=a, cy=b, r=3) for a, b in pairs]
        row = 34 + 16 * _CLASSES.index(class_)  # between the title and the plot
        drawn.append(tag("line", class_=class_, x1=x(0), x2=x(0) + 20, y1=row - 4, y2=row - 4))
        drawn.append(tag("text", name, x=x(0) + 26, y=row))
    return tag("g", drawn)
