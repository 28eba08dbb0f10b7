"""
Read the rows of `tables.csv` as values that cannot show what was withheld.

A `Cell` holds numbers only if its row's state is `published`: whatever stands in the numeric
columns of another row is dropped here, before any chart, sentence or table can see it.  Every
row of a release appears on its page; a row of no table of the plan is refused, not skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan

from privacy.comparisons import is_ordered, reaches, stretch_of
from privacy.errors import ConfigurationError
from privacy.plan import Plan, Table
from privacy.rows import REST

from .wording import NOT_COMPUTED, NOTHING_WITHHELD, TOO_FEW, is_month, label_of

SOURCES = {"noise": "privacy noise", "sampling": "sampling", "classifier": "wrong labels"}
"""Column `se_…` → what it is called on a page."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of a release."""

    keys: tuple[tuple[str, str], ...]
    """(axis, level) pairs, in the order of the row."""
    key: str
    """The same as it stands in the row."""
    state: str
    """published, suppressed or not_computed."""
    estimate: float = nan
    """In the table's unit; shares and rates are fractions.  NaN unless published."""
    low: float = nan
    high: float = nan
    reach: tuple[float, float] = (nan, nan)
    """How far noise and sampling reach below and above the estimate, the rater left aside."""
    errors: tuple[tuple[str, float], ...] = ()
    """(source, standard error) for each source that the row states."""
    accounts: int | None = None
    """What the release guarantees: at least so many accounts stand behind the number."""
    threshold: float | None = None
    """Noisy count from which on the number was printed, in accounts."""

    @property
    def published(self) -> bool:
        """Whether there is a number to show."""
        return self.state == "published"

    @property
    def label(self) -> str:
        """The row's group in words."""
        return ", ".join(label_of(level, axis) for axis, level in self.keys) or "all sessions"

    @property
    def withheld(self) -> str:
        """What stands in the place of a number."""
        if self.state == "suppressed":
            return TOO_FEW
        return NOTHING_WITHHELD if self.is_rest else NOT_COMPUTED

    @property
    def is_rest(self) -> bool:
        """Whether the row merges what its group withholds."""
        return bool(self.keys) and self.keys[-1][1] == REST

    @property
    def dominant(self) -> tuple[str, float] | None:
        """Source of most of the variance, with its part of the sum (0 to 1)."""
        whole = sum(error**2 for _, error in self.errors)
        if not whole:
            return None
        source, largest = max(self.errors, key=lambda pair: pair[1])
        return SOURCES[source], largest**2 / whole

    def overlaps(self, other: "Cell") -> bool:
        """Whether the labels' two intervals share a value, the rater's mistakes left aside."""
        low, high = sorted((self, other), key=lambda cell: cell.estimate)
        return low.estimate + low.reach[1] >= high.estimate - high.reach[0]

    def leans_on_rater(self, other: "Cell") -> bool:
        """Whether mistakes of the rater, as large as stated, could close the gap between them."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Group:
    """The cells of one statistic of one table, in the order in which they are shown."""

    table: Table
    statistic: str
    cells: tuple[Cell, ...]
    axes: tuple[str, ...]
    """Names of the keys."""

    @property
    def published(self) -> tuple[Cell, ...]:
        """The cells that have a number."""
        return tuple(cell for cell in self.cells if cell.published)

    @property
    def compared(self) -> "Group":
        """Without rows of all others, which merge other labels in each group."""
        return replace(self, cells=tuple(cell for cell in self.cells if not cell.is_rest))

    @property
    def month_axis(self) -> int | None:
        """Position of the axis that runs over months, if the group has one."""
        for position, _ in enumerate(self.axes):
            levels = {cell.keys[position][1] for cell in self.cells}
            if len(levels) > 1 and all(map(is_month, levels)):
                return position
        return None

    @property
    def row_axes(self) -> tuple[str, ...]:
        """Names of the axes that the rows of a panel run over."""
        time = self.month_axis
        if time is not None:
            return (self.axes[time],)
        return self.axes[:-1] if len(self.axes) > 1 else self.axes

    @property
    def panels(self) -> dict[str, tuple[tuple[str, Cell], ...]]:
        """
        What is drawn together: panel in words → (row in words, cell).

        Over time a panel holds one line and its rows are months.  Otherwise the last axis, which
        is what a share is shared out over, makes the panels: what a reader compares across
        groups then stands on one scale.  A group of one axis is one panel without a name.
        """
        time = self.month_axis
        found: dict[str, list[tuple[str, Cell]]] = {}
        for cell in self.cells:
            levels = [label_of(level, axis) for axis, level in cell.keys]
            if time is not None:
                row = levels.pop(time)
                panel = ", ".join(levels)
            else:
                panel = levels.pop() if len(levels) > 1 else ""
                row = ", ".join(levels) or cell.label
            found.setdefault(panel, []).append((row, cell))
        return {panel: tuple(cells) for panel, cells in found.items()}

    @property
    def ordered(self) -> bool:
        """Whether the first axis has an order of its own (months, ordinal instruments)."""
        return bool(self.axes) and (self.month_axis == 0 or is_ordered(self.axes[0]))


def read_groups(plan: Plan, rows: Sequence[Mapping[str, str]]) -> tuple[Group, ...]:
    """
    Sort the rows of a release into the tables of its plan.

    A table of one unordered axis is shown from its largest estimate down, the row of all others and
    what is withheld last; other tables keep the order of their rows.

    Raises:
        ConfigurationError: A row of no table of the plan, or a published row without numbers.
    """
    tables = {(table.name, table.kind): table for table in plan.tables}
    found: dict[tuple[str, str], list[Cell]] = {}
    for (name, kind), table in tables.items():
        for row in (row for row in rows if (row["table"], row["statistic"]) == (name, kind)):
            found.setdefault((name, kind), []).append(_read(plan, table, row))
    if sum(map(len, found.values())) != len(rows):
        raise _unreadable("a row of a table that the plan does not have.")
    return tuple(
        _group(table, kind, found[name, kind])
        for (name, kind), table in tables.items()
        if (name, kind) in found
    )


def _group(table: Table, statistic: str, cells: Sequence[Cell]) -> Group:
    axes = tuple(axis for axis, _ in cells[0].keys)
    if any(tuple(axis for axis, _ in cell.keys) != axes for cell in cells):
        raise _unreadable("rows of one table with different keys.")
    group = Group(table, statistic, tuple(cells), axes)
    if len(axes) != 1 or group.ordered:
        return group
    order = sorted(cells, key=_falling)
    return Group(table, statistic, tuple(order), axes)


def _falling(cell: Cell) -> tuple[bool, bool, float]:
    return cell.is_rest, not cell.published, -cell.estimate if cell.published else 0.0


def _read(plan: Plan, table: Table, row: Mapping[str, str]) -> Cell:
    key = row["keys"]
    pairs = (part.partition("=") for part in key.split("; ") if part)
    keys = tuple((axis, level) for axis, _, level in pairs)
    if row["state"] != "published":
        return Cell(keys, key, "suppressed" if row["state"] == "suppressed" else "not_computed")
    errors = {source: _number(row[f"se_{source}"]) for source in SOURCES}
    accounts = _number(row["accounts_at_least"])
    estimate, low, high = (_number(row[column]) for column in ("estimate", "low", "high"))
    if estimate is None or low is None or high is None:
        raise _unreadable("a published row without an estimate and its interval.")
    return Cell(
        keys,
        key,
        "published",
        estimate,
        low,
        high,
        # Without a classifier error it is the printed interval, whatever made that.
        reaches(row, stretch_of(plan, table, row))
        if row["se_classifier"]
        else (estimate - low, high - estimate),
        tuple((source, error) for source, error in errors.items() if error is not None),
        None if accounts is None else int(accounts),
        _number(row["threshold"]),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text) if text.strip() else None
    except ValueError:
        raise _unreadable("a word where a number belongs.") from None
    if value is not None and not isfinite(value):
        raise _unreadable("a number that is not finite.")
    return value


def _unreadable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "TABLES_UNREADABLE",
        rule="A page shows the rows of tables.csv as the release wrote them.",
        found=found,
        remedy="make the page from the tables.csv and plan.json of one bundle.",
    )
