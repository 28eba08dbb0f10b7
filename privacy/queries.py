"""
What is measured: vectors of integer linear queries over public cells.

A cell is one level of each axis; a record lies in the first level of an axis whose condition it
fulfils, and drops out of the query where it fulfils none.  Most queries bound an account by its
weight.  Those of totals bound it by clipping: the account's whole vector of counts is shrunk until
its L2 norm is at most C, and C is chosen, after noise, from histograms of how large accounts are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from math import prod
from typing import Literal

Value = Literal[
    "one", "log", "log_squared", "amount", "amount_squared", "clipped", "capped", "norm", "size",
    "moments",
]  # fmt: skip
"""
What a record or an account adds to its cell.

A record adds its weight times: 1; its centred stored logarithm; the quantity itself in steps of
the query's `unit`, centred; either of them squared, in thousandths.  An account adds its vector of
counts, `clipped` to an L2 norm; the number of its sessions, `capped`; or itself, to the bin that
its `norm` or its `size` lies in: the number of its sessions that the query counts.  Of its
`moments` it adds the products of its weighed sums in the cells of another query.
"""
OF_ACCOUNTS: tuple[Value, ...] = ("clipped", "capped", "norm", "size")
"""Values that an account adds as a whole: the contribution k plays no part in them."""
OF_SHARES, OF_RATES = ("alike", "apart"), ("yes yes", "yes no", "no no")
"""Which products of an account's sums are its moments: pairs of sessions within a group."""
SESSIONS = "sessions"
"""What the axis of a table of account sizes is called, and what lies in its bins."""
QUANTILES = ("5", "25", "50", "75", "95")
"""Which quantiles a table of quantiles holds, in per cent."""


@dataclass(frozen=True, slots=True)
class Level:
    """One value of an axis: its name in tables, and the labels that fulfil it."""

    name: str
    when: Mapping[str, tuple[str, ...]]
    """Column → labels; all columns must hold one of theirs."""


@dataclass(frozen=True, slots=True)
class Axis:
    """
    One dimension of a query: levels that labels fulfil, or the bins of a measure.

    Bins lie between `edges`, and every stored value lies in just one of them: what is below all
    edges in the first, what is above all of them in the last.
    """

    name: str
    levels: tuple[Level, ...]
    measure: str = ""
    """Structural measure that is binned; empty for an axis of labels."""
    edges: tuple[int, ...] = ()
    """Stored values, rising, one more than there are levels; empty for an axis of labels."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One of the bounds that may be chosen for a clipped or capped query, and its noise."""

    bound: int
    """C, in sessions."""
    sensitivity: int
    """Δ at this bound, in units of 1/scale."""
    sigma: float
    """Standard deviation of the noise at this bound: the charge is the same at all of them."""


@dataclass(frozen=True)
class Query:
    """One measurement: a vector of integers, its noise, and what it costs."""

    name: str
    axes: tuple[Axis, ...]
    where: Mapping[str, tuple[str, ...]]
    """Condition on a record beyond the study's population; empty for none."""
    value: Value
    measure: str
    """Structural measure whose value is summed; empty for `one`."""
    centre: int
    """Subtracted from the value, in thousandths of a logarithm or in steps; 0 for `one`."""
    bound: int
    """Most that |value| can be, after clamping; 1 for `one`."""
    sensitivity: int
    """Δ: most that one account can move the vector, in L2, in units of 1/scale accounts."""
    rho: str
    """Charge, an exact fraction."""
    sigma: float
    """Standard deviation of the noise on each cell, in the units of `sensitivity`."""
    unit: float = 0.0
    """How much of the measure's unit a step of an amount is; 0 for all other values."""
    of: str = ""
    """Query in whose cells `moments` are taken, or clipped query in whose cells the sessions of
    `capped`, `norm` and `size` are counted; empty for all others, and for a `size` that is a table
    by itself."""
    clips: tuple[Clip, ...] = ()
    """Bounds to choose from, rising; empty but for `clipped` and `capped`."""
    contribution: str = ""
    """k of this query, an exact fraction; empty where it is the plan's."""

    @cached_property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """Every cell as level names, in the order of the vector."""
        return tuple(product(*([level.name for level in axis.levels] for axis in self.axes)))

    @property
    def size(self) -> int:
        """Length of the vector."""
        return prod(len(axis.levels) for axis in self.axes)

    @property
    def summed(self) -> int:
        """How many exact sums are kept until the bound is chosen: a vector for each of them."""
        return self.size * max(1, len(self.clips))


def size_names(edges: Sequence[int]) -> list[str]:
    """What bins of sessions are called: `1`, `3 to 5`; the last one is open, `more than 10`."""
    named = [str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in pairwise(edges[:-1])]
    return [*named, f"more than {edges[-2] - 1}"]
