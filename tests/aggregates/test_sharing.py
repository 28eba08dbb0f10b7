"""Rates that share a partition say what each would say by itself, with less noise."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.forecast import prior
from aggregates.plan import plan
from aggregates.power import Supposed, would_show
from aggregates.study import Study
from aggregates.worker import unsafe_release_unsealed
from privacy.derived import DERIVED
from privacy.errors import ConfigurationError, RefusedError
from privacy.plan import Plan
from privacy.soundness import check_sound
from privacy.unit import SCALE
from tests.aggregates.rows import BOOK, HEAD, bucket, quiet, record, small_plan
from tests.aggregates.test_partition import FIGURE


def rate(measure: str, among: str = "", *more: str, by: str = '["expertise"]') -> str:
    """A table of one rate."""
    name = f"{measure}_{among or 'all'}"
    base = [f'among = "{among}"'] if among else []
    lines = [f'name = "{name}"', f'rate_of = "{measure}"', f"by = {by}", *base, *more]
    return "\n".join(["", "[[table]]", *lines, ""])


TABLES = [rate(measure, among) for among, measure in FIGURE]
MADE = small_plan(*TABLES)


def holds(labels: dict[str, str], *names: str) -> bool:
    """Whether a session says yes to each of some measures, and lies in their bases."""
    conditions = [c for name in names for c in (DERIVED[name].base, DERIVED[name].yes)]
    return all(labels[column] in one for c in conditions for column, one in c.items())


sessions = st.lists(
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(["succeeded", "partial", "failed", "no_goal", "unclear"]),
            "success_signal": st.sampled_from(BOOK.field("success_signal").labels),
            "failure_signal": st.sampled_from(BOOK.field("failure_signal").labels),
            "wrote_code": st.sampled_from(["yes", "no"]),
            "expertise": st.sampled_from(["novice", "expert"]),
        }
    ),
    min_size=60,
    max_size=200,
)


@settings(max_examples=20, deadline=None)
@given(sessions)
def test_a_shared_rate_is_the_rate_itself(told: list[dict[str, str]]) -> None:
    """Without noise, cell by cell against a count of the labels; one session for each account."""
    rows = unsafe_release_unsealed(
        quiet(MADE), [bucket(sorted((record(n, one) for n, one in enumerate(told)), key=tail))]
    )

    assert len(rows) == 10 * 6
    for row, (among, measure) in zip(rows, [f for f in FIGURE for _ in range(6)], strict=True):
        group = str(row["keys"]).removeprefix("expertise=")
        base = [
            labels
            for labels in told
            if labels["expertise"] == group
            and all(labels[c] in one for c, one in DERIVED[measure].base.items())
            and (not among or holds(labels, among))
        ]
        assert row["state"] == ("published" if len(base) > 20 else row["state"])
        if row["state"] == "published":
            assert row["raw"] == pytest.approx(len(base), abs=0.01)
            said = sum(holds(labels, measure) for labels in base)
            assert row["estimate"] == pytest.approx(said / len(base), abs=0.001)


def tail(one: bytes) -> bytes:
    """What records are sorted by: their account."""
    return one[-16:]


def apart(*tables: str) -> list[Plan]:
    """Each table's own plan, with the loss that it would get were all of them bought apart."""
    return [small_plan(table) for table in tables]


def test_nested_rates_share_and_independent_ones_do_not() -> None:
    """
    The rule, both ways.

    Success and at least partial success nest: three states, of which each sums three, where apart
    they take four.  Three measures that have nothing to do with each other make 27 states or more.
    """
    nested = small_plan(rate("judged_success"), rate("at_least_partial"))
    others = [rate(name) for name in ("user_led", "agent_planned", "troubled")]
    independent = small_plan(*others)

    assert [query.name for query in nested.queries] == ["judged_success_all.states"]
    assert nested.queries[0].size == 6 * 3
    assert [query.size for query in independent.queries] == [6 * 2] * 3
    # The noise of a rate's base, at the same loss for both plans: σ√3 against √2·σ√2.
    (shared,), (first, second) = (
        [query.sigma for query in made.queries]
        for made in (nested, small_plan(rate("judged_success"), rate("user_led")))
    )
    assert shared**2 * 3 < (first**2 + second**2) / 2 * 2


def test_other_groups_other_sessions_share_nothing() -> None:
    """Rates by something else, or where something else holds, count other sessions."""
    made = small_plan(
        rate("judged_success"),
        rate("at_least_partial", by='["surface"]'),
        rate("judged_failure", "", 'where = { wrote_code = "yes" }'),
    )

    assert [query.name.rpartition(".")[2] for query in made.queries] == ["count"] * 3


def test_ten_rates_by_expertise_cost_two_measurements() -> None:
    """And print as much, with narrower intervals, as when each were bought by itself."""
    made = small_plan(*TABLES)
    alone = apart(*TABLES)

    assert len(made.queries) == 2
    # Bought apart at equal shares, each has a tenth of ρ: √10 times the noise that it has alone.
    for single in alone:
        (table,) = single.tables
        wide = single.queries[0].sigma * 10**0.5
        told = next(one for one in made.tables if one.name == table.name)
        shared = made.query(told.queries[0]).sigma
        assert shared**2 * len((*told.yes, *told.no)) < 2 * wide**2


