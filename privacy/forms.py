"""
The form that each kind of table and query must have, for which a release's promises are proved.

A plan is read from a file that people could have edited; whatever is not of one of these forms is
refused before anything is reckoned.  A new kind of table has its form here, or it is no kind.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import inf

from .codebook import MONTHS
from .pairs import fits_adjusted_mean, fits_adjusted_rate
from .plan import TRENDS, Axis, Kind, Query, Table, Value
from .queries import OF_ACCOUNTS, OF_RATES, OF_SHARES, SESSIONS, size_names
from .rows import REST
from .unit import CLIPS

MOST_CELLS = 20_000
"""Cells of one query: beyond this a table is a mistake, and its noise takes seconds to draw."""
LARGEST_CENTRE, LARGEST_BOUND = 2**16, 2**18
"""Stored logarithms have 16 bits; a squared one in thousandths fits 2¹⁸ for every measure."""

MEANS: Mapping[str, tuple[Value, Value]] = {
    "geometric_mean": ("log", "log_squared"),
    "mean": ("amount", "amount_squared"),
}
"""Kind of mean → what is summed for it, and for its spread."""

MONTH = "month"
"""Name of the axis that trends run over."""


def is_bounded(query: Query) -> bool:
    """Whether all that a query sums is small enough for its arithmetic to be exact."""
    plain = (query.measure, query.centre, query.bound) == ("", 0, 1)
    clips = CLIPS if query.value in ("clipped", "capped") else ()
    steps = 0 < query.unit < inf if query.value.startswith("amount") else query.unit == 0
    return (
        0 < query.size <= MOST_CELLS
        and steps
        and tuple(clip.bound for clip in query.clips) == clips
        and (query.of != "") == (query.value == "moments" or not _stands_alone(query))
        and all(map(_is_parted, query.axes))
        and not (query.contribution and query.value in OF_ACCOUNTS)
        and (
            plain
            if query.value in ("one", "moments", *OF_ACCOUNTS)
            else 0 <= query.centre < LARGEST_CENTRE and 1 <= query.bound < LARGEST_BOUND
        )
    )


def _stands_alone(query: Query) -> bool:
    """Whether a query counts sessions in no other query's cells."""
    if query.value not in OF_ACCOUNTS:
        return True
    return query.value == "clipped" or (query.value == "size" and _is_of_sizes(query.axes))


def _is_of_sizes(axes: Sequence[Axis]) -> bool:
    """Whether axes are the bins of a table of account sizes, each called what it holds."""
    return len(axes) == 1 and (
        (axes[0].name, axes[0].measure) == (SESSIONS, SESSIONS)
        and len(axes[0].edges) > 2
        and axes[0].edges[0] == 1
        and axes[0].edges[-2] <= CLIPS[-1]
        and [level.name for level in axes[0].levels] == size_names(axes[0].edges)
    )


def _is_parted(axis: Axis) -> bool:
    """Whether each record lies in one level of an axis at most."""
    if not axis.measure:
        return not axis.edges
    rising = all(low < high for low, high in pairwise(axis.edges))
    return rising and len(axis.levels) == len(axis.edges) - 1


def by_name(tables: Sequence[Table]) -> list[list[Table]]:
    """Put statistics that a reader takes for one table together."""
    return [[t for t in tables if t.name == name] for name in dict.fromkeys(t.name for t in tables)]


def is_one_table(parts: Sequence[Table]) -> bool:
    """Whether statistics of one name are of the same cells: a reader takes them for one table."""
    return len({(part.title, part.base, part.queries[:1], part.residual) for part in parts}) == 1


def fits(table: Table, queries: Sequence[Query]) -> bool:
    """Whether a table is made of what its kind is made of, and is tested on its own cells."""
    measured = table.kind != "not_computed"
    # One k for all that a statistic is made of: a ratio of sums weighed apart means nothing.
    alike = {(*sorted(query.where.items()), query.contribution) for query in queries}
    if len(alike) != measured:
        return False
    if table.residual and not (measured and _has_rest(table, queries[0])):
        return False
    return FORMS[table.kind](table, queries)


def _has_rest(table: Table, counts: Query) -> bool:
    """Whether a row of what is withheld can stand beside a share's labels, named as none is."""
    labels = [level.name for level in counts.axes[-1].levels] if counts.axes else []
    made_of_it = table.kind in (*TRENDS, "corrected") and not table.yes
    shares = table.kind == "share" or made_of_it
    return shares and len(set(labels)) == len(labels) > 2 and REST not in labels


def _fits_share(table: Table, queries: Sequence[Query]) -> bool:
    (counts, *more), axes = queries, queries[0].axes
    named = tuple(axis.name for axis in axes)
    if not axes or not _are_moments(more, counts, OF_SHARES):
        return False
    return counts.value == "one" and table.by == named[:-1]


def _fits_rate(table: Table, queries: Sequence[Query]) -> bool:
    (counts, *more), axes = queries, queries[0].axes
    if counts.value != "one" or not axes or not _are_moments(more, counts, OF_RATES):
        return False
    if more and [*table.yes, *table.no] != [level.name for level in axes[-1].levels]:
        return False
    return table.by == tuple(axis.name for axis in axes)[:-1] and _is_answered(table, counts)


def _fits_corrected(table: Table, queries: Sequence[Query]) -> bool:
    return (_fits_rate if table.is_rate else _fits_share)(table, queries)


