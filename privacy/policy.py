"""
The policy: what an organisation allows today, within the floor.

It may tighten the floor and never loosen it.  The keeper adopts policy.toml once, writes it into
the ledger, and from then on changes it when two officers say so (`changes`).  One vault has one
floor, and all that was ever sealed in it is bound to that floor: there are no sessions under
other terms that a policy could forget.
"""

import json
import re
import tomllib
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING, Literal
from unicodedata import normalize

import rfc8785

from .codebook import codebook
from .endpoint import in_clear
from .errors import ConfigurationError, RefusedError
from .floor import Floor, Tier
from .loss import read_rho
from .plan import Rater
from .policy_text import write_policy
from .signing import is_token, read_public
from .tightening import loosened

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Role = Literal["officer", "custodian", "researcher", "node"]
ROLES: tuple[Role, ...] = ("officer", "custodian", "researcher", "node")

_URL = re.compile(r"https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"(?<=\(at )(line \d+, column \d+|end of document)(?=\))")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key and a role; a machine, where the role is `node`."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - how pydantic wants it

    name: str
    """As in a study's `authors`, so that nobody approves what is his own."""
    key: str
    """`ssh-ed25519 AAAA…`, or a token's `sk-ssh-ed25519@openssh.com AAAA…`"""

    @property
    def folded(self) -> str:
        """The name as it is compared: case, width and spaces make no other person."""
        return folded(self.name)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where text may be sent, and what is known of that place."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    url: str
    """As a plan names it: `https://host[:port]`, or in clear an address of this machine."""
    retention_days: int
    """How long the provider says that it keeps what it is sent."""
    roots: str
    """SHA-256 of the PEM text of the roots that its certificate must lead to; empty in clear."""
    development: bool = False
    """Whether roots of one's own making, or a model that makes its answers up, are trusted there;
    a floor must allow it, releases say so."""
    owner: str = ""
    """In clear: the user of the keeper's machine whose server it is, beside root and the keeper."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed today."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

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
    """Whose labels a plan may read."""
    raters: tuple[str, ...]
    models: tuple[str, ...] = ()
    """Models that a rater may ask."""
    endpoint: tuple[Endpoint, ...] = ()
    officer: tuple[Person, ...] = ()
    custodian: tuple[Person, ...] = ()
    researcher: tuple[Person, ...] = ()
    node: tuple[Person, ...] = ()
    """Machines beside the keeper's that may be given sealed work."""

    @property
    def budget(self) -> Fraction:
        """The budget in ρ."""
        return read_rho(self.rho)

    @property
    def most(self) -> Fraction:
        """Most that one plan can ever cost, in ρ."""
        return min(map(read_rho, (self.rho, self.study_rho, self.period_rho)))

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form, hexadecimal."""
        told = asdict(self)
        if not self.node:  # as it was hashed before there were nodes
            del told["node"]
        for place in told["endpoint"]:
            if not place["owner"]:  # and before anybody was asked in clear
                del place["owner"]
        return sha256(rfc8785.dumps(told)).hexdigest()

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody, whatever the role."""
        return tuple(person for role in ROLES for person in getattr(self, role))

    def endpoint_of(self, rater: Rater) -> Endpoint | None:
        """The endpoint that a plan's rater speaks with, if it is allowed with those roots."""
        roots = sha256(rater.roots.encode()).hexdigest() if rater.roots else ""
        same = (
            place for place in self.endpoint if (place.url, place.roots) == (rater.endpoint, roots)
        )
        return next(same, None)

    def with_person(self, role: Role, person: Person) -> "Policy":
        """The policy with one more person."""
        changed: dict[str, tuple[Person, ...]] = {role: (*getattr(self, role), person)}
        return replace(self, **changed)  # type: ignore[arg-type]

    def to_toml(self, floor: Floor | None = None) -> str:
        """The policy as policy.toml; under its floor, with ε beside each ρ."""
        return write_policy(self, floor)


def folded(name: str) -> str:
    """A person's name as it is compared: case, width and spaces make no other person."""
    return " ".join(normalize("NFKC", name).casefold().split())


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
    from pydantic import ValidationError  # late: `--help` does without

    try:
        data = json.dumps(tomllib.loads(text))
        policy = _form().validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _unreadable(f"{first['msg']} at {place}.") from None
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))  # its other words may quote the file
        raise _unreadable(f"what is no TOML, at {found[0] if found else 'some place'}.") from None
    except (ValueError, TypeError):  # a number that JSON cannot say; a date
        raise _unreadable("a value of a kind that no key has.") from None
    policy = _check_sense(policy)
    if looser := loosened(policy, floor):
        raise RefusedError(
            "POLICY_LOOSENS_FLOOR",
            rule="A policy may tighten the floor and never loosen it.",
            found=f"a looser {', '.join(looser)}.",
            remedy="set the value to the floor's or a stricter one.",
        )
    return policy


@cache
def _form() -> "TypeAdapter[Policy]":
    from pydantic import TypeAdapter

    return TypeAdapter(Policy)


def _check_sense(policy: Policy) -> Policy:
    """The policy with keys in their short form, in which signatures are compared."""
    try:
        limits = [float(read_rho(rho)) for rho in (policy.rho, policy.study_rho, policy.period_rho)]
        keys = {role: _short(getattr(policy, role)) for role in ROLES}
        tokens = any(is_token(person.key) for person in (*keys["custodian"], *keys["node"]))
    except ConfigurationError as error:
        raise _unreadable(error.found) from None
    policy = replace(policy, **keys)  # type: ignore[arg-type]
    people = policy.people
    if len({p.key for p in people}) < len(people) or len({p.folded for p in people}) < len(people):
        raise _unreadable("one key or one name for two people.")
    if not all(p.folded and p.name.isprintable() for p in people):
        raise _unreadable("a name that is empty or not printable.")
    if tokens:
        raise _unreadable("a key in a token, of a custodian or a node: it cannot sign alone.")
    counts = (policy.approvals, policy.approval_days, policy.period_days)
    limits.append(policy.bits_per_session)
    if min(counts) < 1 or not all(isfinite(limit) and limit >= 0 for limit in limits):
        raise _unreadable("a limit that limits nothing.")
    for place in policy.endpoint:
        clear = in_clear(place.url)
        if not clear and not (_URL.fullmatch(place.url) and _SHA256.fullmatch(place.roots)):
            raise _unreadable("an endpoint without `https://host[:port]` or a SHA-256 of roots.")
        if clear and place.roots:
            raise _unreadable("roots of an endpoint in clear, which has no certificate.")
        if place.owner and not (clear and _USER.fullmatch(place.owner)):
            raise _unreadable("an owner of an endpoint with TLS, or one that is no user's name.")
        if place.retention_days < 0:
            raise _unreadable("an endpoint that keeps text for less than no time.")
    return policy


def _short(people: tuple[Person, ...]) -> tuple[Person, ...]:
    return tuple(Person(person.name, read_public(person.key)) for person in people)


def _unreadable(found: str) -> ConfigurationError:
    return ConfigurationError(
        "POLICY_UNREADABLE",
        rule="policy.toml is TOML with the keys that `clerestory init` wrote.",
        found=found,
        remedy="mend the line, or restore the file from a copy of the vault.",
    )
