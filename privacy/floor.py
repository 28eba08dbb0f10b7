"""
The floor: under what terms sessions were collected.  It never changes.

Every sealed byte is bound to the floor's hash (HPKE `info`), so terms cannot be loosened after
the fact: bytes sealed under one floor do not open under another.  The operating policy may
only tighten it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import Literal

import rfc8785

from .errors import ConfigurationError
from .loss import read_rho

FORMAT = "clerestory/floor/2"
TIERS = ("T0", "T1", "T2")
"""Isolation, weakest first: none; self-seal; bubblewrap and self-seal."""

Tier = Literal["T0", "T1", "T2"]


@dataclass(frozen=True, slots=True)
class Floor:
    """The terms of one vault."""

    vault: str
    """Random name of the vault: two vaults never share a floor."""
    purposes: tuple[str, ...]
    """What the sessions may be studied for, in words an officer compares a study with."""
    epsilon: float
    """Most that all studies together may cost an account, at `delta`."""
    delta: float
    rho: str
    """The same limit in ρ, an exact fraction: what the ledger counts in."""
    minimum_accounts: int
    """Fewest accounts behind any printed cell that a study may ask for."""
    tier: Tier
    """Weakest isolation under which a worker may be given a key."""
    retention_days: int
    single_person: bool
    """Whether a plan's author may approve it; watermarked in every release."""
    synthetic: bool
    """Whether the data are made up; watermarked in every release."""
    buckets: int
    """Into how many buckets labels are split by account."""
    development: bool = False
    """Whether a model's endpoint may have a certificate of one's own; watermarked."""
    hardware: Mapping[str, str] = field(default_factory=dict)
    """Measurements that checked hardware evidence must show: register (`PCR0`) → hexadecimal.
    Empty where none is demanded."""
    format: str = FORMAT

    @property
    def budget(self) -> Fraction:
        """The limit in ρ."""
        return read_rho(self.rho)

    @property
    def canonical(self) -> bytes:
        """RFC 8785 form: what is hashed."""
        return rfc8785.dumps(asdict(self))

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form, hexadecimal."""
        return sha256(self.canonical).hexdigest()

    def allows_tier(self, tier: str) -> bool:
        """Whether a worker isolated like this may be given a key."""
        return TIERS.index(tier) >= TIERS.index(self.tier)


def read_floor(data: bytes) -> Floor:
    """
    Read a floor as `clerestory init` wrote it.

    Raises:
        ConfigurationError: The bytes are no floor, or not in canonical form.
    """
    from pydantic import TypeAdapter, ValidationError  # late: `--help` does without

    try:
        floor = TypeAdapter(Floor).validate_json(data)
        valid = floor.canonical == data and floor.format == FORMAT and floor.budget >= 0
    except (ValidationError, ValueError, ConfigurationError):
        valid = False
    if not valid:
        raise ConfigurationError(
            "FLOOR_UNREADABLE",
            rule="A vault holds the floor that `clerestory init` wrote, unchanged.",
            found="a floor.json that is missing, changed or of another version.",
            remedy="restore it from a copy of the vault; sealed bytes open under it only.",
        )
    return floor
