"""
Found a vault: write its floor, a policy within it, and a custodian's folder beside it.

Nothing is overwritten: a floor is for good, so a second `init` in one place is an error.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from secrets import token_hex
from typing import cast

from privacy.custodian import Custodian
from privacy.errors import ConfigurationError
from privacy.floor import TIERS, Floor, Tier
from privacy.measurements import rho_of
from privacy.policy import Person, default_policy
from privacy.vault import FLOOR, POLICY, replace_file

_REGISTER = re.compile(r"PCR(?:[0-9]|1[0-5])")
_MEASUREMENT = re.compile(r"(?=.*[1-9a-f])[0-9a-f]{96}")
"""SHA-384; all zeros are what an enclave in debug mode shows, and anybody can look into it."""
MOST = 1_000_000
"""Accounts and days that a floor can ask for: more is a slip of the finger."""
BUCKETS = 64
"""A bucket of 400,000 sessions' labels is half a megabyte: small in memory, quick to open."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the founder decides."""

    epsilon: float
    delta: float
    minimum_accounts: int
    tier: str
    retention_days: int
    purposes: tuple[str, ...]
    single_person: bool
    synthetic: bool
    development: bool = False
    hardware: Mapping[str, str] = field(default_factory=dict)


def found(vault: Path, custodian: Path, terms: Terms) -> Floor:
    """
    Make a vault and its custodian's folder.

    Raises:
        ConfigurationError: One of them exists already, or a term makes no sense.
    """
    floor = _floor(terms)
    for folder in (vault, custodian):
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        if taken or any(parent.is_file() for parent in folder.parents):
            raise ConfigurationError(
                "VAULT_EXISTS",
                rule="A floor never changes, so a vault is made once, in an empty place.",
                found="a folder that is not empty, or a file.",
                remedy="choose another path, or remove what is there yourself.",
            )
    one, other = custodian.resolve(), vault.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ConfigurationError(
            "CUSTODIAN_INSIDE_VAULT",
            rule="The key to accounts' pseudonyms lies outside the vault that they protect.",
            found="one of the two folders in the other.",
            remedy="give --custodian a folder elsewhere.",
        )
    if custodian.is_dir():
        custodian.rmdir()
    keys = Custodian.create(custodian)
    policy = replace(default_policy(floor), custodian=(Person(name="custodian", key=keys.public),))
    keys.close()
    vault.mkdir(parents=True, exist_ok=True)
    replace_file(vault / POLICY, policy.to_toml(floor).encode())
    replace_file(vault / FLOOR, floor.canonical)
    return floor


def measurements(told: Iterable[str]) -> dict[str, str]:
    """
    Read what hardware evidence must show, as `PCR0=HEX`.

    Raises:
        ConfigurationError: A register is named twice, or is none; a measurement is no SHA-384.
    """
    pairs = [(name, value) for name, _, value in (text.partition("=") for text in told)]
    _check_measurements(pairs)
    return dict(pairs)


def _check_measurements(pairs: list[tuple[str, str]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs) or not all(
        _REGISTER.fullmatch(name) and _MEASUREMENT.fullmatch(value) for name, value in pairs
    ):
        raise ConfigurationError(
            "HARDWARE_SENSELESS",
            rule="Hardware is demanded as PCR0 to PCR15, each once, with a SHA-384 that is not "
            "all zeros, in 96 small hexadecimal digits.",
            found="something else.",
            remedy="take the measurements from the build of the enclave's image.",
        )


def _floor(terms: Terms) -> Floor:
    _check_measurements([*terms.hardware.items()])
    sensible = (
        isfinite(terms.epsilon)
        and 0 < terms.epsilon <= 50
        and 0 < terms.delta <= 1e-4
        and 1 <= terms.minimum_accounts <= MOST
        and terms.tier in TIERS
        and 1 <= terms.retention_days <= MOST
        and all(purpose.isprintable() and purpose.strip() for purpose in terms.purposes)
    )
    if not sensible:
        raise ConfigurationError(
            "TERMS_SENSELESS",
            rule="0 < ε ≤ 50, 0 < δ ≤ 0.0001, 1 to 1,000,000 accounts and days, tier T0, T1 or "
            "T2, purposes in printable words.",
            found=f"ε {terms.epsilon:g}, δ {terms.delta:g}, {terms.minimum_accounts} accounts, "
            f"{terms.retention_days} days, tier {terms.tier!r}.",
            remedy="choose terms that protect somebody.",
        )
    return Floor(
        vault=token_hex(8),
        purposes=terms.purposes,
        epsilon=terms.epsilon,
        delta=terms.delta,
        rho=str(rho_of(terms.epsilon, terms.delta)),
        minimum_accounts=terms.minimum_accounts,
        tier=cast("Tier", terms.tier),
        retention_days=terms.retention_days,
        single_person=terms.single_person,
        synthetic=terms.synthetic,
        buckets=BUCKETS,
        development=terms.development,
        hardware=dict(terms.hardware),
    )
