"""
What a release says of two groups, and which mistakes of the rater would overturn it.

Everything here follows from the plan and the printed rows: whoever has a bundle can do it again,
and `verify` does.  Groups are levels of one axis with all other keys equal, both printed.

**Interval of a difference.**  Cells have noise of their own, and reconciling tables lets no linear
combination vary more than that (Gauss-Markov), so the variances of noise add.  Accounts live in
both groups, so the draws depend; by Cauchy-Schwarz (Σ w·c·r/n)² ≤ k·Σ w·(c·r/n)², the sum of the
printed bounds on sampling still bounds them, as in a trend.  Each side is combined apart, from the
printed interval where that is wider than its standard errors say [1].  That argument is one at
D = k.  Where a table has a smaller design effect of its own, and for adjusted rates, which share
the noise of one regression in ways that no row tells, reaches are added as they are: the deviation
of a difference is at most the sum of both, whatever the dependence.

**Error gap.**  A rater that errs alike in both groups shifts both numbers, and shrinks d by J
without turning it.  One that misses more in one of them makes a difference out of nothing: with the
truth p in both, q₁ - q₂ = p·(FNR₂ - FNR₁) + (1-p)·(FPR₁ - FPR₂).  So d stands for no difference at
all if the rater misses d/p more often where the number is lower, or invents d/(1-p) more often
where it is higher.  p is the number of the group whose labels are taken at their word: the higher
one for what is missed, the lower one for what is invented.  Whatever p is, no gap below d will do.
With the end of the interval nearest zero instead of d: from which gap on d is in doubt.

[1] Zou & Donner 2008, Statistics in Medicine 27(10):1693-1702.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from itertools import pairwise
from math import hypot, sqrt
from operator import add
from statistics import NormalDist

from .codebook import UNCLEAR, codebook
from .mistakes import printed_stretch, rounded
from .plan import Kind, Plan, Table
from .rows import COLUMN, REST, read_keys

COMPARISONS = "comparisons.csv"
COMPARED: tuple[Kind, ...] = ("share", "rate", "adjusted_rate")
"""Statistics whose groups are compared: of a mean, labels decide only who is in a group."""
COLUMNS = (
    "study", "table", "statistic", "first", "second", "difference", "low", "high",
    "missed", "invented", "doubt_missed", "doubt_invented",
)  # fmt: skip
DICTIONARY: Mapping[str, str] = {
    "first": "keys of one group",
    "second": "keys of the other; only one axis differs",
    "difference": "the second number less the first, of labels",
    "low": "lower end of its 95 % interval: privacy noise and sampling together",
    "high": "upper end of it",
    "missed": "how much more often the rater must miss, where the number is lower, what it finds "
    "where it is higher, for the right labels to show no difference at all",
    "invented": "how much more often it must label so wrongly, where the number is higher",
    "doubt_missed": "the same until the interval holds zero; 0 where it does already",
    "doubt_invented": "likewise",
}
"""Column → meaning, beside those of tables.csv."""
ORDERED = frozenset({COLUMN, "month", "length_band", "model_calls", "share_cut", "task_value_tier"})
"""Columns beside the instruments whose labels run from less to more."""
_Z95 = NormalDist().inv_cdf(0.975)

Row = Mapping[str, str]


def comparisons(plan: Plan, tables: bytes) -> bytes:
    """
    Make comparisons.csv.

    Args:
        plan: The plan of the release.
        tables: Its tables.csv.

    Returns:
        UTF-8, a line feed after each row; of an ordered axis neighbours and both ends, of another
        each level against the first.

    Raises:
        ValueError, LookupError: It is no tables.csv of the plan.
    """
    told = list(csv.DictReader(StringIO(tables.decode(), newline="")))
    text = StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for table in plan.tables for row in compared(plan, table, told))
    return text.getvalue().encode()


def compared(plan: Plan, table: Table, rows: Sequence[Row]) -> list[dict[str, str]]:
    """
    The comparisons of one statistic, as rows of comparisons.csv.

    Args:
        plan: The plan of the release.
        table: The statistic; most have no comparisons.
        rows: Those of tables.csv, as texts.
    """
    if table.kind not in COMPARED:
        return []
    own = [
        row
        for row in rows
        if (row["table"], row["statistic"]) == (table.name, table.kind)
        and row["state"] == "published"
    ]
    # Only counts at D = k have a bound that holds for groups together: see above.
    apart = table.kind != "adjusted_rate" and len(table.queries) == 1
    return [
        compare(*pair, [stretch_of(plan, table, row) for row in pair], apart=apart)
        for pair in _pairs(plan, table, own)
    ]


def compare(
    first: Row, second: Row, stretches: Sequence[float] = (1.0, 1.0), *, apart: bool = True
) -> dict[str, str]:
    """
    What two printed rows of one table say of their groups, as a row of comparisons.csv.

    Args:
        first: A row.
        second: Another.
        stretches: How many times noise and sampling stand in the interval of each.
        apart: Whether the variances of their errors add; else their deviations do.
    """
    one, other = float(first["estimate"]), float(second["estimate"])
    (down, up), (other_down, other_up) = map(reaches, (first, second), stretches)
    d = other - one
    both = hypot if apart else add
    low, high = max(-1.0, d - both(other_down, up)), min(1.0, d + both(other_up, down))
    certain = max(low, -high, 0.0)
    lower, higher = sorted((one, other))
    numbers = (d, low, high, *gaps(lower, higher, abs(d)), *gaps(lower, higher, certain))
    return {
        "study": first["study"],
        "table": first["table"],
        "statistic": first["statistic"],
        "first": first["keys"],
        "second": second["keys"],
        **{name: repr(rounded(n)) for name, n in zip(COLUMNS[5:], numbers, strict=True)},
    }


def gaps(lower: float, higher: float, d: float) -> tuple[float, float]:
    """
    Error gaps that account for a difference.

    Args:
        lower: Number of the group where it is lower.
        higher: That of the other.
        d: What is to be accounted for, `higher - lower` at most.

    Returns:
        ΔFNR = d/p at the higher number, ΔFPR = d/(1-p) at the lower; 0 for no difference.
    """
    return (d / higher, d / (1 - lower)) if d > 0 else (0.0, 0.0)


def is_ordered(axis: str) -> bool:
    """Whether the labels of a column run from less to more."""
    return axis in ORDERED or _kind(axis) in ("ordinal", "percent")


def _kind(axis: str) -> str:
    return next((one.kind for one in codebook().instruments if one.name == axis), "")


def _pairs(plan: Plan, table: Table, rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Rows that are compared, in the order of the plan's axes and levels."""
    axes = plan.query(table.queries[0]).axes
    # What was withheld may be other labels in each group: it is compared with nothing.
    found = {
        frozenset(read_keys(row["keys"]).items()): row
        for row in rows
        if not row["keys"].endswith(f"={REST}")
    }
    for axis in axes[:-1]:  # the last one holds the answers, or what is shared out
        name, pairs = axis.name, list(_of_axis(axis.name, [level.name for level in axis.levels]))
        others = (frozenset(key for key in keys if key[0] != name) for keys in found)
        for rest in dict.fromkeys(others):
            for pair in pairs:
                first, second = (rest | {(name, level)} for level in pair)
                if first in found and second in found:
                    yield found[first], found[second]


