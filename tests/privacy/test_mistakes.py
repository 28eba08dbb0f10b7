"""How far a rater's mistakes may have moved a number, by formulas that have closed forms."""

from math import sqrt
from pathlib import Path
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.plan import plan as compiled
from privacy.mistakes import LEAST_YOUDEN, Mistakes, mistakes_of, printed_error
from privacy.plan import Plan, Table
from tests.support.confusions import (
    BAD,
    CORRECTED,
    GOOD,
    MODES,
    file_of,
    of_modes,
    plan_of,
    study_of,
    told,
)
from tests.support.sampling import fewest

count = st.integers(min_value=0, max_value=10**6)
part = st.floats(min_value=0, max_value=1)
tables = st.builds(Mistakes, count, count, count, count)
PHI = NormalDist().cdf


def table_of(plan: Plan, name: str, kind: str) -> Table:
    """A statistic by name and kind."""
    return next(table for table in plan.tables if (table.name, table.kind) == (name, kind))


def test_the_counts_have_jeffreys_means_and_variances() -> None:
    """Beta(found + ½, missed + ½): 3 of 4 found is 3.5/5, variance 3.5·1.5/(5²·6)."""
    mistakes = Mistakes(found=3, missed=1, invented=2, refused=7)

    assert mistakes.sensitivity == pytest.approx(3.5 / 5)
    assert mistakes.specificity == pytest.approx(7.5 / 10)
    assert mistakes.variance(1) == pytest.approx(3.5 * 1.5 / (5**2 * 6))
    assert mistakes.variance(0) == pytest.approx(7.5 * 2.5 / (10**2 * 11))


@given(tables, part)
def test_correcting_undoes_what_the_rater_does(mistakes: Mistakes, p: float) -> None:
    """Wherever the rater tells yes from no, q(p) leads back to p, and to nothing beyond [0, 1]."""
    if mistakes.youden >= LEAST_YOUDEN:
        assert mistakes.corrected(mistakes.labelled(p)) == pytest.approx(p, abs=1e-9)
        assert 0 <= mistakes.corrected(p) <= 1


@given(tables, part)
def test_an_error_is_no_larger_than_the_worst_that_such_mistakes_do(
    mistakes: Mistakes, q: float
) -> None:
    """
    The mean square of q - p is convex in p, so no p between beats both ends.

    As large as that it is where p is not identified.
    """
    worst = [
        (mistakes.labelled(p) - p) ** 2 + mistakes.variance(p) for p in (n / 50 for n in range(51))
    ]

    assert max(worst) == pytest.approx(max(worst[0], worst[-1]))
    assert 0 < mistakes.error(q) <= sqrt(max(worst)) * (1 + 1e-12)
    if mistakes.youden < LEAST_YOUDEN:
        assert mistakes.error(q) == pytest.approx(sqrt(max(worst)))


@given(part, st.integers(min_value=50, max_value=99), st.integers(min_value=50, max_value=99))
def test_of_a_well_known_rater_the_error_is_the_bias(p: float, found: int, refused: int) -> None:
    """With a million sessions counted, |q - p| is all that is left, but for a trifle."""
    mistakes = Mistakes(
        found * 10**4, (100 - found) * 10**4, (100 - refused) * 10**4, refused * 10**4
    )
    q = mistakes.labelled(p)

    if mistakes.youden >= LEAST_YOUDEN:
        assert abs(q - p) - 1e-9 <= mistakes.error(q) <= abs(q - p) + 0.01


def test_other_errors_count_as_often_as_they_move_what_is_corrected() -> None:
    """Se = 79.5/100, Sp = 84.5/100: 1/J = 1.5625; of a useless rater p̂ says nothing."""
    assert Mistakes(79, 20, 15, 84).stretch(0.28) == pytest.approx(1.5625)
    assert Mistakes(5, 5, 5, 5).stretch(0.28) == 1


def test_a_bias_in_an_error_costs_no_coverage() -> None:
    """Q ± z·√(b² + s²) holds p with at least 95 %: Φ(zr - b) + Φ(zr + b) - 1 at s = 1."""
    z = NormalDist().inv_cdf(0.975)
    for b in (n / 100 for n in range(1000)):
        reach = z * sqrt(1 + b * b)
        assert PHI(reach - b) + PHI(reach + b) - 1 >= 0.95 - 1e-9
    # The control: b left out of the interval, it does not.
    assert PHI(z - 1) + PHI(z + 1) - 1 < 0.84


