"""What would overturn a difference: formulas, pairs, and that they follow from the tables."""

import csv
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.bundle import write_rows
from aggregates.estimates.intervals import Z95
from aggregates.release import release
from privacy.comparisons import COLUMNS, compare, comparisons, gaps, is_ordered, reaches
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import RATE, SHARE, SIZES, small_plan
from tests.support.confusions import GOOD, of_modes, plan_of, told

part = st.floats(min_value=0.001, max_value=0.999)
RATES = """
[[table]]
name = "verified"
rate_of = "verified_success"
by = ["expertise", "surface"]
leave_out = { surface = ["web", "ide", "other"] }
"""


def row(estimate: float, noise: float = 0.01, drawn: float = 0.02) -> dict[str, str]:
    """A printed row."""
    reach = 1.959964 * (noise**2 + drawn**2) ** 0.5
    numbers = {
        "estimate": estimate,
        "low": max(0.0, estimate - reach),
        "high": min(1.0, estimate + reach),
        "se_noise": noise,
        "se_sampling": drawn,
    }
    base = {"study": "s", "table": "t", "statistic": "rate", "keys": "", "se_classifier": ""}
    return {**base, **{name: repr(number) for name, number in numbers.items()}}


def compared(plan: Plan, cells: list[int] | None = None) -> list[dict[str, str]]:
    """The comparisons of a release; without cells, of some that rise from one to the next."""
    noisy = {
        query.name: [(cells[n] if cells else 200 + 40 * n) * SCALE for n in range(query.size)]
        for query in plan.queries
    }
    text = comparisons(plan, write_rows(release(plan, noisy))).decode()
    assert text.partition("\n")[0] == ",".join(COLUMNS)
    return list(csv.DictReader(StringIO(text)))


@given(part, part, part, part)
def test_a_gap_as_stated_makes_the_true_difference_vanish(
    one: float, other: float, se: float, sp: float
) -> None:
    """
    Two groups of the same truth are labelled apart by just d, if the rater errs apart as stated.

    First with the group whose labels are taken at their word, then with any other mistakes beside:
    q = p·Se + (1-p)·(1-Sp), and only the gap differs.
    """
    lower, higher = sorted((one, other))
    missed, invented = gaps(lower, higher, higher - lower)
    # The truth is the higher number in both groups; in one of them the rater misses more.
    assert higher * (1 - missed) == pytest.approx(lower)
    # The truth is the lower one in both; in one of them it invents more.
    assert lower + (1 - lower) * invented == pytest.approx(higher)
    assert 0 <= missed <= 1
    assert 0 <= invented <= 1
    # Whatever else the rater does wrong in both groups, such a gap makes the same difference.
    for p, fnr, fpr in ((higher, missed, 0.0), (lower, 0.0, invented)):
        more = p * se + (1 - p) * (1 - sp)
        less = p * (se - fnr) + (1 - p) * (1 - sp - fpr)
        assert more - less == pytest.approx(higher - lower)


@given(part, part, st.floats(0, 1), st.floats(0, 1))
def test_no_smaller_gap_can_do_it(p: float, d: float, missed: float, invented: float) -> None:
    """Whatever the truth is: p·ΔFNR + (1-p)·ΔFPR = d needs one of them to be d at least."""
    if max(missed, invented) < d:
        assert p * missed + (1 - p) * invented < d
    lower, higher = sorted((p, d))
    assert all(gap >= higher - lower for gap in gaps(lower, higher, higher - lower))


def test_an_interval_adds_what_both_numbers_lack() -> None:
    """.30 and .20, errors .01 and .02 each: ± 1.96·√(2·.0005) = .06198; the gaps by hand."""
    pair = compare(row(0.2), row(0.3))
    found = {name: float(pair[name]) for name in COLUMNS[5:]}

    assert found["difference"] == pytest.approx(0.1)
    assert (found["low"], found["high"]) == pytest.approx((0.03802, 0.16198), abs=1e-5)
    # d/p = .1/.3 and d/(1-p) = .1/.8; the end at .03802 instead of .1 for doubt.
    assert (found["missed"], found["invented"]) == pytest.approx((1 / 3, 0.125), abs=1e-6)
    assert found["doubt_missed"] == pytest.approx(0.03802 / 0.3, abs=1e-5)
    assert found["doubt_invented"] == pytest.approx(0.03802 / 0.8, abs=1e-5)
    back = compare(row(0.3), row(0.2))
    assert float(back["difference"]) == pytest.approx(-0.1)
    assert [back[name] for name in COLUMNS[8:]] == [pair[name] for name in COLUMNS[8:]]


def test_a_stretched_interval_gives_its_own_reach_back() -> None:
    """Sides of .06 and .05, twice in it, and ± .1 of the rater: √(.12² + .1²), √(.1² + .1²)."""
    wide = row(0.5) | {"se_classifier": repr(0.1 / Z95)}
    wide |= {"low": repr(0.5 - 0.0244**0.5), "high": repr(0.5 + 0.02**0.5)}

    assert reaches(wide, 2.0) == pytest.approx((0.06, 0.05))
    assert reaches(wide) == pytest.approx((0.12, 0.1))  # the control: as if nothing were stretched


