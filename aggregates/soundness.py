"""
Whether a plan keeps what it promises, whoever wrote it.

`plan` compiles sound plans, but what is executed is a file that people could have edited before it
was signed.  So everything that the promises of a release lean on is reckoned again from the plan's
own words: sensitivities from k and the clamps, costs by OpenDP's map, ρ by their sum, ε by OpenDP's
conversion, M by counting, z from β and M.
"""

from collections.abc import Sequence
from fractions import Fraction

from privacy.codebook import Codebook
from privacy.errors import ConfigurationError, RefusedError
from privacy.measurements import cost_of, epsilon_of
from privacy.minimum import BETA, quantile
from privacy.plan import Plan, Query, Table
from privacy.unit import ContributionBound


def check(plan: Plan, codebook: Codebook) -> None:
    """
    Check that a plan can be executed as it was signed, and keeps its promises.

    Args:
        plan: The plan.
        codebook: The codebook of this installation.

    Raises:
        ConfigurationError: The plan was made under another codebook.
        RefusedError: It states a sensitivity, a charge, an ε or a z that is too small.
    """
    if plan.codebook != codebook.hash:
        raise ConfigurationError(
            "CODEBOOK_CHANGED",
            rule="A plan is executed under the codebook it was compiled with.",
            found="another codebook than the installed one.",
            remedy="compile the study again, or install the version that made the plan.",
        )
    bound = ContributionBound(Fraction(plan.privacy.contribution))
    for query in plan.queries:
        _check_query(query, bound, plan.privacy.scale)
    _check_loss(plan)
    _check_minimum(plan)


def cells_tested(tables: Sequence[Table], queries: Sequence[Query]) -> int:
    """M: how many sets of cells are tested: a share's and a mean's cells, a rate's bases."""
    sizes = {query.name: (query.size, len(query.axes[-1].levels)) for query in queries}
    counts = ((table, *sizes[table.queries[0]]) for table in tables)
    return sum(size // last if table.kind == "rate" else size for table, size, last in counts)


def _check_query(query: Query, bound: ContributionBound, scale: int) -> None:
    least = bound.sensitivity(largest=query.bound, scale=scale)
    if query.bound < 1 or query.sensitivity < least:
        found = (
            f"a sensitivity of {query.sensitivity} where one account moves {query.name} {least}."
        )
        raise _refused("PLAN_UNDERCHARGED", found)
    cost = cost_of(sensitivity=query.sensitivity, sigma=query.sigma)
    if cost > Fraction(query.rho):
        found = f"a charge of ρ = {query.rho} for {query.name}, whose noise costs more."
        raise _refused("PLAN_UNDERCHARGED", found)


def _check_loss(plan: Plan) -> None:
    privacy = plan.privacy
    if plan.loss > Fraction(privacy.rho):
        found = f"charges that sum to ρ = {plan.loss} where ρ = {privacy.rho} is stated."
        raise _refused("PLAN_UNDERCHARGED", found)
    if epsilon_of(plan.loss, privacy.delta) > privacy.epsilon:
        found = f"charges that stand for more than ε = {privacy.epsilon} at δ = {privacy.delta}."
        raise _refused("PLAN_UNDERCHARGED", found)


def _check_minimum(plan: Plan) -> None:
    privacy, cells = plan.privacy, cells_tested(plan.tables, plan.queries)
    enough = privacy.tested >= cells and privacy.z >= quantile(privacy.beta, privacy.tested)
    if not enough or not 0 < privacy.beta <= BETA:
        found = f"z = {privacy.z} for {privacy.tested} of {cells} cells at β = {privacy.beta}."
        raise _refused("PLAN_MINIMUM", found)


def _refused(code: str, found: str) -> RefusedError:
    return RefusedError(
        code,
        rule="A plan keeps what it promises: its noise is paid for, its cells are tested.",
        found=found,
        remedy="compile the study again; a plan is not written by hand.",
    )
