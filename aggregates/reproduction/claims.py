"""
Claims about a release's numbers, and whether it bears them out.

A claim speaks of a *quantity*: one printed number, or a sum or a ratio of sums of some.  It says
either what the quantity is (a figure, read off a page or a plot as closely as that allows), or that
several quantities are above zero (a shape).  A figure is

- *reproduced* if the interval holds it and leaves out a stated alternative, so that it could have
  said something else;
- *not reproduced* if the interval leaves the figure out;
- *cannot tell* if the interval holds both, or a number that it needs is not printed.

A shape is reproduced if every quantity's interval lies above zero, and not if one lies below.

Shares p of one group hang together as is known: they are x/X with noise of its own in each x, so
Σ c·p has a noise of σ²/X²·Σ (c - c̄)² over *all* its labels, c̄ = Σ c·p, and sampling of at most
k·(Σ c²·p - c̄²)/X.  How other numbers do is not printed.  The deviation of their sum is taken to be
Σ |c|·se, which no dependence exceeds (Cauchy-Schwarz); where they are of *disjoint* groups of
sessions it is √Σ (c·se)², as if an account's sessions in two groups were independent.  A ratio
r = A/B is Σ (c_A - r·c_B)·p over B, to first order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum, hypot, sqrt
from typing import Literal

from aggregates.estimates.intervals import Z95
from aggregates.parameters import Place
from aggregates.release import Row

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
        """What it is for these values; None where one is missing, or what divides is zero."""
        if not {*self.terms, *(self.over or ())} <= values.keys():
            return None
        top, under = (
            fsum(c * values[place] for place, c in terms.items())
            for terms in (self.terms, self.over or {})
        )
        if self.over is None:
            return self.constant + top
        return self.constant + top / under if under else None

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
        reach = Z95 * self._deviation(value - self.constant, rows)
        return Interval(value, value - reach, value + reach)

    def _deviation(self, value: float, rows: Rows) -> float:
        over = self.over or {}
        ratio, under = (value, _sum(over, rows)) if over else (0.0, 1.0)
        weights = {
            place: self.terms.get(place, 0.0) - ratio * over.get(place, 0.0)
            for place in dict.fromkeys((*self.terms, *over))
        }
        groups: dict[tuple[str, str, str], dict[Place, float]] = {}
        for (table, statistic, keys), weight in weights.items():
            group = keys.rpartition("; ")[0] if statistic == "share" else keys
            groups.setdefault((table, statistic, group), {})[table, statistic, keys] = weight
        parts = [_spread(of, terms, rows) for of, terms in groups.items()]
        return (hypot(*parts) if self.disjoint else fsum(parts)) / abs(under)


def _spread(group: Place, weights: Terms, rows: Rows) -> float:
    """Deviation of a sum of numbers of one group: of shares, or of a single other number."""
    table, statistic, keys = group
    if statistic != "share":
        ((place, weight),) = weights.items()
        row = rows[place]
        return abs(weight) * hypot(_number(row, "se_noise"), _number(row, "se_sampling"))
    shares = {place: _number(rows[place], "estimate") for place in weights}
    largest = rows[max(shares, key=lambda place: shares[place])]
    base = _number(largest, "raw") / _number(largest, "estimate")
    labels = sum((t, s, k.rpartition("; ")[0]) == (table, statistic, keys) for t, s, k in rows)
    middle = fsum(weight * shares[place] for place, weight in weights.items())
    apart = fsum((weight - middle) ** 2 for weight in weights.values())
    noise = (_number(largest, "noise_scale") / base) ** 2
    noise *= apart + (labels - len(weights)) * middle**2
    squared = fsum(weight**2 * shares[place] for place, weight in weights.items())
    drawn = float(Fraction(str(largest["k"]))) * max(squared - middle**2, 0.0) / base
    return sqrt(noise + drawn)


def _sum(terms: Terms, rows: Rows) -> float:
    return fsum(c * _number(rows[place], "estimate") for place, c in terms.items())


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