def _of_axis(name: str, levels: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not is_ordered(name):
        yield from ((levels[0], level) for level in levels[1:])
        return
    # A share's `none` says that there was nothing to share; a signal's `none` is its zero.
    apart = (UNCLEAR, "none") if _kind(name) == "percent" else (UNCLEAR,)
    scale = [level for level in levels if level not in apart]
    yield from pairwise(scale)
    if len(scale) > 2:
        yield scale[0], scale[-1]


def stretch_of(plan: Plan, table: Table, row: Row) -> float:
    """How many times noise and sampling stand in the interval of a published row."""
    return printed_stretch(plan, table, row["keys"], float(row["estimate"]))


def reaches(row: Row, stretch: float = 1.0) -> tuple[float, float]:
    """
    How far noise and sampling reach below and above a printed number, the rater left aside.

    Args:
        row: A published row of tables.csv.
        stretch: How many times they stand in its interval.
    """
    estimate, low, high, noise, sampling = (
        float(row[column]) for column in ("estimate", "low", "high", "se_noise", "se_sampling")
    )
    rater, least = _Z95 * float(row["se_classifier"] or 0), _Z95 * hypot(noise, sampling)
    below, above = (
        max(least, sqrt(max(0.0, side**2 - rater**2)) / stretch)
        for side in (estimate - low, high - estimate)
    )
    return below, above
