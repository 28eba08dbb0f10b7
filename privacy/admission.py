"""
Hold a plan against the codebook, its own promises, the floor and the policy.

The compiler is not trusted: `soundness` reckons again what the keeper charges and what the
worker promises.  What a plan says in words is shown to officers and written into the ledger, so
it is short, printable and of one line.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import chain

from . import soundness
from .codebook import Codebook
from .endpoint import are_public, read_endpoint
from .errors import ConfigurationError, RefusedError
from .floor import Floor
from .plan import Plan
from .policy import Policy
from .raters import asks, is_elsewhere, is_known, is_made_up
from .second import repeats, widened
from .tickets import RESULT_DAYS

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
        _instruments(plan, policy, codebook),
        _rater(plan, policy),
        *(_rater(plan.reread(reading), policy) for reading in plan.readings),
        ((*finding, soundness.REMEDY) for finding in soundness.findings(plan)),
        _limits(plan, floor, policy, codebook),
    )
    for code, rule, found, remedy in findings:
        raise RefusedError(code, rule=rule, found=found, remedy=remedy)


def _words(plan: Plan) -> Iterator[Finding]:
    study = plan.study
    tables = ((table.name, table.title, table.unit, table.base) for table in plan.tables)
    axes = [axis for query in plan.queries for axis in query.axes]
    names = (
        *(query.name for query in plan.queries),
        *(axis.name for axis in axes),
        *(level.name for axis in axes for level in axis.levels),
        *plan.forecast.suppressed,
        *plan.forecast.half_widths,
    )
    texts = (study.name, study.purpose, *study.authors, *chain.from_iterable(tables), *names)
    if not study.authors or any(
        not text.strip() or len(text) > LONGEST_TEXT or not text.isprintable() for text in texts
    ):
        yield (
            "PLAN_WORDS",
            f"A plan has authors, and says what it says in one printable line of at most "
            f"{LONGEST_TEXT} characters.",
            "no author, or a text that is empty, too long, or of several lines.",
            "mend names, purpose, authors or titles in the study.",
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
    fields = widened(codebook, plan.readings).fields
    columns = {field.name: set(field.labels) for field in fields}
    measures = {"", *(measure.name for measure in codebook.measures)}
    known = all(
        set(labels) <= columns.get(column, set())
        for when in _conditions(plan)
        for column, labels in when.items()
    )
    named = {query.measure for query in plan.queries}
    # Sizes of accounts are no measure of a record; `soundness` has looked at their bins.
    named |= {a.measure for query in plan.queries if query.value != "size" for a in query.axes}
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


def instruments_of(plan: Plan, codebook: Codebook) -> frozenset[str]:
    """
    Instruments whose labels a plan reads: those that a condition of it names.

    Derived from the queries and not stated beside them, since a statement could differ.
    """
    asked = {instrument.name for instrument in codebook.instruments}
    named = chain.from_iterable(_conditions(plan))
    return frozenset(asked.intersection(map(repeats, named)))


def _instruments(plan: Plan, policy: Policy, codebook: Codebook) -> Iterator[Finding]:
    if others := sorted(instruments_of(plan, codebook) - set(policy.instruments)):
        yield (
            "INSTRUMENT_NOT_ALLOWED",
            "A plan reads the labels of instruments that the policy names, and of no others.",
            f"a plan that reads {', '.join(others)}.",
            "leave those columns out of the study, or have the policy changed.",
        )


def _rater(plan: Plan, policy: Policy) -> Iterator[Finding]:
    rater = plan.rater
    if rater.name not in policy.raters:
        yield (
            "RATER_NOT_ALLOWED",
            "Only raters that the policy names may read a session.",
            f"the rater {rater.name!r}.",
            f"choose one of: {', '.join(policy.raters) or 'none; have the policy changed'}.",
        )
        return
    if not is_known(rater):
        yield (
            "RATER_UNKNOWN",
            "A rater is one that this version knows, in its version and with its fidelity.",
            "another version or fidelity of it, or a model where it asks none.",
            soundness.REMEDY,
        )
    elif asks(rater.name):
        yield from _model(plan, policy)


def _model(plan: Plan, policy: Policy) -> Iterator[Finding]:
    rater = plan.rater
    if rater.model not in policy.models:
        yield (
            "MODEL_NOT_ALLOWED",
            "A rater asks a model that the policy names.",
            f"the model {rater.model!r}.",
            f"choose one of: {', '.join(policy.models) or 'none; have the policy changed'}.",
        )
    try:
        in_clear = read_endpoint(rater.endpoint).in_clear
        public = in_clear or are_public(rater.roots)
    except ConfigurationError as error:
        yield (error.code, error.rule, error.found, error.remedy)
        return
    place = policy.endpoint_of(rater)
    if place is None:
        yield (
            "ENDPOINT_NOT_ALLOWED",
            "Text goes to an endpoint that the policy names, with the roots that it names.",
            f"{rater.endpoint!r}, with "
            + (
                "no roots, since it is spoken with in clear."
                if in_clear
                else f"roots of the SHA-256 {sha256(rater.roots.encode()).hexdigest()[:16]}…."
            ),
            "name an endpoint of the policy in the study, or have the policy changed.",
        )
    elif not public and not place.development:
        yield (
            "ROOTS_NOT_PUBLIC",
            "Roots of one's own are trusted where floor and policy say `development` only.",
            "roots that are not on the list of public ones.",
            "give the public root that the endpoint's certificate leads to.",
        )
    elif rater.batches and place.retention_days < RESULT_DAYS:
        yield (
            "BATCHES_NOT_ALLOWED",
            f"Message batches rest at the provider for up to {RESULT_DAYS} days: they are sent "
            "where the policy lets its endpoint keep text for as long.",
            f"an endpoint that may keep text for {place.retention_days} days.",
            "leave `batches` out of the study, or have the policy changed.",
        )
    elif rater.batches and rater.answers == "words":
        yield (
            "BATCHES_IN_WORDS",
            "In a message batch the form of an answer is asked for by a schema or a tool.",
            'batches with `answers = "words"`.',
            'write `answers = "schema"` or `"tool"` in the study, or leave `batches` out.',
        )
    elif is_made_up(rater.model) and not place.development:
        yield (
            "MODEL_MADE_UP",
            "A model that makes its answers up is asked where floor and policy say `development` "
            "only.",
            f"the model {rater.model!r}.",
            "name a model, or make a vault for development.",
        )
    if in_clear and is_elsewhere(rater.model):
        yield (
            "MODEL_ELSEWHERE",
            "What is sent to this machine in clear is for a model that runs on this machine.",
            f"the model {rater.model!r}, whose tag says that its server sends text on.",
            "name a model that runs here; or its provider's own endpoint, with its roots.",
        )


def _limits(plan: Plan, floor: Floor, policy: Policy, codebook: Codebook) -> Iterator[Finding]:
    privacy = plan.privacy
    limit = min(floor.budget, policy.most)
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
    if codebook.instrument_bits > policy.bits_per_session:
        yield (
            "TOO_MANY_BITS",
            "A rater may say no more about a session than the policy allows.",
            f"{codebook.instrument_bits:.1f} bits where {policy.bits_per_session:g} are allowed.",
            "use a smaller codebook, or have the policy changed.",
        )
