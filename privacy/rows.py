"""Which rows a release has, and at which k: whatever the data say, the plan says it before."""

from collections.abc import Iterator, Sequence

from .minimum import LEAST_MERGED
from .plan import (
    ADJUSTED_MEANS,
    ADJUSTED_RATES,
    AGREEMENTS,
    QUANTILES,
    STEPS,
    TRENDS,
    Plan,
    Table,
)

COLUMN = "controls"
"""Key of a regression's column: how many of its controls are held equal there."""

REST = "all others"
"""Label of the row that holds what was withheld in a group; no level has that name."""


def read_keys(keys: str) -> dict[str, str]:
    """A row's keys, by axis."""
    parts = (part.partition("=") for part in keys.split("; ") if part)
    return {axis: level for axis, _, level in parts}


def keys_of(plan: Plan, table: Table) -> list[str]:
    """Name a table's cells as tables.csv does, in its order: they follow from the plan alone."""
    if table.kind in ("grand_total", "not_computed"):
        return [""]
    counts = plan.query(table.queries[0])
    if table.kind in (*ADJUSTED_RATES, *ADJUSTED_MEANS):
        return _adjusted(table, [level.name for level in counts.axes[0].levels])
    cells = dict.fromkeys(cell[:-1] if table.is_rate else cell for cell in counts.cells)
    names = [axis.name for axis in counts.axes]
    if table.kind in AGREEMENTS:
        cells = dict.fromkeys(cell[:-2] for cell in counts.cells)
    if table.kind in TRENDS:
        kept = [names.index(name) for name in table.by]
        names = list(table.by)
        cells = dict.fromkeys(tuple(cell[place] for place in kept) for cell in counts.cells)
    if table.kind == "accounts_above":
        cells = {(f"more than {edge - 1}",): None for edge in counts.axes[0].edges[1:-1]}
    if table.kind == "share" and table.residual:
        # Cells that differ in the last axis alone stand together, and what is left of them below.
        each = {cell[:-1]: None for cell in cells}
        last = [level.name for level in counts.axes[-1].levels]
        cells = dict.fromkeys((*group, label) for group in each for label in (*last, REST))
    if table.kind == "quantiles":
        names.append("quantile")
        cells = dict.fromkeys((*cell, quantile) for cell in cells for quantile in QUANTILES)
    return ["; ".join(map("=".join, zip(names, cell, strict=False))) for cell in cells]


def bounds_of(plan: Plan, table: Table) -> list[str]:
    """What may stand in a table's column k: its query's bound; of totals any of those to choose."""
    if table.kind == "not_computed":
        return [""]
    if table.kind in ("total", "grand_total"):
        query = plan.query(table.queries[0 if table.kind == "total" else 1])
        return [str(clip.bound) for clip in query.clips]
    return [str(plan.contribution(plan.query(table.queries[0])))]


def _adjusted(table: Table, levels: list[str]) -> list[str]:
    columns = [[f"{COLUMN}={number}"] for number in table.columns] or [[]]
    cells = [[]] if table.kind in STEPS else [[f"{table.by[0]}={level}"] for level in levels]
    return ["; ".join((*column, *cell)) for column in columns for cell in cells]


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
