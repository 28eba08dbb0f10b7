"""The answer gate: the tables of the plan and no bit more than noise covers."""

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from aggregates.answer import NUMBERS, PUBLIC, read_answer
from aggregates.bundle import write_rows
from aggregates.estimates.cells import minimum_of
from aggregates.release import COLUMNS, Row, release
from privacy.errors import RefusedError
from privacy.mistakes import rounded
from privacy.printed import printed
from privacy.unit import SCALE
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    AGREE,
    AMONG,
    DESIGNED,
    MEAN,
    NOTHING,
    OWN_K,
    RATE,
    REST,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
    small_plan,
)

PLAN = small_plan(SHARE, RATE, MEAN)
EVERY = (
    *(SHARE, RATE, MEAN, OWN_K, ACCOUNT_SIZES, DESIGNED, SIZES, TRENDS, TOTAL, AGREE, REST, AMONG),
    ADJUSTED,
)


def noisy(scale: int) -> dict[str, list[int]]:
    """Vectors of which the larger cells are published and the smaller ones are not."""
    return {
        query.name: [
            (cell * scale * SCALE if query.value == "one" else 0) for cell in range(query.size)
        ]
        for query in PLAN.queries
    }


ROWS = release(PLAN, noisy(60))
EMPTY = release(PLAN, noisy(0))
PUBLISHED = [number for number, row in enumerate(ROWS) if row["state"] == "published"]
SUPPRESSED = [number for number, row in enumerate(ROWS) if row["state"] == "suppressed"]


def answered(rows: object, **more: object) -> bytes:
    """What a worker would send."""
    return json.dumps({"rows": rows, **more}).encode()


def copy() -> list[Row]:
    """Rows to spoil."""
    return [dict(row) for row in ROWS]


def refused(answer: bytes) -> RefusedError:
    """The gate's refusal."""
    with pytest.raises(RefusedError, match="ANSWER_GATE") as refusal:
        read_answer(PLAN, answer)
    return refusal.value


def test_a_whole_threshold_passes() -> None:
    """Canonical JSON writes 238.0 as 238; a plan whose threshold is whole can be released too."""
    (query, *others) = PLAN.queries
    test = minimum_of(PLAN, query)
    whole = next(n for n in range(40, 60) if n * SCALE > test.threshold(query.sigma))
    sigma = (whole * SCALE - 20 * SCALE - 1) / test.z
    made = replace(PLAN, queries=(replace(query, sigma=sigma), *others))
    rows = release(made, noisy(60))

    assert rows[0]["threshold"] == whole
    assert read_answer(made, rfc8785.dumps({"rows": rows})) == rows


def test_the_tables_of_the_plan_pass() -> None:
    """The control: published and suppressed rows, canonical or not."""
    assert PUBLISHED
    assert SUPPRESSED
    assert read_answer(PLAN, answered(ROWS)) == ROWS
    assert read_answer(PLAN, rfc8785.dumps({"rows": ROWS})) == ROWS
    assert read_answer(PLAN, answered(EMPTY)) == EMPTY


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"?", b"null", b"[]", b"7", b"{}", b"\xff", b"[" * 100_000,
        answered(None), answered({}), answered([]), answered("rows"), answered([[]]),
        answered([None]), answered(ROWS, note="hello"), answered(ROWS[:-1]),
        answered([*ROWS, ROWS[0]]), answered([ROWS[1], ROWS[0], *ROWS[2:]]),
        answered([{**row, "note": "hello"} for row in ROWS]),
        answered([{k: v for k, v in row.items() if k != "base"} for row in ROWS]),
    ],
    ids=range(20),
)  # fmt: skip
def test_another_shape_is_refused(answer: bytes) -> None:
    """All rows, once, in order, with all columns and nothing beside them."""
    refused(answer)


@pytest.mark.parametrize("column", PUBLIC)
@pytest.mark.parametrize("number", [PUBLISHED[0], SUPPRESSED[0]])
def test_what_the_plan_says_cannot_be_said_otherwise(column: str, number: int) -> None:
    """Words and thresholds are the plan's: no column is a place to write something."""
    values: list[Any] = ["a person's words", 1.5, None, [], True]
    for value in values:
        rows: list[Any] = copy()
        rows[number][column] = value
        refusal = refused(answered(rows))
        assert "person" not in str(refusal)


@pytest.mark.parametrize("column", [*NUMBERS, "se_classifier"])
def test_a_suppressed_row_has_no_number(column: str) -> None:
    """Neither zero nor anything else: an empty cell is empty."""
    for value in (0, 0.0, 1.5, "", "x", False):
        rows = copy()
        rows[SUPPRESSED[0]][column] = value
        refused(answered(rows))


