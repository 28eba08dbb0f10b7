"""
Check what the aggregate worker answered, before it is signed.

The keeper trusts no worker: the answer must be the rows of the plan, in their order, with the
plan's own thresholds and words, and numbers only where a row passed its threshold.  So a worker
that wanted to say more would have to hide it in the digits of numbers that noise covers.
"""

import json
from collections.abc import Sequence
from fractions import Fraction
from math import isfinite

from privacy.codebook import Codebook
from privacy.errors import RefusedError
from privacy.mistakes import is_identified, printed_error, rounded
from privacy.plan import Plan, Table
from privacy.rows import REST, keys_of, merged_in, rests

from .estimates.cells import counts_of, minimum_of
from .release import COLUMNS, Row, release

PUBLIC = (
    "study", "table", "statistic", "keys", "threshold", "noise_scale", "k", "base", "unit",
    "rater", "fidelity",
)  # fmt: skip
"""Columns that follow from the plan alone."""
NUMBERS = ("estimate", "raw", "low", "high", "se_noise", "se_sampling", "accounts_at_least")


def read_answer(plan: Plan, answer: bytes, codebook: Codebook | None = None) -> list[Row]:
    """
    Read the aggregate worker's answer.

    Args:
        plan: The bound plan.
        answer: JSON `{"rows": […]}`.
        codebook: The codebook that the plan names; that of this installation by default.

    Raises:
        RefusedError: It is anything but the tables of the plan.
    """
    try:
        told = json.loads(answer)
        rows: list[Row] = told["rows"]
        whole = set(told) == {"rows"} and all(set(row) == set(COLUMNS) for row in rows)
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    # With nothing but zeros for sums every row is suppressed and everything public is there.
    nothing = {query.name: [0] * query.size for query in plan.queries}
    clips = _clips(plan, rows) if whole else {}
    expected = release(plan, nothing, codebook, clips)
    if not whole or len(rows) != len(expected):
        raise _refused("something else than the rows of the plan.")
    _expect_rests(plan, rows, expected)
    if not _same_public(rows, expected):
        raise _refused("something else than the rows of the plan.")
    tables = {(table.name, str(table.kind)): table for table in plan.tables}
    for row in rows:
        if not _lawful(row, plan, tables[str(row["table"]), str(row["statistic"])]):
            raise _refused("a row with numbers that it may not have.")
    return rows


def _clips(plan: Plan, rows: Sequence[Row]) -> dict[str, int]:
    """
    The bounds that a worker says it chose, each one of the plan's.

    A bound follows from a noisy histogram that no keeper sees, so any of them is lawful; that all
    rows of a table speak of the same one is what `_same_public` sees to.
    """
    clips = {}
    for table in plan.tables:
        if table.kind in ("total", "grand_total"):
            query = plan.query(table.queries[0 if table.kind == "total" else 1])
            said = next((row["k"] for row in rows if _is_of(row, table)), None)
            bounds = [str(clip.bound) for clip in query.clips]
            clips[query.name] = bounds.index(said) if said in bounds else 0
    return clips


def _expect_rests(plan: Plan, rows: Sequence[Row], expected: Sequence[Row]) -> None:
    """
    Put into the rows of all others what their test is at the number of cells that they merge.

    Which cells are withheld follows from the noise; how many they are stands in the same answer.

    Raises:
        RefusedError: The states of a group contradict each other.
    """
    first, scale = 0, plan.privacy.scale
    for table in plan.tables:
        for cells, place in rests(plan, table, first):
            merged = merged_in([row["state"] for row in rows[cells]], rows[place]["state"])
            if merged is None:
                raise _refused("a row of all others that its group contradicts.")
            query = counts_of(plan, table)
            least = minimum_of(plan, query).threshold(query.sigma, cells=merged)
            expected[place]["threshold"] = rounded(least / scale)
            expected[place]["noise_scale"] = rounded(query.sigma * merged**0.5 / scale)
        first += len(keys_of(plan, table))


def _is_of(row: Row, table: Table) -> bool:
    return (row["table"], row["statistic"]) == (table.name, table.kind)


def _same_public(rows: Sequence[Row], expected: Sequence[Row]) -> bool:
    return len(rows) == len(expected) and all(
        row[column] == due[column]
        for row, due in zip(rows, expected, strict=True)
        for column in PUBLIC
    )


def _lawful(row: Row, plan: Plan, table: Table) -> bool:
    numbers = [row[column] for column in NUMBERS]
    never = table.kind == "not_computed"
    if table.kind == "corrected":
        never = not is_identified(plan, table, str(row["keys"]))
    if never != (row["state"] == "not_computed"):
        # Of other rows only that of all others can have nothing to be made of.
        rest = row["state"] == "not_computed" and str(row["keys"]).endswith(f"={REST}")
        if not rest:
            return False
    if row["state"] in ("suppressed", "not_computed"):
        return all(number is None for number in (*numbers, row["se_classifier"]))
    if row["state"] != "published":
        return False
    least = row["accounts_at_least"]
    if type(least) is not int or not all(map(_is_number, numbers[:-1])):
        return False
    told: dict[str, float] = {column: row[column] for column in NUMBERS}  # type: ignore[misc]
    threshold = row["threshold"]
    error = printed_error(plan, table, str(row["keys"]), told["estimate"])
    return (
        _is_number(threshold)  # canonical JSON writes a whole number without its point
        and told["raw"] >= float(threshold or 0)
        and plan.privacy.minimum_accounts <= least
        and least * Fraction(str(row["k"])) <= told["raw"]
        and told["low"] <= told["estimate"] <= told["high"]
        and row["se_classifier"] == error
    )


def _is_number(number: object) -> bool:
    """A finite number of at most six digits: more would be room to hide something in."""
    if type(number) not in (int, float):  # a bool is an int, and none of these
        return False
    try:
        return isfinite(number) and rounded(number) == number  # type: ignore[arg-type]
    except OverflowError:
        return False


def _refused(found: str) -> RefusedError:
    return RefusedError(
        "ANSWER_GATE",
        rule="Only the noised, thresholded tables of the plan leave the aggregate worker.",
        found=found,
        remedy="treat the worker as compromised: its answer was dropped, its charge stays.",
    )
