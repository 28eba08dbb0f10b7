"""Admission: each rule broken once and kept once, and the code that says which it was."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from math import nextafter
from statistics import NormalDist
from typing import Any

import pytest

from clerestory.devstub import authority
from privacy.admission import check_plan, instruments_of
from privacy.codebook import codebook
from privacy.errors import RefusedError
from privacy.floor import Floor
from privacy.plan import Axis, Level, Plan, Query, Rater
from privacy.policy import Endpoint, Policy, default_policy
from privacy.second import Reading
from privacy.soundness import findings
from tests.aggregates.rows import MEAN, RATE, SHARE, small_plan
from tests.privacy.test_floor import FLOOR
from tests.support.roots import PUBLIC_ROOT

BOOK = codebook()
PLAN = small_plan(SHARE, RATE, MEAN)
POLICY = default_policy(FLOOR)


def refusal(
    plan: Plan = PLAN, floor: Floor = FLOOR, policy: Policy = POLICY
) -> RefusedError | None:
    """What admission says, if it says no."""
    try:
        check_plan(plan, floor, policy, BOOK)
    except RefusedError as error:
        return error
    return None


def code(plan: Plan = PLAN, floor: Floor = FLOOR, policy: Policy = POLICY) -> str:
    """The refusal's code, or nothing."""
    refused = refusal(plan, floor, policy)
    return refused.code if refused else ""


def with_query(number: int = 0, **changes: object) -> Plan:
    """The plan with one query changed."""
    changed: Any = changes
    queries = list(PLAN.queries)
    queries[number] = replace(queries[number], **changed)
    return replace(PLAN, queries=tuple(queries))


def with_privacy(**changes: object) -> Plan:
    """The plan with its promise changed."""
    changed: Any = changes
    return replace(PLAN, privacy=replace(PLAN.privacy, **changed))


def with_rater(**changes: str) -> Plan:
    """The plan with its rater changed."""
    changed: Any = changes
    return replace(PLAN, rater=replace(PLAN.rater, **changed))


def test_what_the_compiler_makes_is_admitted() -> None:
    """The control of everything below."""
    assert refusal() is None
    assert list(findings(PLAN)) == []


def test_too_little_noise_for_the_charge_is_found() -> None:
    """ρ = Δ²/2σ²: the compiler's σ is enough, a millionth less is not."""
    for number, query in enumerate(PLAN.queries):
        assert code(with_query(number, sigma=query.sigma * (1 - 1e-6))) == "PLAN_NOISE"
        assert code(with_query(number, sigma=query.sigma * (1 + 1e-6))) == ""


@pytest.mark.parametrize("sigma", [0.0, -1.0, -1e12, 1e-300])
def test_no_noise_and_negative_noise_are_found(sigma: float) -> None:
    """A square forgets the sign."""
    assert code(with_query(sigma=sigma)) == "PLAN_NOISE"


def test_a_sensitivity_below_what_an_account_can_move_is_found() -> None:
    """Δ ≥ k·S·bound; understating Δ would buy noise too cheaply."""
    for number, query in enumerate(PLAN.queries):
        least = int(Fraction(PLAN.privacy.contribution) * PLAN.privacy.scale) * query.bound
        assert query.sensitivity == least
        assert code(with_query(number, sensitivity=least - 1)) == "PLAN_NOISE"
    count = PLAN.queries[0]
    # With k = 2 an account moves twice as much as the plan's noise was made for.
    assert code(with_privacy(contribution="2")) == "PLAN_NOISE"
    assert code(with_privacy(contribution="1/2")) == ""
    assert code(with_query(bound=2)) == "PLAN_MALFORMED"  # a count counts one
    assert code(with_query(bound=0)) == "PLAN_MALFORMED"
    # A charge of nothing pays for no noise, however wide.
    assert code(with_query(sigma=count.sigma * 1e9, rho="0")) == "PLAN_NOISE"


def test_queries_that_cost_more_than_the_plan_states_are_found() -> None:
    """What officers read is what is charged."""
    exact = PLAN.loss
    assert code(with_privacy(rho=str(exact))) == ""
    assert code(with_privacy(rho=str(exact - Fraction(1, 10**12)))) == "PLAN_SUM"


