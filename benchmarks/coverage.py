"""
How often printed intervals hold the truth, statistic by statistic, over many small populations.

Each population is drawn anew, summed exactly, and measured and estimated as a release would be.
The truth is the planted parameter where it has a closed form; of totals and accounts the sessions
and accounts that are there; else the statistic of all populations put together without noise, whose
own error is 1/√2,000 of one population's, and counts against the intervals.

**The check.**  A cell is printed or not, and then its interval holds the truth or not.  That a
population prints an interval that misses has a chance of at most 5 %, for every cell; so the number
of such populations is at most binomial, and a cell that exceeds the bound on it *undercovers*.  All
cells together raise a false alarm once in 10⁶ runs (Bonferroni, which needs no independence).  The
bench then ends with an error.  With intervals of half the width it must end so: that is tried too.

Coverage *given that a cell is printed* is told beside it.  Where a cell is printed only when noise
lifts it over the threshold, its number is too high as often as it is printed: so cells that fewer
than half of all populations print are told apart from the others.
"""

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, lgamma, log

from aggregates.bundle import read_keys
from aggregates.exact import unsafe_exact_estimates
from aggregates.kernel import add, partial, view
from aggregates.plan import plan
from aggregates.planted import planted
from aggregates.release import Row
from aggregates.study import Study
from aggregates.twin import Twin, draw
from aggregates.worker import unsafe_release_unsealed
from benchmarks.measuring import Figure, tell
from privacy.codebook import Codebook, codebook
from privacy.plan import Plan

POPULATIONS, ACCOUNTS, SESSIONS = 2_000, 4_500, 7_650
MISSED, FALSE_ALARM = 0.05, 1e-6
THERE = ("total", "grand_total", "accounts", "accounts_above")
"""Statistics that speak of the sessions and accounts in the corpus, not of those that might be."""
HEAD = """
[study]
name = "coverage"
purpose = "To see how often intervals hold the truth"
authors = ["bench@example.org"]
[population]
months = ["2025-10", "2026-04"]
[privacy]
epsilon = 2.0
delta = 1e-7
contribution = 1
minimum_accounts = 20
"""
KNOWN = 'leave_out = { expertise = ["unclear"] }\n'
MERGED = {
    "build and test": ("build", "test", "orchestrate"), "fix": ("fix",), "operate": ("operate",),
    "plan and understand": ("plan", "understand"), "analyse and write": ("analyze", "communicate"),
}  # fmt: skip
MODES = (
    "merge = { work_mode = {"
    + ", ".join(f"{json.dumps(name)} = {json.dumps(labels)}" for name, labels in MERGED.items())
    + ' } }\nleave_out = { work_mode = ["unclear"] }\n'
)
FAMILIES: Mapping[str, str] = {
    "at k = 1": f"""
[[table]]
name = "modes"
share_of = "work_mode"
by = ["month"]
statistics = ["trend"]
{MODES}
[[table]]
name = "verified"
rate_of = "verified_success"
by = ["expertise"]
{KNOWN}""",
    "of states": f"""
[[table]]
name = "judged"
rate_of = "judged_success"
by = ["expertise"]
{KNOWN}
[[table]]
name = "partial"
rate_of = "at_least_partial"
by = ["expertise"]
{KNOWN}
[[table]]
name = "partial_in_trouble"
rate_of = "at_least_partial"
among = "troubled"
by = ["expertise"]
{KNOWN}
[[table]]
name = "judged_in_trouble"
rate_of = "judged_success"
among = "troubled"
by = ["expertise"]
{KNOWN}""",
    "of agreement": """
[[table]]
name = "signals"
agreement_of = ["success_signal", "failure_signal"]
leave_out = { success_signal = ["unclear"], failure_signal = ["unclear"] }

[[table]]
name = "telemetry"
agreement_of = ["wrote_code", "telemetry_wrote_code"]
leave_out = { telemetry_wrote_code = ["absent"] }
""",
    "of sizes": f"""
[[table]]
name = "actions"
measure = "actions_per_prompt"
statistics = ["mean", "geometric_mean", "quantiles"]
between = [0.5, 200]
by = ["expertise"]
{KNOWN}""",
    "adjusted": f"""
[[table]]
name = "verified_adjusted"
rate_of = "verified_success"
statistics = ["levels", "slope"]
by = ["expertise"]
adjust_for = ["task_value_tier", "month"]
{KNOWN}
[[table]]
name = "actions_adjusted"
measure = "actions_per_prompt"
statistics = ["geometric_mean", "slope"]
between = [0.5, 200]
by = ["expertise"]
adjust_for = ["month"]
{KNOWN}""",
    "of what is there": """
[[table]]
name = "work"
total_of = "work_mode"

[[table]]
name = "people"
accounts_by = "sessions"
""",
    "at k = 5": f"""
[[table]]
name = "verified"
rate_of = "verified_success"
by = ["expertise"]
contribution = 5
{KNOWN}
[[table]]
name = "actions"
measure = "actions_per_prompt"
statistics = ["mean", "geometric_mean"]
between = [0.5, 200]
by = ["expertise"]
contribution = 5
{KNOWN}""",
    "at k = 5 with D": f"""
[[table]]
name = "verified"
rate_of = "verified_success"
by = ["expertise"]
contribution = 5
design_effect = true
{KNOWN}
[[table]]
name = "modes"
share_of = "work_mode"
by = ["month"]
contribution = 5
design_effect = true
{MODES}""",
}
"""Studies whose tables share one budget; all are released from each population."""

