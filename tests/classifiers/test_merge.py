"""Several labels become one by the rule that each instrument states."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.merge import Part, merge
from privacy.codebook import UNCLEAR, codebook

BOOK = codebook()
NAMES = [one.name for one in BOOK.instruments]


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    """Labels of some parts, any of the codebook's, of any length."""
    labels = st.fixed_dictionaries({i.name: st.sampled_from(i.labels) for i in BOOK.instruments})
    return draw(st.lists(st.tuples(labels, st.integers(1, 100_000)), min_size=1, max_size=8))


def merged(name: str, said: Sequence[tuple[str, int]]) -> str:
    """One instrument's label, from its labels in parts; the others say nothing."""
    rest = dict.fromkeys(NAMES, UNCLEAR)
    return merge([({**rest, name: label}, size) for label, size in said], BOOK)[name]


@given(parts())
def test_one_part_is_its_own_result(found: list[Part]) -> None:
    """Whoever reads a session at once must not be changed by rules about parts."""
    assert merge(found[:1], BOOK) == found[0][0]


@given(parts())
def test_a_result_was_said_or_lies_between(found: list[Part]) -> None:
    """No rule makes a label of its own; a mean lies between what was said."""
    for one in BOOK.instruments:
        said = {labels[one.name] for labels, _ in found}
        label = merge(found, BOOK)[one.name]
        if one.merge == "mean" and label.isdecimal():
            numbers = [int(each) for each in said if each.isdecimal()]
            assert min(numbers) <= int(label) <= max(numbers)
        else:
            assert label in said


@given(parts(), st.integers(0, 8))
def test_a_part_that_does_not_tell_changes_nothing(found: list[Part], place: int) -> None:
    """Silence is no evidence, wherever it stands and however long it is."""
    silent = (dict.fromkeys(NAMES, UNCLEAR), 10**6)
    assert merge([*found[:place], silent, *found[place:]], BOOK) == merge(found, BOOK)


@given(parts(), st.integers(2, 5))
def test_only_proportions_of_lengths_count(found: list[Part], times: int) -> None:
    """Characters or bytes, it is the same."""
    assert merge([(one, size * times) for one, size in found], BOOK) == merge(found, BOOK)


@given(parts(), st.randoms())
def test_order_counts_where_a_rule_is_about_the_end(found: list[Part], random: Random) -> None:
    """Nowhere else: parts in another order have the same label, but where lengths tie."""
    # Lengths whose sums differ, whichever are summed: no two labels have equally much text.
    distinct = [(labels, 2**n) for n, (labels, _) in enumerate(found)]
    mixed = random.sample(distinct, len(distinct))
    before, after = merge(distinct, BOOK), merge(mixed, BOOK)
    for one in BOOK.instruments:
        if one.merge != "last":
            assert after[one.name] == before[one.name]
            continue
        told = [labels[one.name] for labels, _ in mixed if labels[one.name] != UNCLEAR]
        strong = [label for label in told if label not in one.passed_over]
        assert after[one.name] == [UNCLEAR, *told, *strong][-1]


SAID = {
    # Of 300 characters build has 180, though fix is the longest part.
    "work_mode": ([("build", 90), ("fix", 120), ("build", 90)], "build"),
    "codebase": ([("explore", 5), ("modify", 900), ("create", 1)], "create"),
    # (0·100 + 50·300)/400 = 37.5: nearer to 40.
    "planning_by_user": ([("0", 100), ("50", 300), ("none", 900)], "40"),
    # (10 + 20)/2 = 15 lies in the middle: upwards.
    "execution_by_user": ([("10", 7), ("20", 7)], "20"),
    # Half of 250 characters is 125: beginner and novice have 150.
    "expertise": ([("expert", 100), ("novice", 50), ("beginner", 100)], "beginner"),
    # A chat behind the work takes nothing away from it.
    "outcome": ([("failed", 10), ("succeeded", 10), ("no_goal", 10)], "succeeded"),
    "success_signal": ([("4", 1), ("none", 99)], "4"),
    "failure_signal": ([("4", 99), ("1", 1)], "1"),
    "task_value": ([("gt5000", 1), ("lt25", 500)], "gt5000"),
}


@pytest.mark.parametrize("name", SAID)
def test_each_rule(name: str) -> None:
    """What the instruments state, on labels whose result was reckoned by hand."""
    said, expected = SAID[name]
    assert merged(name, said) == expected


def test_what_is_passed_over_counts_where_nothing_else_is_said() -> None:
    """A session without a goal in any part has none."""
    assert merged("outcome", [("no_goal", 1), ("unclear", 5), ("no_goal", 2)]) == "no_goal"
    assert merged("planning_by_user", [("none", 1), ("none", 5)]) == "none"


def test_every_rule_is_somebodys() -> None:
    """A rule that no instrument states is none that anybody tried."""
    rules = {one.merge for one in BOOK.instruments}
    assert rules == {"most_text", "last", "highest", "foremost", "median", "mean"}
    ordered = replace(BOOK, instruments=BOOK.instruments)
    for one in ordered.instruments:
        if one.merge in ("highest", "median"):
            numbers = [int(label) for label in one.labels if label.isdecimal()]
            assert one.kind == "ordinal"
            assert all(low < high for low, high in pairwise(numbers))
