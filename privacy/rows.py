"""Which rows a release has, and at which k: whatever the data say, the plan says it before."""

from .plan import QUANTILES, TRENDS, Plan, Table


def keys_of(plan: Plan, table: Table) -> list[str]:
    """Name a table's cells as tables.csv does, in its order: they follow from the plan alone."""
    counts = plan.query(table.queries[0])
    if table.kind == "grand_total":
        return [""]
    cells = dict.fromkeys(cell[:-1] if table.kind == "rate" else cell for cell in counts.cells)
    names = [axis.name for axis in counts.axes]
    if table.kind in TRENDS:
        kept = [names.index(name) for name in table.by]
        names = list(table.by)
        cells = dict.fromkeys(tuple(cell[place] for place in kept) for cell in counts.cells)
    if table.kind == "accounts_above":
        cells = {(f"more than {edge - 1}",): None for edge in counts.axes[0].edges[1:-1]}
    if table.kind == "quantiles":
        names.append("quantile")
        cells = dict.fromkeys((*cell, quantile) for cell in cells for quantile in QUANTILES)
    return ["; ".join(map("=".join, zip(names, cell, strict=False))) for cell in cells]


def bounds_of(plan: Plan, table: Table) -> list[str]:
    """What may stand in a table's column k: its query's bound; of totals any of those to choose."""
    if table.kind in ("total", "grand_total"):
        query = plan.query(table.queries[0 if table.kind == "total" else 1])
        return [str(clip.bound) for clip in query.clips]
    return [str(plan.contribution(plan.query(table.queries[0])))]