def test_a_difference_that_may_be_none_is_in_doubt_at_once() -> None:
    """The interval holds zero: no gap is needed; equal numbers have no gap to vanish by."""
    near = compare(row(0.29), row(0.3))
    assert (near["doubt_missed"], near["doubt_invented"]) == ("0.0", "0.0")
    assert float(near["missed"]) > 0
    same = compare(row(0.0), row(0.0))
    assert (same["missed"], same["invented"]) == ("0.0", "0.0")


def test_an_uneven_interval_counts_where_it_is_wider() -> None:
    """A rate of zero has no sampling error by formula; its printed interval knows better."""
    none = row(0.0, noise=0.0, drawn=0.0) | {"high": "0.05"}
    found = compare(none, row(0.3))

    # down from .3 by 1.96·√.0005 = .04383, up from 0 by .05: √(.04383² + .05²) = .06649.
    assert float(found["low"]) == pytest.approx(0.3 - 0.06649, abs=1e-5)
    assert float(found["high"]) == pytest.approx(0.3 + 0.04383, abs=1e-5)


def test_errors_of_which_nothing_is_known_together_add_up() -> None:
    """Adjusted rates, and tables with a design effect: 2·1.96·√.0005 = .08765 on either side."""
    found = compare(row(0.2), row(0.3), apart=False)
    assert float(found["low"]) == pytest.approx(0.1 - 0.08765, abs=1e-5)
    assert float(found["high"]) == pytest.approx(0.1 + 0.08765, abs=1e-5)

    plain = small_plan(RATE)
    own = small_plan(RATE + "contribution = 5\ndesign_effect = true\n")
    assert [len(plan.tables[0].queries) for plan in (plain, own)] == [1, 2]
    # The same rows, read with either plan: with the design effect no difference is better known.
    noisy = {query.name: [300 * SCALE] * query.size for query in plain.queries}
    tables = write_rows(release(plain, noisy))
    widths = [
        [float(pair["high"]) - float(pair["low"]) for pair in csv.DictReader(StringIO(text))]
        for text in (comparisons(plan, tables).decode() for plan in (plain, own))
    ]
    assert len(widths[0]) == 5
    assert widths[1] == pytest.approx([2**0.5 * width for width in widths[0]], rel=1e-3)


def test_the_raters_error_is_not_in_the_interval_of_a_difference(tmp_path: Path) -> None:
    """Mistakes that are alike cancel: the interval is as wide as without any validation."""
    plan = plan_of(tmp_path, told(GOOD), of_modes())
    validated = [pair for pair in compared(plan) if pair["table"] == "verified"]
    noisy = {q.name: [(200 + 40 * n) * SCALE for n in range(q.size)] for q in plan.queries}
    plain = [
        {**printed, "se_classifier": None, "low": printed["estimate"], "high": printed["estimate"]}
        for printed in release(plan, noisy)
    ]
    due = list(csv.DictReader(StringIO(comparisons(plan, write_rows(plain)).decode())))

    assert len(validated) == 5
    for pair, other in zip(validated, due, strict=True):
        assert pair["difference"] == other["difference"]
        width, least = (float(one["high"]) - float(one["low"]) for one in (pair, other))
        assert least <= width * (1 + 1e-5) <= least * 1.01


def test_ordered_levels_meet_their_neighbours_and_the_ends() -> None:
    """Five levels of expertise: four steps and one whole way, in each surface; unclear is off."""
    found = compared(small_plan(RATES))
    both = [(pair["first"].split("; "), pair["second"].split("; ")) for pair in found]
    steps = [(a[0], b[0]) for a, b in both if a[1] == b[1] == "surface=cli"]

    scale = ["novice", "beginner", "intermediate", "advanced", "expert"]
    due = [*pairwise(scale), ("novice", "expert")]
    assert steps == [(f"expertise={a}", f"expertise={b}") for a, b in due]
    # The other axis is not ordered: each level against the first, with the same expertise.
    across = [(a, b) for a, b in both if a[0] == b[0]]
    assert len(across) == 6
    assert {(a[1], b[1]) for a, b in across} == {("surface=cli", "surface=desktop")}
    assert len(found) == 2 * 5 + 6


def test_only_printed_groups_are_compared() -> None:
    """A withheld cell is in no pair; nor has a table without groups any, nor a mean."""
    few = compared(small_plan(RATE), [200, 300, 1, 1, *[200] * 8])

    assert len(few) == 3  # of five: beginner is missing in two steps
    assert not [pair for pair in few if "beginner" in pair["first"] + pair["second"]]
    assert compared(small_plan(SHARE, SIZES)) == []


def test_which_columns_are_ordered() -> None:
    """Ordinal instruments, shares in per cent, months; a name alone has no order."""
    assert all(map(is_ordered, ("expertise", "planning_by_user", "month", "task_value")))
    assert not any(map(is_ordered, ("work_mode", "surface", "occupation", "nothing")))