Place = tuple[str, str, str]
"""Table, statistic, keys."""


@dataclass(slots=True)
class Cells:
    """What one family printed."""

    made: Plan
    sums: dict[str, list[int]] = field(default_factory=dict)
    """Exact sums of all populations together."""
    printed: dict[Place, list[tuple[float, float, float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Low, estimate, high, and the truth where it is the population's own, else NaN."""
    asked: Counter[str] = field(default_factory=Counter)
    """Statistic → rows asked for in all populations."""

    def add(self, twin: Twin, book: Codebook) -> None:
        """Release one population."""
        buckets = twin.buckets(1)
        exact = partial(self.made, view(buckets[0], book), book)
        own: Mapping[Place, float] = {}
        if {table.kind for table in self.made.tables} <= {*THERE}:
            own = unsafe_exact_estimates(self.made, add({}, exact), book)
        else:
            self.sums = add(self.sums, exact)
        for row in unsafe_release_unsealed(self.made, buckets, book):
            place = (str(row["table"]), str(row["statistic"]), str(row["keys"]))
            self.asked[place[1]] += 1
            if row["state"] == "published":
                numbers = _number(row, "low"), _number(row, "estimate"), _number(row, "high")
                self.printed[place].append((*numbers, own.get(place, 0.0)))


def main() -> None:
    """Print the line, and end with an error where a cell undercovers."""
    book, start = codebook(), time.process_time()
    families = {
        name: Cells(plan(Study.parse(HEAD + text), accounts=ACCOUNTS, sessions=SESSIONS))
        for name, text in FAMILIES.items()
    }
    for _ in range(POPULATIONS):
        twin = draw(ACCOUNTS, SESSIONS, seed=None, codebook=book)
        for cells in families.values():
            cells.add(twin, book)
    found = {name: _judged(cells, book) for name, cells in families.items()}
    tested = sum(len(cells.printed) for cells in families.values())
    allowed = _most(POPULATIONS, MISSED, FALSE_ALARM / tested)
    lagging = [
        f"{name}: {' '.join(place)}"
        for name, cells in found.items()
        for place, hits in cells.items()
        if hits.count(False) > allowed
    ]
    halved = sum(
        hits.count(False) > allowed
        for cells in families.values()
        for hits in _judged(cells, book, width=0.5).values()
    )
    told: dict[str, Mapping[str, Figure]] = {}
    for name, judged in found.items():
        told |= _summary(name, families[name], judged)
    tell(
        "coverage",
        populations=POPULATIONS,
        accounts=ACCOUNTS,
        sessions=SESSIONS,
        cells=tested,
        misses_allowed=allowed,
        false_alarm=FALSE_ALARM,
        **told,
        undercovered="; ".join(lagging) or "none",
        undercovered_at_half_width=halved,
        cpu_s=time.process_time() - start,
    )
    if lagging or not halved:
        sys.exit(1)


def _judged(cells: Cells, book: Codebook, *, width: float = 1.0) -> dict[Place, list[bool]]:
    """Whether each printed interval, at a part of its width, holds the truth."""
    pooled = unsafe_exact_estimates(cells.made, cells.sums, book) if cells.sums else {}
    found = {}
    for place, rows in cells.printed.items():
        table, statistic, keys = place
        closed = None if statistic in THERE else _closed(table, statistic, read_keys(keys))
        found[place] = [
            value + width * (low - value) <= truth <= value + width * (high - value)
            for low, value, high, own in rows
            for truth in [
                own if statistic in THERE else pooled[place] if closed is None else closed
            ]
        ]
    return found


def _closed(table: str, statistic: str, keys: Mapping[str, str]) -> float | None:
    """The planted parameter, or None where it has no closed form."""
    law = planted()
    if table == "verified":
        return law.verified_success_by_expertise[keys["expertise"]]
    if statistic == "geometric_mean":
        return None  # clamped here, and the law is not
    if table != "modes":
        return None
    months = [*law.work_mode_by_month]
    by_month = [
        sum(law.work_mode_by_month[month][mode] for mode in MERGED[keys["work_mode"]])
        for month in months
    ]
    if statistic == "share":
        return by_month[months.index(keys["month"])]
    return by_month[-1] - by_month[0] if statistic == "change" else _steepness(by_month)


def _steepness(values: Sequence[float]) -> float:
    middle = (len(values) - 1) / 2
    over = sum((n - middle) * value for n, value in enumerate(values))
    return over / sum((n - middle) ** 2 for n in range(len(values)))


def _summary(
    name: str, cells: Cells, judged: Mapping[Place, Sequence[bool]]
) -> dict[str, Mapping[str, Figure]]:
    """Statistic and family → how often what was printed holds, its worst cell, what seldom is."""
    told: dict[str, Mapping[str, Figure]] = {}
    for statistic in dict.fromkeys(table.kind for table in cells.made.tables):
        own = [hits for place, hits in judged.items() if place[1] == statistic]
        usual = [hits for hits in own if len(hits) >= POPULATIONS / 2]
        seldom = [hits for hits in own if len(hits) < POPULATIONS / 2]
        told[f"{statistic} {name}"] = {
            "printed": sum(map(len, own)) / cells.asked[statistic],
            "covered": _share(own),
            "worst_cell": min((_share([hits]) or 0.0 for hits in usual), default=None),
            "seldom_printed": sum(map(len, seldom)),
            "seldom_covered": _share(seldom),
        }
    return told


def _share(hits: Sequence[Sequence[bool]]) -> float | None:
    """Part of all intervals that hold the truth; None of none."""
    intervals = sum(map(len, hits))
    return sum(map(sum, hits)) / intervals if intervals else None


def _most(trials: int, chance: float, alarm: float) -> int:
    """The number that a binomial exceeds with a chance of at most `alarm`."""
    above = 0.0
    for count in range(trials, -1, -1):
        above += exp(
            lgamma(trials + 1) - lgamma(count + 1) - lgamma(trials - count + 1)
            + count * log(chance) + (trials - count) * log(1 - chance)
        )  # fmt: skip
        if above > alarm:
            return count
    return 0


def _number(row: Row, column: str) -> float:
    return float(row[column] or 0.0)
