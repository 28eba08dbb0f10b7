"""
A black box is audited: what an adversary who knows all the rest can tell of one account.

The adversary knows a hundred accounts and wants to know whether one more, as bad as an account can
be, is among them.  He sees the noisy vectors of the worker itself.  Along the direction in which
the account moves a query, in units of the noise, they are N(0, 1) without it and N(s, 1) with it,
s ≤ μ = √(2ρ); the best test is a threshold in the middle.  From how often it is right, with
Clopper-Pearson's exact bounds, follows a lower bound on μ, hence on ρ and ε: the *empirical* ε.

An honest query is accused with a chance of at most 10⁻⁶ for all of them together: its lower bound
lies above the truth with at most that chance.  An account that moves a query three times as far as
it claims is caught: of 1,500 runs either way the bound lies about .34 below 3μ, give or take .05,
so that a claim of μ = .3 is exceeded by five deviations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import sqrt
from statistics import NormalDist

import pytest

from aggregates.clipping import at_bounds
from aggregates.kernel import partial, view
from aggregates.worker import _measure
from privacy.measurements import epsilon_of
from privacy.plan import Plan
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    BOOK,
    DESIGNED,
    HEAD,
    MEAN,
    OWN_K,
    RATE,
    TOTAL,
    bucket,
    record,
    small_plan,
)
from tests.support.sampling import most

RUNS, FALSE_ALARM, DELTA = 1_500, 1e-6, 1e-7
PHI = NormalDist()
LOUD = HEAD.replace("epsilon = 2.0", "epsilon = 12.0")
MADE = small_plan(RATE, TOTAL, MEAN + "between = [1, 100]\n", head=LOUD)
PAIRS = """
[[table]]
name = "adjusted"
rate_of = "verified_success"
by = ["expertise"]
adjust_for = ["month"]
rho = 0.3
leave_out = { expertise = ["unclear"] }
"""
OWN = small_plan(OWN_K, ACCOUNT_SIZES, DESIGNED, PAIRS, head=LOUD)
"""Tables at k of their own, above and below the plan's; sizes of accounts; moments; pairs."""
QUERIES = len(MADE.queries) + len(OWN.queries)
EXPERT = {"expertise": "expert", "outcome": "succeeded", "success_signal": "5", "work_mode": "fix"}
OTHERS = [
    record(n, {**EXPERT, "work_mode": ("fix", "plan")[n % 2]}, actions_per_prompt=1.0 + n % 9)
    for n in range(100)
]
WORST = [record(1000, EXPERT, actions_per_prompt=1e4)] * 3000

Sums = Mapping[str, Sequence[int]]


def sums(rows: list[bytes], made: Plan = MADE) -> dict[str, list[int]]:
    """Exact sums, as the worker has them before it measures."""
    return {name: v.tolist() for name, v in partial(made, view(bucket(rows), BOOK), BOOK).items()}


def statistics(
    told: Sums, without: Sums, within: Sums, made: Plan = MADE
) -> dict[str, list[float]]:
    """Each query's noisy vector along the account's direction, in deviations of its noise."""
    found: dict[str, list[float]] = {query.name: [] for query in made.queries}
    for _ in range(RUNS):
        noisy, clips = _measure(made, told)
        for query in made.queries:
            sigma = query.clips[clips[query.name]].sigma if query.clips else query.sigma
            start, end = (at_bounds(query, known[query.name], clips) for known in (without, within))
            way = [b - a for a, b in zip(start, end, strict=True)]
            length = sqrt(sum(step * step for step in way))
            moved = sum(
                (n - a) * step for n, a, step in zip(noisy[query.name], start, way, strict=True)
            )
            found[query.name].append(moved / (sigma * length))
    return found


def least_mu(without: Sequence[float], within: Sequence[float], middle: float) -> float:
    """A lower bound on μ, wrong with a chance of at most FALSE_ALARM for all queries together."""
    alarm = FALSE_ALARM / (2 * QUERIES)
    wrong = most(sum(x > middle for x in without), len(without), alarm)
    missed = most(sum(x <= middle for x in within), len(within), alarm)
    return PHI.inv_cdf(1 - missed) - PHI.inv_cdf(wrong)


def mu(rho: str) -> float:
    """What a charge claims: √(2ρ)."""
    return sqrt(2 * float(Fraction(rho)))


@pytest.mark.statistical
@pytest.mark.parametrize("made", [MADE, OWN], ids=["weights and clips", "own k, sizes, pairs"])
def test_no_query_tells_more_of_an_account_than_it_is_charged_for(made: Plan) -> None:
    """Empirical ε below the claimed one, query by query; false alarm 10⁻⁶ for all of them."""
    without, within = sums(OTHERS, made), sums(OTHERS + WORST, made)
    absent, present = (statistics(told, without, within, made) for told in (without, within))

    for query in made.queries:
        claimed = mu(query.rho)
        found = least_mu(absent[query.name], present[query.name], claimed / 2)
        assert found <= claimed
        if found > 0:
            empirical = epsilon_of(Fraction(found**2 / 2).limit_denominator(10**9), DELTA)
            assert empirical <= epsilon_of(Fraction(query.rho), DELTA)


@pytest.mark.statistical
def test_a_broken_bound_is_caught() -> None:
    """
    The control: weights that let an account count three times, noise that was bought for once.

    Every query that goes by weights is caught, unless its μ is so small that an audit of this size
    could not tell three times it from once.
    """
    loose = replace(MADE, privacy=replace(MADE.privacy, contribution="3"))
    without, within = sums(OTHERS, loose), sums(OTHERS + WORST, loose)
    absent, present = (statistics(told, without, within) for told in (without, within))
    caught = {
        query.name
        for query in MADE.queries
        if least_mu(absent[query.name], present[query.name], 1.5 * mu(query.rho)) > mu(query.rho)
    }

    weighed = {q.name for q in MADE.queries if not q.of and not q.clips and mu(q.rho) > 0.3}
    assert len(weighed) >= 3
    assert weighed <= caught


@pytest.mark.statistical
def test_broken_bounds_of_tables_with_their_own_k_are_caught() -> None:
    """
    The control of the others: three times each k, and an account under three pseudonyms.

    Counts then move three times as far, moments nine times, and a histogram of accounts three.
    """
    threefold = tuple(
        replace(q, contribution=str(3 * Fraction(q.contribution))) if q.contribution else q
        for q in OWN.queries
    )
    weights = replace(OWN.privacy, contribution="3")
    loose = replace(OWN, queries=threefold, privacy=weights)
    again = [record(2000 + n, EXPERT, actions_per_prompt=1e4) for n in (0, 1) for _ in range(3000)]
    without, weighed = sums(OTHERS, loose), sums(OTHERS + WORST, loose)
    sizes = next(query.name for query in OWN.queries if query.value == "size")
    within = {**weighed, sizes: sums(OTHERS + WORST + again, loose)[sizes]}
    absent, present = (statistics(told, without, within, OWN) for told in (without, within))
    caught = {
        query.name
        for query in OWN.queries
        if least_mu(absent[query.name], present[query.name], 1.5 * mu(query.rho)) > mu(query.rho)
    }

    loud = {query.name for query in OWN.queries if mu(query.rho) > 0.3}
    assert loud <= caught
    assert {"one", "size", "moments"} <= {OWN.query(name).value for name in loud}
    assert any(name.startswith("adjusted.") for name in loud)
