"""
Threat: accounts that nobody is behind, with any sessions at all, push a number where they like.

Nobody can tell them from people; so they count as people do, and no more: n of them move a sum,
before noise, by at most n times what one may.  The control counts sessions.
"""

from math import sqrt

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.clipping import at_bounds
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import HEAD, MEAN, RATE, SHARE, SIZES, TOTAL, bucket, record, small_plan
from tests.aggregates.test_kernel import exact

PLANS: dict[str, Plan] = {
    k: small_plan(
        SHARE, RATE, MEAN, SIZES, TOTAL,
        head=HEAD.replace("contribution = 1", f"contribution = {k}"),
    )
    for k in ("1", "3", '"1/2"')
}  # fmt: skip
PEOPLE = [
    record(n, {"work_mode": ("fix", "plan")[n % 2], "expertise": "expert"}) for n in range(40)
]
kinds = st.tuples(
    st.sampled_from(["fix", "build", "plan", "unclear"]),
    st.sampled_from(["succeeded", "failed", "unclear"]),
    st.sampled_from(["novice", "expert"]),
    st.sampled_from([0.0, 7.3, 1e9]),
    st.sampled_from([1, 40, 600]),
)
"""A sybil's sessions of one kind, and how many."""


def sybil(number: int, own: list[tuple[str, str, str, float, int]]) -> list[bytes]:
    """All sessions of one account that was made up."""
    return [
        one
        for mode, outcome, expertise, size, copies in own
        for one in copies * [
            record(
                1000 + number,
                {"work_mode": mode, "outcome": outcome, "success_signal": "5",
                 "expertise": expertise},
                actions_per_prompt=size,
            )
        ]
    ]  # fmt: skip


def moved(before: list[int], after: list[int]) -> float:
    """How far a vector was moved, in L2."""
    return sqrt(sum((b - a) ** 2 for a, b in zip(before, after, strict=True)))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(kinds, min_size=1, max_size=3), min_size=1, max_size=5),
    st.sampled_from([*PLANS]),
)
def test_sybils_move_a_sum_by_at_most_one_bound_each(
    sybils: list[list[tuple[str, str, str, float, int]]], k: str
) -> None:
    """Every query of every kind, totals at each of their bounds too."""
    made, count = PLANS[k], len(sybils)
    planted = [one for number, own in enumerate(sybils) for one in sybil(number, own)]
    without, within = exact(made, bucket(PEOPLE)), exact(made, bucket(PEOPLE + planted))
    for query in made.queries:
        if query.clips:
            for at, clip in enumerate(query.clips):
                chosen = {each.name: at for each in made.queries if each.clips}
                start, end = (
                    [*at_bounds(query, known[query.name], chosen)] for known in (without, within)
                )
                assert moved(start, end) <= count * clip.sensitivity
        else:
            assert moved(without[query.name], within[query.name]) <= count * query.sensitivity


def test_the_bound_is_reached_and_sessions_would_pass_it() -> None:
    """The controls: three sybils do count as three people; in sessions they are 1,800."""
    made = small_plan(SHARE)
    planted = [
        one for n in range(3) for one in sybil(n, [("fix", "succeeded", "expert", 1.0, 600)])
    ]
    (query,) = made.queries
    without, within = exact(made, bucket(PEOPLE)), exact(made, bucket(PEOPLE + planted))
    gained = moved(without[query.name], within[query.name])
    assert 0.999 * 3 * SCALE <= gained <= 3 * SCALE
    assert len(planted) * SCALE > 500 * gained
