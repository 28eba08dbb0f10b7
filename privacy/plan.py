"""
The compiled plan: the one thing that is signed, charged and executed.

A plan holds everything that decides what a release will say and cost, and nothing that was
learnt from data.  `aggregates.plan` compiles it from a study; officers sign its canonical
form; the keeper sums its ρ and charges it; the workers receive those bytes and execute just
them.  It is *bound* when the keeper has written into it the floor, the vault and the code
under which it would run: only a bound plan can be approved.

What is measured stands in `queries`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache, cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import rfc8785

from .confusion import Validation
from .errors import ConfigurationError
from .queries import QUANTILES, Axis, Clip, Level, Query, Value
from .raters import Rater
from .second import Reading
from .spending import Spending

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "clerestory/plan/6"

Kind = Literal[
    "share", "rate", "corrected", "change", "slope", "mean", "geometric_mean", "quantiles",
    "total", "grand_total", "accounts", "accounts_above", "adjusted_rate", "adjusted_slope",
    "adjusted_geometric_mean", "adjusted_ratio", "kappa", "weighted_kappa", "exact", "adjacent",
    "not_computed",
]  # fmt: skip
TRENDS: tuple[Kind, ...] = ("change", "slope")
"""Statistics over the months of a share or a rate, made from its own counts."""
ADJUSTED_RATES: tuple[Kind, ...] = ("adjusted_rate", "adjusted_slope")
ADJUSTED_MEANS: tuple[Kind, ...] = ("adjusted_geometric_mean", "adjusted_ratio")
"""Statistics of a regression: by level of what a table is by, and per step of it."""
STEPS: tuple[Kind, ...] = ("adjusted_slope", "adjusted_ratio")
"""Those per step: one number for all levels together."""
AGREEMENTS: tuple[Kind, ...] = ("kappa", "weighted_kappa", "exact", "adjacent")
"""Statistics of how far two columns say the same; the second and the last need ordered labels."""
__all__ = [
    "ADJUSTED_MEANS", "ADJUSTED_RATES", "AGREEMENTS", "FORMAT", "QUANTILES", "STEPS", "TRENDS",
    "Axis", "Binding", "Clip", "Forecast", "Kind", "Level", "Plan", "Population", "Privacy",
    "Query", "Rater", "Reading", "Spending", "Study", "Table", "Validation", "Value", "read_plan",
]  # fmt: skip


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
    """In words: which sessions the table speaks of; of a table that is not computed, why not."""
    queries: tuple[str, ...]
    """Names of queries: the counts it is tested on; then a mean's sums and sums of squares, the
    histogram of quantiles, or the other pairs of a regression (`pairs`)."""
    yes: tuple[str, ...] = ()
    """Of a rate: the levels of its counts' last axis that say yes."""
    no: tuple[str, ...] = ()
    """Those that say no; the other levels are not in its base."""
    controls: tuple[str, ...] = ()
    """Of a regression: names of the axes that are held equal."""
    columns: tuple[int, ...] = ()
    """Of a regression: how many of the controls stand in each of its columns, all of them over one
    sample; empty for one column with all of them."""
    residual: bool = False
    """Whether a share, and its trends, merge what is withheld in a group into one more row."""
    validated: str = ""
    """Instrument or derived measure whose confusion tables tell of its mistakes; empty for none."""

    @property
    def is_rate(self) -> bool:
        """Whether each number is one of yes among yes and no; the answers are then no key."""
        return self.kind == "rate" or (self.kind == "corrected" and bool(self.yes))


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
    validation: Validation | None = None
    """What is known of the rater's mistakes; None if nothing is."""
    spending: Spending | None = None
    """Prices of who is asked, and the cap; None where nobody is asked, or no price is known."""
    readings: tuple[Reading, ...] = ()
    """Second readings of some of its sessions; a table may compare their labels with the first."""
    format: str = FORMAT
    binding: Binding | None = None

    def contribution(self, query: Query) -> Fraction:
        """K of a query: its own, or the plan's; an account lies in one bin of a histogram."""
        if query.value in ("norm", "size"):
            return Fraction(1)
        return Fraction(query.contribution or self.privacy.contribution)

    @property
    def loss(self) -> Fraction:
        """What the queries cost together, in ρ."""
        return sum((Fraction(query.rho) for query in self.queries), start=Fraction(0))

    def query(self, name: str) -> Query:
        """A query by name."""
        return self._named[name]

    @cached_property
    def _named(self) -> Mapping[str, Query]:
        return {query.name: query for query in reversed(self.queries)}  # the first of a name

    def reread(self, reading: Reading) -> "Plan":
        """The plan as the classify worker of a second reading is given it: by that rater."""
        return replace(self, rater=reading.rater)

    def bind(self, binding: Binding) -> "Plan":
        """The plan as the keeper would run it."""
        return replace(self, binding=binding)

    def rehearsed(self, name: str, mark: str) -> "Plan":
        """The plan under a name and a purpose that say that it is a rehearsal."""
        study = replace(
            self.study, name=name + self.study.name, purpose=f"{mark}. {self.study.purpose}"
        )
        return replace(self, study=study)

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
