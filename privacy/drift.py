"""
Which trends of a release its rater could have made, by answering otherwise than before.

**Rule.**  A trend is *beyond drift* if the end of its interval nearest zero is larger than what
drift alone could have made (`wavering`); otherwise it *may be drift*: drift may have made it, or
hidden a larger one.  Months of a share or a rate are held pair by pair, and told of by the pair
that is furthest beyond, or least short of it.

Where nothing is bounded, that is said and never taken for stability: *not known* where a month of
labelling has no reading of the anchor set, a statistic no bound, or a number rests on labels of a
second reading, whose months of labelling are others.  Where all was labelled in *one month*, no
two months of labelling can differ, and what changes within one nobody sees.  *counted*: no answer
of a rater is in the number.

Everything here follows from the plan, the printed rows and the readings: whoever has a bundle can
do it again, and `verify` does.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import combinations

from .anchor_readings import AnchorReadings
from .comparisons import compare, stretch_of
from .forms import MONTH, factors, is_rates_trend
from .mistakes import rounded
from .plan import TRENDS, Plan, Query, Table
from .rows import REST, read_keys
from .wavering import Wavering, is_judged, is_of_second_labels, wavering

DRIFT = "drift.csv"
COLUMNS = ("study", "table", "statistic", "keys", "months", "certain", "drift", "verdict")
BEYOND, MAYBE, ONE_MONTH, COUNTED, NOT_KNOWN = (
    "beyond drift", "may be drift", "one month", "counted", "not known",
)  # fmt: skip
FLAGGED = (MAYBE, NOT_KNOWN)
"""Verdicts under which nobody may take a trend for one of people's sessions."""
DICTIONARY: Mapping[str, str] = {
    "keys": "the cell, without its month; empty where the whole statistic is meant",
    "months": "between which months, of a share or a rate: the pair that is furthest beyond drift",
    "certain": "the end nearest zero of the trend's, or the difference's, 95 % interval, as a size",
    "drift": "how far a rater that changed could have moved it, by the anchor set; empty where "
    "nothing is known",
    "verdict": "beyond drift; may be drift (drift alone could have made it, or hidden a larger "
    "one); one month (all labels were made in one); counted (no rater's answer is in it); not "
    "known (no reading of the anchor set, no bound, or labels of a second reading)",
}
"""Column → meaning, beside those of tables.csv."""

Row = Mapping[str, str]
Keys = frozenset[tuple[str, str]]


def drift(plan: Plan, tables: bytes, told: AnchorReadings) -> bytes:
    """
    Make drift.csv.

    Args:
        plan: The plan of the release.
        tables: Its tables.csv.
        told: Its anchor-set.json.

    Returns:
        UTF-8, a line feed after each row; a row for every trend that is printed, for every group
        of a share or a rate with two printed months, and for every other statistic by months.

    Raises:
        ValueError, LookupError: It is no tables.csv of the plan.
    """
    rows = list(csv.DictReader(StringIO(tables.decode(), newline="")))
    text = StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for table in plan.tables:
        if is_by_months(plan, table):
            writer.writerows(_Judge(plan, table, rows, told).rows())
    return text.getvalue().encode()


def read_drift(data: bytes) -> list[dict[str, str]]:
    """The rows of drift.csv."""
    return list(csv.DictReader(StringIO(data.decode(), newline="")))


def is_by_months(plan: Plan, table: Table) -> bool:
    """Whether a statistic compares months: then a rater that changed could have made it."""
    if not table.queries:
        return False
    return any(axis.name == MONTH for axis in plan.query(table.queries[0]).axes)


