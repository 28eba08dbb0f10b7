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
from functools import cache, cached_property
from hashlib import sha256
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Literal

import rfc8785

from .errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "clerestory/plan/2"

Value = Literal["one", "log", "log_squared"]
"""What a record adds to its cell: 1; its centred stored logarithm; that squared, in thousandths."""


@dataclass(frozen=True, slots=True)
class Level:
    """One value of an axis: its name in tables, and the labels that fulfil it."""

    name: str
    when: Mapping[str, tuple[str, ...]]
    """Column → labels; all columns must hold one of theirs."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a query."""

    name: str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Query:
    """One measurement: a vector of integers, its noise, and what it costs."""

    name: str
    axes: tuple[Axis, ...]
    where: Mapping[str, tuple[str, ...]]
    """Condition on a record beyond the study's population; empty for none."""
    value: Value
    measure: str
    """Structural measure of `log` and `log_squared`; empty for `one`."""
    centre: int
    """Subtracted from the stored logarithm, in its units; 0 for `one`."""
    bound: int
    """Most that |value| can be, after clamping; 1 for `one`."""
    sensitivity: int
    """Δ: most that one account can move the vector, in L2, in units of 1/scale accounts."""
    rho: str
    """Charge, an exact fraction."""
    sigma: float
    """Standard deviation of the noise on each cell, in the units of `sensitivity`."""

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
    """One table of a release, made from queries after the noise."""

    name: str
    title: str
    kind: Literal["share", "rate", "geometric_mean"]
    by: tuple[str, ...]
    """Names of the axes that are keys; a share's or rate's last axis is what is shared out."""
    unit: str
    base: str
    """In words: which sessions the table speaks of."""
    queries: tuple[str, ...]
    """Names of queries: counts; for a mean also sums and sums of squares."""


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
    submission: int = 1
    """How often the plan was handed in, this time included.  After a return, a withdrawal or an
    expiry it is another plan, so that no signature of before counts."""


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
    from pydantic import ValidationError

    try:
        plan = _form().validate_json(data)
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


@cache
def _form() -> "TypeAdapter[Plan]":
    from pydantic import TypeAdapter

    return TypeAdapter(Plan)


def _unreadable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "PLAN_UNREADABLE",
        rule="A plan is the JSON that `clerestory plan` wrote.",
        found=found,
        remedy="compile the study again with `clerestory plan`.",
    )
