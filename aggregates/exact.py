"""
Tables without noise: for synthetic data, to tell a rater's errors from noise.

Unsafe by name: what comes out here about real sessions is private no longer.  Nothing in a
worker or a keeper calls it, and `clerestory.truth` asks the floor first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from privacy.codebook import Codebook
from privacy.plan import Plan

from .kernel import add, partial, view
from .release import release

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
    sums: dict[str, list[int]] = {query.name: [0] * query.size for query in plan.queries}
    for bucket in buckets:
        sums = add(sums, partial(plan, view(bucket, codebook), codebook))
    quiet = replace(
        plan,
        privacy=replace(plan.privacy, minimum_accounts=1),
        queries=tuple(replace(query, sigma=QUIET) for query in plan.queries),
    )
    return {
        (str(row["table"]), str(row["statistic"]), str(row["keys"])): row["estimate"]
        for row in release(quiet, sums, codebook)
        if isinstance(row["estimate"], float)
    }
