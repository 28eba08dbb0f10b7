"""
The pair tables of a regression, and the form that they must have.

A regression on labels needs how often each two of its blocks meet, and nothing else: one block is
what the table is by, one each control, and of a rate one more its outcome.  Every pair of blocks is
a query of counts, so the argument for counts is the argument for regressions.  A mean has no block
for its outcome; instead the sum of its value in each level of each block, one sum of squares, and
the counts of its levels, on which it is tested.

Queries stand in one order, so that a plan says which is which without a word: pairs as
`combinations` gives them; blocks as what the table is by, a rate's outcome, the controls.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

from .plan import STEPS, Axis, Query, Table


def blocks_of(table: Table, queries: Sequence[Query]) -> tuple[Axis, ...]:
    """
    The blocks of a regression, read off the pairs that the first of them makes with the others.

    Args:
        table: A table of a regression.
        queries: Its queries.
    """
    first, made = queries[0].axes[0], len(table.controls)
    pairs = queries[: made + 1] if table.yes else queries[1 : made + 1]
    return (first, *(query.axes[1] for query in pairs))


def fits_adjusted_rate(table: Table, queries: Sequence[Query]) -> bool:
    """Whether queries are all pairs of an adjusted rate's blocks, its outcome the second."""
    if not table.yes or not _are_counts(queries) or len(queries) < len(table.controls) + 1:
        return False
    blocks = blocks_of(table, queries)
    answers, levels = [*table.yes, *table.no], [level.name for level in blocks[1].levels]
    return (
        _are_pairs(blocks, queries)
        and _is_asked(table, (blocks[0], *blocks[2:]), queries)
        # Each session of the sample answers, and answers once.
        and sorted(answers) == sorted(levels)
        and len(set(answers)) == len(answers)
        and bool(table.no)
    )


def fits_adjusted_mean(table: Table, queries: Sequence[Query]) -> bool:
    """Whether queries are an adjusted mean's weights, pairs, sums by block and squares."""
    blocks_made = len(table.controls) + 1
    pairs = blocks_made * (blocks_made - 1) // 2
    if table.yes or table.no or len(queries) != 1 + pairs + blocks_made + 1:
        return False
    counts, between = queries[0], queries[1 : pairs + 1]
    sums, squares = queries[pairs + 1 : -1], queries[-1]
    if counts.value != "one" or len(counts.axes) != 1 or not _are_counts(between):
        return False
    blocks = blocks_of(table, queries)
    return (
        _are_pairs(blocks, between)
        and _is_asked(table, blocks, queries)
        and all(query.value == "log" for query in sums)
        and [query.axes for query in sums] == [(block,) for block in blocks]
        and (squares.value, squares.size) == ("log_squared", 1)
        and len({(query.measure, query.centre) for query in (*sums, squares)}) == 1
        and len({query.bound for query in sums}) == 1
    )


def _are_counts(queries: Sequence[Query]) -> bool:
    return all(query.value == "one" and len(query.axes) == 2 for query in queries)


def _are_pairs(blocks: Sequence[Axis], queries: Sequence[Query]) -> bool:
    """Whether queries are the pairs of some blocks, each once and in order."""
    named = len({block.name for block in blocks}) == len(blocks)
    labels = all(not block.measure for block in blocks)
    pairs = [(one, other) for one, other in combinations(blocks, 2)]
    return named and labels and [query.axes for query in queries] == pairs


def _is_asked(table: Table, blocks: Sequence[Axis], queries: Sequence[Query]) -> bool:
    """Whether a table is by its first block, adjusted for the others, at one k and in columns."""
    by, *controls = (block.name for block in blocks)
    ends = (-1, *table.columns, len(controls) + 1)
    return (
        table.by == (by,)
        and table.controls == (*controls,)
        and all(low < high for low, high in pairwise(ends))
        and len({query.contribution for query in queries}) == 1
        and (table.kind not in STEPS or len(blocks[0].levels) > 1)
    )