def test_the_threshold_holds_for_all_cells_together() -> None:
    """z, M and β belong together; each alone can be made too lenient."""
    privacy = PLAN.privacy
    # 10 modes, 6 bases of the rate (its 12 cells are tested by base), 6 cells of the mean.
    assert privacy.tested == 10 + 6 + 6
    due = NormalDist().inv_cdf(1 - privacy.beta / privacy.tested)
    assert code(with_privacy(z=due - 1e-6)) == "PLAN_THRESHOLD"
    assert code(with_privacy(z=due + 1e-6)) == ""
    assert code(with_privacy(tested=privacy.tested - 1)) == "PLAN_THRESHOLD"
    assert code(with_privacy(tested=privacy.tested + 1, z=5.0)) == ""
    assert code(with_privacy(beta=nextafter(1e-3, 1))) == "PLAN_THRESHOLD"
    assert code(with_privacy(beta=0.5, z=5.0)) == "PLAN_THRESHOLD"
    assert code(with_privacy(beta=1e-6, z=-NormalDist().inv_cdf(1e-6 / 22))) == ""


@pytest.mark.parametrize("beta", [0.0, -1.0, 2.0, 100.0])
def test_a_chance_that_is_none_is_found(beta: float) -> None:
    """A quantile of it would raise, and a traceback is no refusal."""
    assert code(with_privacy(beta=beta, z=9.0)) == "PLAN_THRESHOLD"


def test_another_codebook_or_other_questions_are_found() -> None:
    """Labels mean what the installed codebook says."""
    assert code(replace(PLAN, codebook="0" * 64)) == "PLAN_CODEBOOK"
    assert code(replace(PLAN, prompts="0" * 64)) == "PLAN_CODEBOOK"


def level(**when: tuple[str, ...]) -> tuple[Axis, ...]:
    """An axis of one level."""
    return (Axis("x", (Level("all", when),)),)


def test_conditions_outside_the_vocabulary_are_found_wherever_they_stand() -> None:
    """A condition that nobody fulfils, or that names a person, is no condition."""
    population = PLAN.population
    for broken in (
        replace(PLAN, population=replace(population, where={"outcome": ("grand",)})),
        replace(PLAN, population=replace(population, where={"employee": ("yes",)})),
        replace(PLAN, population=replace(population, months=("2025-10", "2025-13"))),
        with_query(where={"status": ("fired",)}),
        with_query(axes=level(outcome=("succeeded", "grand"))),
        with_query(3, measure="keystrokes"),
        with_query(axes=(Axis("x", (Level("all", {}),), "keystrokes", (0, 1)),)),
    ):
        assert code(broken) == "PLAN_VOCABULARY"
    kept = replace(PLAN, population=replace(population, where={"outcome": ("failed",)}))
    assert code(kept) == ""


