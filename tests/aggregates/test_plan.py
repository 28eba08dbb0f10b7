"""A plan is paid for exactly, says what it will show, and is the same every time."""

from fractions import Fraction
from math import sqrt
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.plan import plan
from aggregates.study import Study
from aggregates.workload import price
from privacy.errors import ConfigurationError
from privacy.measurements import cost_of, epsilon_of
from privacy.minimum import quantile
from privacy.plan import Rater, read_plan
from privacy.raters import OFFLINE
from privacy.unit import SCALE
from tests.aggregates.rows import BOOK, HEAD, MEAN, RATE, SHARE, SIZES, small_plan

FIRST_LOOK = Path(__file__).parents[2] / "studies" / "first-look.toml"


def test_the_first_look_is_planned_within_two_seconds_and_mostly_shown() -> None:
    """Four fifths of its cells and more, for 4,000 to 5,000 accounts with 1.7 sessions each."""
    start = perf_counter()
    made = plan(Study.read(FIRST_LOOK))
    took = perf_counter() - start

    assert took < 2 * 3  # three times the promise: machines that run tests are busy
    assert len(made.tables) == 6
    for accounts in (4_000, 4_500, 5_000):
        forecast = plan(Study.read(FIRST_LOOK), accounts=accounts).forecast
        assert forecast.published >= 0.8 * forecast.cells
        assert forecast.cells == forecast.published + len(forecast.suppressed)
        assert set(forecast.half_widths) == {table.name for table in made.tables}


def test_the_forecast_sees_too_few_people() -> None:
    """With a hundred accounts nothing is promised: the control of the test above."""
    forecast = plan(Study.read(FIRST_LOOK), accounts=100).forecast

    assert forecast.published == 0
    assert forecast.half_widths == {}
    assert "work_modes: work_mode=test" in forecast.suppressed


def test_charges_are_exact_and_within_the_budget() -> None:
    """Their sum is at most what (ε, δ) allows, and each one's noise costs no more than it."""
    made = small_plan(SHARE, RATE, MEAN)

    assert made.loss == Fraction(made.privacy.rho)
    assert epsilon_of(made.loss, 1e-7) <= 2.0 < epsilon_of(made.loss * Fraction(101, 100), 1e-7)
    for query in made.queries:
        assert cost_of(sensitivity=query.sensitivity, sigma=query.sigma) <= Fraction(query.rho)


def test_sensitivities_are_k_times_the_clamp() -> None:
    """By hand, for k = 2 and a measure between 0.5 and 1,000."""
    between = "between = [0.5, 1000.0]\n"
    made = small_plan(MEAN + between, head=HEAD.replace("contribution = 1", "contribution = 2"))
    weight, total, spread = made.queries

    # ln(1000/.5) = 7.601: stored 0 … 7601, centre 3800, at most 3801 from it.
    assert (total.centre, total.bound) == (3800, 3801)
    assert spread.bound == 3801**2 // 1000 + 1
    assert weight.sensitivity == 2 * SCALE
    assert total.sensitivity == 2 * SCALE * 3801
    assert spread.sensitivity == 2 * SCALE * spread.bound


def test_statistics_of_one_table_share_their_weights_and_their_decisions() -> None:
    """What several need is bought once, and a cell is tested once: by hand for three of them."""
    made = small_plan(SIZES)
    weight, total, spread, amount, amount_spread, bins = made.queries

    assert {table.queries[0] for table in made.tables} == {weight.name}
    assert made.privacy.tested == 6
    # ln(100/.5) = 5.298 and ln(1/.5) = .693: 4,605 thousandths, 19 bins of at most 250.
    assert (bins.axes[-1].edges[0], bins.axes[-1].edges[-1], bins.size) == (693, 5298, 6 * 19)
    # 99 tool calls in 10,000 steps from step 101 on; squares of them in thousandths.
    assert amount.unit == amount_spread.unit == pytest.approx(99 / 10_000, rel=1e-3)
    assert (amount.centre, amount.bound, amount_spread.centre) == (5101, 5000, 101)
    assert amount_spread.bound == 10_000**2 // 1000
    assert (total.value, spread.value) == ("log", "log_squared")


