"""Hold a release's tables against its plan: every cell is there, and prints what it may."""

import csv
from collections.abc import Mapping, Sequence
from fractions import Fraction
from io import StringIO
from math import isfinite

from .consistency import StepError
from .minimum import Minimum
from .mistakes import is_identified, printed_error
from .plan import Plan, Table
from .rows import REST, bounds_of, keys_of, merged_in, rests

NUMBERS = ("estimate", "raw", "low", "high", "se_noise", "se_sampling", "accounts_at_least")
"""Columns of tables.csv that a published row fills, and another leaves empty."""

ROUNDED = 1e-5
"""Numbers in tables.csv have six digits."""


def printed(plan: Plan, data: bytes) -> str:
    """
    Check tables.csv.

    Raises:
        StepError: Other rows than the plan's cells, or a number where none may be.
        ValueError, LookupError: It is no table.
    """
    try:
        rows = list(csv.DictReader(StringIO(data.decode(), newline="")))
    except csv.Error:
        raise StepError("a tables.csv that is none") from None
    due = [(t, keys) for t in plan.tables for keys in keys_of(plan, t)]
    named = [(table.name, table.kind, keys) for table, keys in due]
    if [(row["table"], row["statistic"], row["keys"]) for row in rows] != named:
        raise StepError("other rows than the cells of the plan's tables")
    bounds = {(t.name, t.kind): bounds_of(plan, t) for t in plan.tables}
    for row, (table, _) in zip(rows, due, strict=True):
        if row["k"] not in bounds[table.name, table.kind]:
            raise StepError("a cell whose accounts weigh other than the plan says")
        if row["state"] == "published" and row["statistic"] != "not_computed":
            numbers = [float(row[column]) for column in (*NUMBERS, "threshold")]
            if not all(map(isfinite, numbers)) or float(row["raw"]) < float(row["threshold"]):
                raise StepError("a printed cell below its threshold, or without a number")
            if int(row["accounts_at_least"]) < plan.privacy.minimum_accounts:
                raise StepError("a printed cell with too few accounts behind it")
            if int(row["accounts_at_least"]) * Fraction(row["k"]) > float(row["raw"]):
                raise StepError("a printed cell with more accounts behind it than it counts")
            error = printed_error(plan, table, row["keys"], float(row["estimate"]))
            told = "" if error is None else repr(error)
            if row["se_classifier"] != told or _never(plan, table, row):
                raise StepError("another classifier error than the plan's confusion tables give")
        elif not _may_be(plan, table, row) or any(row[c] for c in (*NUMBERS, "se_classifier")):
            raise StepError("numbers in a row that is not published")
    _check_rests(plan, rows)
    published = sum(row["state"] == "published" for row in rows)
    return f"{published} of {len(rows)} rows published, the others empty"


def _check_rests(plan: Plan, rows: Sequence[Mapping[str, str]]) -> None:
    """A row of all others merges two withheld cells at least, and stands the test of so many."""
    first = 0
    for table in plan.tables:
        for cells, place in rests(plan, table, first):
            merged = merged_in([row["state"] for row in rows[cells]], rows[place]["state"])
            if merged is None:
                raise StepError("a row of all others that its group contradicts")
            query, privacy = plan.query(table.queries[0]), plan.privacy
            test = Minimum(
                privacy.minimum_accounts, plan.contribution(query), privacy.z, privacy.scale
            )
            least = test.threshold(query.sigma, cells=merged) / privacy.scale
            if float(rows[place]["threshold"]) < least * (1 - ROUNDED):
                raise StepError("a row of all others with another threshold than its cells demand")
        first += len(keys_of(plan, table))


def _may_be(plan: Plan, table: Table, row: Mapping[str, str]) -> bool:
    """Whether a row may be without numbers in this state."""
    if row["state"] == "not_computed":
        return _never(plan, table, row) or row["keys"].endswith(f"={REST}")
    return row["state"] == "suppressed" and not _never(plan, table, row)


def _never(plan: Plan, table: Table, row: Mapping[str, str]) -> bool:
    """Whether the plan itself says that a number cannot be made."""
    if table.kind == "corrected":
        return not is_identified(plan, table, row["keys"])
    return table.kind == "not_computed"
