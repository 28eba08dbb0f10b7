"""Agreement: known numbers, and what abstentions do."""

from dataclasses import replace
from random import Random

import pytest

from classifiers.agreement import agreement, interval, places
from privacy.codebook import codebook

BOOK = {instrument.name: instrument for instrument in codebook().instruments}


def test_kappa_of_nominal_labels() -> None:
    """Cohen's own formula on a table small enough to do by hand."""
    pairs = [("fix", "fix")] * 4 + [("fix", "build")] * 1 + [("build", "build")] * 5
    found = agreement(BOOK["work_mode"], pairs)
    assert found is not None
    # Observed agreement 9/10; expected (5·4 + 5·6)/100 = 1/2; κ = (.9 - .5)/(1 - .5) = .8.
    assert found.kappa == pytest.approx(0.8)
    assert (found.exact, found.adjacent, found.n) == (0.9, 0.9, 10)


def test_kappa_of_ordered_labels_weighs_by_distance() -> None:
    """One place off costs a quarter of two places off."""
    near = agreement(BOOK["success_signal"], [("1", "1"), ("3", "3"), ("3", "4"), ("5", "5")])
    far = agreement(BOOK["success_signal"], [("1", "1"), ("3", "3"), ("3", "5"), ("5", "5")])
    assert near is not None
    assert far is not None
    # near: Σ observed 1/4.  Expected: places 1,3,3,5 against 1,3,4,5: squares
    # (0+4+9+16) + 2·(4+0+1+4) + (16+4+1+0) = 29 + 18 + 21 = 68, over 16.  κ = 1 - 4/68.
    assert near.kappa == pytest.approx(1 - 4 / 68)
    assert near.kappa is not None
    assert far.kappa is not None
    assert far.kappa < near.kappa
    assert (near.exact, near.adjacent, far.adjacent) == (0.75, 1.0, 0.75)


def test_abstentions_are_left_out_of_ordered_instruments_only() -> None:
    """Unclear is no place on a scale; among names it is a name."""
    pairs = [("unclear", "expert"), ("expert", "expert"), ("novice", "novice")]
    found = agreement(BOOK["expertise"], pairs)
    assert found is not None
    assert (found.n, found.left_out, found.kappa) == (2, 1, 1.0)

    named = agreement(BOOK["occupation"], [("unclear", "15"), ("15", "15")])
    assert named is not None
    assert (named.n, named.left_out, named.exact) == (2, 0, 0.5)


def test_the_none_of_a_share_is_no_zero_and_that_of_a_signal_is() -> None:
    """No decision to share out is not 0 %; no evidence is the least evidence."""
    assert "none" not in places(BOOK["planning_by_user"])
    assert places(BOOK["failure_signal"])["none"] == 0
    assert places(replace(BOOK["expertise"]))["expert"] == 4


def test_nothing_to_agree_on_has_no_kappa() -> None:
    """One label throughout: observed and expected disagreement are both nothing."""
    found = agreement(BOOK["outcome"], [("succeeded", "succeeded")] * 3)
    assert found is not None
    assert found.kappa is None
    assert agreement(BOOK["outcome"], []) is None


def test_who_abstains_is_counted_and_judged_by_what_was_answered() -> None:
    """Among names an abstention disagrees; coverage and κ of the answers say what it hides."""
    pairs = [("fix", "fix")] * 4 + [("build", "build")] * 4 + [("build", "unclear")] * 2
    found = agreement(BOOK["work_mode"], pairs)
    assert found is not None
    assert (found.coverage, found.kappa_answered) == (0.8, 1.0)
    # Observed disagreement 2/10; expected 1 - (4·4 + 6·4)/100 = .6; κ = 1 - .2/.6.
    assert found.kappa == pytest.approx(2 / 3)


def test_an_interval_is_wider_where_sessions_come_in_few_groups() -> None:
    """Forty sessions of forty people say more than forty of four that are each of one mind."""
    pairs = [("fix", "fix"), ("build", "build")] * 5 + [("fix", "build"), ("build", "build")] * 5
    pairs += [("fix", "fix"), ("build", "fix")] * 5 + [("fix", "fix"), ("build", "build")] * 5
    alone = interval(BOOK["work_mode"], {str(i): [pair] for i, pair in enumerate(pairs)})
    lumped = interval(BOOK["work_mode"], {str(i): pairs[i::4] for i in range(4)})
    blocks = interval(BOOK["work_mode"], {str(i): pairs[10 * i : 10 * i + 10] for i in range(4)})
    assert alone is not None
    assert lumped is not None
    assert blocks is not None
    assert alone[0] < 0.5 < alone[1]  # κ of all: 1 - .25/.5
    assert blocks[1] - blocks[0] > 1.15 * (alone[1] - alone[0])
    assert interval(BOOK["work_mode"], {"one": pairs}) == interval(
        BOOK["work_mode"], {"one": pairs}
    )


def test_an_interval_holds_what_it_is_of() -> None:
    """
    Samples of 25 groups of four sessions from a law whose κ is known.

    Right labels are even; a rater has right what a coin of its group's says, .6 or .9 of the time:
    .75 on average, κ = 2·.75 - 1 = .5.  An interval that held it 95 % of the time would miss
    13 or more of 80 once in 10⁴ runs; half of its width misses more than that nearly always.
    """
    chance, missed, halved = Random(), 0, 0
    for _ in range(80):
        groups = {}
        for group in range(25):
            skill = chance.choice((0.6, 0.9))
            right = [chance.choice(("fix", "build")) for _ in range(4)]
            found = [
                one if chance.random() < skill else {"fix": "build", "build": "fix"}[one]
                for one in right
            ]
            groups[str(group)] = list(zip(right, found, strict=True))
        ends = interval(BOOK["work_mode"], groups, draws=200)
        assert ends is not None
        middle, half = sum(ends) / 2, (ends[1] - ends[0]) / 4
        missed += not ends[0] <= 0.5 <= ends[1]
        halved += not middle - half <= 0.5 <= middle + half
    assert missed < 13 <= halved


def test_there_is_no_interval_of_nothing() -> None:
    """No pair on the scale, or one label throughout: κ has no value to be unsure of."""
    assert interval(BOOK["expertise"], {"a": [("unclear", "expert")]}) is None
    assert interval(BOOK["outcome"], {"a": [("succeeded", "succeeded")] * 5}) is None
    assert interval(BOOK["outcome"], {}) is None
