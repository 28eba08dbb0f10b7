"""A vault whose keeper, custodian, officer and researcher are users of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from clerestory.founding import found
from privacy.policy import Person, Policy, read_policy
from privacy.signing import SigningKey
from privacy.vault import POLICY, Vault, replace_file
from tests.support.house import TERMS
from tests.support.users import (
    CUSTODIAN,
    KEEPER,
    MALLORY,
    OFFICER,
    RESEARCHER,
    SEALERS,
    Outcome,
    as_user,
    asked,
    group_of_askers,
)

GROUP, NUMBER = group_of_askers()
"""Who may reach the socket: a group of this machine, by name and by number."""


@dataclass(frozen=True)
class Town:
    """A vault whose keeper, custodian, officer and researcher are users of their own."""

    folder: Path

    @property
    def vault(self) -> Path:
        return self.folder / "vault"

    @property
    def state(self) -> Path:
        return self.folder / "keeper" / "state"

    @property
    def custodian(self) -> Path:
        return self.folder / "custodian"

    @property
    def trust(self) -> str:
        """The keeper's public key, as its owner hands it out."""
        return Vault.open(self.vault).keys.signing

    def key(self, user: int) -> Path:
        """A user's own private key."""
        return self.folder / f"{user}.key"

    def ask(self, user: int, verb: str, *, key: int = 0, trust: str = "", **more: str) -> Outcome:
        """Ask as a user, with somebody's key or none."""
        private, trusted = self.key(key) if key else None, trust or self.trust
        return as_user(
            user,
            lambda: asked(self.vault, verb, key=private, trust=trusted, **more),
            groups=(NUMBER,),
        )


def _enrolled(policy: Policy, town: Town) -> Policy:
    """The policy with an officer and a researcher."""

    def person(role: str, user: int) -> tuple[Person]:
        return (Person(f"{role}@example.org", SigningKey.read(town.key(user)).public),)

    officers, researchers = person("officer", OFFICER), person("researcher", RESEARCHER)
    return replace(policy, officer=officers, researcher=researchers)


def settle(town: Town) -> None:
    """Give everybody a key, and officer and researcher their roles."""
    for user in (OFFICER, RESEARCHER, MALLORY):
        SigningKey.generate().write(town.key(user))
        os.chown(town.key(user), user, user)
    floor = Vault.open(town.vault).floor
    policy = _enrolled(read_policy((town.vault / POLICY).read_text(), floor), town)
    replace_file(town.vault / POLICY, policy.to_toml().encode())


@contextmanager
def town_of(folder: Path) -> Iterator[Town]:
    """Vault, people and folders as docs/keeper.md has them; no keeper yet."""
    town = Town(folder)
    found(town.vault, town.custodian, TERMS)
    settle(town)
    os.chown(town.vault, KEEPER, KEEPER)
    (town.vault / "sessions").mkdir()
    os.chown(town.vault / "sessions", CUSTODIAN, SEALERS)
    (town.vault / "sessions").chmod(0o2770)
    for path in (town.custodian, *town.custodian.iterdir()):
        os.chown(path, CUSTODIAN, CUSTODIAN)
    (folder / "keeper").mkdir()
    os.chown(folder / "keeper", KEEPER, KEEPER)
    yield town
