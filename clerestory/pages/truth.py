"""
A page that sets truth against release: it can exist only because the data are synthetic.

For each cell there are three values: what was *planted* (the parameter of the population), what
the *rater's labels* give without noise, and what was *released*.  They part the error in two:

    released − planted = (rater's labels − planted) + (released − rater's labels)
                       =        rater error         +           noise

The first part is the rater's (and that of the sample drawn: a population of some thousands is
not its parameter); the second is the price of privacy, noise and rounding to [0, 1] included.
The printed interval speaks of noise and sampling; it knows nothing of a rater's errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from statistics import median

from privacy.plan import Plan

from .cell import Cell, Group, read_groups
from .figure import base_of, show_for, table_by_panel
from .markup import Element, tag
from .page import render_page, section
from .svg import Mark, Row, Scale, dots
from .wording import (
    CONFIDENCE,
    SPACE,
    Format,
    between,
    counted,
    difference_for,
    format_for,
    number,
    ticks_for,
)

Values = Mapping[tuple[str, str, str], float]
"""(table, statistic, keys), as in tables.csv → value in the table's unit; NaN or absent where
there is none."""

ONLY_SYNTHETIC = "This page exists only because the data are synthetic"


@dataclass(frozen=True, slots=True)
class _Compared:
    """One cell with its two truths."""

    cell: Cell
    planted: float | None
    labelled: float | None

    @property
    def rater_error(self) -> float | None:
        """Rater's labels minus planted; None unless both are known."""
        if self.labelled is None or self.planted is None:
            return None
        return self.labelled - self.planted

    @property
    def noise(self) -> float | None:
        """Released minus rater's labels; None unless both are known."""
        if self.labelled is None or not self.cell.published:
            return None
        return self.cell.estimate - self.labelled


@dataclass(frozen=True, slots=True)
class _Truth:
    labelled: Values
    planted: Values

    def of(self, group: Group, cell: Cell) -> _Compared:
        """A cell beside what is known of it."""
        place = (group.table.name, group.statistic, cell.key)
        planted, labelled = (values.get(place, nan) for values in (self.planted, self.labelled))
        return _Compared(
            cell,
            planted if isfinite(planted) else None,
            labelled if isfinite(labelled) else None,
        )


def render_truth(
    plan: Plan, rows: Sequence[Mapping[str, str]], labelled: Values, planted: Values
) -> bytes:
    """
    Make the page.

    Args:
        plan: What was asked.
        rows: Those of tables.csv.
        labelled: What the rater's labels give, without noise and without thresholds.
        planted: The parameters that the population was drawn from.

    Returns:
        A self-contained HTML5 page in UTF-8.

    Raises:
        ConfigurationError: The rows are not of this plan, or a published row lacks a number.
    """
    groups = read_groups(plan, rows)
    truth = _Truth(labelled, planted)
    tables = [_table(group, i, truth) for i, group in enumerate(groups)]
    return render_page(
        title=f"{plan.study.name}: truth and release",
        eyebrow="Clerestory demonstration",
        lead="How far the released numbers are from the truth, and what parts them from it: the "
        "rater’s errors or the noise that protects people.",
        marks=[
            f"{ONLY_SYNTHETIC}: somebody planted the truth that is shown here.",
            "With real sessions nobody has these numbers, and making them would break the "
            "protection that a release promises.",
        ],
        sections=[_summary(groups, truth), *tables],
        warning="Read this first",
        closing="Made by Clerestory from a release of synthetic sessions and their planted truth.",
    )


def _summary(groups: Sequence[Group], truth: _Truth) -> Element:
    heads = [
        tag("th", "table", scope="col"),
        *(
            tag("th", head, scope="col", class_="number")
            for head in ("typical rater error", "typical noise", "interval holds the rater’s value")
        ),
    ]
    lines = []
    for group in groups:
        own = [truth.of(group, cell) for cell in group.cells]
        lines.append(
            tag(
                "tr",
                tag("th", group.table.title, scope="row"),
                tag("td", _typical(group, [c.rater_error for c in own]), class_="number"),
                tag("td", _typical(group, [c.noise for c in own]), class_="number"),
                tag("td", _held([c for c in own if c.noise is not None]), class_="number"),
            )
        )
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", lines))
    return section(
        "errors",
        "Two kinds of error",
        tag(
            "p",
            tag("strong", "Rater error"),
            " is what the rater’s labels say without any noise, minus what was planted. ",
            tag("strong", "Noise"),
            " is what was released, minus what the rater’s labels say. The first can only be "
            "mended by a better rater, but for the luck of which sessions were drawn; "
            "the second is the price of protecting people. Below, “typical” is the median of the "
            "sizes, signs left out.",
        ),
        tag("div", table, class_="scroll", role="region", tabindex="0", aria_label="Errors"),
        tag(
            "p",
            f"The {CONFIDENCE}{SPACE}% intervals allow for noise and for the choice of accounts; "
            "they are wider than the noise alone. They do not allow for a rater’s errors, so they "
            "may well miss what was planted.",
            class_="note",
        ),
    )


