"""Moments of accounts: exact, bounded for whoever it is, and D is what they say."""

from collections import defaultdict
from fractions import Fraction
from math import isqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.estimates.design import design_of
from aggregates.kernel import partial, view
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.labels import LabelRecord, unpack_bucket
from privacy.plan import Plan
from privacy.unit import LARGEST_CONTRIBUTION, SCALE, ContributionBound
from tests.aggregates.rows import BOOK, HEAD, bucket, quiet, record, small_plan

DESIGNED = """
[[table]]
name = "verified"
rate_of = "verified_success"
by = ["expertise"]
contribution = {k}
design_effect = true

[[table]]
name = "outcomes"
share_of = "outcome"
by = ["expertise"]
contribution = {k}
design_effect = true
"""
PLANS = {k: small_plan(DESIGNED.format(k=k)) for k in (5, '"3/2"', LARGEST_CONTRIBUTION)}
MADE = PLANS[5]
PLAIN = small_plan(DESIGNED.format(k=5).replace("design_effect = true", ""))
YES = {"outcome": "succeeded", "success_signal": "5"}
NO = {"outcome": "succeeded", "success_signal": "none"}

own = st.lists(
    st.fixed_dictionaries(
        {
            "expertise": st.sampled_from(["novice", "expert"]),
            "outcome": st.sampled_from(["succeeded", "failed", "no_goal", "unclear"]),
            "success_signal": st.sampled_from(["none", "5"]),
        }
    ),
    min_size=1,
    max_size=12,
)


def exact(made: Plan, rows: list[bytes]) -> dict[str, list[int]]:
    """The kernel's sums."""
    return {name: v.tolist() for name, v in partial(made, view(bucket(rows), BOOK), BOOK).items()}


def naive(made: Plan, rows: list[bytes], name: str) -> list[int]:
    """The same in plain Python, record by record: products of an account's sums within a group."""
    place = {field.name: n for n, field in enumerate(BOOK.fields)}
    of: dict[bytes, list[dict[str, str]]] = defaultdict(list)
    for _, row in unpack_bucket(bucket(rows), BOOK):
        one = LabelRecord.decode(row, BOOK)
        labels = {n: BOOK.field(n).labels[one.labels[at]] for n, at in place.items()}
        of[one.account].append(labels)
    query = made.query(f"{name}.moments")
    k, found = made.contribution(query), [0] * query.size
    for sessions in of.values():
        weight = min(SCALE, int(SCALE * k / len(sessions)))
        sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for labels in sessions:
            answer = labels["outcome"]
            if name == "verified":
                if answer not in ("succeeded", "partial", "failed"):
                    continue
                answer = (
                    "yes" if answer == "succeeded" and labels["success_signal"] == "5" else "no"
                )
            sums[labels["expertise"]][answer] += weight
        groups = [*sums.values()]
        if name == "verified":
            mine = [
                sum(g["yes"] ** 2 for g in groups),
                sum(g["yes"] * g["no"] for g in groups),
                sum(g["no"] ** 2 for g in groups),
            ]
        else:
            alike = sum(n * n for g in groups for n in g.values())
            mine = [alike, sum(sum(g.values()) ** 2 for g in groups) - alike]
        found = [a + b // SCALE for a, b in zip(found, mine, strict=True)]
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(own, max_size=6), st.sampled_from([*PLANS]))
def test_two_implementations_agree(accounts: list[list[dict[str, str]]], k: int | str) -> None:
    """Vectorised and plain, written apart from each other."""
    rows = [record(n, labels) for n, account in enumerate(accounts) for labels in account]
    sums = exact(PLANS[k], rows)

    for name in ("verified", "outcomes"):
        assert sums[f"{name}.moments"] == naive(PLANS[k], rows, name)


@settings(max_examples=60, deadline=None)
@given(st.lists(own, max_size=3), own, st.sampled_from([1, 2, 400]), st.sampled_from([*PLANS]))
def test_no_account_moves_its_moments_by_more_than_their_sensitivity(
    others: list[list[dict[str, str]]], mine: list[dict[str, str]], copies: int, k: int | str
) -> None:
    """Up to thousands of sessions, in one cell or all, at k up to the largest there is."""
    rest = [record(n, labels) for n, account in enumerate(others) for labels in account]
    more = [record(77, labels) for labels in mine] * copies
    without, within = exact(PLANS[k], rest), exact(PLANS[k], rest + more)

    for query in PLANS[k].queries:
        moved = [a - b for a, b in zip(within[query.name], without[query.name], strict=True)]
        assert sum(step * step for step in moved) <= query.sensitivity**2


