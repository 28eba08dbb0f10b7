"""
How far a rater that changed could have moved a share or a rate from month to month.

Let no session differ between two months t and u, but the rater, and let labels of either month
have been made under any of the readings in R.  Among the sessions of a number's base let p be the
part that says yes, c the sessions whose answer (and group) is the same under all of R, and p_c the
part of yes among them: the same in both months.  With δ_a the chance that a session that was
answered a is not among c,
    p_c - p_t = p_c·(1 - p_t)·δ_no - (1 - p_c)·p_t·δ_yes,
so p_u - p_t ≤ p_c·(1 - p_t)·δ_no + (1 - p_c)·p_u·δ_yes ≤ max{(1 - p_t)·δ_no, p_u·δ_yes}, whatever
p_c is.  Sessions that enter the base or leave it are in δ.  A trend Σ f_t·p_t with Σ f_t = 0 is by
the same steps at most max{δ_no·Σ_{f<0} |f_t|·(1 - p_t), δ_yes·Σ_{f>0} f_t·p_t}.

**δ from the anchor set.**  For each reading and answer, the anchors with that answer are counted,
and those among them that R answers otherwise anywhere; δ_a is the largest upper end over readings,
by Clopper and Pearson [1] with 0.05 divided by twice the number of readings: all ends of one row
hold together with 95 %.  Of p the printed interval's worse end is taken.

What it leans on: anchors are no sample of anybody's sessions.  A session is taken to be answered
otherwise as often as an anchor with the same answer, in every group: a group alone has too few.
What changes within a month and back, nobody sees.  So the bound may be too small where a rater
changed for people's sessions, or for one group, and not for the anchors.

[1] Clopper & Pearson 1934, Biometrika 26(4):404-413.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

from .anchor_readings import AnchorReading
from .codebook import codebook
from .derived import Condition
from .forms import MONTH
from .plan import Plan, Query, Table
from .second import DOT, repeats

ALPHA = 0.05
"""Chance that any of the bounds behind one row of drift.csv is too small."""
_STEPS = 60
"""Halvings of [0, 1]: finer than a double."""


@dataclass(frozen=True, slots=True)
class Wavering:
    """δ: upper bounds on how often a session with an answer is answered otherwise elsewhere."""

    yes: float
    no: float

    def reach(self, weights: Sequence[float], low: Sequence[float], high: Sequence[float]) -> float:
        """
        How far up drift alone can move Σ f·p; with -f, how far down.

        Args:
            weights: f, which add up to nothing.
            low: Lower end of each p.
            high: Upper end of each p.
        """
        gained = sum(-f * (1 - p) for f, p in zip(weights, low, strict=True) if f < 0)
        lost = sum(f * p for f, p in zip(weights, high, strict=True) if f > 0)
        return max(self.no * gained, self.yes * lost)


def wavering(
    plan: Plan,
    table: Table,
    readings: Sequence[AnchorReading],
    yes: frozenset[str],
    no: frozenset[str],
) -> Wavering:
    """
    How far the anchor set lets a rater waver in what a number counts.

    Args:
        plan: The plan, which says who is counted.
        table: A share, a rate, or a trend of one.
        readings: Two at least, under one label set.
        yes: Levels of the last axis of its counts that say yes.
        no: Those that say no.
    """
    query = plan.query(table.queries[0])
    told = [_states(plan, query, reading, yes, no) for reading in readings]
    constant = [len(set(states)) == 1 for states in zip(*told, strict=True)]
    tail = ALPHA / (2 * len(readings))

    def most(answer: str) -> float:
        found = [
            [kept for state, kept in zip(states, constant, strict=True) if state[-1] == answer]
            for states in told
        ]
        return max(upper(kept.count(False), len(kept), tail) for kept in found)

    return Wavering(most("yes"), most("no"))


def is_judged(plan: Plan, query: Query) -> bool:
    """Whether a rater's answers decide which sessions a query counts, or where."""
    judged = {"status", *(instrument.name for instrument in codebook().instruments)}
    return any(repeats(column) in judged for column in _columns(plan, query))


def is_of_second_labels(plan: Plan, query: Query) -> bool:
    """Whether labels of a second reading decide it: anchors of the first say nothing of those."""
    return any(DOT in column for column in _columns(plan, query))


def _columns(plan: Plan, query: Query) -> Iterator[str]:
    """Every column that a query asks about."""
    levels = (level.when for axis in query.axes for level in axis.levels)
    for condition in (plan.population.where, query.where, *levels):
        yield from condition


@lru_cache(maxsize=4096)
def upper(found: int, among: int, tail: float) -> float:
    """
    Clopper and Pearson's upper bound on a chance.

    Args:
        found: How often it came true.
        among: How often it could have.
        tail: Chance that the bound is below it.
    """
    if found >= among:
        return 1.0
    ways = [comb(among, n) for n in range(found + 1)]
    low, high = found / among, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        # P(X ≤ found) of a binomial.
        below = sum(w * middle**n * (1 - middle) ** (among - n) for n, w in enumerate(ways))
        low, high = (middle, high) if below > tail else (low, middle)
    return high


def _states(
    plan: Plan, query: Query, reading: AnchorReading, yes: frozenset[str], no: frozenset[str]
) -> list[tuple[str, ...]]:
    """Where a query puts each anchor: its group, and yes or no; or that it is not in the base."""
    axes = [axis for axis in query.axes if axis.name != MONTH and not axis.measure]
    columns = list(reading.labels)
    states = []
    for labels in zip(*reading.labels.values(), strict=True):
        told = dict(zip(columns, labels, strict=True))
        inside = all(_holds(where, told) for where in (plan.population.where, query.where))
        found = [
            next((one.name for one in axis.levels if _holds(one.when, told)), "") for axis in axes
        ]
        answer = "yes" if found[-1] in yes else "no" if found[-1] in no else ""
        states.append((*found[:-1], answer) if inside and answer and all(found) else ("",))
    return states


def _holds(condition: Condition | Mapping[str, tuple[str, ...]], told: Mapping[str, str]) -> bool:
    """Whether labels fulfil a condition; of an anchor's month nothing is asked."""
    return all(told[c] in labels for c, labels in condition.items() if c != MONTH)