def spoilt(column: str, value: object) -> bytes:
    """An answer with one number of a published row changed."""
    rows: list[Any] = copy()
    rows[PUBLISHED[0]][column] = value
    return answered(rows)


@pytest.mark.parametrize("column", NUMBERS)
@pytest.mark.parametrize("value", [None, "1.5", "", [], {}, True, float("nan"), float("inf")])
def test_a_published_number_is_a_number(column: str, value: object) -> None:
    """A text in its place could say anything."""
    refused(spoilt(column, value))


@pytest.mark.parametrize("column", ["estimate", "raw", "low", "high", "se_noise", "se_sampling"])
def test_a_number_has_six_digits(column: str) -> None:
    """Digits that no noise made worthless are room to hide something in."""
    number = ROWS[PUBLISHED[0]][column]
    assert isinstance(number, float)
    for value in (number * (1 + 1e-9), number + 1e-12 or 1e-12, 10**300 + 7, 123456789):
        refused(spoilt(column, value))


def test_nothing_is_published_below_its_threshold() -> None:
    """A worker's word that enough people stand behind a cell is held against its number."""
    row = ROWS[PUBLISHED[0]]
    threshold = row["threshold"]
    assert isinstance(threshold, float)
    refused(spoilt("raw", float(f"{threshold * 0.99:.6g}")))
    refused(spoilt("accounts_at_least", 19))
    refused(spoilt("accounts_at_least", 20.0))
    refused(spoilt("accounts_at_least", 10**6))  # more than `raw` can stand for
    refused(spoilt("state", "shown"))
    refused(spoilt("state", "suppressed"))
    refused(spoilt("se_classifier", 0.1))


def test_an_interval_holds_its_estimate() -> None:
    """Bounds the wrong way round are no bounds."""
    row = ROWS[PUBLISHED[0]]
    low, high = row["low"], row["high"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low < high
    refused(spoilt("low", high + 1))
    refused(spoilt("high", low - 1))


def test_a_suppressed_row_cannot_be_made_published() -> None:
    """Nor by copying the numbers of one that may be."""
    rows = copy()
    good = rows[PUBLISHED[-1]]
    bad = rows[SUPPRESSED[0]]
    bad["state"] = "published"
    refused(answered(rows))
    bad.update({column: good[column] for column in NUMBERS}, raw=1.0)
    refused(answered(rows))


@given(st.data())
def test_any_release_passes_its_own_gate(data: st.DataObject) -> None:
    """The gate refuses no honest worker, whatever the noise."""
    vectors = {
        query.name: data.draw(
            st.lists(
                st.integers(-200 * SCALE, 5000 * SCALE), min_size=query.size, max_size=query.size
            )
        )
        for query in PLAN.queries
    }
    rows = release(PLAN, vectors)
    assert read_answer(PLAN, rfc8785.dumps({"rows": rows})) == rows
    assert all((*row,) == COLUMNS for row in rows)


def test_what_is_not_computed_passes_both_gates() -> None:
    """Keeper and reader agree on its one row: a name, a state, a reason, and no number at all."""
    made = small_plan(SHARE, NOTHING)
    rows = release(made, {query.name: [0] * query.size for query in made.queries})

    assert read_answer(made, rfc8785.dumps({"rows": rows})) == rows
    assert rows[-1]["k"] is None
    assert "rows published" in printed(made, write_rows(rows))


def test_rows_of_every_kind_are_held_to_the_same() -> None:
    """Of each statistic: too few behind a printed number, and a number where none may be."""
    made = small_plan(*EVERY)
    vectors = {
        query.name: [
            # Accounts of one session each, so that totals have the least of all bounds.
            (100_000 * (cell == 0) if query.of and query.value != "moments"
             else (cell * 37 % 997 - 40) * 9) * SCALE
            for cell in range(query.size)
        ]
        for query in made.queries
    }  # fmt: skip
    rows = release(made, vectors)
    assert read_answer(made, answered(rows)) == rows
    first: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows):
        first.setdefault((str(row["statistic"]), str(row["state"])), number)
    printed = {kind for kind, state in first if state == "published"}
    withheld = {kind for kind, state in first if state == "suppressed"}
    assert {table.kind for table in made.tables} == printed | withheld
    assert withheld >= {"share", "rate", "total", "adjusted_rate"}
    # A slope is withheld while one of its levels is.
    assert printed == {t.kind for t in made.tables} - {"adjusted_slope", "adjusted_ratio"}

    for (_, state), number in first.items():
        threshold = rows[number]["threshold"]
        assert isinstance(threshold, float)
        lie = {"raw": rounded(threshold * 0.99)} if state == "published" else {"estimate": 0.5}
        told = [dict(row) for row in rows]
        told[number].update(lie)
        with pytest.raises(RefusedError, match="ANSWER_GATE"):
            read_answer(made, answered(told))
