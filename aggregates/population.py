"""
What the names of a study mean: conditions on records, and axes made of them.

A condition maps columns to the labels that fulfil it.  An axis is an ordered list of levels,
each a condition; every label of its column lies in just one level or is left out on purpose.
That check is what keeps a misspelt or forgotten label from vanishing out of a base unseen.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from privacy.codebook import MONTHS, Codebook, Measure
from privacy.derived import DERIVED, GROUPINGS
from privacy.errors import ConfigurationError
from privacy.plan import Axis, Level

Condition = Mapping[str, tuple[str, ...]]
Given = str | bool | Sequence[str]
"""A label, several, or true and false for yes and no: what a study may write in `where`."""
Refuse = Callable[[str, str], ConfigurationError]
"""Makes an error from what was found and what to do; the study knows file and line."""
MEANINGLESS = frozenset(";=")
"""Characters that part the keys of a row, so that no level may hold them."""


def months_between(first: str, last: str) -> tuple[str, ...]:
    """All months of a span, in order; empty where the codebook does not know both ends."""
    if first not in MONTHS or last not in MONTHS:
        return ()
    return MONTHS[MONTHS.index(first) : MONTHS.index(last) + 1]


def both(one: Condition, other: Condition) -> dict[str, tuple[str, ...]]:
    """The condition that holds where both hold."""
    joined = {column: tuple(labels) for column, labels in one.items()}
    for column, labels in other.items():
        kept = joined.get(column, labels)
        joined[column] = tuple(label for label in kept if label in labels)
    return joined


def conditions(
    where: Mapping[str, Given], codebook: Codebook, refuse: Refuse
) -> dict[str, tuple[str, ...]]:
    """
    Turn a study's `where` into a condition.

    Args:
        where: A field or a grouping with its label or labels, or a derived measure with `true`.
        codebook: The closed vocabulary.
        refuse: Makes the error to raise.

    Raises:
        ConfigurationError: A name or a label is not in the codebook, or nothing can fulfil it.
    """
    condition: dict[str, tuple[str, ...]] = {}
    fields = {field.name: field.labels for field in codebook.fields}
    for name, given in where.items():
        if name in DERIVED and name not in fields:
            if given is not True:
                found = f"a condition on the derived measure {name!r} other than true."
                raise refuse(found, f"write {name} = true, or state the labels of its columns.")
            derived = DERIVED[name]
            condition = both(condition, both(derived.base, derived.yes))
            continue
        wanted = _wanted(given)
        levels = _known(name, codebook, (), refuse)
        _all_known(name, wanted, levels, refuse)
        column = GROUPINGS[name].of if name in GROUPINGS else name
        labels = tuple(label for level in wanted for label in levels[level])
        condition = both(condition, {column: labels})
    if any(not labels for labels in condition.values()):
        raise refuse("a condition that no session can fulfil.", "state the labels that count.")
    return condition


def in_words(where: Condition) -> str:
    """Which sessions count: `interactive is yes, staff is no`; empty where all do."""
    return ", ".join(f"{column} is {' or '.join(labels)}" for column, labels in where.items())


def left_out(where: Condition, codebook: Codebook) -> str:
    """Which do not: `interactive: no, staff: yes`; empty where none is left out."""
    fields = {field.name: field.labels for field in codebook.fields}
    others = {
        column: [label for label in fields[column] if label not in labels]
        for column, labels in where.items()
    }
    return ", ".join(f"{column}: {' or '.join(labels)}" for column, labels in others.items())


def axis(
    name: str,
    codebook: Codebook,
    *,
    months: tuple[str, ...],
    merge: Mapping[str, Sequence[str]],
    leave_out: Sequence[str],
    refuse: Refuse,
) -> Axis:
    """
    Make an axis from a field or a grouping.

    Args:
        name: The field or grouping.
        codebook: The closed vocabulary.
        months: The study's months, which are the levels of `month`.
        merge: New level → the labels that it joins; empty keeps each label by itself.
        leave_out: Labels whose sessions the table does not count.
        refuse: Makes the error to raise.

    Raises:
        ConfigurationError: An unknown name or label, a label in two levels or in none.
    """
    levels = _known(name, codebook, months, refuse)
    column = GROUPINGS[name].of if name in GROUPINGS else name
    _all_known(name, leave_out, levels, refuse)
    for group, members in merge.items():
        _all_known(name, members, levels, refuse)
        if not members:
            raise refuse(f"the group {group!r} of {name}, which is empty.", "name its labels.")
    placed = [*leave_out, *(label for members in merge.values() for label in members)]
    twice = sorted({label for label in placed if placed.count(label) > 1})
    if twice:
        raise refuse(f"{name}: {', '.join(twice)} more than once.", "put each label in one group.")
    kept = [label for label in levels if label not in leave_out]
    if merge and (missing := [label for label in kept if label not in placed]):
        found = f"{name}: {', '.join(missing)} neither merged nor left out."
        raise refuse(found, "put each label into a group of merge or into leave_out.")
    groups = merge or {label: (label,) for label in kept}
    if not groups:
        raise refuse(f"{name} with every label left out.", "keep at least one.")
    return Axis(
        name,
        tuple(
            Level(group, {column: tuple(label for member in members for label in levels[member])})
            for group, members in groups.items()
        ),
    )


def rate_axis(name: str, refuse: Refuse, among: str | None = None) -> Axis:
    """
    Make the axis of a rate: `yes`, then `no` for what is left of its base.

    Args:
        name: The derived measure.
        refuse: Makes the error to raise; `among` refuses for itself.
        among: Another one: only sessions that say yes to it are counted.

    Raises:
        ConfigurationError: There is no derived measure of that name, or nothing is left to count.
    """
    for wanted in (name, among or name):
        if wanted not in DERIVED:
            found = f"the unknown derived measure {wanted!r}."
            raise refuse(found, f"choose one of {', '.join(sorted(DERIVED))}.")
    derived = DERIVED[name]
    base = dict(derived.base)
    if among:
        base = both(base, both(DERIVED[among].base, DERIVED[among].yes))
    yes = both(base, derived.yes)
    if among and not (all(base.values()) and all(yes.values())):
        raise refuse(f"{name} among {among}, which no session can be.", "leave among out.")
    return Axis(f"{name} among {among}" if among else name, (Level("yes", yes), Level("no", base)))


def bins(measure: Measure, low: int, high: int, width: int) -> Axis:
    """
    Part a measure's public range into bins of equal ratio.

    Args:
        measure: What is binned.
        low: Stored value at the low end; what lies below it is in the first bin.
        high: Stored value at the high end; what lies above it is in the last bin.
        width: Widest bin, in stored units.
    """
    count = max(2, -(-(high - low) // width))
    ends = [low + (high - low) * n // count for n in range(count + 1)]
    names = [f"{measure.decode(a):.4g} to {measure.decode(b):.4g}" for a, b in pairwise(ends)]
    levels = tuple(Level(name, {}) for name in names)
    return Axis(measure.name, levels, measure.name, tuple(ends))


def parts(measure: Measure, points: Sequence[float], refuse: Refuse) -> Axis:
    """
    Part a measure at stated values: up to the first, above it up to the second, and so on.

    Args:
        measure: What is parted.
        points: Where, in the measure's unit.
        refuse: Makes the error to raise.

    Raises:
        ConfigurationError: The values do not rise between the measure's floor and ceiling.
    """
    edges = (0, *(measure.encode(point) + 1 for point in points), measure.top + 1)
    within = all(measure.floor <= point < measure.ceiling for point in points)
    if not within or any(low >= high for low, high in pairwise(edges)):
        found = f"{measure.name} parted at {', '.join(f'{point:g}' for point in points)}."
        remedy = f"let them rise between {measure.floor:g} and {measure.ceiling:g}."
        raise refuse(found, remedy)
    named = [f"{point:g}" for point in points]
    middles = [f"above {low}, up to {high}" for low, high in pairwise(named)]
    names = [f"up to {named[0]}", *middles, f"above {named[-1]}"]
    return Axis(measure.name, tuple(Level(name, {}) for name in names), measure.name, edges)


def whole(axes: Sequence[Axis]) -> Axis:
    """One level that holds whatever lies in some cell of axes of one column each."""
    condition: dict[str, tuple[str, ...]] = {}
    for one in axes:
        labels: dict[str, tuple[str, ...]] = {}
        for level in one.levels:
            for column, members in level.when.items():
                labels[column] = (*labels.get(column, ()), *members)
        condition = both(condition, labels)
    return Axis("all", (Level("all", condition),))


def _known(
    name: str, codebook: Codebook, months: tuple[str, ...], refuse: Refuse
) -> dict[str, tuple[str, ...]]:
    if name in GROUPINGS:
        return {level: tuple(labels) for level, labels in GROUPINGS[name].groups.items()}
    fields = {field.name: field.labels for field in codebook.fields}
    if name not in fields:
        choices = ", ".join((*fields, *GROUPINGS))
        raise refuse(f"the unknown field {name!r}.", f"choose one of {choices}.")
    labels = months if name == "month" and months else fields[name]
    return {label: (label,) for label in labels}


def _wanted(given: Given) -> tuple[str, ...]:
    if isinstance(given, bool):
        return ("yes" if given else "no",)
    return (given,) if isinstance(given, str) else tuple(given)


def _all_known(
    name: str, wanted: Sequence[str], levels: Mapping[str, object], refuse: Refuse
) -> None:
    unknown = [label for label in wanted if label not in levels]
    if unknown:
        found = f"{name} has no label {', '.join(repr(label) for label in unknown)}."
        raise refuse(found, f"choose among {', '.join(levels)}.")
