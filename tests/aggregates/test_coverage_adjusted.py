"""
Adjusted rates, means and slopes hold their truth as often as they should.

The truth is what least squares gives on the sums that the law expects (`aggregates.regressed`, the
textbook's normal equations, written apart from what releases).  Populations are drawn anew in each
run; noise is OpenDP's.  Each cell is covered with a chance of at least 95 %; the bound on its hits
is such that all cells together raise a false alarm once in 10⁶ runs (Bonferroni).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import fmean, median

import pytest

from aggregates.parameters import parameters
from aggregates.plan import plan
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.codebook import codebook
from privacy.plan import Plan
from tests.aggregates.rows import HEAD
from tests.aggregates.test_coverage_sizes import Numbers, Place, numbers
from tests.support.sampling import fewest

POPULATIONS, ACCOUNTS, SESSIONS = 200, 6_000, 10_200
NOMINAL, FALSE_ALARM = 0.95, 1e-6
STUDY = (
    HEAD.replace("2025-12", "2026-04").replace("epsilon = 2.0", "epsilon = 4.0")
    + """
[[table]]
name = "verified"
rate_of = "verified_success"
statistics = ["levels", "slope"]
by = ["expertise"]
adjust_for = ["work_mode * task_value_tier", "month"]
columns = [0, 2]
leave_out = { work_mode = ["unclear"], expertise = ["unclear"] }

[table.merge.expertise]
"up to beginner" = ["novice", "beginner"]
"intermediate" = ["intermediate"]
"advanced" = ["advanced"]
"expert" = ["expert"]

[[table]]
name = "actions"
measure = "actions_per_prompt"
statistics = ["geometric_mean", "slope"]
between = [0.5, 1000]
by = ["expertise"]
adjust_for = ["work_mode", "month"]
leave_out = { expertise = ["novice", "unclear"], work_mode = ["unclear"] }
"""
)
Judged = tuple[Mapping[Place, float], Mapping[Place, list[Numbers]]]


@pytest.fixture(scope="module")
def made() -> Plan:
    """The plan, as for so many accounts."""
    return plan(Study.parse(STUDY), accounts=ACCOUNTS, sessions=SESSIONS)


@pytest.fixture(scope="module")
def judged(made: Plan) -> Judged:
    """The truth of each cell, and what was printed of it in many fresh populations."""
    book = codebook()
    printed: dict[Place, list[Numbers]] = defaultdict(list)
    for _ in range(POPULATIONS):
        twin = draw(ACCOUNTS, SESSIONS, seed=None, codebook=book)
        for row in unsafe_release_unsealed(made, twin.buckets(2)):
            if row["state"] == "published":
                place = str(row["table"]), str(row["statistic"]), str(row["keys"])
                printed[place].append(numbers(row))
    return parameters(made, book), printed


def lagging(judged: Judged, interval: Callable[[Numbers], tuple[float, float]]) -> list[Place]:
    """Cells whose intervals hold the truth more seldom than chance explains."""
    truth, printed = judged
    found = []
    for place, rows in printed.items():
        hits = sum(low <= truth[place] <= high for low, high in map(interval, rows))
        if hits < fewest(len(rows), NOMINAL, FALSE_ALARM / len(printed)):
            found.append(place)
    return found


@pytest.mark.statistical
def test_adjusted_numbers_lie_in_their_intervals(judged: Judged) -> None:
    """Each cell in at least as many populations as Bin(n, .95) allows; false alarm 10⁻⁶."""
    assert len(judged[1]) == 2 * (4 + 1) + 4 + 1
    assert lagging(judged, lambda row: (row[0], row[2])) == []


@pytest.mark.statistical
def test_a_third_as_wide_they_would_not(judged: Judged) -> None:
    """
    The control: a third of the width.

    A cell whose interval is a normal's is then covered .49 of the time, 97 of 200; one whose bound
    on sampling is half as wide again as it need be .67 of it, 135.  Fewer than 171 are an alarm.
    """

    def narrow(row: Numbers) -> tuple[float, float]:
        low, value, high = row
        return value - (value - low) / 3, value + (high - value) / 3

    assert len(lagging(judged, narrow)) > len(judged[1]) / 2


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("name", "kind"), [("verified", "adjusted_rate"), ("actions", "adjusted_geometric_mean")]
)
def test_a_plan_knows_how_wide_the_intervals_will_be(
    made: Plan, judged: Judged, name: str, kind: str
) -> None:
    """
    The forecast is reckoned at expected sums; at noisy ones the same lines say a little more.

    Widths of a cell vary by some per cent from one population to the next, their mean over 200 by
    less than one: a sixth is what second derivatives may add.
    """
    cells = [rows for (table, of, _), rows in judged[1].items() if (table, of) == (name, kind)]
    found = median(fmean((high - low) / 2 for low, _, high in rows) for rows in cells)

    assert found == pytest.approx(made.forecast.half_widths[name], rel=1 / 6)
