"""
The planted parameters lie in the printed intervals as often as they should.

Records are drawn with the published margins, weighed, noised, tested and estimated by the real
code; what is asked is whether all this gives the parameters back.  Every cell is covered in each
population with a chance of at least 95 %, independently of other populations, so its count of
hits is at least binomial; the bound on each cell's hits is such that all cells together raise a
false alarm once in 10⁶ runs (Bonferroni, which needs no independence between cells).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from aggregates.bundle import read_keys
from aggregates.estimates.intervals import Z95
from aggregates.plan import plan
from aggregates.planted import planted
from aggregates.release import Row
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.codebook import codebook
from privacy.plan import TRENDS, Plan
from privacy.soundness import check_sound
from tests.support.sampling import fewest

FIRST_LOOK = Path(__file__).parents[2] / "studies" / "first-look.toml"
POPULATIONS, ACCOUNTS, SESSIONS = 200, 4_500, 7_650
NOMINAL, FALSE_ALARM = 0.95, 1e-6

Interval = Callable[[Row], tuple[float, float]]
"""Row → the interval to be judged."""


def truth(table: str, statistic: str, keys: dict[str, str]) -> float:
    """The planted parameter of a cell of the first look."""
    exact = planted()
    if statistic in TRENDS:
        by_month = [truth(table, "share", {**keys, "month": month}) for month in MONTHS]
        return by_month[-1] - by_month[0] if statistic == "change" else steepness(by_month)
    if table == "work_modes":
        return exact.share["work_mode"][keys["work_mode"]] / rated("work_mode")
    if table == "work_modes_by_month":
        merged = STUDY.tables[1].merge["work_mode"][keys["work_mode"]]
        return sum(exact.work_mode_by_month[keys["month"]][mode] for mode in merged)
    if table == "outcome_by_expertise":
        merged = STUDY.tables[2].merge["outcome"][keys["outcome"]]
        return sum(exact.outcome_by_expertise[keys["expertise"]][one] for one in merged)
    if table == "verified_success_by_expertise":
        return exact.verified_success_by_expertise[keys["expertise"]]
    if table == "verified_success_by_software_occupation":
        return exact.verified_success_by_software_occupation[keys["software_occupation"]]
    return exact.actions_per_prompt_by_expertise[keys["expertise"]]


def steepness(values: Sequence[float]) -> float:
    """Slope of the straight line through values that are a month apart."""
    at = [n - (len(values) - 1) / 2 for n in range(len(values))]
    return sum(t * value for t, value in zip(at, values, strict=True)) / sum(t * t for t in at)


def rated(column: str) -> float:
    """Part of the sessions whose label is not `unclear`."""
    return sum(part for label, part in planted().share[column].items() if label != "unclear")


STUDY = Study.read(FIRST_LOOK)
MONTHS = STUDY.months


@pytest.fixture(scope="module")
def releases() -> list[list[Row]]:
    """The first look's rows in many fresh populations, without a seed anywhere."""
    made, book = with_trends(plan(STUDY, accounts=ACCOUNTS, sessions=SESSIONS)), codebook()
    return [
        unsafe_release_unsealed(made, draw(ACCOUNTS, SESSIONS, seed=None, codebook=book).buckets(2))
        for _ in range(POPULATIONS)
    ]


def with_trends(made: Plan) -> Plan:
    """The plan with change and slope of the modes by month: they cost nothing more."""
    (table,) = [table for table in made.tables if table.name == "work_modes_by_month"]
    more = (replace(table, kind=kind, by=("work_mode",)) for kind in TRENDS)
    found = replace(made, tables=(*made.tables, *more))
    check_sound(found)
    return found


def number(row: Row, column: str) -> float:
    """A number of a published row."""
    found = row[column]
    assert isinstance(found, float)
    return found


def published(rows: list[Row]) -> list[Row]:
    """The rows that are printed."""
    return [row for row in rows if row["state"] == "published"]


def lagging(releases: list[list[Row]], interval: Interval) -> list[str]:
    """Cells whose intervals hold the truth in fewer populations than chance explains."""
    hits: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for row in (row for rows in releases for row in published(rows)):
        table, statistic, keys = str(row["table"]), str(row["statistic"]), str(row["keys"])
        low, high = interval(row)
        hits[table, statistic, keys].append(low <= truth(table, statistic, read_keys(keys)) <= high)
    return [
        f"{table}: {keys} ({statistic})"
        for (table, statistic, keys), inside in hits.items()
        if sum(inside) < fewest(len(inside), NOMINAL, FALSE_ALARM / len(hits))
    ]


def printed(row: Row) -> tuple[float, float]:
    """The interval as it is printed."""
    return number(row, "low"), number(row, "high")


def halved(row: Row) -> tuple[float, float]:
    """Half of it, around the estimate."""
    low, high, value = *printed(row), number(row, "estimate")
    return (value + low) / 2, (value + high) / 2


def without_noise(row: Row) -> tuple[float, float]:
    """What a release would print that forgot its own noise."""
    value, reach = number(row, "estimate"), Z95 * number(row, "se_sampling")
    return value - reach, value + reach


@pytest.mark.statistical
def test_the_truth_lies_in_the_intervals(releases: list[list[Row]]) -> None:
    """Each cell in at least as many populations as Bin(n, .95) allows; false alarm 10⁻⁶."""
    assert lagging(releases, printed) == []


@pytest.mark.statistical
def test_intervals_that_are_too_short_are_noticed(releases: list[list[Row]]) -> None:
    """
    The controls: half the width, and noise forgotten.

    At half the width a cell is covered .67 of the time: 134 of 200 expected, where the bound is
    169, five deviations above; nearly every cell lags behind.  Without noise, the cells whose noise
    is 1.3 to 1.6 times their sampling error are covered .70 to .77 of the time.
    """
    assert len(lagging(releases, halved)) > 20
    assert lagging(releases, without_noise) != []


@pytest.mark.statistical
def test_most_cells_are_published(releases: list[list[Row]]) -> None:
    """
    Four fifths on average, and more than three fifths in every population.

    Measured over 1,000 populations: mean .923, least .817, deviation about .03; so a mean of 200
    below .8 lies over fifty of its deviations away, and one population below .6 ten.
    """
    without = [[row for row in rows if row["statistic"] not in TRENDS] for rows in releases]
    parts = [len(published(rows)) / len(rows) for rows in without]

    assert sum(parts) / len(parts) >= 0.8
    assert min(parts) > 0.6
