"""
Threat: whoever runs the machine feeds the pipeline dummies, or fails all sessions but one.

What is left in a cell is then one person, and he knows all the rest.  He looks at whole releases,
with their thresholds: is the cell printed, and what does it say?  From how often he is right with
the person there and without, by Clopper and Pearson's exact bounds, follows a lower bound on ε; an
honest release is accused with a chance of at most 10⁻⁶ for each look.  The control has next to no
noise, and is caught: of 500 runs either way, an attacker who is never wrong proves ε > 3.
"""

from collections.abc import Callable
from math import log

import pytest

from aggregates.release import Row
from aggregates.worker import unsafe_release_unsealed
from privacy.labels import LabelRecord
from privacy.plan import Plan
from tests.aggregates.rows import BOOK, RATE, bucket, pseudonym, quiet, record, small_plan
from tests.support.sampling import most

RUNS, FALSE_ALARM = 500, 1e-6
PLAN = small_plan(RATE)
EXPERT = {"expertise": "expert"}
NO = {**EXPERT, "outcome": "failed", "success_signal": "none"}
YES = {**EXPERT, "outcome": "succeeded", "success_signal": "5"}
TARGET = record(1000, YES)
DUMMIES = [record(n, NO) for n in range(60)]
FAILED = [
    LabelRecord.unrated(BOOK, status="unreadable", month="2025-11", account=pseudonym(n)).encode()
    for n in range(60)
]
"""Sessions of others that were made to end their workers."""

Look = Callable[[list[Row]], bool]


def expert(rows: list[Row]) -> Row:
    """The target's cell."""
    (row,) = [row for row in rows if row["keys"] == "expertise=expert"]
    return row


def is_printed(rows: list[Row]) -> bool:
    """Whether anything is said of the cell."""
    return expert(rows)["state"] == "published"


def says_yes(rows: list[Row]) -> bool:
    """Whether its rate is nearer to that with the target: one of 61, against none."""
    rate = expert(rows)["estimate"]
    return isinstance(rate, float) and rate > 0.5 / 61


def is_one_more(rows: list[Row]) -> bool:
    """Whether there are rather 61 than 60."""
    count = expert(rows)["raw"]
    return isinstance(count, float) and count > 60.5


ROUNDS: dict[str, tuple[list[bytes], Look]] = {
    "what the target says": (DUMMIES, says_yes),
    "how many there are": (DUMMIES, is_one_more),
    "dummies up to the threshold": (DUMMIES[:32], is_printed),
    "all others failed": (FAILED, is_printed),
}


def least_epsilon(made: Plan, others: list[bytes], look: Look) -> float:
    """A lower bound on ε from one look, wrong with a chance of at most FALSE_ALARM."""
    seen = []
    for rows in (others, [*others, TARGET]):
        kept = bucket(rows)
        seen.append(sum(look(unsafe_release_unsealed(made, [kept])) for _ in range(RUNS)))
    without, within = seen
    found = 0.0
    # P(look | one) ≤ e^ε P(look | other) + δ, in both directions, for the look and its contrary.
    for one, other in ((within, without), (RUNS - without, RUNS - within),
                       (without, within), (RUNS - within, RUNS - without)):  # fmt: skip
        least = 1 - most(RUNS - one, RUNS, FALSE_ALARM / 8)
        if least > made.privacy.delta:
            found = max(
                found, log((least - made.privacy.delta) / most(other, RUNS, FALSE_ALARM / 8))
            )
    return found


@pytest.mark.statistical
@pytest.mark.parametrize("way", ROUNDS)
def test_one_person_among_dummies_is_protected_as_among_people(way: str) -> None:
    """Empirical ε below what the release promises; false alarm 10⁻⁶."""
    assert least_epsilon(PLAN, *ROUNDS[way]) <= PLAN.privacy.epsilon


@pytest.mark.parametrize(
    ("others", "look"),
    [(DUMMIES, says_yes), (DUMMIES, is_one_more), (DUMMIES[:20], is_printed)],
)
def test_without_noise_dummies_tell_who_is_there(others: list[bytes], look: Look) -> None:
    """The control: the same looks at the same plan, with its noise taken away."""
    made = quiet(PLAN)
    assert least_epsilon(made, others, look) > made.privacy.epsilon


def test_one_person_whose_fellows_failed_is_not_printed() -> None:
    """
    Sixty failed sessions are no crowd to hide in: not even without noise is the cell printed.

    The minimum counts accounts behind the number; the control has them rated.
    """
    made = quiet(PLAN)
    assert not is_printed(unsafe_release_unsealed(made, [bucket([*FAILED, TARGET])]))
    assert is_printed(unsafe_release_unsealed(made, [bucket([*DUMMIES, TARGET])]))
