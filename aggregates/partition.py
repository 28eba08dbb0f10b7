"""
One partition of sessions that serves many rates.

Verified success, judged success and trouble are told from the same few labels.  Measured apart,
each rate pays for cells of its own; measured as one *state partition*, every session lies in one
state, and each rate sums the states that say yes and those that say no.

Let C₁ … C_n be conditions: what puts a session into the base of each rate, and what makes it say
yes.  The signature of a record is the set of conditions that it fulfils; the states are the
signatures that some record can have and that put it into a base at all.  The condition of a state
S is that all of S hold.  Its level comes before that of each state that has fewer conditions.

**Each record lies in the state of its own signature.**  A record of signature R fulfils the
condition of S just if S ⊆ R.  Of the levels that it fulfils, R itself has the most conditions, so
all others come later, and the first that is fulfilled is R.  (States are ordered by size, a linear
extension of inclusion.)  A record that lies in no base fulfils no level, for a state S ⊆ R would
hold a base.

**Each rate is exact.**  A record answers yes to a rate just if its signature holds that condition,
so the states that hold it are the yes of the rate, all of it and nothing else; in the same way
those that hold the base without the yes are its no.

Labels that no condition tells apart make the same signature, so signatures are found on one label
of each kind, whatever the codebook's size.  No two states could be joined: each differs from the
others in the answer to some rate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from privacy.plan import Axis, Level

from .population import Condition, both

Labels = Mapping[str, tuple[str, ...]]
"""Column → the labels that records can hold there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rate asks: which sessions are its base, and which of them say yes."""

    base: Condition
    yes: Condition
    """Holds in part of the base only: it names the base's columns too."""


@dataclass(frozen=True, slots=True)
class Partition:
    """States, and what each of them says to each rate."""

    axis: Axis
    yes: Mapping[str, tuple[str, ...]]
    """Rate → levels that say yes."""
    no: Mapping[str, tuple[str, ...]]
    """Rate → the other levels of its base; those of neither are not in it."""


def partition(name: str, answers: Mapping[str, Answer], possible: Labels) -> Partition:
    """
    Part sessions into as few states as their rates need.

    Args:
        name: Name of the axis.
        answers: Rate → what it asks.
        possible: Column → labels that a record of the query can hold: the codebook's, or what the
            study's population and the table leave of them.  States that need others are no levels.

    Returns:
        The axis, and of each rate the levels that say yes and those that say no.
    """
    asked = {
        rate: (_within(answer.base, possible), _within(answer.yes, possible))
        for rate, answer in answers.items()
    }
    conditions: list[Condition] = []
    for condition in (one for pair in asked.values() for one in pair):
        conditions += [] if condition in conditions else [condition]
    bases = {conditions.index(base) for base, _ in asked.values()}
    signatures = dict.fromkeys(_signatures(conditions, possible))
    states = [signature for signature in signatures if signature & bases]
    states.sort(key=len, reverse=True)
    levels = {state: _level(state, conditions) for state in states}
    yes, no = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    for rate, pair in asked.items():
        base, said = map(conditions.index, pair)
        yes[rate] = tuple(levels[state].name for state in states if said in state)
        no[rate] = tuple(
            levels[state].name for state in states if base in state and said not in state
        )
    return Partition(Axis(name, tuple(levels.values())), yes, no)


def _within(condition: Condition, possible: Labels) -> Condition:
    """
    A condition as it reads where only some labels are possible.

    Labels that nothing can hold are dropped, and columns whose every label will do: so two
    conditions that hold of the same records are equal.
    """
    kept = {
        column: tuple(label for label in possible[column] if label in labels)
        for column, labels in condition.items()
    }
    return {column: labels for column, labels in kept.items() if labels != possible[column]}


def _signatures(conditions: Sequence[Condition], possible: Labels) -> Iterator[frozenset[int]]:
    """Which conditions hold together, for each combination of labels that differ to any of them."""
    columns = dict.fromkeys(column for condition in conditions for column in condition)
    kinds = []
    for column in columns:
        # What a label does to each condition: conditions that it breaks.
        broken = {
            frozenset(
                number
                for number, condition in enumerate(conditions)
                if label not in condition.get(column, (label,))
            ): None
            for label in possible[column]
        }
        kinds.append([*broken])
    everything = frozenset(range(len(conditions)))
    for broken_by in product(*kinds):
        yield everything.difference(*broken_by)


def _level(state: frozenset[int], conditions: Sequence[Condition]) -> Level:
    """The level of a state: all of its conditions, and a name that says them."""
    when: dict[str, tuple[str, ...]] = {}
    for number in sorted(state):
        when = both(when, conditions[number])
    said = (f"{column} {'/'.join(labels)}" for column, labels in sorted(when.items()))
    return Level(", ".join(said) or "any", when)
