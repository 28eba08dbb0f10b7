"""
Say what would overturn a difference: how unevenly the rater must err for it to vanish.

A reader cannot see whether a rater is as good with experts as with novices, and no interval says
so.  What can be said is how large such a gap must be.  The widest difference of a table is told in
sentences, the next ones in a table; all pairs stand in `comparisons.csv`.
"""

from collections.abc import Mapping, Sequence

from privacy.comparisons import compared
from privacy.mistakes import mistakes_of
from privacy.plan import Plan, Table
from privacy.rows import read_keys

from .markup import Child, Element, tag
from .wording import CONFIDENCE, SPACE, counted, is_month, label_of, listed, number

_SHOWN = 6
"""Pairs of a table that a page shows."""
_HEADS = ("difference", f"{CONFIDENCE}{SPACE}% interval", "missed more", "invented more")
Row = Mapping[str, str]


def overturned(plan: Plan, table: Table, rows: Sequence[Row], *, name: str) -> list[Child]:
    """
    What would overturn the differences of one statistic.

    Args:
        plan: The release's.
        table: The statistic.
        rows: All rows of tables.csv.
        name: Unique on the page.

    Returns:
        Nothing where no two groups are compared.
    """
    pairs = compared(plan, table, rows)
    if not pairs:
        return []
    heading = tag("h3", "What would overturn it")
    sure = [pair for pair in pairs if not float(pair["low"]) <= 0 <= float(pair["high"])]
    if not sure:
        said = (
            f"Of {counted(len(pairs), 'pair')} of groups compared, none differs by more than the "
            "interval of its difference: there is nothing that mistakes of the rater could "
            "overturn."
        )
        return [heading, tag("p", said)]
    sure.sort(key=lambda pair: -abs(float(pair["difference"])))
    return [
        heading,
        tag("p", _told(table, sure[0]), " ", _known(plan, table, sure[0])),
        _table(sure[:_SHOWN], len(sure), len(pairs), name=name) if len(sure) > 1 else None,
    ]


def _told(table: Table, pair: Row) -> str:
    less, more, rest = _groups(pair)
    counted_is = f"“{rest[-1]}”" if table.kind == "share" else "what is counted here"
    where = f" ({listed([f'“{label}”' for label in rest])})" if rest else ""
    width = _points(pair["difference"])
    return (
        f"The difference between {less} and {more}{where} is {width} points "
        f"({CONFIDENCE}{SPACE}% interval {_between(pair)}). It would vanish if the rater missed "
        f"{counted_is} {_points(pair['missed'])} points more often {_among(less)} than "
        f"{_among(more)}, or saw it where it is not {_points(pair['invented'])} points more often "
        f"{_among(more)} than {_among(less)}. It is in doubt from a gap of "
        f"{_points(pair['doubt_missed'])} or {_points(pair['doubt_invented'])} points on."
    )


def _known(plan: Plan, table: Table, pair: Row) -> str:
    """What was counted of the mistakes that such a gap is made of."""
    keys = [read_keys(end) for end in _ends(pair)]
    low, high = (mistakes_of(plan, table, each) for each in keys)
    if low is None or high is None:
        return "Whether the rater errs alike in both was not measured."
    less, more, _ = _groups(pair)
    missed = [_points(1 - each.sensitivity) for each in (low, high)]
    invented = [_points(1 - each.specificity) for each in (low, high)]
    if low == high:
        return (
            f"Where its mistakes were counted, all groups together, it missed {missed[0]} of a "
            f"hundred and saw it in {invented[0]} of a hundred others."
        )
    return (
        f"Where its mistakes were counted, it missed {missed[0]} of a hundred {_among(less)} and "
        f"{missed[1]} {_among(more)}, and saw it in {invented[0]} and {invented[1]} of a hundred "
        "others."
    )


def _table(pairs: Sequence[Row], sure: int, among: int, *, name: str) -> Element:
    which, lines = f"the {number(sure)} differences", []
    if len(pairs) < sure:
        which = f"the widest {number(len(pairs))} of {number(sure)} differences"
    for pair in pairs:
        less, more, rest = _groups(pair)
        both = f"{less} and {more}".replace("“", "").replace("”", "") + (
            f": {listed(rest)}" if rest else ""
        )
        gaps = (_points(pair["missed"]), _points(pair["invented"]))
        numbers = (_points(pair["difference"]), _between(pair), *gaps)
        cells = [tag("td", text, class_="number") for text in numbers]
        lines.append(tag("tr", tag("th", both, scope="row"), cells))
    caption = (
        f"In percentage points, {which} whose interval leaves out zero, among "
        f"{counted(among, 'pair')} compared. Each vanishes "
        "if the rater misses so much more in the group named first, or sees it so much more where "
        "it is not in the group named second. All pairs stand in comparisons.csv."
    )
    heads = [tag("th", head, scope="col", class_="number") for head in _HEADS]
    inner = tag(
        "table",
        tag("caption", caption, id=f"{name}-pairs"),
        tag("thead", tag("tr", tag("th", "groups", scope="col"), heads)),
        tag("tbody", lines),
    )
    return tag(
        "div", inner, class_="scroll", role="region", tabindex="0", aria_labelledby=f"{name}-pairs"
    )


def _ends(pair: Row) -> tuple[str, str]:
    """Keys of the group where the number is lower, and of the other."""
    both = pair["first"], pair["second"]
    return both if float(pair["difference"]) >= 0 else (both[1], both[0])


def _groups(pair: Row) -> tuple[str, str, list[str]]:
    """What the two differ in, the lower one first, and what they have in common, in words."""
    low, high = (read_keys(end) for end in _ends(pair))
    axis = next(axis for axis in low if low[axis] != high[axis])
    rest = [label_of(level, name) for name, level in low.items() if name != axis]
    one, other = (
        label_of(level, axis) if is_month(level) else f"“{label_of(level, axis)}”"
        for level in (low[axis], high[axis])
    )
    return one, other, rest


def _among(group: str) -> str:
    return f"among {group}" if group.startswith("“") else f"in {group}"


def _points(value: str | float) -> str:
    return number(abs(100 * float(value)), 1)


def _between(pair: Row) -> str:
    ends = sorted(abs(100 * float(pair[end])) for end in ("low", "high"))
    return f"{number(ends[0], 1)}{SPACE}to{SPACE}{number(ends[1], 1)}"
