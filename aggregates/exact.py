"""
Tables without noise: for synthetic data, to tell a rater's errors from noise.

Unsafe by name: what comes out here about real sessions is private no longer.  Nothing in a
worker or a keeper calls it, and `clerestory.truth` asks the floor first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from privacy.codebook import Codebook
from privacy.plan import Plan, Query

from .clipping import at_bounds
from .kernel import Kernel, add, view
from .release import release

PLAIN = ("share", "rate")
"""Statistics that may have corrected ones beside them."""
QUIET = 1e-9
"""σ that stands for none: thresholds and intervals keep their formulas."""


def unsafe_exact_tables(
    plan: Plan, buckets: Iterable[bytes], codebook: Codebook
) -> Mapping[tuple[str, str, str], float]:
    """
    What a release would say without noise, wherever at least one account stands.

    Args:
        plan: Which tables.
        buckets: Label rows in clear, sorted by account, an account whole in one bucket.
        codebook: The codebook of the rows.

    Returns:
        (table, statistic, keys) → estimate, in the table's unit.
    """
    sums: dict[str, list[int]] = {query.name: [0] * query.summed for query in plan.queries}
    kernel = Kernel(plan, codebook)
    for bucket in buckets:
        sums = add(sums, kernel.partial(view(bucket, codebook)))
    return unsafe_exact_estimates(plan, sums, codebook)


def unsafe_exact_estimates(
    plan: Plan, sums: Mapping[str, Sequence[int]], codebook: Codebook
) -> Mapping[tuple[str, str, str], float]:
    """The same from exact sums, as `aggregates.kernel` makes them."""
    quiet = replace(
        plan,
        privacy=replace(plan.privacy, minimum_accounts=1),
        queries=tuple(_quiet(query) for query in plan.queries),
    )
    # Totals as they are: at the largest bound, which cuts off next to nothing.
    clips = {query.name: len(query.clips) - 1 for query in plan.queries if query.clips}
    settled = {query.name: at_bounds(query, sums[query.name], clips) for query in plan.queries}
    return {
        (str(row["table"]), str(row["statistic"]), str(row["keys"])): row["estimate"]
        for row in release(quiet, settled, codebook, clips)
        if isinstance(row["estimate"], float)
    }


def of_right_labels(
    exact: Mapping[tuple[str, str, str], float],
) -> dict[tuple[str, str, str], float]:
    """Exact numbers of right labels, none of them corrected: a corrected one means just them."""
    plain = {(table, keys): n for (table, kind, keys), n in exact.items() if kind in PLAIN}
    return {
        (table, kind, keys): plain[table, keys] if kind == "corrected" else number
        for (table, kind, keys), number in exact.items()
    }


def _quiet(query: Query) -> Query:
    """A query without noise; one session shows a cell of a total, whatever its bound."""
    clips = tuple(replace(clip, bound=1, sigma=QUIET) for clip in query.clips)
    return replace(query, sigma=QUIET, clips=clips)