BROKEN: dict[str, Callable[[], Plan]] = {
    "k below zero": lambda: with_privacy(contribution="-1"),
    "k of zero": lambda: with_privacy(contribution="0"),
    "k no number": lambda: with_privacy(contribution="one"),
    "k divided by zero": lambda: with_privacy(contribution="1/0"),
    "scale of zero": lambda: with_privacy(scale=0),
    "scale below zero": lambda: with_privacy(scale=-(2**20)),
    "total no fraction": lambda: with_privacy(rho="much"),
    "charge no fraction": lambda: with_query(rho="1/0"),
    "charge below zero": lambda: with_query(rho="-1/100"),
    "two queries of one name": lambda: with_query(1, name=PLAN.queries[0].name),
    "a table of no query": lambda: replace(
        PLAN, tables=(replace(PLAN.tables[0], queries=()), *PLAN.tables[1:])
    ),
    "a table of an unknown query": lambda: replace(
        PLAN, tables=(replace(PLAN.tables[0], queries=("modes.county",)), *PLAN.tables[1:])
    ),
    "two tables of one name": lambda: replace(
        PLAN, tables=(PLAN.tables[0], replace(PLAN.tables[1], name="modes"))
    ),
    "a rate of no axis": lambda: with_query(1, axes=()),
    "an axis of no level": lambda: with_query(axes=(Axis("x", ()),)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_plan_that_does_not_hang_together_is_found(name: str) -> None:
    """By a refusal: neither free of charge nor with a traceback."""
    assert code(BROKEN[name]()) == "PLAN_MALFORMED"


def test_a_free_plan_is_no_way_in() -> None:
    """K or S below zero would make Δ = 0 enough, and Δ = 0 costs nothing."""
    free = {"sensitivity": 0, "rho": "0", "sigma": 1.0}
    for promise in ({"scale": -(2**20)}, {"contribution": "-1"}, {"scale": 0}):
        plan = replace(
            with_privacy(**promise, rho="0"),
            queries=tuple(_changed(query, free) for query in PLAN.queries),
        )
        assert plan.loss == 0
        assert refusal(plan) is not None


def _changed(query: Query, changes: dict[str, Any]) -> Query:
    return replace(query, **changes)


def test_a_study_costs_no_more_than_floor_policy_and_share_allow() -> None:
    """Each of the four limits binds by itself."""
    loss, little = PLAN.loss, Fraction(1, 10**9)
    for limit in ("rho", "study_rho", "period_rho"):
        assert code(policy=_policy({limit: str(loss)})) == ""
        assert code(policy=_policy({limit: str(loss - little)})) == "STUDY_TOO_EXPENSIVE"
    assert code(floor=replace(FLOOR, rho=str(loss))) == ""
    assert code(floor=replace(FLOOR, rho=str(loss - little))) == "STUDY_TOO_EXPENSIVE"


def _policy(changes: dict[str, Any]) -> Policy:
    return replace(POLICY, **changes)


def test_the_stated_epsilon_is_that_of_the_charge() -> None:
    """Officers and readers think in ε at δ: it must not be smaller than what ρ means."""
    assert code(with_privacy(epsilon=PLAN.privacy.epsilon + 0.01)) == ""
    assert code(with_privacy(epsilon=PLAN.privacy.epsilon - 0.01)) == "PLAN_EPSILON"
    assert code(with_privacy(delta=PLAN.privacy.delta / 2)) == "PLAN_EPSILON"
    assert code(with_privacy(epsilon=0.0)) == "PLAN_EPSILON"
    assert code(with_privacy(delta=0.0)) == "PLAN_EPSILON"


def test_delta_is_no_larger_than_the_floors() -> None:
    """At a larger δ every ε is small."""
    assert code(with_privacy(delta=FLOOR.delta)) == ""
    assert code(with_privacy(delta=nextafter(FLOOR.delta, 1))) == "DELTA_TOO_LARGE"


def test_the_minimum_is_the_larger_of_floor_and_policy() -> None:
    """A study may ask for more people behind a cell, never for fewer."""
    asked = PLAN.privacy.minimum_accounts
    assert code(with_privacy(minimum_accounts=asked - 1)) == "MINIMUM_TOO_SMALL"
    assert code(with_privacy(minimum_accounts=asked + 1)) == ""
    assert code(policy=replace(POLICY, minimum_accounts=asked + 1)) == "MINIMUM_TOO_SMALL"
    assert code(floor=replace(FLOOR, minimum_accounts=asked + 1)) == "MINIMUM_TOO_SMALL"


def test_only_raters_of_the_policy_read() -> None:
    """And a plan does not decide by itself how far labels can be trusted."""
    assert code(with_rater(name="somebody")) == "RATER_NOT_ALLOWED"
    assert code(policy=replace(POLICY, raters=())) == "RATER_NOT_ALLOWED"
    assert code(policy=replace(POLICY, raters=("claude", "offline"))) == ""
    for changes in (
        {"fidelity": "validated"},
        {"version": "0"},
        {"endpoint": "https://example.org"},
        {"model": "best"},
        {"roots": "-----BEGIN CERTIFICATE-----"},
    ):
        assert code(with_rater(**changes)) == "RATER_UNKNOWN"


ASKING = Rater("claude", "3", "low", "small", "https://api.example.org", PUBLIC_ROOT)
PLACE = Endpoint(ASKING.endpoint, 30, sha256(PUBLIC_ROOT.encode()).hexdigest())
ASKED = replace(POLICY, raters=("claude",), models=("small", "large"), endpoint=(PLACE,))


def said(policy: Policy = ASKED, **changes: Any) -> str:  # noqa: ANN401
    """What admission says to a plan that asks a model."""
    return code(replace(PLAN, rater=replace(ASKING, **changes)), policy=policy)


def test_a_model_is_asked_where_the_policy_says_and_nowhere_else() -> None:
    """Model, address and roots: each alone can lead a person's words astray."""
    assert said() == said(model="large") == ""
    assert said(model="huge") == "MODEL_NOT_ALLOWED"
    assert said(replace(ASKED, models=())) == "MODEL_NOT_ALLOWED"
    for changes in (
        {"endpoint": "https://api.example.com"},
        {"endpoint": "https://api.example.org:8443"},
        {"roots": PUBLIC_ROOT + "\n"},
    ):
        assert said(ASKED, **changes) == "ENDPOINT_NOT_ALLOWED"
    assert said(replace(ASKED, endpoint=())) == "ENDPOINT_NOT_ALLOWED"
    # No roots at all would let any certificate pass, and no address leave it to the worker.
    nothing = replace(ASKED, endpoint=(replace(PLACE, roots=sha256(b"").hexdigest()),))
    for missing in ("model", "endpoint", "roots"):
        assert said(nothing, **{missing: ""}) == "RATER_UNKNOWN"
    assert said(version="0") == said(fidelity="validated") == "RATER_UNKNOWN"
    assert said(POLICY) == "RATER_NOT_ALLOWED"


def test_the_model_of_a_second_reading_is_one_of_the_policys() -> None:
    """Whoever is asked a second time is sent the same text: the policy names him, or nobody is."""

    def again(policy: Policy, model: str) -> str:
        reading = Reading("again", "1/20", replace(ASKING, model=model))
        plan = replace(PLAN, rater=ASKING, readings=(reading,))
        return code(plan, policy=policy)

    assert again(ASKED, "large") == ""
    assert again(ASKED, "huge") == "MODEL_NOT_ALLOWED"
    assert again(replace(ASKED, models=("small",)), "large") == "MODEL_NOT_ALLOWED"


CLEAR = Endpoint("http://127.0.0.1:11434", 0, "")
LOCAL = replace(ASKED, endpoint=(PLACE, CLEAR), models=("small", "big:cloud", "big:8b-cloud",
                                                        "cloud-8b", "stub-local"))  # fmt: skip


def in_clear(policy: Policy = LOCAL, **changes: Any) -> str:  # noqa: ANN401
    """What admission says to a plan that asks a server on this machine."""
    return said(policy, **{"endpoint": CLEAR.url, "roots": "", **changes})


def test_a_server_on_this_machine_is_asked_where_the_policy_names_it() -> None:
    """In clear like any other: by its address, without roots, and never another port."""
    assert in_clear() == ""
    assert in_clear(ASKED) == "ENDPOINT_NOT_ALLOWED"
    assert in_clear(endpoint="http://127.0.0.1:11435") == "ENDPOINT_NOT_ALLOWED"
    assert in_clear(endpoint="http://[::1]:11434") == "ENDPOINT_NOT_ALLOWED"
    assert in_clear(roots=PUBLIC_ROOT) == "RATER_UNKNOWN"
    assert in_clear(endpoint=PLACE.url) == "RATER_UNKNOWN"  # TLS that trusts nobody
    for url in ("http://localhost:11434", "http://10.0.0.1:11434"):
        place = replace(CLEAR, url=url)
        assert in_clear(replace(LOCAL, endpoint=(place,)), endpoint=url) == "RATER_UNKNOWN"


def test_a_model_that_a_local_server_has_elsewhere_is_not_asked_in_clear() -> None:
    """Ollama sends what is for its `cloud` models on to its provider: that is another endpoint."""
    for model in ("big:cloud", "big:8b-cloud"):
        assert in_clear(model=model) == "MODEL_ELSEWHERE"
        assert said(LOCAL, model=model) == ""  # a provider's own endpoint says what it is
    assert in_clear(model="cloud-8b") == ""


def test_a_model_that_makes_its_answers_up_is_for_development() -> None:
    """The development server in clear has no root to be known by: its model's name is known."""
    assert in_clear(model="stub-local") == said(LOCAL, model="stub-local") == "MODEL_MADE_UP"
    place = replace(CLEAR, development=True)
    assert in_clear(replace(LOCAL, endpoint=(place,)), model="stub-local") == ""


@pytest.mark.parametrize(
    "endpoint",
    ["http://api.example.org", "https://api.example.org/v1", "https://api.example.org:443",
     "https://API.example.org", "https://user@api.example.org", "https://", "api.example.org"],
)  # fmt: skip
def test_an_endpoint_is_written_in_one_way(endpoint: str) -> None:
    """A second spelling, a path or a name in it could be read differently by two readers."""
    place = replace(PLACE, url=endpoint)
    assert said(replace(ASKED, endpoint=(place,)), endpoint=endpoint) == "ENDPOINT_UNREADABLE"


def test_roots_of_ones_own_are_for_development() -> None:
    """Whoever made the root can read along; only where floor and policy say so is it trusted."""
    own = authority().roots
    for roots in (own, PUBLIC_ROOT + own):
        place = Endpoint(ASKING.endpoint, 30, sha256(roots.encode()).hexdigest())
        assert said(replace(ASKED, endpoint=(place,)), roots=roots) == "ROOTS_NOT_PUBLIC"
        place = replace(place, development=True)
        assert said(replace(ASKED, endpoint=(place,)), roots=roots) == ""
    assert said(ASKED, roots="no certificate") == "ROOTS_UNREADABLE"


def test_batches_rest_where_the_policy_lets_text_rest() -> None:
    """29 days, says the API: an endpoint that may keep nothing, or less, is sent none."""
    for days, expected in ((0, "BATCHES_NOT_ALLOWED"), (28, "BATCHES_NOT_ALLOWED"), (29, "")):
        policy = replace(ASKED, endpoint=(replace(PLACE, retention_days=days),))
        assert said(policy, batches=True) == expected
        assert said(policy) == ""
    assert said(batches=True, answers="tool") == ""
    assert said(batches=True, answers="words") == "BATCHES_IN_WORDS"


def test_a_plan_reads_instruments_of_the_policy_only() -> None:
    """Wherever it names one: in an axis, a base, a population, a filter."""
    assert instruments_of(PLAN, BOOK) == {"work_mode", "outcome", "success_signal", "expertise"}
    every = {instrument.name for instrument in BOOK.instruments}
    for name in every:
        policy = replace(POLICY, instruments=tuple(sorted(every - {name})))
        due = "INSTRUMENT_NOT_ALLOWED" if name in instruments_of(PLAN, BOOK) else ""
        assert code(policy=policy) == due
    policy = replace(POLICY, instruments=tuple(sorted(every - {"task_value"})))
    population = replace(PLAN.population, where={"task_value": ("lt25",)})
    for plan in (
        replace(PLAN, population=population),
        with_query(where={"task_value": ("lt25",)}),
        with_query(axes=level(task_value=("lt25",))),
    ):
        assert code(plan, policy=policy) == "INSTRUMENT_NOT_ALLOWED"
        assert code(plan) == ""
    # Contexts are no instruments: no rater is asked for them.
    assert code(with_query(where={"surface": ("cli",)}), policy=policy) == ""


def test_a_rater_says_no_more_than_the_policy_allows() -> None:
    """The capacity of the codebook's instruments, in bits, is capped."""
    bits = BOOK.instrument_bits
    assert code(policy=replace(POLICY, bits_per_session=bits)) == ""
    assert code(policy=replace(POLICY, bits_per_session=bits - 0.001)) == "TOO_MANY_BITS"


def test_every_refusal_names_numbers_and_a_remedy() -> None:
    """Whoever is refused must be able to go on."""
    refused = refusal(with_privacy(minimum_accounts=3))
    assert refused is not None
    assert "3" in refused.found
    assert "20" in refused.found
    assert "minimum_accounts" in refused.remedy
