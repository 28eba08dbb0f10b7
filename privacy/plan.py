"""
The compiled plan: the one thing that is signed, charged and executed.

A plan holds everything that decides what a release will say and cost, and nothing that was
learnt from data.  `aggregates.plan` compiles it from a study; officers sign its canonical
form; the keeper sums its ρ and charges it; the workers receive those bytes and execute just
them.  It is *bound* when the keeper has written into it the floor, the vault and the code
under which it would run: only a bound plan can be approved.

Queries are vectors of integer linear queries over public cells.  A cell is one level of each
axis; a record lies in the first level of an axis whose condition it fulfils, and drops out of
the query where it fulfils none.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from itertools import product
from math import prod
from typing import Literal

import rfc8785

from .errors import ConfigurationError

FORMAT = "clerestory/plan/3"

Value = Literal["one", "log", "log_squared", "amount", "amount_squared"]
"""What a record adds to its cell: 1; its centred stored logarithm; the quantity itself in steps of
the query's `unit`, centred; and either of them squared, in thousandths."""
Kind = Literal["share", "rate", "mean", "geometric_mean", "quantiles"]
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

    @cached_property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """Every cell as level names, in the order of the vector."""
        return tuple(product(*([level.name for level in axis.levels] for axis in self.axes)))

    @property
    def size(self) -> int:
        """Length of the vector."""
        return prod(len(axis.levels) for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Table:
    """
    One statistic of a table, made from queries after the noise.

    What a study asks for as one table may have several statistics: they share the table's name,
    and the cells on which they are tested.
    """

    name: str
    title: str
    kind: Kind
    by: tuple[str, ...]
    """Names of the axes that are keys; a share's or rate's last axis is what is shared out."""
    unit: str
    base: str
    """In words: which sessions the table speaks of."""
    queries: tuple[str, ...]
    """Names of queries: the counts it is tested on; then a mean's sums and sums of squares, or the
    histogram of quantiles."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What the release promises."""

    epsilon: float
    delta: float
    rho: str
    """All queries together, an exact fraction."""
    contribution: str
    """k: most that one account weighs in a query, an exact fraction."""
    scale: int
    """S: a weight of one is this integer."""
    minimum_accounts: int
    beta: float
    """Chance that any printed cell of the release has fewer accounts behind it."""
    tested: int
    """M: cells tested against the minimum."""
    z: float
    """Φ⁻¹(1 − β/M)."""


@dataclass(frozen=True, slots=True)
class Rater:
    """Who labels, and how far the labels can be trusted."""

    name: str
    version: str
    fidelity: Literal["low", "validated"]
    model: str
    """Model asked for; empty without one."""
    endpoint: str
    """Where text is sent, `https://host[:port]`; empty means nowhere."""
    roots: str
    """PEM text of the roots that the endpoint's certificate must lead to; empty without one."""


@dataclass(frozen=True, slots=True)
class Population:
    """Which sessions a study speaks of."""

    months: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Study:
    """Who asks, and what for."""

    name: str
    purpose: str
    authors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected, from the published margins and never from data."""

    accounts: int
    sessions: int
    cells: int
    published: int
    suppressed: tuple[str, ...]
    """Cells expected to be suppressed, as `table: key=value; …`."""
    half_widths: Mapping[str, float]
    """Median half-width of the 95 % intervals of each table, in its unit."""
    bits_per_session: float


@dataclass(frozen=True, slots=True)
class Binding:
    """Where and under what a plan would run; written by the keeper."""

    vault: str
    floor: str
    """SHA-256 of the floor."""
    policy: str
    """SHA-256 of the policy in force when the plan was submitted."""
    code: str
    """SHA-256 of what is mounted into the workers."""


@dataclass(frozen=True)
class Plan:
    """A study, compiled."""

    study: Study
    population: Population
    privacy: Privacy
    rater: Rater
    queries: tuple[Query, ...]
    tables: tuple[Table, ...]
    forecast: Forecast
    codebook: str
    """SHA-256 of the codebook."""
    prompts: str
    """SHA-256 of what raters are asked."""
    format: str = FORMAT
    binding: Binding | None = None

    @property
    def loss(self) -> Fraction:
        """What the queries cost together, in ρ."""
        return sum((Fraction(query.rho) for query in self.queries), start=Fraction(0))

    def query(self, name: str) -> Query:
        """A query by name."""
        return next(query for query in self.queries if query.name == name)

    def bind(self, binding: Binding) -> "Plan":
        """The plan as the keeper would run it."""
        return replace(self, binding=binding)

    @cached_property
    def canonical(self) -> bytes:
        """RFC 8785 form: what is hashed, signed and executed."""
        return rfc8785.dumps(asdict(self))

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form, hexadecimal: the plan's identity."""
        return sha256(self.canonical).hexdigest()


def read_plan(data: bytes) -> Plan:
    """
    Read a plan, refusing what is not exactly one.

    Raises:
        ConfigurationError: The bytes are no plan of this format.
    """
    # pydantic is imported here: the command line must answer `--help` without it.
    from pydantic import TypeAdapter, ValidationError

    try:
        plan = TypeAdapter(Plan).validate_json(data)
        same = plan.canonical == data.strip()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _unreadable(f"{first['msg']} at {place}.") from None
    except ValueError:
        raise _unreadable("a value that canonical JSON cannot hold.") from None
    if not same:  # an unknown key, a key given twice, a value that had to be converted
        raise _unreadable("a plan that does not read back, byte for byte, as it was written.")
    if plan.format != FORMAT:
        raise ConfigurationError(
            "PLAN_FORMAT",
            rule=f"This version reads plans of the format {FORMAT}.",
            found=f"the format {plan.format!r}.",
            remedy="compile the study again with this version.",
        )
    return plan


def _unreadable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "PLAN_UNREADABLE",
        rule="A plan is the JSON that `clerestory plan` wrote.",
        found=found,
        remedy="compile the study again with `clerestory plan`.",
    )
