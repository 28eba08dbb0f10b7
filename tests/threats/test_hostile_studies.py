"""
Threat: a study, or a plan, that was written to get through a gap between its readers.

Whatever stands in a study, it is refused in our words or compiled into a plan that is sound; and
of a plan that was compiled, one changed value is refused, or is another plan that officers have
not signed and that keeps what it promises.  Sound means: charge, noise, sensitivity, threshold and
ε, reckoned again from the plan's own words.
"""

import json
from math import sqrt
from typing import Any

import rfc8785
from hypothesis import event, given, settings
from hypothesis import strategies as st

from aggregates.clipping import at_bounds
from aggregates.plan import plan
from aggregates.study import Study
from privacy.admission import check_plan
from privacy.errors import ClerestoryError
from privacy.plan import Plan, read_plan
from privacy.policy import default_policy
from privacy.soundness import check_sound
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    AGREE,
    AMONG,
    BOOK,
    DESIGNED,
    HEAD,
    MEAN,
    NOTHING,
    RATE,
    REST,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
    bucket,
    record,
    small_plan,
)
from tests.aggregates.test_kernel import exact
from tests.privacy.test_floor import FLOOR
from tests.privacy.test_plan import paths

TABLES = (
    *(SHARE, RATE, MEAN, SIZES, TOTAL, TRENDS, REST, AMONG, ACCOUNT_SIZES, DESIGNED, ADJUSTED),
    *(AGREE, SHARE + NOTHING),
)
NAMES = ("work_mode", "outcome", "expertise", "month", "occupation", "task_occupation", "surface",
         "verified_success", "troubled", "actions_per_prompt", "account", "session", "status",
         "software_occupation", "model_family", "nothing", "", "a=b", "x" * 70)  # fmt: skip
LABELS = ("fix", "plan", "succeeded", "yes", "unclear", "expert", "2025-10", "2025-11", "2026-02",
          "unknown", "1999-01", "")  # fmt: skip
numbers = st.sampled_from([-1, 0, 1, 2, 3, 0.5, 1e-7, 1e-300, 1e300, 2**63, 10**40, 128, 10**6])
texts = st.one_of(st.sampled_from([*NAMES, *LABELS, "1/2", "1/0", "1e9", "offline", "claude"]),
                  st.text(max_size=12))  # fmt: skip
values = st.recursive(
    st.one_of(texts, numbers, st.booleans(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    ),
    max_leaves=5,
)
LIKELY: dict[str, list[object]] = {
    "months": [["2025-10", "2026-02"], ["2025-11", "2025-11"], ["2026-02", "2025-10"]],
    "where": [{"interactive": True}, {"outcome": ["failed", "partial"]}, {"troubled": True}, {}],
    "epsilon": [0.1, 1, 3.0, 20, 21],
    "delta": [1e-9, 1e-4, 1e-3],
    "contribution": [2, 0.25, "1/3", 128, 129, "1/1001"],
    "accounts_by": ["sessions", "month"],
    "design_effect": [True, False],
    "bins": [[1, 2], [1, 5, 5], [0, 9], [1], [1, 2**20], [1, 3, 900]],
    "minimum_accounts": [2, 50, 1, 10**6],
    "share_of": ["outcome", "month", "software_occupation", "verified_success"],
    "rate_of": ["troubled", "verified_success", "outcome"],
    "total_of": ["month", "outcome"],
    "agreement_of": [["outcome", "outcome"], ["success_signal", "failure_signal"], ["month"]],
    "among": ["troubled", "judged_failure", "outcome"],
    "residual": [True, False],
    "not_computed": ["for want of a reader", ""],
    "measure": ["prompts", "actions_per_prompt", "outcome"],
    "adjust_for": [[], ["month"], ["work_mode * task_value_tier"], ["month", "month"], ["a *"]],
    "columns": [[0], [0, 1], [1, 0], [9]],
    "statistics": [
        ["trend"],
        ["slope"],
        ["levels", "slope"],
        ["mean"],
        ["quantiles", "geometric_mean"],
        [],
    ],
    "between": [[0, 1], [1, 2.5], [3, 3], [-1, 10], [1e-9, 1e9]],
    "by": [[], ["month"], ["outcome", "surface"], ["work_mode"], ["occupation", "month"]],
    "half_width": [0.01, 0.5, 1e-9],
    "merge": [{"work_mode": {"a": ["fix", "build"]}}],
    "leave_out": [{"expertise": ["novice", "unclear"]}, {"work_mode": ["fix"]}, {"month": []}],
}
KEYS = ("name", "purpose", "authors", "months", "where", "epsilon", "delta", "contribution",
        "minimum_accounts", "share_of", "rate_of", "total_of", "measure", "statistics", "between",
        "by", "merge", "leave_out", "half_width", "title", "model", "endpoint", "roots",
        "among", "residual", "agreement_of", "not_computed", "adjust_for", "columns",
        "accounts_by", "bins", "design_effect", "colour")  # fmt: skip
lines = st.one_of(
    st.sampled_from([(key, value) for key, given in LIKELY.items() for value in given]).map(
        lambda given: f"{given[0]} = {toml(given[1])}"
    ),
    st.tuples(st.sampled_from(KEYS), values).map(lambda given: f"{given[0]} = {toml(given[1])}"),
    st.sampled_from(["[study]", "[privacy]", "[population]", "[[table]]", "[rater]", "[table]"]),
    st.text(max_size=20),
)


def toml(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return json.dumps(value)
    return repr(value)


@st.composite
def studies(draw: st.DrawFn) -> str:
    """A study that is nearly one: lines of real ones, some left out, repeated, or of one's own."""
    text = HEAD + "".join(draw(st.lists(st.sampled_from(TABLES), min_size=1, max_size=2)))
    written = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(written) - 1))
        match draw(st.sampled_from(["new", "new value", "new value", "lost", "twice"])):
            case "new":
                written.insert(place, draw(lines))
            case "new value":
                key = written[place].partition("=")[0]
                likely = LIKELY.get(key.strip(), [])
                value = draw(st.sampled_from(likely) if likely else values)
                written[place] = f"{key}= {toml(value)}"
            case "lost":
                written[place] = ""
            case _:
                written.insert(place, written[place])
    return "\n".join(written)


