"""Which rows a release has: one for each cell of a table, whatever the data say."""

from collections.abc import Iterator, Sequence

from .minimum import LEAST_MERGED
from .plan import AGREEMENTS, QUANTILES, TRENDS, Plan, Table

REST = "all others"
"""Label of the row that holds what was withheld in a group; no level has that name."""


def keys_of(plan: Plan, table: Table) -> list[str]:
    """Name a table's cells as tables.csv does, in its order: they follow from the plan alone."""
    if table.kind in ("grand_total", "not_computed"):
        return [""]
    counts = plan.query(table.queries[0])
    cells = dict.fromkeys(cell[:-1] if table.kind == "rate" else cell for cell in counts.cells)
    names = [axis.name for axis in counts.axes]
    if table.kind in AGREEMENTS:
        cells = dict.fromkeys(cell[:-2] for cell in counts.cells)
    if table.kind in TRENDS:
        kept = [names.index(name) for name in table.by]
        names = list(table.by)
        cells = dict.fromkeys(tuple(cell[place] for place in kept) for cell in counts.cells)
    if table.kind == "share" and table.residual:
        # Cells that differ in the last axis alone stand together, and what is left of them below.
        each = {cell[:-1]: None for cell in cells}
        last = [level.name for level in counts.axes[-1].levels]
        cells = dict.fromkeys((*group, label) for group in each for label in (*last, REST))
    if table.kind == "quantiles":
        names.append("quantile")
        cells = dict.fromkeys((*cell, quantile) for cell in cells for quantile in QUANTILES)
    return ["; ".join(map("=".join, zip(names, cell, strict=False))) for cell in cells]


def rests(plan: Plan, table: Table, first: int) -> Iterator[tuple[slice, int]]:
    """
    Find the rows of "all others" among a release's rows.

    Args:
        plan: The plan.
        table: A table of it.
        first: Where the rows of the table begin.

    Yields:
        Where the cells of a group lie, and the place of the row that merges what it withholds.
    """
    if table.kind == "share" and table.residual:
        counts = plan.query(table.queries[0])
        width = len(counts.axes[-1].levels)
        for group in range(counts.size // width):
            start = first + group * (width + 1)
            yield slice(start, start + width), start + width


def merged_in(states: Sequence[object], rest: object) -> int | None:
    """
    How many cells a row of all others merges, from the states of its group.

    Args:
        states: Those of the group's cells.
        rest: That of the row.

    Returns:
        As many as are withheld, if it is published; the least number where it is not; None where
        the states contradict each other.
    """
    withheld, shown = states.count("suppressed"), states.count("published")
    if withheld + shown < len(states):
        return None
    if rest == "published":
        return withheld if shown and withheld >= LEAST_MERGED else None
    return LEAST_MERGED if rest == ("suppressed" if withheld else "not_computed") else None
