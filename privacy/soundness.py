"""
Whether a plan keeps what it promises, whoever wrote it.

`aggregates.plan` compiles sound plans, but what is charged and executed is a file that people
could have edited before it was signed.  So everything that a release's promises lean on is
reckoned again from the plan's own words, by the keeper, by the worker and by a reader alike:
first its form, within which all arithmetic is exact and small; then sensitivities from k and the
clamps, costs by OpenDP's map, ρ by their sum, ε by OpenDP's conversion, M by counting, z from β.

The form is part of the proof: a weight's unit other than SCALE, a table tested on anything but
a count, or two queries of one name would void the argument of `unit`, `minimum` or `kernel`.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import inf

from .codebook import MONTHS
from .errors import ClerestoryError, RefusedError
from .loss import read_rho
from .measurements import cost_of, epsilon_of
from .minimum import BETA, quantile
from .plan import TRENDS, Axis, Plan, Query, Table, Value
from .queries import OF_ACCOUNTS
from .unit import CLIPS, SCALE, ContributionBound

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

Finding = tuple[str, str, str]
"""Code, rule, what was found."""

REMEDY = "compile the study again with `clerestory plan`; a plan is not written by hand."


def check_sound(plan: Plan) -> None:
    """
    Raise at the first promise that a plan does not keep.

    Raises:
        RefusedError: With the rule's code and the numbers found.
    """
    for code, rule, found in findings(plan):
        raise RefusedError(code, rule=rule, found=found, remedy=REMEDY)


def findings(plan: Plan) -> Iterator[Finding]:
    """What is wrong with a plan; where its form is, nothing is reckoned further."""
    malformed = list(_form(plan))
    yield from malformed or _arithmetic(plan)


def cells_tested(tables: Sequence[Table], queries: Sequence[Query]) -> int:
    """
    M: how many sets of cells are tested: cells, a rate's bases, a grand total.

    Tables that stand on the same counts share their decisions, so each set counts once.
    """
    named, sets = {query.name: query for query in queries}, dict[tuple[str, str], int]()
    for table in tables:
        counts = named[table.queries[0]]
        if table.kind == "grand_total":
            sets[counts.name, "all"] = 1
        elif table.kind == "rate" or _is_rates_trend(table, counts):
            sets[counts.name, "base"] = counts.size // len(counts.axes[-1].levels)
        else:
            sets[counts.name, "cell"] = counts.size
    return sum(sets.values())


def _form(plan: Plan) -> Iterator[Finding]:
    rule = "A plan has the form that its promises are proved for."
    privacy, queries = plan.privacy, {query.name: query for query in plan.queries}
    try:
        ContributionBound(read_rho(privacy.contribution))
        for rho in (privacy.rho, *(query.rho for query in plan.queries)):
            read_rho(rho)
    except ClerestoryError as error:
        yield "PLAN_MALFORMED", rule, error.found
    if privacy.scale != SCALE:
        yield "PLAN_MALFORMED", rule, "another unit of weights."
    if not (0 < privacy.delta < 1 and 0 < privacy.epsilon < inf):
        yield "PLAN_EPSILON", "A plan states an ε above 0 at a δ between 0 and 1.", "another."
    if len(queries) < len(plan.queries) or not all(map(_is_bounded, plan.queries)):
        yield "PLAN_MALFORMED", rule, "two queries of one name, or one without bounds."
    elif {name for table in plan.tables for name in table.queries} != set(queries):
        yield "PLAN_MALFORMED", rule, "tables and queries that do not belong together."
    elif not all(_fits(table, [queries[n] for n in table.queries]) for table in plan.tables):
        yield "PLAN_MALFORMED", rule, "a table that is not tested on counts of its own cells."
    if len({(table.name, table.kind) for table in plan.tables}) < len(plan.tables):
        yield "PLAN_MALFORMED", rule, "two tables of one name and kind."
    elif not plan.tables or not all(map(_is_one_table, _by_name(plan.tables))):
        yield "PLAN_MALFORMED", rule, "no table, or two different ones of one name."


def _is_bounded(query: Query) -> bool:
    plain = (query.measure, query.centre, query.bound) == ("", 0, 1)
    clips = CLIPS if query.value in ("clipped", "capped") else ()
    steps = 0 < query.unit < inf if query.value.startswith("amount") else query.unit == 0
    return (
        0 < query.size <= MOST_CELLS
        and steps
        and tuple(clip.bound for clip in query.clips) == clips
        and (query.of != "") == (query.value in OF_ACCOUNTS and query.value != "clipped")
        and all(map(_is_parted, query.axes))
        and (
            plain
            if query.value in ("one", *OF_ACCOUNTS)
            else 0 <= query.centre < LARGEST_CENTRE and 1 <= query.bound < LARGEST_BOUND
        )
    )


def _is_parted(axis: Axis) -> bool:
    """Whether each record lies in one level of an axis at most."""
    if not axis.measure:
        return not axis.edges
    rising = all(low < high for low, high in pairwise(axis.edges))
    return rising and len(axis.levels) == len(axis.edges) - 1


def _by_name(tables: Sequence[Table]) -> list[list[Table]]:
    return [[t for t in tables if t.name == name] for name in dict.fromkeys(t.name for t in tables)]


def _is_one_table(parts: Sequence[Table]) -> bool:
    """Whether statistics of one name are of the same cells: a reader takes them for one table."""
    return len({(part.title, part.base, part.queries[:1]) for part in parts}) == 1


def _fits(table: Table, queries: Sequence[Query]) -> bool:
    if not queries:
        return False
    counts, values = queries[0], [query.value for query in queries]
    axes = tuple(axis.name for axis in counts.axes)
    if any(query.where != counts.where for query in queries):
        return False
    if table.kind in MEANS:
        return (
            values == ["one", *MEANS[table.kind]]
            and table.by == axes
            and queries[1].axes == counts.axes
            and queries[2].size == 1
            and len({query.measure for query in queries[1:]}) == 1
            and len({query.unit for query in queries[1:]}) == 1
        )
    if table.kind == "quantiles":
        return (
            values == ["one", "one"]
            and table.by == axes
            and queries[1].axes[:-1] == counts.axes
            and len(queries[1].axes) == len(counts.axes) + 1
            and len(queries[1].axes[-1].edges) > 2
        )
    if table.kind in ("total", "grand_total"):
        return _fits_totals(table, queries)
    if not counts.axes:
        return False
    if table.kind in TRENDS:
        return values == ["one"] and _fits_trend(table, counts)
    pair = table.kind == "share" or len(counts.axes[-1].levels) == 2
    return values == ["one"] and table.by == axes[:-1] and pair


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


def _fits_trend(table: Table, counts: Query) -> bool:
    months = [axis for axis in counts.axes if axis.name == MONTH]
    others = tuple(axis.name for axis in counts.axes if axis.name != MONTH)
    names = {level.name for axis in months for level in axis.levels}
    answers = others[:-1] if _is_rates_trend(table, counts) else others
    return (
        len(months) == 1
        and counts.axes[-1].name != MONTH
        and len(names) == len(months[0].levels) > 1
        and names <= set(MONTHS)
        and table.by == answers
        and (answers == others or len(counts.axes[-1].levels) == 2)
    )


def _is_rates_trend(table: Table, counts: Query) -> bool:
    """Whether a trend is of a rate: the answers, yes and no, are then no key of its rows."""
    return table.kind in TRENDS and counts.axes[-1].name not in table.by


def _arithmetic(plan: Plan) -> Iterator[Finding]:
    privacy = plan.privacy
    bound = ContributionBound(Fraction(privacy.contribution))
    if plan.loss > Fraction(privacy.rho):
        found = f"ρ = {float(plan.loss):.6g} where {float(Fraction(privacy.rho)):.6g} is stated."
        yield "PLAN_SUM", "The queries of a plan cost together no more than it states.", found
    for query in plan.queries:
        if not all(_is_paid(query, *noise) for noise in _noises(query, bound)):
            rule = "A query's noise is as wide as its charge and its sensitivity demand."
            yield "PLAN_NOISE", rule, f"the query {query.name} with less."
    if epsilon_of(plan.loss, privacy.delta) > privacy.epsilon:
        rule = "A plan states the ε that its queries stand for, or more."
        found = f"ε = {privacy.epsilon:g} at δ = {privacy.delta:g}, which is less."
        yield "PLAN_EPSILON", rule, found
    cells = cells_tested(plan.tables, plan.queries)
    rule = "The threshold holds for all cells of a release together, at β ≤ 0.001."
    if not 0 < privacy.beta <= BETA or privacy.tested < cells:
        found = f"β = {privacy.beta:g} for {privacy.tested} of {cells} cells."
        yield "PLAN_THRESHOLD", rule, found
    elif privacy.z < quantile(privacy.beta, privacy.tested) * (1 - 1e-12):
        found = f"z = {privacy.z:.4f} for {privacy.tested} cells, which is too small."
        yield "PLAN_THRESHOLD", rule, found


def _noises(query: Query, bound: ContributionBound) -> Iterator[tuple[int, int, float]]:
    """Least sensitivity that is true, the one that is stated, σ: for each bound of a query."""
    if query.value not in OF_ACCOUNTS:
        yield bound.sensitivity(largest=query.bound), query.sensitivity, query.sigma
        return
    # An account lies in one bin of a histogram; and at a bound C it moves a total by S·C.
    yield SCALE, query.sensitivity, query.sigma
    for clip in query.clips:
        yield clip.bound * SCALE, clip.sensitivity, clip.sigma


def _is_paid(query: Query, least: int, sensitivity: int, sigma: float) -> bool:
    # Below a unit of 1/scale accounts noise hides nobody, and its cost is beyond floats.
    return (
        sensitivity >= least
        and 1 <= sigma < inf
        and cost_of(sensitivity=sensitivity, sigma=sigma) <= Fraction(query.rho)
    )
