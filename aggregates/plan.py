"""
Compile a study into the plan that officers sign.  No data are seen.

The charges are exact fractions and sum to at most the ρ that (ε, δ) allows; σ is the least noise
that each charge pays for; M counts every cell that will be tested; z follows from β and M.  What
the plan will probably show stands in its forecast, made from a synthetic population.
"""

from collections.abc import Sequence
from dataclasses import replace

from privacy.codebook import Codebook
from privacy.codebook import codebook as installed
from privacy.errors import ConfigurationError
from privacy.loss import write_rho
from privacy.measurements import rho_of
from privacy.minimum import BETA, quantile
from privacy.plan import Forecast, Plan, Population, Privacy, Query, Rater, Table
from privacy.plan import Study as Asked
from privacy.second import widened
from privacy.soundness import cells_tested, unseen
from privacy.unit import SCALE
from privacy.views import SHOWN

from .asked import rater_of, readings_of, spending_of
from .division import divide
from .forecast import forecast, prior
from .population import conditions
from .sharing import share
from .study import Study
from .targets import PRINTED, inside, targets
from .validation import validated
from .workload import bound_of, queries_of

ACCOUNTS, SESSIONS_EACH = 4_500, 1.7
"""What a forecast expects unless it is told: a mid-sized organisation at the published mean."""
_NONE_YET = Forecast(0, 0, 0, 0, (), {}, 0.0)


def plan(
    study: Study,
    *,
    accounts: int = ACCOUNTS,
    sessions: int | None = None,
    rater: Rater | None = None,
    codebook: Codebook | None = None,
) -> Plan:
    """
    Compile a study.

    Args:
        study: What is asked.
        accounts: How many accounts are expected: a guess for the forecast and the split of the
            loss, never a count of data.
        sessions: How many sessions they have; the published mean by default.
        rater: Who will label; by default the known rater that the study names.
        codebook: The closed vocabulary; that of this installation by default.

    Returns:
        An unbound plan.

    Raises:
        ConfigurationError: The study asks for something that the codebook, the budget or the
            rater does not give.
    """
    book = codebook or installed()
    rater = rater or rater_of(study)
    if study.rater.name != rater.name:
        found = f"the rater {study.rater.name!r}, where {rater.name!r} was given."
        raise study.error(found, "name the rater that labels.", "rater", "name")
    expected = sessions if sessions is not None else round(accounts * SESSIONS_EACH)
    if not 1 <= accounts <= expected:
        raise ConfigurationError(
            "EXPECTATION",
            rule="A forecast expects at least one account, and a session for each.",
            found=f"{accounts} accounts with {expected} sessions.",
            remedy="state what you expect, roughly.",
        )
    apart = draft(study, rater, book)
    sums = prior(apart, accounts, expected, book)
    rho = rho_of(study.budget.epsilon, study.budget.delta)
    wanted = {table.name: table.half_width for table in study.tables}
    shared = _tested(apart, *share(apart, sums, wanted, book))
    if shared.queries != apart.queries:
        sums = prior(shared, accounts, expected, book)
    adjusted = inside(shared, sums, wanted)
    candidates = []
    # Where each table states its own part, no wish can move anything from one to another.
    open_ = any(table.rho is None and not table.not_computed for table in study.tables)
    for printed in PRINTED if open_ else PRINTED[:1]:
        queries = divide(study, shared, targets(shared, sums, wanted, printed, adjusted), rho)
        priced = replace(shared, queries=(*queries,))
        compiled = replace(priced, privacy=replace(priced.privacy, rho=write_rho(priced.loss)))
        told = forecast(compiled, sums, accounts, expected, book)
        candidates.append(replace(compiled, forecast=told))
    return max(candidates, key=lambda plan: plan.forecast.published)


def draft(study: Study, rater: Rater, book: Codebook) -> Plan:
    """Compile everything about a plan but its prices and its forecast."""
    bound = bound_of(study, study.budget.k, "privacy")
    readings = readings_of(study, rater)
    wide = widened(book, readings)
    queries: list[Query] = []
    tables: list[Table] = []
    for number in range(len(study.tables)):
        more, statistics = queries_of(study, number, bound=bound, codebook=wide)
        queries += more
        tables += statistics
    validation, tables = validated(study, tables, rater, book)
    budget = study.budget
    made = Plan(
        study=Asked(study.header.name, study.header.purpose, (*study.header.authors,)),
        population=Population(study.months, where_of(study, book)),
        privacy=Privacy(
            epsilon=budget.epsilon,
            delta=budget.delta,
            rho="0",
            contribution=str(bound.k),
            scale=SCALE,
            minimum_accounts=budget.minimum_accounts,
            beta=BETA,
            tested=0,
            z=0.0,
        ),
        rater=rater,
        queries=(),
        tables=(),
        forecast=_NONE_YET,
        codebook=book.hash,
        prompts=book.prompts_hash,
        validation=validation,
        spending=spending_of(study, rater),
        readings=readings,
    )
    drafted = _tested(made, *_shared(queries, tables))
    if hidden := unseen(drafted):
        found = f"{', '.join(hidden)} by {rater.view}, which shows {SHOWN[rater.view]}."
        raise study.error(found, "ask for something else, or take another view.", "rater", "view")
    return drafted


def _tested(plan: Plan, queries: Sequence[Query], tables: Sequence[Table]) -> Plan:
    """A plan with these queries and tables, and the z that so many tested cells need."""
    cells = cells_tested(tables, queries)
    privacy = replace(plan.privacy, tested=cells, z=quantile(BETA, cells))
    return replace(plan, queries=(*queries,), tables=(*tables,), privacy=privacy)


def _shared(queries: Sequence[Query], tables: Sequence[Table]) -> tuple[list[Query], list[Table]]:
    """Counts that two tables need are bought once, and so the tables agree about them."""
    kept: list[Query] = []
    names: dict[str, str] = {}
    for asked in queries:
        query = replace(asked, of=names.get(asked.of, asked.of))
        first = query
        if query.value in ("one", "moments"):
            alike = (one for one in kept if one.size == query.size)
            first = next((one for one in alike if replace(query, name=one.name) == one), query)
        names[query.name] = first.name
        kept += [query] if first is query else []
    renamed = (
        replace(table, queries=tuple(names[name] for name in table.queries)) for table in tables
    )
    return kept, [*renamed]


def where_of(study: Study, book: Codebook) -> dict[str, tuple[str, ...]]:
    """Read the condition on a study's population."""

    def refuse(found: str, remedy: str) -> ConfigurationError:
        return study.error(found, remedy, "population", "where")

    where = conditions(study.sessions.where, book, refuse)
    if "month" in where:
        raise refuse("months as a condition.", "state them as months = [first, last].")
    return where
