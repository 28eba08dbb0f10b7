"""
Means and quantiles hold their truth as often as they should.

As in `test_coverage`, but the truth has no closed form here: clamped means and binned quantiles of
the law are taken without noise from a population a hundred times as large as those that are judged.
Its own sampling error is a tenth of theirs and counts against the intervals.  Each cell is covered
with a chance of at least 95 %; the bound on its hits is such that all cells together raise a false
alarm once in 10⁶ runs (Bonferroni).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping

import pytest

from aggregates.exact import unsafe_exact_tables
from aggregates.plan import plan
from aggregates.release import Row
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.codebook import codebook
from tests.aggregates.rows import HEAD
from tests.support.sampling import fewest

POPULATIONS, ACCOUNTS, SESSIONS = 200, 4_500, 7_650
MANY = 100
NOMINAL, FALSE_ALARM = 0.95, 1e-6
STUDY = (
    HEAD.replace("2025-12", "2026-04")
    + """
[[table]]
name = "actions"
measure = "actions_per_prompt"
statistics = ["mean", "geometric_mean", "quantiles"]
between = [0.5, 200]
by = ["expertise"]
leave_out = { expertise = ["unclear"] }

[[table]]
name = "words"
measure = "words_per_prompt"
statistics = ["mean", "quantiles"]
between = [10, 20000]
"""
)

Place = tuple[str, str, str]
Numbers = tuple[float, float, float]
"""Low, estimate, high."""


def numbers(row: Row) -> Numbers:
    """The numbers of a published row."""
    low, value, high = row["low"], row["estimate"], row["high"]
    assert isinstance(low, float)
    assert isinstance(value, float)
    assert isinstance(high, float)
    return low, value, high


@pytest.fixture(scope="module")
def judged() -> tuple[Mapping[Place, float], Mapping[Place, list[Numbers]]]:
    """The truth of each cell, and what was printed of it in many fresh populations."""
    made, book = plan(Study.parse(STUDY), accounts=ACCOUNTS, sessions=SESSIONS), codebook()
    large = draw(MANY * ACCOUNTS, MANY * SESSIONS, seed=None, codebook=book)
    truth = unsafe_exact_tables(made, large.buckets(8), book)
    printed: dict[Place, list[Numbers]] = defaultdict(list)
    for _ in range(POPULATIONS):
        twin = draw(ACCOUNTS, SESSIONS, seed=None, codebook=book)
        for row in unsafe_release_unsealed(made, twin.buckets(2)):
            if row["state"] == "published":
                place = str(row["table"]), str(row["statistic"]), str(row["keys"])
                printed[place].append(numbers(row))
    return truth, printed


def lagging(
    judged: tuple[Mapping[Place, float], Mapping[Place, list[Numbers]]],
    interval: Callable[[Numbers], tuple[float, float]],
) -> list[Place]:
    """Cells whose intervals hold the truth more seldom than chance explains."""
    truth, printed = judged
    found = []
    for place, rows in printed.items():
        ends = [interval(row) for row in rows]
        hits = sum(low <= truth[place] <= high for low, high in ends)
        if hits < fewest(len(rows), NOMINAL, FALSE_ALARM / len(printed)):
            found.append(place)
    return found


@pytest.mark.statistical
def test_means_and_quantiles_lie_in_their_intervals(
    judged: tuple[Mapping[Place, float], Mapping[Place, list[Numbers]]],
) -> None:
    """Each cell in at least as many populations as Bin(n, .95) allows; false alarm 10⁻⁶."""
    assert len(judged[1]) == 5 * (1 + 1 + 5) + 1 + 5
    assert lagging(judged, lambda row: (row[0], row[2])) == []


@pytest.mark.statistical
def test_half_as_wide_they_would_not(
    judged: tuple[Mapping[Place, float], Mapping[Place, list[Numbers]]],
) -> None:
    """
    The control: half the width.

    A cell is then covered .67 of the time where noise and sampling are normal: 134 of 200
    expected, five deviations below the bound.
    """
    assert len(lagging(judged, lambda r: ((r[0] + r[1]) / 2, (r[1] + r[2]) / 2))) > 15
