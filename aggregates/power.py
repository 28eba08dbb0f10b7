"""
Whether a study would show a difference: asked of its plan, before any session is read.

Two groups of a share or a rate, p₁ in one and p₂ in the other.  Their difference has the variance
Σ [σ²·(a(1-p)² + b·p²)/n² + D·p(1-p)/n], n the group's expected base; a 95 % interval leaves out
zero with the chance Φ(|p₂ - p₁|/√V - 1.96).  A group that is expected to be withheld shows nothing.
Two labels of one group share its base, and their difference is another question: it is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from privacy.errors import ConfigurationError
from privacy.plan import Plan, Table

from .estimates.cells import counts_of, groups, join_keys, minimum_of
from .estimates.design import design_of
from .estimates.intervals import Z95
from .estimates.rates import answers
from .estimates.shares import decide


@dataclass(frozen=True, slots=True)
class Supposed:
    """A value that a cell of a table might have."""

    keys: str
    """As in tables.csv: `expertise=novice`, and for a share its label too."""
    value: float


@dataclass(frozen=True, slots=True)
class Power:
    """What a plan would show of a difference."""

    chance: float
    """That the interval of the difference leaves out zero; 0 where a group is withheld."""
    half_width: float
    """Of that interval."""
    withheld: tuple[str, ...]
    """Keys of the two that are expected to be withheld."""


def would_show(
    plan: Plan, sums: Mapping[str, Sequence[int]], table: str, first: Supposed, second: Supposed
) -> Power:
    """
    Reckon the chance that a plan shows a difference.

    Args:
        plan: A priced plan.
        sums: Expected sums of its queries (`forecast.prior`).
        table: Name of a table of shares or rates.
        first: A cell, and the value that is supposed there.
        second: Another.

    Raises:
        ConfigurationError: There is no such table, cell or value, or both cells are of one group.
    """
    asked = next((t for t in plan.tables if t.name == table and t.kind in ("share", "rate")), None)
    if asked is None:
        raise _unknown(f"no share or rate of the name {table!r}.")
    if _group(asked, first) == _group(asked, second):
        raise _unknown("two labels of one group, or one cell twice.")
    cells = _cells(plan, asked, sums)
    variance, withheld = 0.0, list[str]()
    for supposed in (first, second):
        if supposed.keys not in cells or not 0 <= supposed.value <= 1:
            raise _unknown(f"no cell {supposed.keys!r} in {table!r}, or a value beyond 0 and 1.")
        base, published, inside, outside = cells[supposed.keys]
        withheld += [] if published else [supposed.keys]
        p, n = supposed.value, max(base, 1e-9)
        sigma = counts_of(plan, asked).sigma / plan.privacy.scale
        noise = (sigma / n) ** 2 * (inside * (1 - p) ** 2 + outside * p**2)
        variance += noise + design_of(plan, asked, sums) * p * (1 - p) / n
    reach = Z95 * sqrt(variance)
    apart = abs(second.value - first.value) / sqrt(variance) if variance else 0.0
    chance = 0.0 if withheld else NormalDist().cdf(apart - Z95)
    return Power(chance, reach, tuple(withheld))


def _group(table: Table, supposed: Supposed) -> str:
    return supposed.keys if table.kind == "rate" else supposed.keys.rpartition("; ")[0]


def _cells(
    plan: Plan, table: Table, sums: Mapping[str, Sequence[int]]
) -> dict[str, tuple[float, bool, int, int]]:
    """Key → expected base in accounts, whether it is printed, noisy cells in numerator and rest."""
    query, scale = counts_of(plan, table), plan.privacy.scale
    minimum = minimum_of(plan, query)
    found = {}
    if table.kind == "rate":
        inside, outside = len(table.yes), len(table.no)
        for cell, yes, no in answers(table, query, sums):
            state = minimum.decide(yes + no, query.sigma, cells=inside + outside)
            shown = state == "published"
            found[join_keys(table.by, cell)] = (yes + no) / scale, shown, inside, outside
        return found
    for keys, counts in groups(query, sums):
        states, _ = decide(table, minimum, counts, query.sigma)
        for key, state in zip(keys, states, strict=True):
            found[key] = sum(counts) / scale, state == "published", 1, len(counts) - 1
    return found


def _unknown(found: str) -> ConfigurationError:
    return ConfigurationError(
        "NOTHING_TO_SHOW",
        rule="A difference is asked of two cells of a share or rate, with values from 0 to 1.",
        found=found,
        remedy="name table and keys as the study does: verified expertise=novice 0.145 …",
    )
