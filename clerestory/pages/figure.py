"""
Show a group of cells as one figure, twice: a chart, and the table that says the same exactly.

Every number in the chart stands in the table; a withheld cell has its row there and says why,
never a blank and never a zero.
"""

from collections.abc import Callable, Mapping, Sequence

from privacy.plan import AGREEMENTS, Table

from .cell import Cell, Group
from .markup import Element, tag
from .svg import Row, Scale, dots, over_time
from .wording import (
    CONFIDENCE,
    DIFFERENCES,
    PARTS,
    SPACE,
    Format,
    between,
    format_for,
    name_of,
    number,
    ticks_for,
)

_MEASURED: Mapping[str, str] = {
    "share": "Share",
    "rate": "Rate",
    "corrected": "Corrected",
    "change": "Change",
    "slope": "Change per month",
    "mean": "Mean",
    "geometric_mean": "Geometric mean",
    "quantiles": "Quantile",
    "total": "Total",
    "grand_total": "Grand total",
    "kappa": "Kappa",
    "weighted_kappa": "Weighted kappa",
    "exact": "Exact agreement",
    "adjacent": "Adjacent agreement",
    "accounts": "Accounts",
    "accounts_above": "Accounts above",
    "adjusted_rate": "Adjusted rate",
    "adjusted_slope": "Rise per step",
    "adjusted_geometric_mean": "Adjusted geometric mean",
    "adjusted_ratio": "Ratio per step",
    "not_computed": "Not computed",
}


def show_for(group: Group) -> Format:
    """How the numbers of a group are printed."""
    return format_for(group.table, [cell.estimate for cell in group.published])


def figure_of(group: Group, *, name: str, marks: Sequence[str]) -> Element:
    """
    The charts of a group, as small multiples on one scale where there are two axes.

    Args:
        group: What is drawn.
        name: Unique on the page.
        marks: The release's watermarks: a chart that is cut out of its page keeps them.
    """
    ends = [end for cell in group.published for end in (cell.low, cell.high)]
    show, scale = show_for(group), Scale.over(ends)
    show_tick = ticks_for(group.table, scale.step)
    drawn: list[Element] = []
    charted = group if len(group.axes) == 1 else group.compared
    for i, (panel, cells) in enumerate(charted.panels.items()):
        title = f"{group.table.title}: {panel}" if panel else group.table.title
        texts = {"name": f"{name}-{i}", "title": title, "description": _described(cells, show)}
        if group.month_axis is None:
            rows = [Row(row, cell) for row, cell in cells]
            chart = dots(rows, **texts, scale=scale, show=show, show_tick=show_tick)
        else:
            chart = over_time(cells, **texts, scale=scale, show=show, show_tick=show_tick)
        heading = tag("p", panel, class_="panel-name") if panel else None
        drawn.append(tag("div", heading, chart, class_="panel"))
    how = "dot: estimate" if group.month_axis is None else "line: estimate"
    said = f". {_measured(group.table)}; {how}; shaded: {CONFIDENCE}{SPACE}% interval{_of(group)}. "
    heading = tag("strong", group.table.title)
    many = "panels" if len(drawn) > 1 else "panels one"
    marked = tag("span", " · ".join(marks), class_="marks") if marks else None
    return tag("figure", tag("div", drawn, class_=many), tag("figcaption", heading, said, marked))


def table_of(group: Group, *, name: str) -> Element:
    """The table of a group: keys, estimate, interval, accounts, what the uncertainty is from."""
    show = show_for(group)
    heads: tuple[Element, ...] = (
        tag("th", measured(group.table), scope="col", class_="number"),
        tag("th", f"{CONFIDENCE}{SPACE}% interval", scope="col", class_="number"),
        tag("th", "accounts, at least", scope="col", class_="number"),
        tag("th", "uncertain mostly from", scope="col"),
    )
    if not group.published:
        heads = (tag("th", measured(group.table), scope="col"),)
    return table_by_panel(
        group,
        lambda cell: _values(cell, show, len(heads)),
        heads,
        caption=base_of(group.table),
        name=name,
    )


def table_by_panel(
    group: Group,
    values: Callable[[Cell], Sequence[Element]],
    heads: Sequence[Element],
    *,
    caption: str,
    name: str,
) -> Element:
    """
    A table in the order of the charts: a block of rows for each panel.

    Args:
        group: The cells.
        values: From a cell to its row without the head.
        heads: Of the columns that `values` fills.
        caption: What the table holds.
        name: Unique on the page.
    """
    panels = group.panels
    first = tag("th", ", ".join(map(name_of, group.row_axes)) or "group", scope="col")
    bodies: list[Element] = []
    for panel, cells in panels.items():
        lines: list[Element] = []
        if panel:
            across = str(len(heads) + 1)
            head = tag("th", panel, scope="rowgroup", colspan=across, class_="block")
            lines.append(tag("tr", head))
        for row, cell in cells:
            lines.append(tag("tr", tag("th", row, scope="row"), *values(cell)))
        bodies.append(tag("tbody", lines))
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption, id=f"{name}-caption"),
            tag("thead", tag("tr", first, list(heads))),
            bodies,
        ),
        class_="scroll",
        role="region",
        tabindex="0",
        aria_labelledby=f"{name}-caption",
    )


def base_of(table: Table) -> str:
    """What a table is and which sessions it speaks of, as its caption."""
    if table.kind == "not_computed":
        return f"{table.title}. Not computed: {table.base.rstrip('.')}."
    return f"{table.title}. Base: {name_of(table.base)}."


def measured(table: Table) -> str:
    """What the numbers of a statistic are, as the head of their column."""
    return _MEASURED.get(table.kind) or name_of(table.kind).capitalize()


def _measured(table: Table) -> str:
    if table.kind in DIFFERENCES:
        return f"{measured(table)}, in percentage points"
    if table.kind in {"accounts", "accounts_above"}:
        return measured(table)
    if table.kind == "corrected":
        return "What the right labels would say, by the mistakes that were counted"
    if table.kind in AGREEMENTS:
        return measured(table)
    unit = "" if table.kind in PARTS else f", in {table.unit}"
    return f"{measured(table)}s{unit}"


def _values(cell: Cell, show: Format, columns: int) -> list[Element]:
    if not cell.published:
        return [tag("td", cell.withheld, colspan=str(columns), class_="withheld")]
    source = cell.dominant
    accounts = "not stated" if cell.accounts is None else number(cell.accounts)
    mostly = "not stated" if source is None else f"{source[0]} ({_whole(source[1])})"
    return [
        tag("td", tag("strong", show(cell.estimate)), class_="number"),
        tag("td", between(show, cell.low, cell.high), class_="number"),
        tag("td", accounts, class_="number"),
        tag("td", mostly, class_="source"),
    ]


def _of(group: Group) -> str:
    """What an interval covers beyond noise and sampling, and what it leaves out."""
    sources = {source for cell in group.published for source, _ in cell.errors}
    return ", wrong labels in it" if "classifier" in sources else ""


def _described(cells: Sequence[tuple[str, Cell]], show: Format) -> str:
    parts = [
        f"{row}: {show(cell.estimate)} ({between(show, cell.low, cell.high)})"
        if cell.published
        else f"{row}: {cell.withheld}"
        for row, cell in cells
    ]
    return "; ".join(parts) + "."


def _whole(part: float) -> str:
    return f"{number(100 * part)}{SPACE}%"
