"""
Claims about a release's numbers, and whether it bears them out.

A claim speaks of a *quantity*: one printed number, or a sum or a ratio of sums of some.  It says
either what the quantity is (a figure, read off a page or a plot as closely as that allows), or that
several quantities are above zero (a shape).  A figure is

- *reproduced* if the interval holds it and leaves out a stated alternative, so that it could have
  said something else;
- *not reproduced* if the interval leaves the figure out;
- *cannot tell* if the interval holds both, or a number that it needs is not printed.

A shape is reproduced if every quantity's interval lies above zero, not reproduced if one lies below.

How the noise and the sampling of several numbers hang together is not printed.  The deviation of a
sum Σ c·r is therefore taken to be Σ |c|·se, which no dependence exceeds (Cauchy-Schwarz); where the
numbers are of *disjoint* groups of sessions it is √Σ (c·se)², as if an account's sessions in two
groups were independent.  A ratio A/B goes by |se_A| + |A/B|·se_B.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, hypot
from typing import Literal

from .estimates.intervals import Z95
from .parameters import Place
from .release import Row

Verdict = Literal["reproduced", "not reproduced", "cannot tell"]
Rows = Mapping[Place, Row]
"""The rows of a release by place."""
Terms = Mapping[Place, float]
"""Place → what it is multiplied with."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quantity:
    """A constant plus a sum of printed numbers, over another sum if there is one."""

    terms: Terms
    constant: float = 0.0
    over: Terms | None = None
    disjoint: bool = False
    """Whether the numbers are of disjoint groups of sessions."""

    def of(self, values: Mapping[Place, float]) -> float | None:
        """What it is for these values; None where one is missing."""
        if not {*self.terms, *(self.over or ())} <= values.keys():
            return None
        top, under = (
            fsum(c * values[place] for place, c in terms.items())
            for terms in (self.terms, self.over or {})
        )
        return self.constant + (top / under if self.over is not None else top)

    def read(self, rows: Rows) -> Interval | None:
        """What a release says of it; None where a number that it needs is not printed."""
        used = {place: rows.get(place) for place in (*self.terms, *(self.over or ()))}
        if any(row is None or row["state"] != "published" for row in used.values()):
            return None
        printed = {place: row for place, row in used.items() if row is not None}
        value = self.of({place: _number(row, "estimate") for place, row in printed.items()})
        if value is None:
            return None
        if self.over is None and [*self.terms.values()] == [1.0]:
            (row,) = printed.values()
            low, high = (self.constant + _number(row, end) for end in ("low", "high"))
            return Interval(value, low, high)
        spread = {
            place: hypot(_number(row, "se_noise"), _number(row, "se_sampling"))
            for place, row in printed.items()
        }
        reach = Z95 * self._deviation(value - self.constant, spread, printed)
        return Interval(value, value - reach, value + reach)

    def _deviation(self, ratio: float, spread: Mapping[Place, float], rows: Rows) -> float:
        if self.over is None:
            parts = [c * spread[place] for place, c in self.terms.items()]
            return hypot(*parts) if self.disjoint else fsum(map(abs, parts))
        # d(A/B) = (dA - r·dB)/B: what stands in both sums is counted once, with c_A - r·c_B.
        under = fsum(c * _number(rows[place], "estimate") for place, c in self.over.items())
        joint = {
            place: self.terms.get(place, 0.0) - ratio * self.over.get(place, 0.0) for place in rows
        }
        parts = [c * spread[place] for place, c in joint.items()]
        return (hypot(*parts) if self.disjoint else fsum(map(abs, parts))) / abs(under)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that the published study says."""

    name: str
    """In a few words; unique."""
    source: str
    """Where it says so; [F] where somebody read it off a plot."""
    quantities: tuple[Quantity, ...]
    figure: float | None = None
    """What the quantity is said to be; None for a shape: all quantities are above zero."""
    reading: float = 0.0
    """How far the figure may be off, as it was rounded or read."""
    alternative: float | None = None
    """What it could have been instead; None for a shape, whose alternative is zero."""
    unit: str = "share"

    def judge(self, rows: Rows) -> tuple[Verdict, tuple[Interval, ...]]:
        """Whether a release bears it out, and what it says of each quantity."""
        read = [quantity.read(rows) for quantity in self.quantities]
        found = tuple(interval for interval in read if interval is not None)
        if not found or len(found) < len(read):
            return "cannot tell", found
        if self.figure is None:
            if any(interval.high < 0 for interval in found):
                return "not reproduced", found
            return ("reproduced" if all(i.low > 0 for i in found) else "cannot tell"), found
        (interval,) = found
        if self.figure + self.reading < interval.low or interval.high < self.figure - self.reading:
            return "not reproduced", found
        other = self.alternative
        told_apart = other is not None and not interval.low <= other <= interval.high
        return ("reproduced" if told_apart else "cannot tell"), found

    def holds_of(self, values: Mapping[Place, float]) -> bool | None:
        """Whether it is true of these values; None where one is missing."""
        found = [quantity.of(values) for quantity in self.quantities]
        known = [value for value in found if value is not None]
        if len(known) < len(found) or not known:
            return None
        if self.figure is None:
            return all(value > 0 for value in known)
        return abs(known[0] - self.figure) <= self.reading + 1e-9


def by_place(rows: Sequence[Row]) -> dict[Place, Row]:
    """The rows of a release by table, statistic and keys."""
    return {(str(row["table"]), str(row["statistic"]), str(row["keys"])): row for row in rows}


def _number(row: Row, column: str) -> float:
    found = row[column]
    if not isinstance(found, (int, float)):
        raise TypeError(f"A published row has no number in {column}.")
    return float(found)
