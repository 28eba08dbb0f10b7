"""
How a rater's labels fell on sessions whose right labels are known: public counts, from elsewhere.

A plan carries such counts as constants: they are signed with it, and decide what its release
says of the rater's mistakes.  They were learnt on sessions that somebody might read, never on
those of the vault: nobody reads there, so nobody has right labels of it.  (A second reading inside
the vault compares raters with one another, and tells how steady labels are; `privacy.second`.)
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

MOST_TABLES, MOST_LABELS, MOST_SESSIONS = 200, 64, 10**7
"""Bounds on what a plan carries: beyond them it is no validation that people made."""
LONGEST_NAME = 100
YES, NO, OUTSIDE = "yes", "no", "outside"
"""Labels of a derived measure; the last one of sessions that are not in its base."""
ANSWERS = (YES, NO, OUTSIDE)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of sessions by right label and rater's label, for one question."""

    of: str
    """An instrument, or a derived measure, whose labels are yes, no and outside."""
    group: Mapping[str, str]
    """Axis → level that the *rater* gave these sessions, as the keys of tables; empty for all."""
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """A row for each right label, in it a count for each label of the rater's."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What is known of a rater's mistakes, and about whom."""

    reference: str
    """In words: whose labels count as right, and of which sessions."""
    same_population: bool
    """Whether those sessions are a sample of the study's own population.  Who says so signs it:
    only then are the rater's mistakes there taken for those that it makes here."""
    tables: tuple[Confusion, ...]


def is_validation(validation: Validation) -> bool:
    """Whether all counts have the form that estimates are made from."""
    tables = validation.tables
    named = {(table.of, *sorted(table.group.items())) for table in tables}
    return (
        0 < len(tables) <= MOST_TABLES
        and len(named) == len(tables)
        and _is_short(validation.reference, 5 * LONGEST_NAME)
        and all(map(is_confusion, tables))
    )


def is_confusion(table: Confusion) -> bool:
    """Whether one table is square, over labels that differ, with counts that are small."""
    labels = table.labels
    names = (table.of, *labels, *table.group, *table.group.values())
    return (
        2 <= len(labels) <= MOST_LABELS
        and all(_is_short(name, LONGEST_NAME) for name in names)
        and len(set(labels)) == len(labels) == len(table.counts)
        and all(len(row) == len(labels) for row in table.counts)
        and all(type(n) is int and 0 <= n <= MOST_SESSIONS for row in table.counts for n in row)
    )


def between(table: Confusion, right: Collection[str], given: Collection[str]) -> int:
    """How many sessions have one of these right labels and were given one of those."""
    return sum(
        count
        for truth, row in zip(table.labels, table.counts, strict=True)
        for label, count in zip(table.labels, row, strict=True)
        if truth in right and label in given
    )


def _is_short(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()
