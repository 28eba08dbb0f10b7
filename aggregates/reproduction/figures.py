"""
How a published figure is put down as a claim.

How far a figure may be off is how it was rounded or read.  Its alternative is the nearest other
figure of its group that rounding does not hide, or what is stated beside it.
"""

from collections.abc import Iterator, Mapping

from aggregates.parameters import Place

from .claims import Claim, Quantity

ROUNDED, TENTHS, ABOUT, READ = 0.005, 0.0005, 0.02, 0.01
"""How far a figure may be off: a whole per cent; a tenth of one; "about"; read off a plot."""
LEVELS = ("novice", "beginner", "intermediate", "advanced", "expert")


def at(table: str, statistic: str, **keys: str) -> Place:
    """The place of a row, its keys in the table's order."""
    return table, statistic, "; ".join(f"{name}={label}" for name, label in keys.items())


def told(place: Place) -> tuple[Quantity, ...]:
    """The quantity that one printed number is."""
    return (Quantity({place: 1.0}),)


def group(
    what: str, source: str, reading: float, figures: Mapping[str, tuple[Place, float]]
) -> Iterator[Claim]:
    """A claim for each figure of a group: its alternative is the nearest other."""
    for label, (place, figure) in figures.items():
        others = [other for _, other in figures.values() if abs(other - figure) > 2 * reading]
        nearest = min(others, key=lambda other: abs(other - figure), default=None)
        yield Claim(f"{what}: {label}", source, told(place), figure, reading, nearest)


def shares(
    table: str, key: str, source: str, reading: float, figures: Mapping[str, float]
) -> Iterator[Claim]:
    """A group of shares of one table, by the label that they are of."""
    what = table.replace("_", " ")
    places = {n: (at(table, "share", **{key: n}), figure) for n, figure in figures.items()}
    yield from group(what, source, reading, places)


def by_expertise(
    what: str, table: str, source: str, reading: float, figures: Mapping[str, float]
) -> Iterator[Claim]:
    """A group of rates of one table, by expertise."""
    places = {n: (at(table, "rate", expertise=n), f) for n, f in figures.items()}
    yield from group(what, source, reading, places)
