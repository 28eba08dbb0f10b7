"""Hold a release's tables against its plan: every cell is there, and prints what it may."""

import csv
from fractions import Fraction
from io import StringIO
from math import isfinite

from .consistency import StepError
from .plan import Plan
from .rows import bounds_of, keys_of

STATES = ("published", "suppressed", "not_computed")
NUMBERS = ("estimate", "raw", "low", "high", "se_noise", "se_sampling", "accounts_at_least")
"""Columns of tables.csv that a published row fills, and another leaves empty."""


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
        if row["state"] == "published":
            numbers = [float(row[column]) for column in (*NUMBERS, "threshold")]
            if not all(map(isfinite, numbers)) or float(row["raw"]) < float(row["threshold"]):
                raise StepError("a printed cell below its threshold, or without a number")
            if int(row["accounts_at_least"]) < plan.privacy.minimum_accounts:
                raise StepError("a printed cell with too few accounts behind it")
            if int(row["accounts_at_least"]) * Fraction(row["k"]) > float(row["raw"]):
                raise StepError("a printed cell with more accounts behind it than it counts")
        elif row["state"] not in STATES or any(row[c] for c in (*NUMBERS, "se_classifier")):
            raise StepError("numbers in a row that is not published")
    published = sum(row["state"] == "published" for row in rows)
    return f"{published} of {len(rows)} rows published, the others empty"
