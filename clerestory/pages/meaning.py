"""
Say what the labels on a page mean: the codebook's definitions, and what a study merged.

Definitions are those of this installation's codebook, so they are shown only if its hash is
the plan's; otherwise the page names the labels and leaves their meaning to the codebook.json
of the bundle.
"""

from collections.abc import Sequence
from dataclasses import replace

from privacy.codebook import Codebook, codebook
from privacy.derived import DERIVED, GROUPINGS
from privacy.plan import Axis, Level, Plan
from privacy.second import repeats

from .markup import Child, tag
from .wording import label_of, listed, name_of, number

_SPELT = 9
"""So many labels of a merged level are spelt out; of more, the first and the last."""


def meanings(plan: Plan) -> list[Child]:
    """Every axis of a plan that needs explaining, each once, as headings and lists."""
    book = codebook() if codebook().hash == plan.codebook else None
    told: dict[tuple[str, tuple[str, ...]], Child] = {}
    for query in plan.queries:
        for axis in map(_first, query.axes):
            place = (axis.name, tuple(level.name for level in axis.levels))
            if place not in told:
                told[place] = _axis(axis, book)
    return [part for part in told.values() if part]


def _first(axis: Axis) -> Axis:
    """The axis as the first reading has it: whoever gives a label, it means the same."""
    levels = (
        Level(level.name, {repeats(c): labels for c, labels in level.when.items()})
        for level in axis.levels
    )
    return replace(axis, name=repeats(axis.name), levels=(*levels,))


def _axis(axis: Axis, book: Codebook | None) -> Child:
    derived, grouping = DERIVED.get(axis.name), GROUPINGS.get(axis.name)
    about = derived.title if derived else grouping.title if grouping else ""
    entries = [
        (label_of(level.name, axis.name), text)
        for level in axis.levels
        if (text := _level(axis.name, level, book))
    ]
    if not entries or len(axis.levels) == 1:
        return None
    merged = any(level.when != {axis.name: (level.name,)} for level in axis.levels)
    kind = ", merged" if merged and book and axis.name in {f.name for f in book.fields} else ""
    return (
        tag("h3", name_of(axis.name), kind, f": {about}" if about else None),
        tag("dl", [(tag("dt", term), tag("dd", text)) for term, text in entries], class_="told"),
    )


def _level(axis: str, level: Level, book: Codebook | None) -> str:
    if level.when == {axis: (level.name,)}:
        instrument = next((i for i in book.instruments if i.name == axis), None) if book else None
        return instrument.definitions[instrument.labels.index(level.name)] if instrument else ""
    return listed([f"{name_of(c)}: {_either(labels, c)}" for c, labels in level.when.items()])


def _either(labels: Sequence[str], column: str) -> str:
    words = [label_of(label, column) for label in labels]
    if len(words) > _SPELT:
        return f"one of {number(len(words))} labels, from {words[0]} to {words[-1]}"
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
