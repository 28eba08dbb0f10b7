"""A table may state its own part of the loss: it gets that, and nobody pays for it twice."""

from fractions import Fraction

import pytest

from aggregates.plan import plan
from aggregates.study import Study
from privacy.errors import ConfigurationError
from privacy.loss import GRAIN
from privacy.measurements import rho_of
from privacy.plan import Plan
from privacy.soundness import check_sound
from tests.aggregates.rows import HEAD, RATE, SHARE, SIZES


def made(text: str) -> Plan:
    """The plan of a study, sound."""
    found = plan(Study.parse(HEAD + text))
    check_sound(found)
    return found


def charged(found: Plan, table: str) -> Fraction:
    """What the queries of a table cost together."""
    names = {name for one in found.tables if one.name == table for name in one.queries}
    return sum((Fraction(found.query(name).rho) for name in names), start=Fraction(0))


def test_a_table_gets_what_it_states_and_the_others_the_rest() -> None:
    """ρ = .01 for the shares; the rate has all that is left; both to the grain."""
    found = made(SHARE + "rho = 0.01\n" + RATE)
    whole = rho_of(2.0, 1e-7)

    assert charged(found, "modes") == Fraction("0.01")
    assert whole - charged(found, "modes") - charged(found, "verified") <= Fraction(2, GRAIN)
    assert found.loss <= whole


def test_a_part_is_split_within_its_table() -> None:
    """Weights, sums and histograms of one table share what the table states."""
    found = made(SIZES + "rho = 0.02\n" + SHARE)
    names = {name for one in found.tables if one.name == "sizes" for name in one.queries}

    assert len(names) > 3
    assert 0 <= Fraction("0.02") - charged(found, "sizes") <= Fraction(len(names), GRAIN)


def test_tables_on_the_same_counts_add_their_parts() -> None:
    """Two shares of one partition are measured once, with what both of them state."""
    again = SHARE.replace('"modes"', '"modes_again"')
    found = made(SHARE + "rho = 0.01\n" + again + "rho = 0.02\n")

    (query,) = found.queries
    assert Fraction(query.rho) == Fraction("0.03")


def test_what_nobody_states_is_not_spent() -> None:
    """Where every table states its part, the rest is a reserve."""
    assert made(SHARE + "rho = 0.01\n").loss == Fraction("0.01")


@pytest.mark.parametrize(
    ("text", "found", "line"),
    [
        (SHARE + "rho = 0.08\n", "sum to more than", "rho = 0.08"),
        (SHARE + "rho = 0.05\n" + RATE + "rho = 0.05\n", "sum to more than", "rho = 0.05\n\n"),
        (SHARE + "rho = 0.01\nhalf_width = 0.1\n", "both a half-width", "rho = 0.01"),
        (SHARE + "rho = 0\n", "greater than 0", "rho = 0\n"),
    ],
)
def test_parts_that_cannot_be_paid_are_refused(text: str, found: str, line: str) -> None:
    """With the line on which the part stands."""
    study = HEAD + text
    with pytest.raises(ConfigurationError, match="STUDY_INVALID") as refusal:
        plan(Study.parse(study))

    assert found in refusal.value.found
    number = 1 + study[: study.rindex(line.rstrip())].count("\n")
    assert f"line {number} " in refusal.value.found


def test_nothing_may_be_left_for_the_others() -> None:
    """All of ε in one table and another beside it: there is no noise to be had for nothing."""
    whole = float(rho_of(2.0, 1e-7))
    with pytest.raises(ConfigurationError, match="nothing left"):
        plan(Study.parse(HEAD + SHARE + f"rho = {whole}\n" + RATE))


def test_a_measure_is_parted_where_it_is_said() -> None:
    """Up to a point, it included, and above it; the parts hold every session."""
    text = '[[table]]\nname = "tail"\nshare_of = "actions"\nparted_at = [10, 100]\n'
    (query,) = made(text).queries
    (axis,) = query.axes

    assert [level.name for level in axis.levels] == ["up to 10", "above 10, up to 100", "above 100"]
    assert axis.measure == "actions"


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ('share_of = "actions"\nparted_at = [100, 10]\n', "actions parted at 100, 10"),
        ('share_of = "actions"\nparted_at = [1e9]\n', "actions parted at 1e+09"),
        ('share_of = "work_mode"\nparted_at = [1]\n', "unknown measure 'work_mode'"),
        ('rate_of = "verified_success"\nparted_at = [1]\n', "which is no share of a measure"),
        ('share_of = "actions"\n', "unknown field 'actions'"),
    ],
)
def test_parts_that_make_no_sense_are_refused(more: str, found: str) -> None:
    """They must rise within the public range of a measure that is shared out."""
    with pytest.raises(ConfigurationError, match="STUDY_INVALID") as refusal:
        plan(Study.parse(f'{HEAD}\n[[table]]\nname = "tail"\n{more}'))

    assert found in refusal.value.found