def _are_moments(more: Sequence[Query], counts: Query, names: Sequence[str]) -> bool:
    """Whether what a table has beside its counts is nothing, or the moments of those."""
    return not more or (
        len(more) == 1
        and (more[0].value, more[0].of) == ("moments", counts.name)
        and len(more[0].axes) == 1
        and tuple(level.name for level in more[0].axes[0].levels) == tuple(names)
        and (names != OF_RATES or len(counts.axes[-1].levels) == len(("yes", "no")))
    )


def _fits_mean(table: Table, queries: Sequence[Query]) -> bool:
    counts, values = queries[0], [query.value for query in queries]
    return (
        values == ["one", *MEANS[table.kind]]
        and table.by == tuple(axis.name for axis in counts.axes)
        and queries[1].axes == counts.axes
        and queries[2].size == 1
        and len({query.measure for query in queries[1:]}) == 1
        and len({query.unit for query in queries[1:]}) == 1
    )


def _fits_quantiles(table: Table, queries: Sequence[Query]) -> bool:
    counts = queries[0]
    return (
        [query.value for query in queries] == ["one", "one"]
        and table.by == tuple(axis.name for axis in counts.axes)
        and queries[1].axes[:-1] == counts.axes
        and len(queries[1].axes) == len(counts.axes) + 1
        and len(queries[1].axes[-1].edges) > 2
    )


def _fits_totals(table: Table, queries: Sequence[Query]) -> bool:
    counts, *about = queries
    axes = tuple(axis.name for axis in counts.axes)
    return (
        [query.value for query in queries] == ["clipped", "capped", "norm", "size"]
        and {query.of for query in about} == {counts.name}
        and [query.size for query in about] == [1, len(CLIPS) + 1, len(CLIPS) + 1]
        and all(not axis.measure for query in queries for axis in query.axes)
        and table.by == (axes if table.kind == "total" else ())
    )


def _fits_trend(table: Table, queries: Sequence[Query]) -> bool:
    (counts, *more), values = queries, [query.value for query in queries]
    if more or values != ["one"] or not counts.axes:
        return False
    months = [axis for axis in counts.axes if axis.name == MONTH]
    others = tuple(axis.name for axis in counts.axes if axis.name != MONTH)
    names = {level.name for axis in months for level in axis.levels}
    rates = is_rates_trend(table)
    return (
        len(months) == 1
        and counts.axes[-1].name != MONTH
        and len(names) == len(months[0].levels) > 1
        and names <= set(MONTHS)
        and table.by == (others[:-1] if rates else others)
        and (_is_answered(table, counts) if rates else not table.no)
    )


def _fits_accounts(table: Table, queries: Sequence[Query]) -> bool:
    (counts, *more) = queries
    return (
        not more
        and counts.value == "size"
        and _stands_alone(counts)
        and table.by == (SESSIONS,)
        and not (table.yes or table.no)
    )


def is_rates_trend(table: Table) -> bool:
    """Whether a trend is of a rate: the answers, yes and no, are then no key of its rows."""
    return table.kind in TRENDS and bool(table.yes)


def factors(kind: Kind, months: Sequence[str]) -> list[float]:
    """
    How much each month of a trend counts.

    Of a change -1 the first and +1 the last; of a slope, per month, by least squares: months that
    are left out keep their distance.
    """
    if kind == "change":
        return [-1.0, *[0.0] * (len(months) - 2), 1.0]
    at = [12 * int(month[:4]) + int(month[5:]) for month in months]
    middle = sum(at) / len(at)
    squares = sum((t - middle) ** 2 for t in at)
    return [(t - middle) / squares for t in at]


def _is_answered(table: Table, counts: Query) -> bool:
    """Whether each level says yes, or no, or is not in the base; so no session answers twice."""
    answers, levels = [*table.yes, *table.no], [level.name for level in counts.axes[-1].levels]
    return (
        bool(table.yes and table.no)
        and len(set(answers)) == len(answers)
        and set(answers) <= set(levels)
        and len(set(levels)) == len(levels)
    )


def _fits_agreement(table: Table, queries: Sequence[Query]) -> bool:
    (counts, *more), axes = queries, queries[0].axes
    if more or counts.value != "one" or len(axes) < 2 or any(axis.measure for axis in axes[-2:]):
        return False
    one, other = (tuple(level.name for level in axis.levels) for axis in axes[-2:])
    # Two labels are always adjacent, and kappa would say the same with any weights.
    least = 3 if table.kind in ("weighted_kappa", "adjacent") else 2
    return (
        table.by == tuple(axis.name for axis in axes[:-2])
        and one == other
        and len(set(one)) == len(one) >= least
        and not (table.yes or table.no)
    )


def _fits_nothing(table: Table, _: Sequence[Query]) -> bool:
    return (table.by, table.yes, table.no) == ((), (), ())


FORMS: Mapping[Kind, Callable[[Table, Sequence[Query]], bool]] = {
    "share": _fits_share,
    "rate": _fits_rate,
    "corrected": _fits_corrected,
    "change": _fits_trend,
    "slope": _fits_trend,
    "mean": _fits_mean,
    "geometric_mean": _fits_mean,
    "quantiles": _fits_quantiles,
    "total": _fits_totals,
    "grand_total": _fits_totals,
    "accounts": _fits_accounts,
    "accounts_above": _fits_accounts,
    "adjusted_rate": fits_adjusted_rate,
    "adjusted_slope": fits_adjusted_rate,
    "adjusted_geometric_mean": fits_adjusted_mean,
    "adjusted_ratio": fits_adjusted_mean,
    "kappa": _fits_agreement,
    "weighted_kappa": _fits_agreement,
    "exact": _fits_agreement,
    "adjacent": _fits_agreement,
    "not_computed": _fits_nothing,
}
"""Kind → whether a table and its queries have its form."""
