"""One partition answers each rate as the rate by itself would."""

from collections.abc import Mapping
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregates.columns import Columns, Layout, Places, condition
from aggregates.kernel import view
from aggregates.partition import Answer, Partition, partition
from aggregates.population import MEANINGLESS, both
from privacy.derived import DERIVED, SIGNALS
from privacy.plan import Level
from tests.aggregates.rows import BOOK, bucket, record

ALL = {field.name: field.labels for field in BOOK.fields}
FIGURE = (
    ("", "verified_success"),
    ("", "judged_success"),
    ("", "at_least_partial"),
    ("", "troubled"),
    *(
        ("troubled", name)
        for name in (
            "verified_success", "judged_success", "at_least_partial", "judged_failure",
            "verified_failure", "abandoned",
        )
    ),
)  # fmt: skip
"""Rates of success by expertise: of all sessions, and among those that ran into trouble."""


def asked(among: str, name: str) -> Answer:
    """A derived measure, perhaps among the sessions that say yes to another."""
    derived, base = DERIVED[name], dict(DERIVED[name].base)
    if among:
        base = both(base, both(DERIVED[among].base, DERIVED[among].yes))
    return Answer(base, both(base, derived.yes))


def fulfils(labels: Mapping[str, str], condition: Mapping[str, tuple[str, ...]]) -> bool:
    """The condition itself, label by label."""
    return all(labels[column] in members for column, members in condition.items())


def first(labels: Mapping[str, str], levels: tuple[Level, ...]) -> str:
    """The first level whose condition a record fulfils; empty for none."""
    return next((level.name for level in levels if fulfils(labels, level.when)), "")


records = st.fixed_dictionaries({name: st.sampled_from(labels) for name, labels in ALL.items()})
names_of_rates = st.tuples(st.sampled_from(["", *DERIVED]), st.sampled_from([*DERIVED]))
rates = st.lists(names_of_rates, min_size=1, max_size=8, unique=True)
few_rates = st.lists(names_of_rates, min_size=1, max_size=3, unique=True)


def parted(names: list[tuple[str, str]]) -> tuple[Partition, dict[str, Answer]]:
    """The partition of some rates, and what they ask."""
    answers = {f"{name} among {among}": asked(among, name) for among, name in names}
    return partition("states", answers, ALL), answers


@given(rates, st.lists(records, min_size=1, max_size=30))
def test_the_state_of_a_record_says_what_each_measure_says(
    names: list[tuple[str, str]], told: list[dict[str, str]]
) -> None:
    """Yes, no or not in the base: read off the state, as off the labels."""
    made, answers = parted(names)

    for labels in told:
        state = first(labels, made.axis.levels)
        for rate, answer in answers.items():
            assert (state in made.yes[rate]) == fulfils(labels, answer.yes)
            counted = state in (*made.yes[rate], *made.no[rate])
            assert counted == fulfils(labels, answer.base)


@given(few_rates)
def test_every_level_can_be_reached_and_differs_from_the_others(
    names: list[tuple[str, str]],
) -> None:
    """No cell is paid for that stays empty whatever the data, and none that another could hold."""
    made, _ = parted(names)
    levels = [level.name for level in made.axis.levels]
    said = {
        name: tuple((name in made.yes[rate], name in made.no[rate]) for rate in made.yes)
        for name in levels
    }

    assert len(set(levels)) == len(levels) == len(set(said.values()))
    assert all(not MEANINGLESS & set(name) for name in levels)
    assert all((True, False) in told or (False, True) in told for told in said.values())
    for place, level in enumerate(made.axis.levels):
        assert any(
            first(labels, made.axis.levels[: place + 1]) == level.name
            for labels in corners(level, made)
        )


def corners(level: Level, made: Partition) -> list[dict[str, str]]:
    """Records that fulfil a level, one for each combination of labels in the columns named."""
    columns = dict.fromkeys(column for one in made.axis.levels for column in one.when)
    told = [{name: labels[0] for name, labels in ALL.items()}]
    for column in columns:
        told = [
            {**labels, column: label}
            for labels in told
            for label in level.when.get(column, ALL[column])
        ]
    return told


def test_what_the_population_leaves_out_is_no_level() -> None:
    """The control: of a population that succeeded throughout, no state is a failure."""
    answers = {name: asked("", name) for name in ("judged_success", "judged_failure")}
    everybody = partition("states", answers, ALL)
    happy = partition("states", answers, {**ALL, "outcome": ("succeeded",)})

    # Succeeded; failed; partial: said no to both.
    assert len(everybody.axis.levels) == 3
    assert [level.name for level in happy.axis.levels] == ["any"]
    assert (happy.yes["judged_success"], happy.yes["judged_failure"]) == (("any",), ())


def test_ten_rates_of_success_take_eleven_states() -> None:
    """By hand, and as the kernel places records of every combination of labels."""
    names = ("outcome", "success_signal", "failure_signal", "wrote_code")
    judged = {"outcome": ALL["outcome"][:3], **dict.fromkeys(names[1:3], SIGNALS)}
    answers = {f"{name} among {among}": asked(among, name) for among, name in FIGURE}
    made = partition("states", answers, {**ALL, **judged})
    told = [
        dict(zip(names, labels, strict=True))
        for labels in product(*({**ALL, **judged}[name] for name in names))
    ]
    columns = Columns(view(bucket(record(n, labels) for n, labels in enumerate(told)), BOOK))
    layout = Layout(BOOK)
    places = Places(made.axis, layout).of(columns)

    # In trouble: success with hard evidence or without, partial, failure with hard evidence or
    # without, each with code or without: 2 + 1 + 4.  Else: two successes, partial, failure.
    assert len(made.axis.levels) == 7 + 4
    states = [level.name for level in made.axis.levels]
    for rate, answer in answers.items():
        says_yes = np.isin(places, [states.index(name) for name in made.yes[rate]])
        assert says_yes.tolist() == (condition(answer.yes, layout).of(columns) == 0).tolist()
    # The control: where a signal can be unclear, whether it is known makes states of its own.
    assert len(partition("states", answers, ALL).axis.levels) > 2 * len(states)
