"""
The policy: what an organisation allows today, within the floor.

It may tighten the floor and never loosen it.  The keeper adopts policy.toml once, writes its
hash into the ledger, and from then on is the only one who changes it.
"""

import json
import tomllib
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from hashlib import sha256
from math import isfinite

import rfc8785

from .codebook import codebook
from .errors import ConfigurationError, RefusedError
from .floor import TIERS, Floor, Tier
from .loss import read_rho
from .signing import read_public

ROLES = ("officer", "custodian", "researcher")
TABLES = ("endpoint", *ROLES)
"""What stands in policy.toml as an array of tables."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key and a role."""

    name: str
    """As in a study's `authors`, so that nobody approves what is his own."""
    key: str
    """`ssh-ed25519 AAAA…`"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where text may be sent, and what is known of that place."""

    url: str
    """As a plan names it: `https://host[:port]`."""
    retention_days: int
    """How long the provider says that it keeps what it is sent."""
    roots: str
    """SHA-256 of the PEM text of the roots that its certificate must lead to."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed today."""

    rho: str
    """Budget of all studies together, an exact fraction."""
    study_rho: str
    """Most that one study may cost, an exact fraction."""
    period_rho: str
    """Most that all charges of any `period_days` may cost, an exact fraction."""
    period_days: int
    minimum_accounts: int
    tier: Tier
    bits_per_session: float
    """Most that a rater may say about one session."""
    approvals: int
    """How many officers approve a plan."""
    approval_days: int
    """How long an approval stands."""
    instruments: tuple[str, ...]
    """What may be asked about a session."""
    raters: tuple[str, ...]
    models: tuple[str, ...] = ()
    """Models that a rater may ask."""
    endpoint: tuple[Endpoint, ...] = ()
    officer: tuple[Person, ...] = ()
    custodian: tuple[Person, ...] = ()
    researcher: tuple[Person, ...] = ()

    @property
    def budget(self) -> Fraction:
        """The budget in ρ."""
        return read_rho(self.rho)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form, hexadecimal."""
        return sha256(rfc8785.dumps(asdict(self))).hexdigest()

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, whatever the role."""
        return tuple(person for role in ROLES for person in getattr(self, role))

    def with_officer(self, person: Person) -> "Policy":
        """The policy with one more officer."""
        return replace(self, officer=(*self.officer, person))

    def to_toml(self) -> str:
        """The policy as policy.toml: every value, in order, with people as tables."""
        data = asdict(self)
        tables = {name: data.pop(name) for name in TABLES}
        lines = ["# Changed by the keeper only; the floor in floor.json bounds every value."]
        lines += [f"{name} = {_toml(value)}" for name, value in data.items()]
        for name, rows in tables.items():
            for row in rows:
                lines += ["", f"[[{name}]]", *(f"{n} = {_toml(v)}" for n, v in row.items())]
        return "\n".join([*lines, ""])


def default_policy(floor: Floor) -> Policy:
    """The loosest policy that a floor allows."""
    return Policy(
        rho=floor.rho,
        study_rho=floor.rho,
        period_rho=floor.rho,
        period_days=365,
        minimum_accounts=floor.minimum_accounts,
        tier=floor.tier,
        bits_per_session=64.0,
        approvals=1,
        approval_days=90,
        instruments=tuple(instrument.name for instrument in codebook().instruments),
        raters=("offline",),
    )


def read_policy(text: str, floor: Floor) -> Policy:
    """
    Read policy.toml and hold it against the floor.

    Raises:
        ConfigurationError: It is no policy.
        RefusedError: It loosens the floor.
    """
    from pydantic import TypeAdapter, ValidationError  # late: `--help` does without

    try:
        data = tomllib.loads(text)
        policy = TypeAdapter(Policy).validate_json(json.dumps(data), strict=True)
        told = json.loads(json.dumps(asdict(policy)))
        rhos = (policy.rho, policy.study_rho, policy.period_rho)
        limits = [*(float(read_rho(rho)) for rho in rhos), policy.bits_per_session]
        policy = replace(
            policy,
            officer=_named(policy.officer),
            custodian=_named(policy.custodian),
            researcher=_named(policy.researcher),
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _unreadable(f"{first['msg']} at {place}.") from None
    except ConfigurationError as error:
        raise _unreadable(error.found) from None
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise _unreadable(f"{type(error).__name__}: this is not TOML.") from None
    if told != {"models": [], **{name: [] for name in TABLES}, **data}:
        raise _unreadable("a key that is not known.")
    people = policy.people
    if len({p.key for p in people}) < len(people) or len({p.name for p in people}) < len(people):
        raise _unreadable("one key or one name for two people.")
    counts = (policy.approvals, policy.approval_days, policy.period_days)
    if min(counts) < 1 or not all(isfinite(limit) and limit >= 0 for limit in limits):
        raise _unreadable("a limit that limits nothing.")
    _check_tighter(policy, floor)
    return policy


def _named(people: tuple[Person, ...]) -> tuple[Person, ...]:
    """People with their keys in the short form, in which signatures are compared."""
    return tuple(Person(person.name, read_public(person.key)) for person in people)


def _check_tighter(policy: Policy, floor: Floor) -> None:
    loosened = [
        name
        for name, loose in (
            ("rho", Fraction(policy.rho) > floor.budget),
            ("study_rho", Fraction(policy.study_rho) > floor.budget),
            ("period_rho", Fraction(policy.period_rho) > floor.budget),
            ("minimum_accounts", policy.minimum_accounts < floor.minimum_accounts),
            ("tier", TIERS.index(policy.tier) < TIERS.index(floor.tier)),
        )
        if loose
    ]
    if loosened:
        raise RefusedError(
            "POLICY_LOOSENS_FLOOR",
            rule="A policy may tighten the floor and never loosen it.",
            found=f"a looser {', '.join(loosened)}.",
            remedy="set the value to the floor's or a stricter one.",
        )


def _unreadable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "POLICY_UNREADABLE",
        rule="policy.toml is TOML with the keys that `clerestory init` wrote.",
        found=found,
        remedy="mend the line, or restore the file from a copy of the vault.",
    )


def _toml(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value)