def test_a_trend_of_a_shared_rate_sums_its_states() -> None:
    """Without noise: from 40 to 120 of 200 succeed, and a quarter as many do so in part."""
    by, trend = '["month"]', 'statistics = ["trend"]'
    made = small_plan(
        rate("judged_success", "", trend, by=by), rate("at_least_partial", "", trend, by=by)
    )
    told = [
        {"month": month, "outcome": outcome}
        for month, part in (("2025-10", 40), ("2025-11", 80), ("2025-12", 120))
        for outcome, count in (
            ("succeeded", part), ("partial", part // 4), ("failed", 200 - part - part // 4)
        )
        for _ in range(count)
    ]  # fmt: skip
    records = sorted((record(n, labels) for n, labels in enumerate(told)), key=tail)
    rows = unsafe_release_unsealed(quiet(made), [bucket(records)])
    changes = {row["table"]: row for row in rows if row["statistic"] == "change"}

    assert len(made.queries) == 1
    assert changes["judged_success_all"]["estimate"] == pytest.approx(0.4, abs=1e-3)
    assert changes["at_least_partial_all"]["estimate"] == pytest.approx(0.5, abs=1e-3)


def test_what_a_plan_would_show_counts_the_states_that_are_summed() -> None:
    """By hand: a states of yes, b of no, p in each of two groups."""
    made = plan(Study.parse(HEAD + "".join(TABLES)), accounts=50_000, sessions=85_000)
    sums = prior(made, 50_000, 85_000, BOOK)
    first, last = Supposed("expertise=beginner", 0.2), Supposed("expertise=expert", 0.3)
    told = would_show(made, sums, "verified_success_all", first, last)

    table = next(one for one in made.tables if one.name == "verified_success_all")
    query = made.query(table.queries[0])
    levels = [level.name for level in query.axes[-1].levels]
    variance = 0.0
    for supposed in (first, last):
        group = BOOK.field("expertise").index(supposed.keys.partition("=")[2])
        cells = sums[query.name][group * len(levels) :][: len(levels)]
        counted = {*table.yes, *table.no}
        base = sum(c for c, name in zip(cells, levels, strict=True) if name in counted) / SCALE
        p, a, b = supposed.value, len(table.yes), len(table.no)
        noise = (query.sigma / SCALE / base) ** 2 * (a * (1 - p) ** 2 + b * p**2)
        variance += noise + p * (1 - p) / base

    assert len(table.yes) > 1
    assert told.half_width == pytest.approx(1.959964 * variance**0.5, rel=1e-6)


def changed(yes: tuple[str, ...] = (), no: tuple[str, ...] = ()) -> Plan:
    """The plan with what one of its rates says changed."""
    first, *others = MADE.tables
    first = replace(first, yes=yes or first.yes, no=no or first.no)
    return replace(MADE, tables=(first, *others))


@pytest.mark.parametrize("edit", ["both", "twice", "unknown", "nobody", "names"])
def test_a_forged_answer_is_refused(edit: str) -> None:
    """A level that says yes and no, or twice; one that is none; no answer; two of one name."""
    table, query = MADE.tables[0], MADE.query(MADE.tables[0].queries[0])
    (*axes, states) = query.axes
    same = replace(states, levels=(replace(states.levels[0], name=states.levels[1].name),
                                   *states.levels[1:]))  # fmt: skip
    edits = {
        "both": lambda: changed(no=(*table.no, table.yes[0])),
        "twice": lambda: changed(yes=(*table.yes, table.yes[0])),
        "unknown": lambda: changed(yes=(*table.yes, "nothing")),
        "nobody": lambda: replace(MADE, tables=(replace(table, no=()), *MADE.tables[1:])),
        "names": lambda: replace(
            MADE,
            queries=tuple(
                replace(one, axes=(*axes, same)) if one is query else one for one in MADE.queries
            ),
        ),
    }
    check_sound(MADE)
    with pytest.raises(RefusedError, match="PLAN_MALFORMED"):
        check_sound(edits[edit]())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('rate_of = "judged_success"\namong = "sorrow"\n', "unknown derived measure 'sorrow'"),
        ('rate_of = "judged_success"\namong = "judged_failure"\n', "which no session can be"),
        ('share_of = "outcome"\namong = "troubled"\n', "in a table without a rate"),
    ],
)
def test_a_base_that_is_none_is_refused_with_its_line(text: str, says: str) -> None:
    """`among` names a measure, of a rate, that some session can say yes to."""
    study = HEAD + '[[table]]\nname = "x"\n' + text
    line = next(n for n, one in enumerate(study.splitlines(), 1) if one.startswith("among"))
    with pytest.raises(ConfigurationError, match=f"in line {line} of study.toml") as refused:
        plan(Study.parse(study))
    assert says in refused.value.found
    # The control: among the troubled, there are successes.
    made = small_plan(rate("judged_success", "troubled"))
    assert "ran into trouble" in made.tables[0].base
    assert made.loss <= Fraction(made.privacy.rho)