def _table(group: Group, position: int, truth: _Truth) -> Element:
    name = f"truth-{position + 1}"
    own = [truth.of(group, cell) for cell in group.cells]
    known = [v for c in own for v in (c.planted, c.labelled) if v is not None]
    ends = [end for cell in group.published for end in (cell.low, cell.high)]
    scale = Scale.over([*known, *ends])
    show = format_for(group.table, known) if not group.published else show_for(group)
    show_tick = ticks_for(group.table, scale.step)
    drawn = []
    for i, (panel, cells) in enumerate(group.panels.items()):
        drawn.append(
            tag(
                "div",
                tag("p", panel, class_="panel-name") if panel else None,
                dots(
                    [Row(row, cell, _marks(truth.of(group, cell))) for row, cell in cells],
                    name=f"{name}-{i}",
                    title=f"{group.table.title}{': ' + panel if panel else ''}: truth and release",
                    description=_described(
                        [(row, truth.of(group, cell)) for row, cell in cells], show
                    ),
                    scale=scale,
                    show=show,
                    show_tick=show_tick,
                ),
                class_="panel",
            )
        )
    caption = tag(
        "figcaption",
        tag("strong", group.table.title),
        ". Diamond: planted. Ring: the rater’s labels. Dot: released, with its "
        f"{CONFIDENCE}{SPACE}% interval. ",
        tag("span", "synthetic data", class_="marks"),
    )
    panels = tag("div", drawn, class_="panels" if len(drawn) > 1 else "panels one")
    difference = difference_for(group.table, known)
    heads = [
        tag("th", head, scope="col", class_="number")
        for head in ("planted", "rater’s labels", "released", "rater error", "noise")
    ]
    table = table_by_panel(
        group,
        lambda cell: _values(truth.of(group, cell), show, difference),
        heads,
        caption=base_of(group.table),
        name=name,
    )
    return section(name, group.table.title, tag("figure", panels, caption), table)


def _values(compared: _Compared, show: Format, difference: Format) -> list[Element]:
    cell = compared.cell
    said = [
        _or_unknown(compared.planted, show),
        _or_unknown(compared.labelled, show),
        show(cell.estimate) if cell.published else cell.withheld,
        _or_unknown(compared.rater_error, difference),
        _or_unknown(compared.noise, difference) if cell.published else "none",
    ]
    return [
        tag("td", text, class_="number withheld" if text == cell.withheld else "number")
        for text in said
    ]


def _marks(compared: _Compared) -> tuple[Mark, ...]:
    pairs = (("ring", compared.labelled), ("diamond", compared.planted))
    return tuple(Mark(shape, value) for shape, value in pairs if value is not None)


def _described(cells: Sequence[tuple[str, _Compared]], show: Format) -> str:
    parts = []
    for row, own in cells:
        cell = own.cell
        released = (
            f"{show(cell.estimate)} ({between(show, cell.low, cell.high)})"
            if cell.published
            else cell.withheld
        )
        parts.append(
            f"{row}: planted {_or_unknown(own.planted, show)}, rater’s labels "
            f"{_or_unknown(own.labelled, show)}, released {released}"
        )
    return "; ".join(parts) + "."


def _typical(group: Group, errors: Sequence[float | None]) -> str:
    sizes = [abs(error) for error in errors if error is not None]
    if not sizes:
        return "nothing to compare"
    values = [cell.estimate for cell in group.published]
    return difference_for(group.table, values)(median(sizes)).removeprefix("+")


def _held(compared: Sequence[_Compared]) -> str:
    if not compared:
        return "nothing to compare"
    held = sum(c.cell.low <= c.labelled <= c.cell.high for c in compared if c.labelled is not None)
    return f"{number(held)} of {counted(len(compared), 'number')}"


def _or_unknown(value: float | None, show: Format) -> str:
    return "not known" if value is None else show(value)
