"""Which rows a release has: one for each cell of a table, whatever the data say."""

from .plan import QUANTILES, TRENDS, Plan, Table


def read_keys(keys: str) -> dict[str, str]:
    """A row's keys, by axis."""
    parts = (part.partition("=") for part in keys.split("; ") if part)
    return {axis: level for axis, _, level in parts}


def keys_of(plan: Plan, table: Table) -> list[str]:
    """Name a table's cells as tables.csv does, in its order: they follow from the plan alone."""
    counts = plan.query(table.queries[0])
    if table.kind == "grand_total":
        return [""]
    cells = dict.fromkeys(cell[:-1] if table.is_rate else cell for cell in counts.cells)
    names = [axis.name for axis in counts.axes]
    if table.kind in TRENDS:
        kept = [names.index(name) for name in table.by]
        names = list(table.by)
        cells = dict.fromkeys(tuple(cell[place] for place in kept) for cell in counts.cells)
    if table.kind == "quantiles":
        names.append("quantile")
        cells = dict.fromkeys((*cell, quantile) for cell in cells for quantile in QUANTILES)
    return ["; ".join(map("=".join, zip(names, cell, strict=False))) for cell in cells]
