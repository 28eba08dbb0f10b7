"""
How many accounts have how many sessions: a noisy histogram, and how many lie beyond each bin.

An account lies in one bin, whatever it did, so it moves the histogram by one and each cell is
tested at k = 1.  All bins together are all accounts, and other tables tell about how many those
are: hence the group decision of `privacy.minimum`.

**Beyond.**  "More than 5 sessions" is the sum of the bins above.  Differences of such sums are bins
again, so it is printed only if it holds all of the withheld bins V or none of them.  Then whatever
is printed is made of printed bins and of V as a whole, and so is every sum and difference of it;
each of these has m accounts, V by the group decision.  It must pass a test of its own as well, and
counts among the M sets of the release.

**Interval.**  It speaks of the accounts in the corpus, so it holds the noise and nothing else.
Who takes them for a sample of others adds √(n(1 - n/N)), n of N accounts.
"""

from collections.abc import Iterator, Sequence
from math import sqrt

from privacy.minimum import State
from privacy.plan import Plan, Query, Table
from privacy.rows import keys_of

from .cells import Cell, Noisy, counts_of, minimum_of
from .intervals import Z95, Estimate


def accounts(plan: Plan, table: Table, noisy: Noisy) -> Iterator[Cell]:
    """
    Make a table of account sizes.

    Args:
        plan: The plan that the histogram was measured under.
        table: A table of the kind accounts.
        noisy: Noisy histogram.

    Yields:
        A cell for each bin, in accounts.
    """
    query, states = counts_of(plan, table), _states(plan, table, noisy)
    bins = zip(keys_of(plan, table), noisy[query.name], states, strict=True)
    for keys, count, state in bins:
        yield _cell(plan, query, keys, [count], state)


def accounts_above(plan: Plan, table: Table, noisy: Noisy) -> Iterator[Cell]:
    """The accounts beyond each bin but the last, where no withheld bin is parted from another."""
    query, states = counts_of(plan, table), _states(plan, table, noisy)
    withheld = states.count("suppressed")
    for start, keys in enumerate(keys_of(plan, table), start=1):
        counts, within = noisy[query.name][start:], states[start:].count("suppressed")
        state = minimum_of(plan, query).decide(sum(counts), query.sigma, cells=len(counts))
        yield _cell(plan, query, keys, counts, state if within in (0, withheld) else "suppressed")


def _states(plan: Plan, table: Table, noisy: Noisy) -> list[State]:
    query = counts_of(plan, table)
    return minimum_of(plan, query).decide_group(noisy[query.name], query.sigma)


def _cell(plan: Plan, query: Query, keys: str, counts: Sequence[int], state: State) -> Cell:
    tested, estimate = sum(counts), None
    if state == "published":
        value, noise = (x / plan.privacy.scale for x in (tested, query.sigma * sqrt(len(counts))))
        reach = Z95 * noise
        estimate = Estimate(value, max(0.0, value - reach), value + reach, noise, 0.0)
    minimum = minimum_of(plan, query)
    return Cell(keys, tested, len(counts), query.sigma, state, estimate, minimum)
