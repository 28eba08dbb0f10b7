"""Rows hold what may be known, in the columns that others rely on."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.bundle import write_rows
from aggregates.estimates.cells import Cell
from aggregates.estimates.intervals import Estimate
from aggregates.estimates.totals import choose
from aggregates.reconcile import reconcile
from aggregates.release import COLUMNS, MAKERS, Measured, Row, _row, release
from aggregates.worker import unsafe_release_unsealed
from privacy.consistency import StepError
from privacy.errors import RefusedError
from privacy.mistakes import rounded
from privacy.plan import Plan
from privacy.printed import printed
from privacy.rows import keys_of
from privacy.unit import SCALE
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    AGREE,
    AMONG,
    BOOK,
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
    bucket,
    quiet,
    record,
    small_plan,
)

TABLES = (SHARE, RATE, MEAN, OWN_K, ACCOUNT_SIZES, DESIGNED, SIZES, TRENDS, TOTAL, AGREE, REST)
MADE = small_plan(*TABLES, AMONG, NOTHING)
OWN_NUMBERS = ("estimate", "raw", "low", "high", "se_noise", "se_sampling", "accounts_at_least")

HELD = small_plan(ADJUSTED)
"""Regressions, by themselves: each example solves a dozen of them."""


def vectors_of(made: Plan) -> st.SearchStrategy[dict[str, list[int]]]:
    """Noisy vectors of a plan, negative ones too."""
    cells = st.integers(min_value=-200 * SCALE, max_value=5000 * SCALE)
    return st.fixed_dictionaries(
        {
            query.name: st.lists(cells, min_size=query.size, max_size=query.size)
            for query in made.queries
        }
    )


@settings(deadline=None)
@given(vectors_of(MADE))
def test_rows_keep_their_promises_whatever_the_noise(noisy: dict[str, list[int]]) -> None:
    """Columns, states, empty numbers, the order of bounds, the threshold, the guarantee."""
    keep_their_promises(release(MADE, noisy))


@settings(deadline=None, max_examples=25)
@given(vectors_of(HELD))
def test_regressions_keep_them_too(noisy: dict[str, list[int]]) -> None:
    """Whatever matrix the noise makes: finite numbers in order, or none."""
    keep_their_promises(release(HELD, noisy))


@pytest.mark.parametrize("made", [MADE, HELD], ids=["most", "regressions"])
def test_what_is_withheld_has_no_estimate_even_before_it_is_a_row(made: Plan) -> None:
    """Two guards for one promise: a row that forgot its state would have nothing to print."""
    noisy = {
        query.name: [(n * 37 % 400 - 40) * SCALE for n in range(query.size)]
        for query in made.queries
    }
    measured = Measured(made, noisy, smooth=reconcile(made, noisy, BOOK), clips=choose(made, noisy),
                        codebook=BOOK)  # fmt: skip
    cells = [cell for table in made.tables for cell in MAKERS[table.kind](measured, table)]
    states = {cell.state for cell in cells}

    assert {"published", "suppressed"} <= states
    assert all((cell.estimate is not None) == (cell.state == "published") for cell in cells)


def test_a_row_looks_at_its_state_and_not_at_what_it_was_given() -> None:
    """The other guard: a cell that was given a number too much prints none."""
    number = Estimate(0.5, 0.4, 0.6, 0.01, 0.02)
    shown = Cell("work_mode=fix", 10**12, 1, 1.0, "published", number)
    withheld = replace(shown, state="suppressed")

    assert _row(MADE, MADE.tables[0], shown)["estimate"] == 0.5
    row = _row(MADE, MADE.tables[0], withheld)
    assert all(row[column] is None for column in OWN_NUMBERS)


def keep_their_promises(rows: Sequence[Row]) -> None:
    """Assert what holds of every row of a release."""
    for row in rows:
        assert (*row,) == COLUMNS
        assert row["se_classifier"] is None
        if row["state"] == "published":
            low, value, high = row["low"], row["estimate"], row["high"]
            assert isinstance(low, float)
            assert isinstance(value, float)
            assert isinstance(high, float)
            assert low <= value <= high
            assert isinstance(row["raw"], float)
            assert isinstance(row["threshold"], float)
            assert row["raw"] >= row["threshold"]
            assert isinstance(row["accounts_at_least"], int)
            assert row["accounts_at_least"] >= 20
        else:
            empty = row["statistic"] == "not_computed" or str(row["keys"]).endswith("=all others")
            assert row["state"] in ("suppressed", *(["not_computed"] if empty else []))
            assert all(row[column] is None for column in OWN_NUMBERS)


def test_every_public_cell_has_a_row() -> None:
    """Empty ones too: a row that were missing would say that nobody is there."""
    rows = release(MADE, {query.name: [0] * query.size for query in MADE.queries})

    # Ten work modes, six levels twice; of sizes six means of either kind, and five quantiles each.
    # Three months of ten modes and of six levels, each with change and slope of all; ten totals
    # and a grand one.  At weights of their own six rates, and two means with five quantiles.
    # Two statistics of agreement on five surfaces, and four of a pair of signals.
    # 24 occupations with all others, twice six levels, one row of nothing.
    # Five bins of accounts, and what lies beyond four; six rates with D, and shares of five
    # outcomes in three months with their trends.
    own = (6 + 7) + (5 + 4) + 6 + (15 + 5 + 5)
    former = 10 + 6 + 6 + (6 + 6 + 6 * 5) + (30 + 10 + 10) + (18 + 6 + 6) + 11 + own
    assert len(rows) == former + (2 * 5 + 4) + 25 + 12 + 1
    assert {row["state"] for row in rows[:-1]} == {"suppressed"}
    assert rows[-1]["state"] == "not_computed"
    assert rows[0]["keys"] == "work_mode=plan"
    assert rows[0]["unit"] == "share"
    assert [row["unit"] for row in rows[-2:]] == ["share", "none"]
    totals = len(rows) - 38 - 14 - 11
    assert [row["unit"] for row in rows[totals - 1 : totals + 1]] == ["share per month", "sessions"]
    assert rows[totals - 1]["keys"] == "expertise=unclear"
    # A reader who has the plan alone knows which rows there must be.
    assert [row["keys"] for row in rows] == [
        k for table in MADE.tables for k in keys_of(MADE, table)
    ]
    assert rows[0]["k"] == "1"


def test_an_incomplete_release_is_refused() -> None:
    """All vectors, each of its length."""
    noisy = {query.name: [0] * query.size for query in MADE.queries}
    for broken in ({**noisy, "modes.count": [0]}, {k: v for k, v in noisy.items() if k[0] != "m"}):
        with pytest.raises(RefusedError, match="RELEASE_INCOMPLETE"):
            release(MADE, broken)

    assert release(MADE, noisy)


def test_too_few_people_print_nothing_and_enough_do() -> None:
    """Twelve accounts with many sessions are still twelve; a thousand accounts are shown."""
    few = bucket(record(n % 12, {"work_mode": "fix"}) for n in range(3000))
    modes = ("fix", "build")
    many = bucket(record(n, {"work_mode": modes[n % 2]}) for n in range(1000))

    made = small_plan(SHARE, RATE, MEAN)
    assert {row["state"] for row in unsafe_release_unsealed(made, [few])} == {"suppressed"}
    shown = [
        row["keys"] for row in unsafe_release_unsealed(made, [many]) if row["state"] == "published"
    ]
    # Of the two modes one is withheld: it hides that the eight others are empty.
    assert shown in (
        ["work_mode=fix", "expertise=unclear"],
        ["work_mode=build", "expertise=unclear"],
    )


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_rounding_keeps_order(a: float, b: float) -> None:
    """So `raw ≥ threshold` can be checked in the printed table."""
    assert (rounded(a) <= rounded(b)) or a > b
    assert rounded(0.123456789) == 0.123457


def test_a_table_has_its_own_k_in_test_bound_and_words() -> None:
    """
    At k = 5 a cell needs five times the weight, and an account's five sessions all count.

    200 accounts of five sessions: at k = 1 a base of 200, at k = 5 of 1,000, and the same 200
    accounts behind it, since k·m is what a base is held against.
    """
    made = quiet(small_plan(RATE, OWN_K))
    judged = {"expertise": "expert", "outcome": "succeeded", "success_signal": "5"}
    data = bucket(record(account, judged) for account in range(200) for _ in range(5))
    rows = {
        str(row["table"]): row
        for row in unsafe_release_unsealed(made, [data])
        if row["keys"] == "expertise=expert"
    }
    one, five = rows["verified"], rows["verified_at_five"]

    assert (one["k"], five["k"]) == ("1", "5")
    assert float(str(one["raw"])) == pytest.approx(200, abs=0.1)
    assert float(str(five["raw"])) == pytest.approx(1000, abs=0.1)
    assert (one["accounts_at_least"], five["accounts_at_least"]) == (199, 199)
    assert float(str(five["threshold"])) == pytest.approx(5 * 20, abs=0.1)
    assert "each account weighing at most 5" in str(five["base"])
    assert "weighing" not in str(one["base"])


def test_a_reader_finds_every_row_where_the_plan_has_it() -> None:
    """Keys, k, states and thresholds of each kind, one that is not computed too, and one forged."""
    rows = unsafe_release_unsealed(MADE, [])
    found = printed(MADE, write_rows(rows))

    assert found == f"0 of {len(rows)} rows published, the others empty"
    for row in (rows[0], rows[-1]):
        with pytest.raises(StepError, match="weigh other"):
            printed(MADE, write_rows([{**one, "k": "7"} if one is row else one for one in rows]))
