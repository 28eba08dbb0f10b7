"""
Hold a plan against the floor, the policy and the codebook, and redo its sums.

The compiler is not trusted: what the keeper charges and what the worker promises is computed
here again from the plan's own numbers, by other code than that which wrote them.
"""

from collections.abc import Iterator
from fractions import Fraction
from statistics import NormalDist

from .codebook import Codebook
from .errors import RefusedError
from .floor import Floor
from .plan import Plan, Query, Table
from .policy import Policy

Finding = tuple[str, str, str, str]
"""Code, rule, what was found, what to do."""

RECOMPILE = "compile the study again with `clerestory plan` of this version."


def check_plan(plan: Plan, floor: Floor, policy: Policy, codebook: Codebook) -> None:
    """
    Raise at the first rule that a plan breaks.

    Raises:
        RefusedError: With the rule's code, the numbers found, and a remedy.
    """
    findings = (
        *_vocabulary(plan, codebook),
        *arithmetic_findings(plan),
        *_limits(plan, floor, policy, codebook),
    )
    for code, rule, found, remedy in findings:
        raise RefusedError(code, rule=rule, found=found, remedy=remedy)


def _vocabulary(plan: Plan, codebook: Codebook) -> Iterator[Finding]:
    if (plan.codebook, plan.prompts) != (codebook.hash, codebook.prompts_hash):
        yield (
            "PLAN_CODEBOOK",
            "A plan speaks the vocabulary of the installed codebook.",
            f"a plan made with the codebook {plan.codebook[:16]}.",
            RECOMPILE,
        )
        return
    columns = {field.name: set(field.labels) for field in codebook.fields}
    for when in _conditions(plan):
        for column, labels in when.items():
            if not set(labels) <= columns.get(column, set()):
                yield (
                    "PLAN_VOCABULARY",
                    "A plan's conditions name labels of the codebook only.",
                    "a condition on something else.",
                    RECOMPILE,
                )


def _conditions(plan: Plan) -> Iterator[dict[str, tuple[str, ...]]]:
    yield dict(plan.population.where)
    for query in plan.queries:
        yield dict(query.where)
        yield from (dict(level.when) for axis in query.axes for level in axis.levels)


def arithmetic_findings(plan: Plan) -> Iterator[Finding]:
    """What does not add up in a plan: its sum, its noise, its threshold."""
    privacy = plan.privacy
    if plan.loss > Fraction(privacy.rho):
        yield (
            "PLAN_SUM",
            "The queries of a plan cost together no more than it states.",
            f"queries of ρ = {float(plan.loss):.6g} where it states "
            f"{float(Fraction(privacy.rho)):.6g}.",
            RECOMPILE,
        )
    for query in plan.queries:
        if not _paid_for(query, plan):
            yield (
                "PLAN_NOISE",
                "A query's noise is as wide as its charge and its sensitivity demand.",
                f"the query {query.name} with less.",
                RECOMPILE,
            )
    cells = sum(_printed(table, plan) for table in plan.tables)
    needed = NormalDist().inv_cdf(1 - privacy.beta / max(1, privacy.tested))
    # Half a millionth: the compiler rounds z when it writes it.
    if privacy.tested < cells or privacy.z < needed - 5e-7 or not 0 < privacy.beta <= 1e-3:
        yield (
            "PLAN_THRESHOLD",
            "The threshold holds for all cells of a release together, at β ≤ 0.001.",
            f"z = {privacy.z:.4f} for {privacy.tested} of {cells} cells, "
            f"where {needed:.4f} is due.",
            RECOMPILE,
        )


def _printed(table: Table, plan: Plan) -> int:
    """Cells of a table that are tested: those of its counts; a rate is tested by its base."""
    counts = plan.query(table.queries[0])
    return counts.size // (len(counts.axes[-1].levels) if table.kind == "rate" else 1)


def _paid_for(query: Query, plan: Plan) -> bool:
    """ρ ≥ Δ²/2σ² (Canonne, Kamath & Steinke, arXiv:2004.00010), Δ ≥ kS·bound; exactly."""
    k, scale = Fraction(plan.privacy.contribution), plan.privacy.scale
    enough = query.sensitivity >= int(k * scale) * query.bound and query.bound >= 1
    sigma = Fraction(query.sigma)
    return (
        enough
        and sigma > 0
        and Fraction(query.sensitivity) ** 2 / (2 * sigma**2) <= Fraction(query.rho)
    )


def _limits(plan: Plan, floor: Floor, policy: Policy, codebook: Codebook) -> Iterator[Finding]:
    privacy = plan.privacy
    limit = min(floor.budget, Fraction(policy.rho), Fraction(policy.study_rho))
    if plan.loss > limit:
        yield (
            "STUDY_TOO_EXPENSIVE",
            "A study costs no more than the floor and the policy allow.",
            f"ρ = {float(plan.loss):.6g} (ε = {privacy.epsilon:g}) "
            f"where {float(limit):.6g} is allowed.",
            "lower epsilon in the study, or ask for fewer tables.",
        )
    if privacy.delta > floor.delta:
        yield (
            "DELTA_TOO_LARGE",
            "A study states its loss at a delta no larger than the floor's.",
            f"{privacy.delta:g} where {floor.delta:g} is allowed.",
            "lower delta in the study.",
        )
    if privacy.minimum_accounts < max(floor.minimum_accounts, policy.minimum_accounts):
        yield (
            "MINIMUM_TOO_SMALL",
            "No study asks for fewer accounts behind a cell than floor and policy do.",
            f"{privacy.minimum_accounts} where "
            f"{max(floor.minimum_accounts, policy.minimum_accounts)} are demanded.",
            "raise minimum_accounts in the study.",
        )
    if plan.rater.name not in policy.raters:
        yield (
            "RATER_NOT_ALLOWED",
            "Only raters that the policy names may read a session.",
            f"the rater {plan.rater.name!r}.",
            f"choose one of: {', '.join(policy.raters)}.",
        )
    if codebook.instrument_bits > policy.bits_per_session:
        yield (
            "TOO_MANY_BITS",
            "A rater may say no more about a session than the policy allows.",
            f"{codebook.instrument_bits:.1f} bits where {policy.bits_per_session:g} are allowed.",
            "use a smaller codebook, or have the policy changed.",
        )
