"""What a share withholds, as one row: sums to 1, known in advance, held against its group."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.answer import read_answer
from aggregates.bundle import write_rows
from aggregates.estimates.cells import minimum_of
from aggregates.parameters import parameters
from aggregates.release import Row, release
from privacy.consistency import StepError
from privacy.derived import GROUPINGS
from privacy.errors import ConfigurationError, RefusedError
from privacy.plan import Level, Plan
from privacy.printed import printed
from privacy.rows import REST, keys_of
from privacy.soundness import check_sound
from privacy.unit import SCALE
from tests.aggregates.rows import BOOK, HEAD, RATE, SHARE, TRENDS, small_plan

REST_TOO = SHARE + "residual = true\n"
BY_MONTH = TRENDS.replace('share_of = "work_mode"', 'share_of = "work_mode"\nresidual = true')
MADE = small_plan(REST_TOO, BY_MONTH, RATE)
WIDE = len(BOOK.field("work_mode").labels)


def answered(*cells: int, made: Plan = MADE) -> list[Row]:
    """A release whose first table has these noisy counts, in accounts; all else is zero."""
    vectors = {query.name: [0] * query.size for query in made.queries}
    counts = made.queries[0]
    vectors[counts.name] = [cells[n] * SCALE if n < len(cells) else 0 for n in range(counts.size)]
    return release(made, vectors)


SOME = answered(9000, 7000, 3000, *[130] * 7)


def of(rows: list[Row], table: str = "modes") -> list[Row]:
    """The rows of one table's shares."""
    return [row for row in rows if (row["table"], row["statistic"]) == (table, "share")]


def test_rows_follow_from_the_plan_and_sum_to_one() -> None:
    """By hand: three large cells stand by themselves, and the other seven are one row."""
    rows = of(SOME)
    rest = rows[-1]

    assert [row["keys"] for row in rows] == keys_of(MADE, MADE.tables[0])
    assert rest["keys"] == f"work_mode={REST}"
    shown = [row["estimate"] for row in rows if row["state"] == "published"]
    assert len(shown) == 4
    assert sum(float(one or 0) for one in shown) == pytest.approx(1, abs=1e-5)
    assert rest["estimate"] == pytest.approx(910 / 19_910, rel=1e-5)
    assert rest["raw"] == 910
    # Seven cells of noise stand in it.
    query = MADE.queries[0]
    assert rest["noise_scale"] == pytest.approx(query.sigma * 7**0.5 / SCALE, rel=1e-5)
    assert rest["accounts_at_least"] >= 20  # type: ignore[operator]
    months = of(SOME, "modes_over_time")
    assert len(months) == 3 * (WIDE + 1)
    assert [n for n, row in enumerate(months) if str(row["keys"]).endswith(REST)] == [10, 21, 32]