def test_a_table_without_keys_is_one_cell() -> None:
    """The mean of all sessions is a table like any other."""
    made = small_plan(SIZES.replace('by = ["expertise"]', ""))

    assert made.privacy.tested == 1
    assert [query.size for query in made.queries] == [1, 1, 1, 1, 1, 19]


def test_every_tested_cell_is_counted() -> None:
    """M: a share's cells, a rate's bases, a mean's weights; z follows from it."""
    made = small_plan(SHARE, RATE, MEAN)

    # 10 work modes with unclear, 6 levels of expertise, twice.
    assert made.privacy.tested == 10 + 6 + 6
    assert made.privacy.z == quantile(1e-3, 22)


@given(st.lists(st.floats(min_value=0.5, max_value=200), min_size=3, max_size=3))
def test_the_split_gives_each_query_the_same_part_of_its_target(targets: list[float]) -> None:
    """σ_t/T_t is one constant c, the least that the budget allows (statistics.md, section 4)."""
    queries = SPLIT.queries
    # In each query's own unit, so that none asks for a millionth of the loss.
    wanted = {q.name: t * q.bound for q, t in zip(queries, targets, strict=True)}
    priced = price(queries, wanted, Fraction(1, 10))
    parts = [q.sigma / wanted[q.name] for q in priced]

    # c² = Σ Δ²/(2ρT²).
    c = sqrt(sum((q.sensitivity / wanted[q.name]) ** 2 for q in queries) / (2 * 0.1))
    # Charges are rounded down to 10⁻⁹: the smallest is .1/(2·400²) = 3.1·10⁻⁷, so σ is at most
    # 10⁻⁹/(2·3.1·10⁻⁷) = .16 % too large.
    assert parts == pytest.approx([c] * 3, rel=2e-3)
    assert sum(Fraction(q.rho) for q in priced) <= Fraction(1, 10)


SPLIT = small_plan(MEAN)


def test_the_same_study_is_the_same_plan() -> None:
    """What officers sign can be compiled again by anybody; and it reads back."""
    first, second = plan(Study.read(FIRST_LOOK)), plan(Study.read(FIRST_LOOK))

    assert first.hash == second.hash
    assert read_plan(first.canonical).hash == first.hash
    assert first.hash != plan(Study.read(FIRST_LOOK), accounts=5_000).hash
    assert first.codebook == BOOK.hash
    assert first.rater == OFFLINE
    assert first.binding is None


def test_a_tighter_half_width_buys_a_larger_part() -> None:
    """What the researcher asks for decides the split."""
    plain = small_plan(RATE, MEAN).query("verified.count")
    tight = small_plan(RATE + "half_width = 0.01\n", MEAN).query("verified.count")

    assert tight.sigma < plain.sigma


def test_months_that_the_margins_do_not_know_are_forecast_too() -> None:
    """The synthetic sessions are spread over them."""
    later = HEAD.replace("2025-10", "2026-06").replace("2025-12", "2026-08")

    assert small_plan(SHARE, head=later).forecast.published >= 8


def test_an_expectation_that_cannot_be_is_refused() -> None:
    """No accounts, or fewer sessions than accounts; or a rater that is not the study's."""
    study = Study.parse(HEAD + SHARE)
    for accounts, sessions in ((0, 10), (10, 9)):
        with pytest.raises(ConfigurationError, match="EXPECTATION"):
            plan(study, accounts=accounts, sessions=sessions)
    other = Rater("claude", "3", "low", "a-model", "https://example.org", "")
    with pytest.raises(ConfigurationError, match="rater"):
        plan(study, rater=other)

    named = Study.parse(HEAD + '[rater]\nname = "claude"\n' + SHARE)
    assert plan(named, rater=other).rater.model == "a-model"