def is_in_our_words(refusal: ClerestoryError) -> bool:
    """Whether a refusal says rule, finding and remedy."""
    return all((refusal.rule, refusal.found, refusal.remedy))


def compiled(text: str) -> Plan | None:
    """The plan of a study; none where it is refused in our words."""
    try:
        return plan(Study.parse(text))
    except ClerestoryError as error:
        refusal = error
    assert is_in_our_words(refusal)
    return None


def holds(made: Plan) -> None:
    """What a keeper asks of any plan, and that it reads back as itself."""
    check_sound(made)
    assert read_plan(made.canonical) == made


@settings(max_examples=150, deadline=None)
@given(studies())
def test_a_study_compiles_into_a_sound_plan_or_is_refused(text: str) -> None:
    """No traceback, and no plan that the keeper would then refuse for what it promises."""
    made = compiled(text)
    event("compiled" if made else "refused")
    if made:
        holds(made)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("utf-8", "replace"))))
def test_any_text_is_refused_in_our_words(text: str) -> None:
    """No text of nothing is a study."""
    assert compiled(text) is None


HELD = RATE.replace("verified", "held", 1) + 'adjust_for = ["surface"]\n'
MADE = small_plan(SHARE, RATE, MEAN, SIZES, TOTAL, REST, AMONG, HELD, AGREE, NOTHING)
PATHS = paths(json.loads(MADE.canonical))
OTHERS = [record(n, {"work_mode": "plan"}, actions_per_prompt=5.0) for n in range(30)]
WORST = [record(99, {"work_mode": mode, "expertise": "expert", "outcome": "succeeded",
                     "success_signal": "5"}, actions_per_prompt=1e9)
         for mode in ("fix", "fix", "plan")] * 200  # fmt: skip
POLICY = default_policy(FLOOR)


def nearby(value: object) -> st.SearchStrategy[Any]:
    """Another value of the same kind, or of any."""
    if isinstance(value, bool) or value is None:
        return values
    if isinstance(value, int):
        return st.sampled_from([value + 1, value - 1, -value, 2 * value, value // 2, 0, 2**40])
    if isinstance(value, float):
        return st.sampled_from([value * 1.01, value * 0.99, -value, value + 1, 0.0, 1e300])
    return st.one_of(texts, st.sampled_from(["0", "1/2", "2", "-1", "one", "log", "amount"]))


@st.composite
def edited(draw: st.DrawFn) -> bytes:
    """The plan's JSON with one to three values changed."""
    data = json.loads(MADE.canonical)
    for path in draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True)):
        inner = data
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = draw(nearby(inner[path[-1]]))
    try:
        return rfc8785.dumps(data)
    except ValueError:  # beyond what is canonical: infinity, half a character, 2⁵³
        return json.dumps(data).encode()


def admitted(data: bytes) -> Plan | None:
    """The plan that a keeper of default policy would put before its officers; none if refused."""
    try:
        made = read_plan(data)
        check_plan(made, FLOOR, POLICY, BOOK)
    except ClerestoryError as error:
        refusal = error
    else:
        return made
    assert is_in_our_words(refusal)
    return None


@settings(max_examples=150, deadline=None)
@given(edited())
def test_an_edited_plan_is_refused_or_keeps_what_it_then_promises(data: bytes) -> None:
    """What is admitted still bounds the worst account, query by query, in the worker's own sums."""
    made = admitted(data)
    event("admitted" if made else "refused")
    if made is None:
        return
    assert made == MADE or made.hash != MADE.hash
    without, within = exact(made, bucket(OTHERS)), exact(made, bucket(OTHERS + WORST))
    for query in made.queries:
        for at in range(len(query.clips) or 1):
            chosen = {each.name: at for each in made.queries if each.clips}
            steps = zip(
                *(at_bounds(query, told[query.name], chosen) for told in (without, within)),
                strict=True,
            )
            bound = query.clips[at].sensitivity if query.clips else query.sensitivity
            assert sqrt(sum((b - a) ** 2 for a, b in steps)) <= bound


def test_no_name_in_a_plan_writes_to_an_officers_terminal() -> None:
    """Names of levels and the forecast are shown too: no line feed, no escape, no NUL in them."""
    for path in PATHS:
        if path[-1] in ("name", "title", "base", "unit") or "suppressed" in path:
            data = json.loads(MADE.canonical)
            inner = data
            for key in path[:-1]:
                inner = inner[key]
            if isinstance(inner[path[-1]], str):
                inner[path[-1]] += "\n\x1b[2Japproved"
                assert admitted(rfc8785.dumps(data)) is None, path


def test_what_nobody_edited_is_admitted() -> None:
    """The control: tables of every kind compile, and their plan passes as it is."""
    assert admitted(MADE.canonical) == MADE
    for table in TABLES:
        made = compiled(HEAD + table)
        assert made is not None
        assert admitted(made.canonical) == made
