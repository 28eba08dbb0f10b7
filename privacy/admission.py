"""
Hold a plan against the codebook, its own promises, the floor and the policy.

The compiler is not trusted: `soundness` reckons again what the keeper charges and what the
worker promises.  What a plan says in words is shown to officers and written into the ledger, so
it is short, printable and of one line.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

from . import soundness
from .codebook import Codebook
from .errors import RefusedError
from .floor import Floor
from .plan import Plan
from .policy import Policy
from .raters import RATERS

Finding = tuple[str, str, str, str]
"""Code, rule, what was found, what to do."""

LONGEST_TEXT = 500
"""characters: of anything that a plan says in words."""


def check_plan(plan: Plan, floor: Floor, policy: Policy, codebook: Codebook) -> None:
    """
    Raise at the first rule that a plan breaks.

    Raises:
        RefusedError: With the rule's code, the numbers found, and a remedy.
    """
    findings = chain(  # one after the other: limits may be reckoned only in a sound plan
        _words(plan),
        _vocabulary(plan, codebook),
        ((*finding, soundness.REMEDY) for finding in soundness.findings(plan)),
        _limits(plan, floor, policy, codebook),
    )
    for code, rule, found, remedy in findings:
        raise RefusedError(code, rule=rule, found=found, remedy=remedy)


def _words(plan: Plan) -> Iterator[Finding]:
    study = plan.study
    tables = ((table.name, table.title, table.unit, table.base) for table in plan.tables)
    texts = (study.name, study.purpose, *study.authors, *chain.from_iterable(tables))
    if not study.authors or any(
        not text.strip() or len(text) > LONGEST_TEXT or not text.isprintable() for text in texts
    ):
        yield (
            "PLAN_WORDS",
            f"A plan has authors, and says what it says in one printable line of at most "
            f"{LONGEST_TEXT} characters.",
            "no author, or a text that is empty, too long, or of several lines.",
            "mend name, purpose, authors or titles in the study.",
        )


def _vocabulary(plan: Plan, codebook: Codebook) -> Iterator[Finding]:
    if (plan.codebook, plan.prompts) != (codebook.hash, codebook.prompts_hash):
        yield (
            "PLAN_CODEBOOK",
            "A plan speaks the vocabulary of the installed codebook.",
            f"a plan made with the codebook {plan.codebook[:16]}.",
            soundness.REMEDY,
        )
        return
    columns = {field.name: set(field.labels) for field in codebook.fields}
    measures = {"", *(measure.name for measure in codebook.measures)}
    known = all(
        set(labels) <= columns.get(column, set())
        for when in _conditions(plan)
        for column, labels in when.items()
    )
    named = {query.measure for query in plan.queries}
    named |= {axis.measure for query in plan.queries for axis in query.axes}
    if not known or not named <= measures:
        yield (
            "PLAN_VOCABULARY",
            "A plan names columns, labels and measures of the codebook only.",
            "something else.",
            soundness.REMEDY,
        )


def _conditions(plan: Plan) -> Iterator[dict[str, tuple[str, ...]]]:
    yield {**plan.population.where, "month": plan.population.months}
    for query in plan.queries:
        yield dict(query.where)
        yield from (dict(level.when) for axis in query.axes for level in axis.levels)


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
    if plan.rater.name in policy.raters and plan.rater != RATERS.get(plan.rater.name):
        yield (
            "RATER_UNKNOWN",
            "A rater is the one that this version knows, with its model and its endpoint.",
            "another version, fidelity, model or endpoint of it.",
            soundness.REMEDY,
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
