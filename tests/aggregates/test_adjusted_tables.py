"""Adjusted tables of a study: what is measured for them, and who of them may be printed."""

import numpy as np
import pytest

from aggregates.answer import read_answer
from aggregates.estimates.cells import minimum_of
from aggregates.plan import plan
from aggregates.release import release
from aggregates.study import Study
from privacy.errors import RefusedError
from privacy.plan import Plan
from privacy.rows import keys_of
from privacy.unit import SCALE
from tests.aggregates.rows import ADJUSTED, HEAD, small_plan
from tests.aggregates.test_answer import answered

CONTROLS = '"work_mode * task_value_tier", "month", "task_occupation", "occupation"'
A1 = f"""
[[table]]
name = "a1"
rate_of = "verified_success"
statistics = ["slope"]
by = ["expertise"]
adjust_for = [{CONTROLS}]
columns = [0, 1, 2, 3, 4]
leave_out = {{ expertise = ["unclear"], work_mode = ["unclear"] }}
"""
A2 = A1.replace("a1", "a2").replace('["slope"]', '["levels"]').replace("[0, 1, 2, 3, 4]", "[0, 4]")
MADE = small_plan(ADJUSTED)
_, SLOPES, JUDGED, _, _ = MADE.tables


def published_a1() -> Plan:
    """Table A1, A2 and a second outcome, of seven months."""
    judged = A2.replace("a2", "judged").replace("verified_success", "judged_success")
    return small_plan(A1, A2, judged, head=HEAD.replace('"2025-12"', '"2026-04"'))


def test_the_design_has_the_cells_of_the_published_one() -> None:
    """9 modes × 4 tiers are 36 cells of one block; with 7 months, pairs of them are 252."""
    made = published_a1()
    blocks = {axis.name: len(axis.levels) for query in made.queries for axis in query.axes}

    assert blocks["work_mode * task_value_tier"] == 36
    assert made.query("a1.work_mode * task_value_tier and month").size == 252
    assert keys_of(made, made.tables[0]) == [f"controls={n}" for n in range(5)]
    assert keys_of(made, made.tables[1])[::5] == [
        "controls=0; expertise=novice", "controls=4; expertise=novice",
    ]  # fmt: skip


def test_tables_that_are_adjusted_alike_buy_their_pairs_once() -> None:
    """Fifteen pairs of six blocks serve two outcomes, five columns, levels and slopes."""
    made = published_a1()

    assert len(made.queries) == 15
    assert len({table.queries for table in made.tables}) == 1
    # Verified, judged without evidence, neither: three states, all of them of one sample.
    assert len(made.queries[0].axes[1].levels) == 3
    assert {len(table.yes) for table in made.tables} == {1, 2}
    assert len({str(query.where) for query in made.queries}) == 1
    # 5 levels and the sample, once.
    assert made.privacy.tested == 6


def test_a_table_by_itself_has_a_sample_of_its_own() -> None:
    """The control: another condition, other controls or another k share nothing."""
    other = A2.replace('"month", ', "").replace("[0, 4]", "[0, 3]")
    own = A2.replace("a2", "a3") + "contribution = 2\n"
    made = small_plan(A1, other, own)

    assert len(made.queries) == 15 + 10 + 15
    assert {query.contribution for query in made.queries} == {"", "2"}


def even(novices: float, others: float) -> dict[str, list[int]]:
    """Sums in which each level has so many accounts, alike in all else."""
    sums = {}
    for query in MADE.queries:
        level = np.array([novices] + [others] * 4)
        if query.axes[0].name != "expertise":
            level = np.array([level.sum()])
        share = np.ones(query.size // len(level)) * len(level) / query.size
        vector = np.outer(level, share).reshape(-1) * (query.value == "one") * SCALE
        sums[query.name] = [round(cell) for cell in vector]
    return sums


def test_a_slope_is_withheld_while_it_gives_a_level_away() -> None:
    """The count of its sample stands beside those of levels: the difference is the one withheld."""
    few, none = (release(MADE, even(novices, 3_000)) for novices in (20, 3_000))
    states = {str(row["statistic"]): row["state"] for row in few if row["table"] == SLOPES.name}

    assert states == {"adjusted_rate": "published", "adjusted_slope": "suppressed"}
    withheld = [row["keys"] for row in few if row["state"] == "suppressed"]
    assert "controls=0; expertise=novice" in withheld
    assert "controls=0; expertise=expert" not in withheld
    assert all(row["state"] == "published" for row in none)
    assert all(row["estimate"] is None for row in few if row["state"] == "suppressed")


def test_levels_withheld_together_may_hide_in_a_slope() -> None:
    """Two of two thirds of the minimum each have more than it; one of them has not."""
    query = MADE.query(SLOPES.queries[0])
    minimum, width = minimum_of(MADE, query), query.size // 5
    least = minimum.margin(query.sigma, cells=width) + 2 * minimum.accounts * SCALE // 3

    def state(withheld: int) -> object:
        sums = even(3_000, 3_000)
        for place in range(withheld):
            sums[query.name][place * width : (place + 1) * width] = [least, *[0] * (width - 1)]
        rows = release(MADE, sums)
        assert sum(row["state"] != "published" for row in rows if row["table"] == JUDGED.name) == (
            withheld
        )
        return next(row["state"] for row in rows if row["statistic"] == "adjusted_slope")

    assert [state(0), state(1), state(2)] == ["published", "suppressed", "published"]


def test_numbers_of_nobody_are_finite_and_withheld() -> None:
    """What the gate reckons from zeros, and a rehearsal from two sessions, divides by nothing."""
    for count in (0, 1):
        rows = release(MADE, {q.name: [count] * q.size for q in MADE.queries})
        assert {row["state"] for row in rows} == {"suppressed"}
    negative = {q.name: [-3 * SCALE] * q.size for q in MADE.queries}
    assert {row["state"] for row in release(MADE, negative)} == {"suppressed"}


def test_the_gate_lets_adjusted_rows_through_and_no_others() -> None:
    """Rows as the plan has them; one key, threshold or number more is refused."""
    rows = release(MADE, even(3_000, 3_000))

    assert read_answer(MADE, answered(rows)) == rows
    for spoilt in (
        {"keys": "controls=1"}, {"threshold": 1.0}, {"raw": 1.0}, {"estimate": 7.0}, {"k": "2"},
    ):  # fmt: skip
        with pytest.raises(RefusedError, match="ANSWER_GATE"):
            read_answer(MADE, answered([{**rows[0], **spoilt}, *rows[1:]]))


def test_a_study_states_what_its_slopes_may_be_wide() -> None:
    """The noise of a slope is held against the half-width of its table, over all its steps."""
    wide, narrow = (
        plan(Study.parse(HEAD + A1 + f"half_width = {half}\n" + A2), accounts=60_000)
        for half in (0.4, 0.004)
    )
    loose, tight = (
        sum(query.sigma for query in made.queries if "month" in query.name)
        for made in (wide, narrow)
    )

    assert tight != loose
    assert narrow.forecast.half_widths["a1"] <= wide.forecast.half_widths["a1"]