@pytest.mark.statistical
@pytest.mark.parametrize(("se", "sp", "p"), [(0.8, 0.9, 0.05), (0.7, 0.7, 0.1), (0.95, 0.6, 0.5)])
def test_the_interval_holds_the_truth_as_often_as_it_says(se: float, sp: float, p: float) -> None:
    """
    1,000 validations of 200 sessions of raters with a bias: q ± 1.96·error holds p in 95 %.

    False alarm 1e-6; half the error misses it, which the control notices.
    """
    dice, runs = Random(), 1000
    q, z = p * se + (1 - p) * (1 - sp), NormalDist().inv_cdf(0.975)
    held = {1.0: 0, 0.5: 0}
    for _ in range(runs):
        found, refused = (sum(dice.random() < chance for _ in range(100)) for chance in (se, sp))
        mistakes = Mistakes(found, 100 - found, 100 - refused, refused)
        for scale in held:
            held[scale] += abs(q - p) <= scale * z * mistakes.error(q)

    assert held[1.0] >= fewest(runs, 0.95, 1e-6)
    assert held[0.5] < held[1.0]


def test_mistakes_of_the_own_group_count_before_those_of_all(tmp_path: Path) -> None:
    """And only they, on enough sessions of the same population, are taken for its own."""
    few = ((5, 4, 0), (300, 200, 0), (0, 0, 0))
    plan = plan_of(
        tmp_path,
        told(GOOD),
        told(BAD, expertise="expert"),
        told(few, expertise="novice"),
        of_modes(),
    )
    rate = table_of(plan, "verified", "rate")
    everybody, expert, novice = (
        mistakes_of(plan, rate, {"expertise": level}) for level in ("advanced", "expert", "novice")
    )

    assert everybody == novice == Mistakes(80, 20, 30, 270)
    assert expert == Mistakes(50, 50, 50, 50, same_group=True)
    given = (told(GOOD), told(BAD, expertise="expert"), of_modes())
    elsewhere = plan_of(tmp_path, *given, same_population=False)
    other = mistakes_of(elsewhere, table_of(elsewhere, "verified", "rate"), {"expertise": "expert"})
    assert other == Mistakes(50, 50, 50, 50, same_group=False)


def test_a_label_of_many_is_held_against_the_others_of_its_table(tmp_path: Path) -> None:
    """9 modes, `unclear` left out: 50 right, 2 to each of 8 others, and so from each of them."""
    plan = plan_of(tmp_path, told(GOOD), of_modes())
    share = table_of(plan, "modes", "share")

    found = mistakes_of(plan, share, {"work_mode": "fix"})
    assert found == Mistakes(50, 8 * 2, 8 * 2, 8 * 50 + 8 * 7 * 2, same_group=True)
    assert len(MODES) == 10
    # What was withheld is of labels that the noise has chosen: nothing is known of their mistakes.
    assert mistakes_of(plan, share, {"work_mode": "all others"}) is None


def test_what_nothing_is_known_of_has_no_error(tmp_path: Path) -> None:
    """A plan without validation, and a number that cannot be corrected."""
    plan = plan_of(tmp_path, told(BAD), of_modes())
    rate, corrected = (table_of(plan, "verified", kind) for kind in ("rate", "corrected"))

    assert printed_error(plan, corrected, "expertise=expert", 0.3) is None
    assert printed_error(plan, rate, "expertise=expert", 0.3) == pytest.approx(0.502, abs=1e-3)
    share = table_of(plan, "modes", "corrected")
    assert printed_error(plan, share, "work_mode=fix", 0.3) is not None


def test_a_condition_makes_another_group(tmp_path: Path) -> None:
    """Who wrote code may be rated otherwise than all: the mistakes of all do not correct them."""
    where = CORRECTED.replace("leave_out", 'where = { wrote_code = "yes" }\nleave_out')
    plain, part = (
        compiled(study_of(tmp_path, file_of(told(GOOD), of_modes()), text))
        for text in (CORRECTED, where)
    )

    for plan, own in ((plain, True), (part, False)):
        share = table_of(plan, "modes", "corrected")
        found = mistakes_of(plan, share, {"work_mode": "fix"})
        assert found is not None
        assert found.is_identified is own
