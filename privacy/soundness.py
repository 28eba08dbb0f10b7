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

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import inf

from .codebook import codebook
from .confusion import is_validation
from .errors import ClerestoryError, RefusedError
from .forms import by_name, fits, is_bounded, is_one_table, is_rates_trend
from .loss import read_rho
from .measurements import cost_of, epsilon_of
from .minimum import BETA, quantile
from .mistakes import fits_validation
from .plan import ADJUSTED_RATES, AGREEMENTS, STEPS, Plan, Query, Table
from .queries import OF_ACCOUNTS
from .raters import asks
from .second import DOT, are_readings, whose
from .spending import is_spending
from .unit import SCALE, ContributionBound
from .views import UNSEEN, VIEWS

Finding = tuple[str, str, str]
"""Code, rule, what was found."""

VIEW = "A rater is shown a known view, and asked for nothing that it leaves out."
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
    M: how many sets of cells are tested: cells, a rate's bases, a grand total, a whole sample.

    Of sizes of accounts, bins and what lies beyond each of them.
    Tables that stand on the same counts share their decisions, so each set counts once.
    """
    named, sets = {query.name: query for query in queries}, dict[tuple[str, str], int]()
    for table in tables:
        if table.kind == "not_computed":
            continue
        counts = named[table.queries[0]]
        if table.kind == "grand_total":
            sets[counts.name, "all"] = 1
        elif table.kind in ("accounts", "accounts_above"):
            sets[counts.name, "cell"] = counts.size
            sets[counts.name, "above"] = counts.size - 1
        elif table.is_rate or table.kind in ADJUSTED_RATES or is_rates_trend(table):
            base = " ".join(sorted((*table.yes, *table.no)))
            sets[counts.name, f"base {base}"] = counts.size // len(counts.axes[-1].levels)
        elif table.kind in AGREEMENTS:
            width = len(counts.axes[-1].levels) ** 2
            sets[counts.name, "two-way base"] = counts.size // width
        else:
            sets[counts.name, "cell"] = counts.size
        if table.kind in STEPS:
            sets[counts.name, "sample"] = 1
    return sum(sets.values())


def unseen(plan: Plan) -> list[str]:
    """Columns that a plan asks for, and of which the view of their rater shows nothing."""
    hidden = []
    for column in sorted(_asked(plan)):
        reading, name = whose(column, plan.readings)
        if name in UNSEEN[(reading or plan).rater.view]:
            hidden.append(column)
    return hidden


def _asked(plan: Plan) -> set[str]:
    """Every column that a condition of a plan speaks of."""
    conditions = [plan.population.where]
    for query in plan.queries:
        conditions.append(query.where)
        conditions += (level.when for axis in query.axes for level in axis.levels)
    return {column for condition in conditions for column in condition}


def _strays(plan: Plan) -> bool:
    """Whether a column is of a reading that the plan has not, or is none of what it can repeat."""
    again = [column for column in _asked(plan) if DOT in column]
    judged = {instrument.name for instrument in codebook().instruments}
    return any(DOT in column for column in plan.population.where) or any(
        reading is None or name not in judged
        for reading, name in (whose(column, plan.readings) for column in again)
    )


def _form(plan: Plan) -> Iterator[Finding]:
    rule = "A plan has the form that its promises are proved for."
    privacy, queries = plan.privacy, {query.name: query for query in plan.queries}
    try:
        for k in (privacy.contribution, *(q.contribution for q in plan.queries if q.contribution)):
            ContributionBound(read_rho(k))
        for rho in (privacy.rho, *(query.rho for query in plan.queries)):
            read_rho(rho)
    except ClerestoryError as error:
        yield "PLAN_MALFORMED", rule, error.found
    if privacy.scale != SCALE:
        yield "PLAN_MALFORMED", rule, "another unit of weights."
    if not (0 < privacy.delta < 1 and 0 < privacy.epsilon < inf):
        yield "PLAN_EPSILON", "A plan states an ε above 0 at a δ between 0 and 1.", "another."
    if len(queries) < len(plan.queries) or not all(map(is_bounded, plan.queries)):
        yield "PLAN_MALFORMED", rule, "two queries of one name, or one without bounds."
    elif {name for table in plan.tables for name in table.queries} != set(queries):
        yield "PLAN_MALFORMED", rule, "tables and queries that do not belong together."
    elif not all(fits(table, [queries[n] for n in table.queries]) for table in plan.tables):
        yield "PLAN_MALFORMED", rule, "a table that is not tested on counts of its own cells."
    elif plan.validation is not None and not is_validation(plan.validation):
        yield "PLAN_MALFORMED", rule, "confusion tables that are none."
    elif not all(fits_validation(plan, table) for table in plan.tables):
        yield "PLAN_MALFORMED", rule, "a table whose confusion tables are of something else."
    if len({(table.name, table.kind) for table in plan.tables}) < len(plan.tables):
        yield "PLAN_MALFORMED", rule, "two tables of one name and kind."
    elif not plan.tables or not all(map(is_one_table, by_name(plan.tables))):
        yield "PLAN_MALFORMED", rule, "no table, or two different ones of one name."
    if plan.spending and not (asks(plan.rater.name) and is_spending(plan.spending)):
        rule = "A plan states prices and a cap that can be reckoned with, where a model is asked."
        yield "PLAN_SPENDING", rule, "others, or some where nobody is asked."
    if not are_readings(plan.readings, plan.rater) or _strays(plan):
        rule = "A second reading is of a share of the sessions, by the plan's own rater."
        yield "PLAN_READINGS", rule, "another, or a column of a reading that there is not."
    elif plan.rater.view not in VIEWS:
        yield "PLAN_VIEW", VIEW, "a view that is not known."
    elif hidden := unseen(plan):
        yield "PLAN_VIEW", VIEW, f"{', '.join(hidden)} by {plan.rater.view}."


def _arithmetic(plan: Plan) -> Iterator[Finding]:
    privacy = plan.privacy
    if plan.loss > Fraction(privacy.rho):
        found = f"ρ = {float(plan.loss):.6g} where {float(Fraction(privacy.rho)):.6g} is stated."
        yield "PLAN_SUM", "The queries of a plan cost together no more than it states.", found
    for query in plan.queries:
        bound = ContributionBound(plan.contribution(query))
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
    if query.value == "moments":
        yield bound.moments(), query.sensitivity, query.sigma
        return
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
