"""How far a rater that changed could have moved a number: the bound, against brute force."""

from collections.abc import Sequence
from math import comb
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from privacy.wavering import ALPHA, Wavering, is_judged, upper, wavering
from tests.aggregates.rows import small_plan
from tests.support.anchored import OTHERS, PLAN, asking, modes, reading
from tests.support.sampling import FALSE_ALARM, fewest

FIX, REST = frozenset({"fix"}), frozenset(OTHERS) | {"unclear"}
part = st.floats(min_value=0, max_value=1)


def test_an_upper_end_is_clopper_and_pearsons() -> None:
    """None of n: 1 - tail^(1/n); 1 of 10 at 2.5 %: .445 in their paper's tables; all of n: 1."""
    assert upper(0, 40, 0.025) == pytest.approx(1 - 0.025 ** (1 / 40), abs=1e-12)
    assert upper(1, 10, 0.025) == pytest.approx(0.44502, abs=1e-5)
    assert upper(10, 10, 0.025) == 1.0
    assert upper(0, 0, 0.025) == 1.0


@settings(max_examples=40)
@given(st.integers(1, 60), part, st.sampled_from((0.025, 0.0125, 0.003)))
def test_an_upper_end_holds_as_often_as_it_says(among: int, chance: float, tail: float) -> None:
    """Exactly: the binomial weight of all counts whose bound lies below the chance is ≤ tail."""
    missed = sum(
        comb(among, n) * chance**n * (1 - chance) ** (among - n)
        for n in range(among + 1)
        if upper(n, among, tail) < chance
    )
    assert missed <= tail * (1 + 1e-9)


def test_an_upper_end_of_the_largest_set_is_reckoned() -> None:
    """A thousand sessions: binomials near 10^299 still fit a double."""
    assert 0.5 < upper(500, 1_000, 0.0125) < 0.54


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[tuple[str, ...]], list[list[int]]]:
    """Sessions with their answers under each reading, and which reading made each month's label."""
    readings = draw(st.integers(2, 4))
    answers = st.tuples(*[st.sampled_from(("yes", "no", "out"))] * readings)
    sessions = draw(st.lists(answers, min_size=1, max_size=30))
    picks = st.lists(st.integers(0, readings - 1), min_size=len(sessions), max_size=len(sessions))
    return sessions, [draw(picks) for _ in range(draw(st.integers(2, 4)))]