@dataclass(frozen=True, slots=True)
class _Judge:
    """One statistic by months, and what there is to hold it against."""

    plan: Plan
    table: Table
    all_rows: Sequence[Row]
    told: AnchorReadings
    known: dict[frozenset[str], Wavering] = field(default_factory=dict)
    """What the anchor set lets a rater waver, by the levels that say yes."""

    def rows(self) -> Iterator[dict[str, str]]:
        """Its rows of drift.csv."""
        own = self._published(self.table.kind)
        if not own:
            return
        if (verdict := self._verdict_of_all()) is not None:
            yield self._row("", "", "", "", verdict)
        elif self.table.kind in TRENDS:
            for keys, row in own.items():
                yield self._trend(keys, row)
        else:
            groups: dict[Keys, dict[str, Row]] = {}
            for keys, row in own.items():
                month = dict(keys)[MONTH]
                groups.setdefault(_without_month(keys), {})[month] = row
            for keys, months in groups.items():
                if len(months) > 1:
                    yield self._months(keys, months)

    def _verdict_of_all(self) -> str | None:
        """The verdict where no row needs to be looked at."""
        query = self._query
        queries = [self.plan.query(name) for name in self.table.queries]
        if not any(is_judged(self.plan, one) for one in queries):
            return COUNTED
        if any(is_of_second_labels(self.plan, one) for one in queries):
            return NOT_KNOWN
        if len(self.told.labelled) == 1:
            return ONE_MONTH
        last = query.axes[-1]
        bounded = self.table.kind in (*TRENDS, "share", "rate")
        if self.told.missing or not bounded or last.measure or last.name == MONTH:
            return NOT_KNOWN
        return None

    def _trend(self, keys: Keys, row: Row) -> dict[str, str]:
        months = [level.name for axis in self._query.axes if axis.name == MONTH
                  for level in axis.levels]  # fmt: skip
        level = self._published("rate" if is_rates_trend(self.table) else "share")
        # A month that the same release does not print could be anything.
        ends = [level.get(keys | {(MONTH, m)}, {"low": "0", "high": "1"}) for m in months]
        weights = factors(self.table.kind, months)
        used = [(f, end) for f, end in zip(weights, ends, strict=True) if f]
        moved = self._moved(keys, [f for f, _ in used], [end for _, end in used])
        return self._held(row["keys"], "", float(row["low"]), float(row["high"]), moved)

    def _months(self, keys: Keys, months: Mapping[str, Row]) -> dict[str, str]:
        apart = len(self.table.queries) == 1
        found = []
        for pair in combinations(sorted(months), 2):
            rows = [months[month] for month in pair]
            stretches = [stretch_of(self.plan, self.table, row) for row in rows]
            told = compare(rows[0], rows[1], stretches, apart=apart)
            moved = self._moved(keys, [-1.0, 1.0], rows)
            found.append((float(told["low"]), float(told["high"]), moved, " ".join(pair)))
        low, high, moved, pair_told = max(found, key=lambda one: _margin(*one[:3]))
        ordered = read_keys(next(iter(months.values()))["keys"])
        named = "; ".join(f"{axis}={level}" for axis, level in ordered.items() if axis != MONTH)
        return self._held(named, pair_told, low, high, moved)

    def _moved(
        self, keys: Keys, weights: Sequence[float], ends: Sequence[Row]
    ) -> tuple[float, float]:
        """How far drift alone could have moved a weighed sum of months: up, and down."""
        wavers = self._wavers(keys)
        low, high = ([float(row[end]) for row in ends] for end in ("low", "high"))
        low, high = [max(0.0, p) for p in low], [min(1.0, p) for p in high]
        return wavers.reach(weights, low, high), wavers.reach([-f for f in weights], low, high)

    def _wavers(self, keys: Keys) -> Wavering:
        last = self._query.axes[-1]
        if self.table.yes:
            yes, no = frozenset(self.table.yes), frozenset(self.table.no)
        else:
            yes = frozenset({dict(keys)[last.name]})
            no = frozenset(level.name for level in last.levels) - yes
        if yes not in self.known:
            readings = self.told.readings
            self.known[yes] = wavering(self.plan, self.table, readings, yes, no)
        return self.known[yes]

    def _held(
        self, keys: str, months: str, low: float, high: float, moved: tuple[float, float]
    ) -> dict[str, str]:
        up, down = moved
        certain = max(low, -high, 0.0)
        bound = up if low > 0 else down if high < 0 else max(moved)
        verdict = BEYOND if certain > bound else MAYBE
        return self._row(keys, months, repr(rounded(certain)), repr(rounded(bound)), verdict)

    def _row(
        self, keys: str, months: str, certain: str, moved: str, verdict: str
    ) -> dict[str, str]:
        table = self.table
        named = (self.plan.study.name, table.name, table.kind)
        return dict(zip(COLUMNS, (*named, keys, months, certain, moved, verdict), strict=True))

    def _published(self, statistic: str) -> dict[Keys, Row]:
        """Printed rows of one statistic of the table, by their keys."""
        return {
            frozenset(read_keys(row["keys"]).items()): row
            for row in self.all_rows
            if (row["table"], row["statistic"], row["state"])
            == (self.table.name, statistic, "published")
            and not row["keys"].endswith(f"={REST}")
        }

    @property
    def _query(self) -> Query:
        return self.plan.query(self.table.queries[0])


def _without_month(keys: Keys) -> Keys:
    return frozenset(key for key in keys if key[0] != MONTH)


def _margin(low: float, high: float, moved: tuple[float, float]) -> float:
    """How far a difference lies beyond drift; below zero where it does not."""
    up, down = moved
    return max(low - up, -high - down)