def test_the_sensitivity_is_k_squared_and_is_reached() -> None:
    """The bound is not a loose one: an account whose sessions are all alike uses all of it."""
    rows = [record(1, {"expertise": "novice", **YES})] * 5
    sums = exact(MADE, rows)

    for name in ("verified.moments", "outcomes.moments"):
        assert MADE.query(name).sensitivity == 25 * SCALE
        assert isqrt(sum(x * x for x in sums[name])) == 25 * SCALE
    # At the largest k there is no overflow: a product is below 2⁵⁵, and 128² accounts squared fit.
    most = ContributionBound(Fraction(LARGEST_CONTRIBUTION)).moments()
    assert most == 2**14 * SCALE < 2**63
    rows = [record(1, {"expertise": "novice", **YES})] * 3000
    assert exact(PLANS[LARGEST_CONTRIBUTION], rows)["verified.moments"][0] <= most


def designs(rows: list[bytes], made: Plan = MADE) -> dict[str, float]:
    """D of both tables, next to exact."""
    still = quiet(made)
    sums = exact(made, rows)
    return {table.name: design_of(still, table, sums) for table in still.tables}


def people(*accounts: list[dict[str, str]]) -> list[bytes]:
    """Two hundred times these accounts, experts all of them."""
    many = [account for _ in range(200) for account in accounts]
    return [
        record(n, {"expertise": "expert", **labels})
        for n, account in enumerate(many)
        for labels in account
    ]


def test_a_design_effect_is_what_sessions_have_in_common() -> None:
    """
    By hand, for accounts of four sessions at k = 5, half of all sessions saying yes.

    All alike: s = 4 or f = 4, Σ(s - f)²/4 = 4 an account, n·p(1-p) = 1: D = 4.  Three of four
    alike: (3 - 1)²/4 = 1, D = 1.  Two of four: 0, and no D below .5 is believed.
    """
    alike = designs(people([YES] * 4, [NO] * 4))
    three = designs(people([YES] * 3 + [NO], [NO] * 3 + [YES]))
    mixed = designs(people([YES] * 2 + [NO] * 2))

    assert alike["verified"] == pytest.approx(4, rel=1e-3)
    assert three["verified"] == pytest.approx(1, rel=1e-3)
    assert mixed["verified"] == 0.5


def test_a_shares_design_effect_counts_pairs_alike() -> None:
    """
    By hand: three labels, a third each, accounts of three sessions.

    All alike: alike = 9, apart = 0, P = 1/3: V = 6 an account, n·(1-P) = 2: D = 3.  One of each:
    alike = 3, apart = 6: V = 2/3·3 - 1/3·6 = 0, and .5 is the least.
    """
    labels = [{"outcome": name} for name in ("succeeded", "failed", "no_goal")]

    assert designs(people(*([one] * 3 for one in labels)))["outcomes"] == pytest.approx(3, rel=1e-2)
    assert designs(people(labels))["outcomes"] == 0.5
    assert designs([])["outcomes"] == 5.0  # of nobody nothing is known: the bound


def test_noise_makes_it_wider_on_average_and_never_more_than_the_bound() -> None:
    """What D lies above the truth for is one deviation of noise; between .5 and k it stays."""
    head = HEAD.replace("epsilon = 2.0", "epsilon = 0.5")
    made = small_plan(DESIGNED.format(k=5), head=head)
    table, query = made.tables[0], made.query("verified.moments")
    rows = people([YES] * 3 + [NO], [NO] * 3 + [YES])
    sums = exact(made, rows)
    shifted = {**sums, query.name: [n - int(9 * query.sigma) for n in sums[query.name]]}
    lifted = {**sums, query.name: [n + 2**40 for n in sums[query.name]]}

    assert design_of(made, table, sums) > 1.0
    assert design_of(made, table, shifted) >= 0.5
    assert design_of(made, table, lifted) <= 5.0


def test_intervals_become_narrower_and_no_moment_is_printed() -> None:
    """
    On the twin, whose sessions have little in common: D is about 1.1 where k is 5.

    Then the sampling error is √(1.1/5) = .47 of the bound's.  What is printed is the same rows.
    """
    data = draw(4500, 7650, seed=None, codebook=BOOK).buckets(2)
    with_d, without = (unsafe_release_unsealed(quiet(made), data) for made in (MADE, PLAIN))
    pairs = [
        (one["se_sampling"], other["se_sampling"])
        for one, other in zip(with_d, without, strict=True)
        if one["state"] == other["state"] == "published" and other["se_sampling"]
    ]

    assert [row["keys"] for row in with_d] == [row["keys"] for row in without]
    assert {str(row["statistic"]) for row in with_d} == {"rate", "share"}
    assert len(pairs) > 9
    for narrow, wide in pairs:
        assert float(str(narrow)) < 0.65 * float(str(wide))