@given(worlds(), st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_no_mixture_of_readings_moves_a_trend_further(
    world: tuple[list[tuple[str, ...]], list[list[int]]], raw: Sequence[float]
) -> None:
    """
    The same sessions in every month, labelled under any readings: all of the trend is drift.

    With δ counted in each month itself (no sampling) the bound of the derivation must hold, for
    bases that change and for any weights that add up to nothing.
    """
    sessions, months = world
    weights = [f - sum(raw[: len(months)]) / len(months) for f in raw[: len(months)]]
    shares, wavers = [], {"yes": 0.0, "no": 0.0}
    for picks in months:
        told = [session[pick] for session, pick in zip(sessions, picks, strict=True)]
        base = [answer for answer in told if answer != "out"]
        assume(base)
        shares.append(base.count("yes") / len(base))
        for answer in wavers:
            kept = [len(set(s)) == 1 for s, a in zip(sessions, told, strict=True) if a == answer]
            if kept:
                wavers[answer] = max(wavers[answer], kept.count(False) / len(kept))
    trend = sum(f * p for f, p in zip(weights, shares, strict=True))
    found = Wavering(wavers["yes"], wavers["no"])

    assert trend <= found.reach(weights, shares, shares) + 1e-9
    assert -trend <= found.reach([-f for f in weights], shares, shares) + 1e-9


def test_a_bound_that_forgot_one_side_would_be_too_small() -> None:
    """The control: from no to yes alone, a rise is as large as the bound on `no`, and no more."""
    found, shares = Wavering(yes=0.0, no=0.25), [0.2, 0.4]

    assert found.reach([-1, 1], shares, shares) == pytest.approx(0.25 * 0.8)
    assert Wavering(yes=0.0, no=0.0).reach([-1, 1], shares, shares) == 0


def test_anchors_are_counted_by_their_answer() -> None:
    """By hand: 40 fix and 60 others, of which 4 and 3 change; two readings, so 1.25 % an end."""
    first, later = modes(40, 60), modes(40, 60)
    later[:4] = [{"work_mode": "build"}] * 4
    later[40:43] = [{"work_mode": "fix"}] * 3
    found = wavering(
        PLAN, PLAN.tables[0], [reading("2026-07", first), reading("2026-08", later)], FIX, REST
    )
    # Answered fix: 4 of 40 changed in the first reading, 3 of 39 in the second.
    assert found.yes == upper(4, 40, ALPHA / 4)
    # Otherwise: 3 of 60, and 4 of 61.
    assert found.no == max(upper(3, 60, ALPHA / 4), upper(4, 61, ALPHA / 4))


def test_who_changes_among_the_other_labels_has_not_changed() -> None:
    """Of fix against all else, from build to test is nothing."""
    first, later = modes(40, 60), modes(40, 60)
    later[40:] = [{"work_mode": "test"}] * 60
    both = [reading("2026-07", first), reading("2026-08", later)]
    found = wavering(PLAN, PLAN.tables[0], both, FIX, REST)

    assert found.no == upper(0, 60, ALPHA / 4)


def test_a_session_that_leaves_the_base_or_its_group_has_changed() -> None:
    """Another expertise is another group, and without a goal it is in no base."""
    table = next(table for table in PLAN.tables if table.yes)
    yes, no = frozenset(table.yes), frozenset(table.no)
    good = {"outcome": "succeeded", "success_signal": "4", "expertise": "expert"}
    first = [good] * 40

    def after(**changed: str) -> float:
        later = [{**good, **changed}, *first[1:]]
        both = [reading("2026-07", first), reading("2026-08", later)]
        return wavering(PLAN, table, both, yes, no).yes

    still = upper(0, 40, ALPHA / 4)
    assert after() == after(work_mode="test") == still
    for changed in ({"outcome": "no_goal"}, {"expertise": "novice"}, {"outcome": "failed"}):
        assert after(**changed) > still, changed


def test_an_answer_that_no_anchor_has_is_bounded_by_nothing() -> None:
    """Then all of it may have changed."""
    both = [reading("2026-07", modes(0, 60)), reading("2026-08", modes(0, 60))]

    assert wavering(PLAN, PLAN.tables[0], both, FIX, REST).yes == 1.0


def test_anchors_beyond_the_population_do_not_count() -> None:
    """The plan speaks of interactive sessions: an anchor that is none says nothing."""
    silent = [{**one, "interactive": "no"} for one in modes(40, 60)]
    later = [{**one, "work_mode": "test"} for one in silent]
    plan, table = PLAN, PLAN.tables[0]
    first = [*modes(40, 60), *silent]
    both = [reading("2026-07", first), reading("2026-08", [*modes(40, 60), *later])]

    assert wavering(plan, table, both, FIX, REST).yes == upper(0, 40, ALPHA / 4)


def test_what_is_counted_is_not_judged() -> None:
    """Code that was written is counted; work modes are a rater's word, in axis or condition."""
    wrote = asking(
        small_plan('[[table]]\nname = "wrote"\nshare_of = "wrote_code"\nby = ["month"]\n')
    )
    query = wrote.query(wrote.tables[0].queries[0])

    assert not is_judged(wrote, query)
    assert is_judged(PLAN, PLAN.query(PLAN.tables[0].queries[0]))


def test_the_stated_confidence_holds_in_a_simulation() -> None:
    """
    A rater that changes one answer in ten; 96 anchors, a quarter of them fix; 400 anchor sets.

    All four ends hold together in 95 % at least: fewer than `fewest` come by chance once in 10^9.
    The control: with ends at 25 % each it is about 56 % of them, eleven deviations below.
    """
    dice, held = Random(), {ALPHA: 0, 1.0: 0}
    for _ in range(400):
        first = modes(24, 72)
        later = [
            {"work_mode": "build" if one["work_mode"] == "fix" else "fix"}
            if dice.random() < 0.1
            else one
            for one in first
        ]
        yes = [one["work_mode"] == "fix" for one in first]
        changed = [one != other for one, other in zip(first, later, strict=True)]
        for alpha in held:
            ends = [
                upper(
                    sum(c for c, y in zip(changed, yes, strict=True) if y == side),
                    yes.count(side),
                    alpha / 4,
                )
                for side in (True, False)
            ]
            held[alpha] += min(ends) >= 0.1
    assert held[ALPHA] >= fewest(400, 1 - ALPHA, FALSE_ALARM)
    assert held[1.0] < fewest(400, 1 - ALPHA, FALSE_ALARM)
