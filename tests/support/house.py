"""
A keeper without its socket, in the test's own process: for its rules, not for its processes.

Vault, keys, ledger, policy and approvals are real, and so are the workers of a test that runs
them.  Whoever opens one closes it: use the context managers.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from clerestory.founding import Terms, found
from clerestory.synthesis import synthesize_labels
from clerestory.workshop import workshop
from privacy.anchors import FileAnchor, GitAnchor
from privacy.approvals import ACTS
from privacy.changes import Change
from privacy.entries import Entry
from privacy.keeper.configuration import CONFIGURATION
from privacy.keeper.desk import Desk
from privacy.keeper.service import Keeper
from privacy.keeper.state import State
from privacy.keeper.workshop import Workshop
from privacy.plan import Plan, read_plan
from privacy.policy import Policy
from privacy.sandbox.tiers import Tier
from privacy.signing import SigningKey
from privacy.vault import Vault

TERMS = Terms(
    epsilon=8.0,
    delta=1e-7,
    minimum_accounts=20,
    tier="T0",
    retention_days=36_500,
    purposes=("testing",),
    single_person=False,
    synthetic=True,
)


@cache
def installed() -> Workshop:
    """The workers of this installation, hashed once for all tests."""
    return workshop()


@dataclass(frozen=True)
class House:
    """One vault and its keeper."""

    folder: Path
    vault: Vault
    state: State
    keeper: Keeper

    def ask(self, verb: str, plan: Plan | None = None, **request: str) -> dict[str, Any]:
        """Ask as a client of the same user would, and wait."""
        if plan is not None:
            request["plan"] = plan.canonical.decode()
        return self.keeper.ask(verb, {"custody": "same-user", **request}, lambda _, __: None)

    def enrol(self, name: str, role: str = "officer") -> SigningKey:
        """A new officer, or somebody else."""
        key = SigningKey.generate()
        self.ask("enrol", name=name, key=key.public, role=role)
        return key

    def submit(self, plan: Plan) -> Plan:
        """Hand a plan in; returns it as it was bound."""
        return read_plan(self.ask("submit", plan)["bound"].encode())

    def approve(self, bound: Plan, officer: SigningKey) -> dict[str, Any]:
        """Sign a bound plan and hand the signature in."""
        signature = officer.sign(bound.canonical, "clerestory-plan")
        return self.ask("approve", bound, signature=signature)

    def decide(self, event: str, bound: Plan, key: SigningKey, reason: str = "") -> dict[str, Any]:
        """Sign that a plan is returned, rejected, withdrawn or revoked, and hand it in."""
        act = ACTS[event]
        signature = key.sign(act.message(bound, reason), act.namespace)
        return self.ask(event, bound, signature=signature, reason=reason)

    def change(self, policy: Policy) -> Change:
        """A change of the policy in force, proposed today."""
        told, today = self.ask("policy"), datetime.now(UTC).date().isoformat()
        return Change(self.vault.floor.vault, told["hash"], told["number"], today, policy)

    def endorse(self, change: Change, officer: SigningKey) -> dict[str, Any]:
        """Sign a change of policy and hand it in."""
        signature = officer.sign(change.canonical, "clerestory-policy")
        text = change.policy.to_toml()
        return self.ask("endorse", text=text, proposed=change.proposed, signature=signature)

    def entries(self, kind: str | None = None) -> list[Entry]:
        """The ledger."""
        return list(self.state.ledger.entries(kind))

    def kinds(self) -> list[str]:
        """What is in the ledger, in order."""
        return [entry.kind for entry in self.entries()]


def configure(state: Path, anchors: Sequence[FileAnchor | GitAnchor]) -> None:
    """Write a keeper.toml that names these anchors, and no more."""
    tables = []
    for anchor in anchors:
        where = (
            {"file": str(anchor.path)}
            if isinstance(anchor, FileAnchor)
            else {"git": anchor.url, "branch": anchor.branch}
        )
        lines = [f"{name} = {json.dumps(value)}" for name, value in where.items()]
        required = json.dumps(anchor.required)
        tables += ["[[anchor]]", f'name = "{anchor.name}"', *lines, f"required = {required}"]
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / CONFIGURATION).write_text("\n".join([*tables, ""]), encoding="utf-8")


@contextmanager
def opened(
    folder: Path, tier: Tier = Tier.T0, anchors: Sequence[FileAnchor | GitAnchor] | None = None
) -> Iterator[House]:
    """The keeper of a vault that is there, with the anchors of its keeper.toml or with these."""
    vault = Vault.open(folder / "vault")
    if anchors is not None:
        configure(folder / "state", anchors)
    state = State(folder / "state", vault)
    try:
        yield House(folder, vault, state, Keeper(Desk(vault, state, installed(), tier)))
    finally:
        state.close()


@contextmanager
def founded(folder: Path, terms: Terms = TERMS) -> Iterator[House]:
    """The keeper of a new vault."""
    found(folder / "vault", folder / "vault.custodian", terms)
    with opened(folder) as house:
        yield house


@contextmanager
def planted(folder: Path, accounts: int = 400, sessions: int = 600) -> Iterator[House]:
    """The keeper of a new vault of planted labels, one person's own."""
    synthesize_labels(folder / "vault", accounts=accounts, sessions=sessions, seed=7)
    with opened(folder) as house:
        yield house
