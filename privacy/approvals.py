"""
Who let a plan through: signatures of officers over its canonical form.

A plan's standing follows from the ledger alone.  An officer signs the bound plan, so any edit
is another plan that nobody has approved; an officer is never the plan's author, unless the
floor says that the vault is one person's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .entries import Entry
from .errors import RefusedError
from .floor import Floor
from .plan import Plan
from .policy import Person, Policy
from .signing import Namespace, fingerprint, verify

Standing = Literal[
    "unknown", "submitted", "partially approved", "approved", "revoked", "running", "released"
]


@dataclass(frozen=True, slots=True)
class Approval:
    """One officer's signature, checked."""

    officer: Person
    time: str

    def to_json(self) -> dict[str, str]:
        """The approval as a statement and a page show it."""
        return {
            "name": self.officer.name,
            "fingerprint": fingerprint(self.officer.key),
            "time": self.time,
        }


def check_approval(
    plan: Plan,
    signature: str,
    policy: Policy,
    floor: Floor,
    *,
    namespace: Namespace = "clerestory-plan",
) -> Person:
    """
    Check a signature over a bound plan: an approval, or its revocation.

    Returns:
        The officer who signed.

    Raises:
        RefusedError: The signer is no officer, or approves what is his own.
        VerificationError: The signature does not fit the plan.
    """
    key = verify(plan.canonical, signature, namespace)
    officer = next((person for person in policy.officer if person.key == key), None)
    if officer is None:
        raise RefusedError(
            "APPROVER_NOT_ENROLLED",
            rule="Only an officer of the policy approves a plan.",
            found=f"a signature by the key {fingerprint(key)}.",
            remedy="have the officer's key enrolled with `clerestory keys enrol`.",
        )
    approves = namespace == "clerestory-plan"
    if approves and officer.name in plan.study.authors and not floor.single_person:
        raise RefusedError(
            "APPROVER_IS_AUTHOR",
            rule="Nobody approves what is his own.",
            found="an officer's signature under a study of which he is an author.",
            remedy="ask another officer.",
        )
    return officer


def approvals_of(
    plan: Plan, entries: Iterable[Entry], policy: Policy, floor: Floor
) -> list[Approval]:
    """
    The approvals that stand for a plan, one per officer, signatures checked anew.

    Raises:
        RefusedError, VerificationError: As `check_approval`; an approval in the ledger that
            no longer holds stops the run, it is not passed over.
    """
    standing: dict[str, Approval] = {}
    for entry in entries:
        if entry.body.get("plan") != plan.hash:
            continue
        if entry.kind == "revocation":
            return []
        if entry.kind == "approval":
            officer = check_approval(plan, entry.body["signature"], policy, floor)
            standing[officer.key] = Approval(officer, entry.body["signed"])
    return list(standing.values())


def standing_of(plan: str, entries: Iterable[Entry], needed: int) -> Standing:
    """Where a plan stands, from what the ledger says of it."""
    standing: Standing = "unknown"
    officers: set[str] = set()
    for entry in entries:
        if entry.body.get("plan") != plan:
            continue
        match entry.kind:
            case "plan":
                standing = "submitted"
            case "approval" if standing not in ("running", "released"):
                officers.add(entry.body["officer"])
                standing = "approved" if len(officers) >= needed else "partially approved"
            case "revocation":
                return "revoked"
            case "charge":
                standing = "running"
            case "release":
                standing = "released"
    return standing


def check_approved(plan: Plan, approvals: list[Approval], policy: Policy) -> None:
    """
    Raise unless enough officers let the plan through.

    Raises:
        RefusedError: Too few approvals stand.
    """
    if len(approvals) < policy.approvals:
        raise RefusedError(
            "NOT_APPROVED",
            rule=f"A plan runs when {policy.approvals} officer(s) have approved it.",
            found=f"{len(approvals)} approval(s) of the plan {plan.hash[:16]}.",
            remedy="have it signed with `clerestory approve VAULT PLAN --key KEY`.",
        )
