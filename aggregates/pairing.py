"""
What a table of agreement compares: two fields, label by label, and whether labels have an order.

Labels are matched by their names, after merging, so both fields must come out with the same ones.
Labels are ordered where both fields are instruments with an order; an abstention (`unclear`, and
`none` of a share) is no place on a scale, and has to be left out of such a table.
"""

from dataclasses import replace

from privacy.codebook import UNCLEAR, Codebook
from privacy.plan import AGREEMENTS, Axis, Kind, Query
from privacy.second import repeats

from .study import Study

UNORDERED: tuple[Kind, ...] = ("kappa", "exact")
"""What is told of labels without an order, or of two of them."""


def paired(
    study: Study, number: int, counts: Query, codebook: Codebook
) -> tuple[Query, tuple[Kind, ...]]:
    """
    Bring the labels of both fields into one order.

    Args:
        study: The study, whose lines errors name.
        number: Position of the table in it.
        counts: Its counts, the two fields being the last two axes.
        codebook: Which fields are ordered.

    Returns:
        The counts with the second field's labels in the order of the first's, and the statistics
        that such labels can have.

    Raises:
        ConfigurationError: The fields have other labels, or an abstention among ordered ones.
    """
    *by, one, other = counts.axes
    names = [level.name for level in one.levels]
    places = {level.name: level for level in other.levels}
    if set(names) != set(places):
        odd = ", ".join(sorted(set(names) ^ set(places)))
        found = f"{one.name} and {other.name}, of which one alone has {odd}."
        remedy = "leave labels out, or merge them into groups of the same names."
        raise study.error(found, remedy, "table", number, "agreement_of")
    if len(names) < 2:
        found = f"{one.name} and {other.name} with one label each, which always agree."
        raise study.error(found, "keep two labels.", "table", number, "agreement_of")
    axes = (*by, one, replace(other, levels=tuple(places[name] for name in names)))
    kinds = {i.name: i.kind for i in codebook.instruments}
    kinds = {field.name: kinds.get(repeats(field.name), "nominal") for field in codebook.fields}
    if any(kinds.get(axis.name, "nominal") == "nominal" for axis in (one, other)):
        return replace(counts, axes=axes), UNORDERED
    for axis in (one, other):
        if _abstains(axis, kinds[axis.name]):
            found = f"{axis.name} with abstentions, which have no place among ordered labels."
            remedy = f'add {axis.name} = ["{UNCLEAR}"] to leave_out, and "none" of a share.'
            raise study.error(found, remedy, "table", number, "agreement_of")
    return replace(counts, axes=axes), AGREEMENTS if len(names) > 2 else UNORDERED


def _abstains(axis: Axis, kind: str) -> bool:
    apart = {UNCLEAR, "none"} if kind == "percent" else {UNCLEAR}
    return any(apart & set(level.when[axis.name]) for level in axis.levels)
