"""Agreement: known numbers, and what abstentions do."""

from dataclasses import replace

import pytest

from classifiers.agreement import agreement, places
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
