"""
The parameters behind the study's numbers: from the law, not from the code that they judge.

They are held against closed forms that were written before them, and against a fresh population.
"""

from pathlib import Path

import numpy as np
import pytest

from aggregates.factors import factors
from aggregates.joint import expected
from aggregates.kernel import Kernel
from aggregates.margins import NO_GOAL
from aggregates.parameters import parameters
from aggregates.plan import plan
from aggregates.planted import planted
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.codebook import codebook
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import ADJUSTED, AGREE, RATE, SIZES, TRENDS, quiet, small_plan

BOOK = codebook()
STUDY = Study.read(Path(__file__).parents[3] / "studies" / "claude-code-expertise.toml")
ACCOUNTS, SESSIONS = 60_000, 102_000
Z = 6.6
"""Deviations: some 700 cells at 4·10⁻¹¹ each, two-sided, are a false alarm in 3·10⁷ runs by the
normal law; of cells that expect 30 accounts and more the binomial's tail is at most 10⁻⁸."""


@pytest.fixture(scope="module")
def made() -> Plan:
    """The published study, compiled."""
    return plan(STUDY, accounts=ACCOUNTS, sessions=SESSIONS)


def test_every_column_is_a_law() -> None:
    """Chances of each column sum to one, whatever its parents are."""
    for name, factor in factors().items():
        assert factor.chance.min() >= 0, name
        np.testing.assert_allclose(factor.chance.sum(axis=-1), 1, atol=1e-9, err_msg=name)


def test_parameters_are_those_of_the_closed_forms(made: Plan) -> None:
    """Each figure that `planted` has in closed form comes out of the sum over everything else."""
    found, exact = parameters(made, BOOK), planted()
    rates = {
        "verified_success": exact.verified_success_by_expertise,
        "judged_success": exact.judged_success_by_expertise,
        "at_least_partial": exact.at_least_partial_by_expertise,
        # The closed form is among sessions with a goal, the rate among all: none is in trouble.
        "troubled": {n: r * (1 - NO_GOAL) for n, r in exact.troubled_by_expertise.items()},
        **{
            f"{name}_in_trouble": {level: row[part] for level, row in exact.in_trouble.items()}
            for name, part in (
                ("verified_success", "verified"),
                ("judged_success", "judged"),
                ("at_least_partial", "partial"),
                ("verified_failure", "verified_failure"),
                ("abandoned", "abandoned"),
            )
        },
    }
    for table, by_level in rates.items():
        for level in ("novice", "beginner", "intermediate", "advanced", "expert"):
            value = found[table, "rate", f"expertise={level}"]
            assert value == pytest.approx(by_level[level], abs=1e-9), (table, level)
    for month, modes in exact.work_mode_by_month.items():
        for mode, share in modes.items():
            place = "work_modes_by_month", "share", f"month={month}; work_mode={mode}"
            assert found[place] == pytest.approx(share, abs=1e-9)
    for signal in "12345":
        for name, rate in (
            ("success_signal", exact.succeeded_by_success_signal),
            ("failure_signal", exact.succeeded_by_failure_signal),
        ):
            place = f"success_by_{name}", "rate", f"{name}={signal}"
            assert found[place] == pytest.approx(rate[signal], abs=1e-9)
    for measure, sizes in (
        ("actions_per_prompt", exact.actions_per_prompt_by_expertise),
        ("words_per_prompt", exact.words_per_prompt_by_expertise),
    ):
        for level in ("novice", "expert"):
            value = found[measure, "geometric_mean", f"expertise={level}"]
            assert value == pytest.approx(sizes[level], rel=1e-4)


def test_every_cell_of_the_study_has_a_parameter(made: Plan) -> None:
    """A table whose parameters are forgotten would drop out of the scorecard unseen."""
    found = parameters(made, BOOK)
    told = {(place[0], place[1]) for place in found}

    computed = [table for table in made.tables if table.kind != "not_computed"]
    assert told == {(table.name, table.kind) for table in computed}
    assert len(found) == made.forecast.cells  # which counts what is computed
    assert all(np.isfinite(value) for value in found.values())


def test_fixed_effects_are_as_many_as_published(made: Plan) -> None:
    """36 = 9 modes × 4 bands of value, and 252 with seven months: Table A1, columns 2 and 3."""
    table = next(table for table in made.tables if table.name == "verified_success_adjusted")
    sizes = {query.axes[-1].name: query.size for query in map(made.query, table.queries)}
    (crossed,) = (query for query in map(made.query, table.queries) if query.size == 252)

    assert table.columns == (0, 1, 2, 3, 4)
    assert [len(axis.levels) for axis in crossed.axes] == [36, 7]
    assert {"month", "task_occupation", "occupation"} <= set(sizes)


@pytest.mark.statistical
def test_a_fresh_population_sums_to_what_is_expected(made: Plan) -> None:
    """
    Every cell of every count, at k = 1, within Z deviations of n·p.

    The weighted count of a cell has a variance of n·p(1-p) at most: an account adds the average of
    its sessions' indicators, which lies between 0 and 1 and has the mean p.
    """
    twin = draw(ACCOUNTS, SESSIONS, seed=None, codebook=BOOK)
    sums = Kernel(made, BOOK).partial(twin.rows)
    looked_at, worst = 0, 0.0
    for query in (q for q in made.queries if q.value == "one" and not q.contribution):
        chance = expected(made, query)
        counted = np.array(sums[query.name]) / SCALE
        deviation = np.sqrt(ACCOUNTS * chance * (1 - chance))
        kept = (ACCOUNTS * chance >= 30) & (chance < 0.9999)  # not the count of everybody
        assert not counted[chance == 0].any()
        # A weight is rounded down by a millionth of an account at most.
        off = np.abs(counted - ACCOUNTS * chance)[kept] / deviation[kept]
        looked_at, worst = looked_at + int(kept.sum()), max(worst, float(off.max(initial=0.0)))

    assert looked_at > 600
    assert worst < Z


@pytest.mark.statistical
def test_a_wrong_law_is_noticed(made: Plan) -> None:
    """The control: modes a tenth larger than planted lie twenty deviations away, not six."""
    twin = draw(ACCOUNTS, SESSIONS, seed=None, codebook=BOOK)
    query = made.query("work_modes.count")
    counted = np.array(Kernel(made, BOOK).partial(twin.rows)[query.name]) / SCALE
    chance = 1.1 * expected(made, query)

    off = np.abs(counted - ACCOUNTS * chance) / np.sqrt(ACCOUNTS * chance * (1 - chance))
    assert off.max() > Z


@pytest.mark.statistical
@pytest.mark.parametrize("tables", [AGREE, RATE + TRENDS, SIZES, ADJUSTED])
def test_every_kind_of_number_is_near_its_parameter(tables: str) -> None:
    """Without noise, within Z of the sampling errors that it states, which are bounds."""
    made = quiet(small_plan(tables))
    found = parameters(made, BOOK)
    twin = draw(ACCOUNTS, SESSIONS, seed=None, codebook=BOOK)
    printed = [
        row for row in unsafe_release_unsealed(made, twin.buckets(2)) if row["state"] == "published"
    ]

    assert {(row["table"], row["statistic"]) for row in printed} == {
        (table.name, table.kind) for table in made.tables
    }
    for row in printed:
        truth = found[str(row["table"]), str(row["statistic"]), str(row["keys"])]
        value, spread = row["estimate"], row["se_sampling"]
        assert isinstance(value, float)
        assert isinstance(spread, float)
        # The printed number has six digits, and a quantile's error is its slope's in a bin.
        assert abs(value - truth) <= Z * spread + 2e-5 * abs(truth), row