def test_a_trend_uses_no_cell_that_its_share_merged() -> None:
    """The same decisions: a cell that October withholds for the row's sake has no trend either."""
    made = small_plan(BY_MONTH)
    counts = made.query("modes_over_time.count")
    test = minimum_of(made, counts)
    margin = test.margin(counts.sigma)
    # Seven cells that hold nothing for certain, one that would be printed, two large ones.
    edge = test.threshold(counts.sigma)
    october = [*[margin // 9] * 7, edge, 40 * edge, 50 * edge]
    vector = [*october, *[60 * edge] * (counts.size - WIDE)]
    plain = replace(made, tables=tuple(replace(t, residual=False) for t in made.tables))
    cells = [level.name for level in counts.axes[-1].levels]

    def shown(of: Plan, kind: str) -> set[str]:
        vectors = {q.name: vector if q is counts else [0] * q.size for q in of.queries}
        rows = [r for r in release(of, vectors) if r["table"] == "modes_over_time"]
        keys = [str(r["keys"]) for r in rows if (r["statistic"], r["state"]) == (kind, "published")]
        return {key.rpartition("=")[2] for key in keys if kind == "change" or "2025-10" in key}

    for of in (made, plain):
        assert shown(of, "change") == shown(of, "share") - {REST}
    # The eighth brings what the first seven lack; the sum of these eight fails the test of eight
    # cells (1.8 against 2.8 margins), and so the ninth is merged too, which stands by itself else.
    assert shown(plain, "share") == {*cells[8:]}
    assert shown(made, "share") == {cells[9], REST}


def test_where_nothing_or_everything_is_withheld_there_is_no_rest() -> None:
    """A row of nothing is not computed; one of everything is withheld with it."""
    whole, none = of(answered(*[500] * WIDE)), of(answered())

    assert {row["state"] for row in whole[:-1]} == {"published"}
    assert whole[-1]["state"] == "not_computed"
    assert {row["state"] for row in none} == {"suppressed"}
    assert all(row["estimate"] is None for row in (whole[-1], none[-1]))


@given(st.lists(st.integers(-100, 2_000), min_size=WIDE, max_size=WIDE))
def test_whatever_the_noise_the_gates_let_it_through(cells: list[int]) -> None:
    """Keeper and reader pass what a release says, and shares that are shown whole sum to 1."""
    rows = answered(*cells)
    shares = [row for row in of(rows) if row["state"] == "published"]

    assert read_answer(MADE, json.dumps({"rows": rows}).encode()) == rows
    assert "rows published" in printed(MADE, write_rows(rows))
    if of(rows)[-1]["state"] == "published" and min(cells) >= 0:
        assert sum(float(row["estimate"] or 0) for row in shares) == pytest.approx(1, abs=1e-4)


def spoilt(edit: Callable[[list[Row]], object]) -> list[Row]:
    """Rows of which the first table's are changed."""
    rows = [dict(row) for row in SOME]
    edit(rows)
    return rows


LIES: dict[str, Callable[[list[Row]], object]] = {
    "a threshold of fewer cells": lambda rows: rows[WIDE].update(
        threshold=rows[0]["threshold"], noise_scale=rows[0]["noise_scale"]
    ),
    "a rest of nothing": lambda rows: [
        rows[n].update({**rows[0], "keys": rows[n]["keys"]}) for n in range(3, WIDE)
    ],
    "a rest of one cell": lambda rows: [
        rows[n].update({**rows[0], "keys": rows[n]["keys"]}) for n in range(4, WIDE)
    ],
    "a rest of everything": lambda rows: [
        rows[n].update({**rows[9], "keys": rows[n]["keys"]}) for n in range(3)
    ],
    "a rest that says nothing was withheld": lambda rows: rows[WIDE].update(
        dict.fromkeys(
            ("estimate", "raw", "low", "high", "se_noise", "se_sampling", "accounts_at_least")
        ),
        state="not_computed",
    ),
    "a cell that was not computed": lambda rows: rows[5].update(state="not_computed"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_rest_that_its_group_contradicts_is_refused(lie: str) -> None:
    """By the keeper, before it signs, and by whoever verifies; as it was, it passes."""
    rows = spoilt(LIES[lie])

    with pytest.raises(RefusedError, match="ANSWER_GATE"):
        read_answer(MADE, json.dumps({"rows": rows}).encode())
    with pytest.raises(StepError):
        printed(MADE, write_rows(rows))
    assert read_answer(MADE, json.dumps({"rows": SOME}).encode()) == SOME
    assert printed(MADE, write_rows(SOME))


@pytest.mark.parametrize("edit", ["label", "rate", "two", "parts"])
def test_a_forged_rest_is_refused(edit: str) -> None:
    """A level of that name; a rate with a rest; one beside two labels; half of a table with it."""
    counts = MADE.queries[0]
    (modes,) = counts.axes
    named = replace(modes, levels=(*modes.levels[:-1], Level(REST, modes.levels[-1].when)))
    fewer = replace(modes, levels=modes.levels[:2])
    trends, rate = MADE.tables[2], MADE.tables[-1]

    def axis(one: object) -> Plan:
        return replace(MADE, queries=(replace(counts, axes=(one,)), *MADE.queries[1:]))  # type: ignore[arg-type]

    def table(old: object, **changes: bool) -> Plan:
        made = (replace(t, **changes) if t is old else t for t in MADE.tables)  # type: ignore[arg-type]
        return replace(MADE, tables=(*made,))

    edits = {
        "label": lambda: axis(named),
        "two": lambda: axis(fewer),
        "rate": lambda: table(rate, residual=True),
        "parts": lambda: table(trends, residual=False),
    }
    check_sound(MADE)
    with pytest.raises(RefusedError, match="PLAN_MALFORMED"):
        check_sound(edits[edit]())


def test_a_rest_has_no_parameter() -> None:
    """What it merges is chosen by the noise; the labels beside it have theirs, as without it."""
    beside, without = (
        {key: value for key, value in parameters(made, BOOK).items() if key[1] == "share"}
        for made in (small_plan(REST_TOO), small_plan(SHARE))
    )

    assert len(beside) == WIDE
    assert beside == without


def test_no_label_is_called_as_the_rest_is() -> None:
    """Neither the codebook's nor a grouping's; and no study's group may be."""
    labels = {label for field in BOOK.fields for label in field.labels}
    assert REST not in labels | {name for one in GROUPINGS.values() for name in one.groups}
    everything = json.dumps([*BOOK.field("work_mode").labels])
    merged = f'merge = {{ work_mode = {{ "{REST}" = {everything} }} }}\n'
    for text, says in (
        (SHARE + merged, "the group name 'all others'"),
        (RATE + "residual = true\n", "shares nothing out"),
        (SHARE.replace("work_mode", "interactive") + "residual = true\n", "beside two labels"),
    ):
        with pytest.raises(ConfigurationError, match=r"in line \d+ of study.toml") as refused:
            small_plan(text, head=HEAD)
        assert says in refused.value.found
