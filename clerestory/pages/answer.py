"""
Say in plain words what a release found, from its rows alone.

Each sentence is chosen by the shape of a table and filled with its numbers; nothing is known
in advance about any result.  A difference is only called one where the two intervals do not
overlap, which errs towards silence: two intervals can overlap a little and the difference
still be real.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

from privacy.plan import STEPS, TRENDS

from .cell import Cell, Group
from .figure import show_for
from .wording import Format, between, counted, listed, name_of, number

_NAMED = 3
"""How many groups a sentence names at most."""


def count_up(groups: Sequence[Group]) -> str:
    """How many numbers were asked for, printed and withheld, as a sentence or two."""
    cells = [cell for group in groups for cell in group.cells if _is_asked(cell)]
    printed = sum(cell.published for cell in cells)
    few = sum(cell.state == "suppressed" for cell in cells)
    rest = len(cells) - printed - few
    if not cells:
        return "The release holds no rows."
    if not printed and few:
        return (
            "Nothing of what was asked is printed, because for no number could enough accounts "
            "be guaranteed."
        )
    if not printed:
        return "Nothing of what was asked was computed."
    parts = [
        f"Of {counted(len(cells), 'number')} asked for, {number(printed)} {_are(printed)} printed"
    ]
    if few:
        parts.append(f"{number(few)} {_are(few)} withheld because too few people stand behind them")
    if rest:
        parts.append(f"{number(rest)} {'was' if rest == 1 else 'were'} not computed")
    return listed(parts) + "."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def answer(group: Group) -> str:
    """What one table found, as a sentence."""
    if group.table.kind == "not_computed":
        return f"not computed: {group.table.base.rstrip('.')}."
    group, show = group.compared, show_for(group)
    if not group.published:
        return f"{group.cells[0].withheld}; nothing is printed."
    if len(group.published) == 1:
        only, rest = group.published[0], "; the rest is not printed" if len(group.cells) > 1 else ""
        return f"{_said(only, only.label, show)}{rest}."
    if group.table.kind in STEPS:
        return f"{listed([_said(cell, cell.label, show) for cell in group.published])}."
    if group.table.kind in TRENDS:
        return _moved(group, show)
    if group.month_axis is not None:
        return _over_time(group, show)
    if len(group.axes) == 2:
        return _widest(group, show)
    if group.table.kind == "share" and not group.ordered:
        return _ranked(group, show)
    return _range([(cell.label, cell) for cell in group.cells], show, ordered=group.ordered)


def _is_asked(cell: Cell) -> bool:
    """Whether a row stands for a number; one of all others does not where nothing is withheld."""
    return not (cell.is_rest and cell.state == "not_computed")


def _moved(group: Group, show: Format) -> str:
    sure = [cell for cell in group.published if cell.low > 0 or cell.high < 0]
    sure.sort(key=lambda cell: -abs(cell.estimate))
    rest = len(group.published) - len(sure)
    if not sure:
        return "no change that the intervals tell from none."
    named = listed([_said(cell, cell.label, show) for cell in sure[:_NAMED]])
    more = f"; {number(len(sure) - _NAMED)} more changed too" if len(sure) > _NAMED else ""
    none = f"; for {counted(rest, 'other')} the interval holds zero" if rest else ""
    return f"{named}{more}{none}."


def _ranked(group: Group, show: Format) -> str:
    first, second, *_ = group.published
    named = [_said(cell, cell.label, show) for cell in group.published[:_NAMED]]
    close = "; the first two are too close to call" if first.overlaps(second) else ""
    return f"the largest shares are {listed(named)}{close}."


def _range(rows: Sequence[tuple[str, Cell]], show: Format, *, ordered: bool) -> str:
    printed = [row for row in rows if row[1].published]
    by_size = sorted(printed, key=lambda row: row[1].estimate)
    apart = [(low, high) for low, high in combinations(by_size, 2) if not low[1].overlaps(high[1])]
    low, high = max(apart or [(by_size[0], by_size[-1])], key=_gap)
    said = f"from {_said(low[1], low[0], show)} to {_said(high[1], high[0], show)}"
    if not apart:
        return f"{said}; the intervals overlap, so a difference is not established."
    if low[1].leans_on_rater(high[1]):
        said += ", if the rater errs alike in both"
    if (low, high) != (by_size[0], by_size[-1]):
        return f"{said}: the widest gap that the intervals bear out."
    steps = [after[1].estimate - before[1].estimate for before, after in pairwise(printed)]
    every = "at every step" if len(printed) == len(rows) else "at every step that is printed"
    if ordered and len(printed) > 2 and all(step > 0 for step in steps):
        return f"{said}, higher {every}."
    if ordered and len(printed) > 2 and all(step < 0 for step in steps):
        return f"{said}, lower {every}."
    return f"{said}."


def _gap(pair: tuple[tuple[str, Cell], tuple[str, Cell]]) -> float:
    return pair[1][1].estimate - pair[0][1].estimate


def _over_time(group: Group, show: Format) -> str:
    changes: list[tuple[float, str]] = []
    level, leaning = 0, False
    for panel, cells in group.panels.items():
        printed = [row for row in cells if row[1].published]
        if len(printed) < 2:
            continue
        (since, first), (until, last) = printed[0], printed[-1]
        if first.overlaps(last):
            level += 1
            continue
        step = last.estimate - first.estimate
        moved = "rose" if step > 0 else "fell"
        said = (
            f"{panel or 'it'} {moved} from {show(first.estimate)} in {since} "
            f"to {show(last.estimate)} in {until}"
        )
        changes.append((abs(step), said))
        leaning = leaning or first.leans_on_rater(last)
    changes.sort(key=lambda change: -change[0])
    if not changes:
        return "no change between the first and the last month that is larger than the intervals."
    more = f"; {number(len(changes) - _NAMED)} more changed too" if len(changes) > _NAMED else ""
    rest = f"; for {counted(level, 'other')} the intervals overlap" if level else ""
    alike = ", if the rater erred alike in both months" if leaning else ""
    return f"{listed([said for _, said in changes[:_NAMED]])}{more}{alike}{rest}."


def _widest(group: Group, show: Format) -> str:
    panels = {
        panel: [row for row in rows if row[1].published] for panel, rows in group.panels.items()
    }
    compared = {panel: rows for panel, rows in panels.items() if len(rows) > 1}
    if not compared:
        return "no two numbers that could be compared are printed."
    widest = max(compared, key=lambda panel: _spread(compared[panel]))
    said = _range(group.panels[widest], show, ordered=group.ordered)
    return f"across {name_of(group.axes[0])}, “{widest}” differs most: {said}"


def _spread(rows: Sequence[tuple[str, Cell]]) -> float:
    values = [cell.estimate for _, cell in rows]
    return max(values) - min(values)


def _said(cell: Cell, label: str, show: Format) -> str:
    return f"{label} {show(cell.estimate)} ({between(show, cell.low, cell.high)})"
