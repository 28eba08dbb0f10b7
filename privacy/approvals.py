"""
What people say about a plan: signatures over its canonical form, one namespace for each act.

An officer signs the bound plan, so any edit is another plan that nobody has approved; an officer
is never the plan's author, by name or by key, unless the floor says that the vault is one
person's.  Signatures are checked when they come in and again each time they are leant on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import rfc8785

from .entries import Entry
from .errors import RefusedError
from .floor import Floor
from .plan import Plan
from .policy import Person, Policy, folded
from .signing import Namespace, fingerprint, verify
from .standing import Event, stands

REASONS: Mapping[str, str] = {
    "PURPOSE": "the purpose is unclear, or none that the sessions were given for",
    "POPULATION": "it speaks of months or sessions that it need not speak of",
    "TABLES": "a table asks for more than the purpose needs",
    "WORDING": "a name, title or base misleads its reader",
    "BUDGET": "it costs more than its answer is worth",
    "RATER": "the rater, its model or its endpoint is not wanted",
    "AUTHORS": "its authors are not named as they should be",
    "REPEATED": "it was asked before",
}
"""Why a plan is returned or rejected: a closed list, since a remark could quote anything."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a person can say about a plan."""

    event: Event
    entry: str
    """Kind of the ledger's entry."""
    namespace: Namespace
    reasoned: bool = False
    """Whether a code of `REASONS` is signed with the plan."""

    def message(self, plan: Plan, reason: str = "") -> bytes:
        """
        The bytes that are signed.

        Raises:
            RefusedError: A reason is missing, or is none of the list.
        """
        if not self.reasoned:
            return plan.canonical
        if reason not in REASONS:
            raise RefusedError(
                "REASON_UNKNOWN",
                rule="Who returns or rejects a plan says why, by a code of a closed list.",
                found="no reason, or another.",
                remedy=f"choose one of: {', '.join(REASONS)}.",
            )
        return rfc8785.dumps({"plan": plan.hash, "reason": reason})


ACTS: Mapping[str, Act] = {
    act.event: act
    for act in (
        Act("approve", "approval", "clerestory-plan"),
        Act("return", "return", "clerestory-return", reasoned=True),
        Act("reject", "rejection", "clerestory-rejection", reasoned=True),
        Act("withdraw", "withdrawal", "clerestory-withdrawal"),
        Act("revoke", "revocation", "clerestory-revocation"),
    )
}
"""Event → how it is signed."""


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


def is_author(person: Person, plan: Plan, known: Iterable[Person] = ()) -> bool:
    """
    Whether somebody is an author of a study, under the name he has or one that his key had.

    Args:
        person: Somebody of the policy in force.
        plan: The study, compiled.
        known: Everybody of earlier policies.
    """
    authors = {folded(author) for author in plan.study.authors}
    return any(one.folded in authors for one in (person, *known) if one.key == person.key)


def check_act(
    act: Act,
    plan: Plan,
    signature: str,
    policy: Policy,
    floor: Floor,
    *,
    reason: str = "",
    known: Sequence[Person] = (),
) -> Person:
    """
    Check what somebody says about a bound plan.

    Args:
        act: What is said.
        plan: The bound plan.
        signature: Armoured SSH signature.
        policy: The policy in force.
        floor: The vault's floor.
        reason: For a return or a rejection.
        known: Everybody of earlier policies, under the names that they had.

    Returns:
        Who signed.

    Raises:
        RefusedError: The signer may not say that.
        VerificationError: The signature does not fit plan, act and reason.
    """
    key = verify(act.message(plan, reason), signature, act.namespace)
    if act.event == "withdraw":
        return _author(key, plan, policy, known)
    officer = next((person for person in policy.officer if person.key == key), None)
    if officer is None:
        raise RefusedError(
            "APPROVER_NOT_ENROLLED",
            rule="Only an officer of the policy decides about a plan.",
            found=f"a signature by the key {fingerprint(key)}.",
            remedy="have the officer enrolled: `clerestory keys enrol`, or a change of policy.",
        )
    own = act.event == "approve" and not floor.single_person and is_author(officer, plan, known)
    if own:
        raise RefusedError(
            "APPROVER_IS_AUTHOR",
            rule="Nobody approves what is his own.",
            found="an officer's signature under a study of which he is an author.",
            remedy="ask another officer.",
        )
    return officer


def approvals_of(
    plan: Plan,
    entries: Iterable[Entry],
    policy: Policy,
    floor: Floor,
    *,
    now: datetime,
    known: Sequence[Person] = (),
) -> list[Approval]:
    """
    The approvals that stand for a plan, one per officer, signatures checked anew.

    Raises:
        RefusedError, VerificationError: As `check_act`; an approval in the ledger that no
            longer holds stops the run, it is not passed over.
    """
    given: dict[str, Approval] = {}
    closing = {act.entry for act in ACTS.values()} - {"approval"}
    for entry in entries:
        if entry.body.get("plan") != plan.hash:
            continue
        if entry.kind in closing:
            return []
        if entry.kind == "approval":
            signature = entry.body["signature"]
            officer = check_act(ACTS["approve"], plan, signature, policy, floor, known=known)
            given.setdefault(officer.key, Approval(officer, entry.body["signed"]))
    return [one for one in given.values() if stands(one.time, policy.approval_days, now)]


def check_approved(plan: Plan, approvals: Sequence[Approval], policy: Policy) -> None:
    """
    Raise unless enough officers let the plan through.

    Raises:
        RefusedError: Too few approvals stand.
    """
    if len(approvals) < policy.approvals:
        raise RefusedError(
            "NOT_APPROVED",
            rule="A plan runs when as many officers as the policy asks for have approved it.",
            found=f"{len(approvals)} approval(s) of the plan {plan.hash[:16]}, "
            f"where {policy.approvals} must stand.",
            remedy="have it signed with `clerestory approve VAULT PLAN --key KEY`.",
        )


def lapsed(told: Iterable[Mapping[str, str]], policy: Policy, at: datetime) -> list[str]:
    """
    Names of those whose approvals, as a statement tells them, did not stand at some time.

    Raises:
        LookupError, ValueError, TypeError: Somebody is told of without a name or a time.
    """
    return [one["name"] for one in told if not stands(one["time"], policy.approval_days, at)]


def _author(key: str, plan: Plan, policy: Policy, known: Sequence[Person]) -> Person:
    person = next((one for one in policy.people if one.key == key), None)
    if person is None or not is_author(person, plan, known):
        raise RefusedError(
            "NOT_THE_AUTHOR",
            rule="Only an author of a study, with a key of the policy, takes his plan back.",
            found=f"a signature by the key {fingerprint(key)}.",
            remedy="sign with the author's enrolled key, or ask an officer to return the plan.",
        )
    return person
