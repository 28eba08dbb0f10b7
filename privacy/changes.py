"""
A change of policy: what officers sign, who may sign it, and when it holds.

What is signed is the whole new policy, the hash of the one that it replaces, the vault, how many
policies there were before, and the day on which the change was proposed.  So a signature is good
for one step of one vault's history and for a while: it cannot be brought forward again when the
old policy comes back, nor when nobody remembers why it was given.

Officers of the policy in force decide, also about themselves; nobody whom the change would make
an officer does.  It takes two, and never fewer than approve a plan, since who could change the
policy alone could approve alone.  In a vault of one person it takes that person.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

import rfc8785

from .entries import Entry
from .errors import RefusedError
from .floor import Floor
from .policy import Person, Policy
from .signing import fingerprint, verify
from .standing import stands

FORMAT = "clerestory/policy-change/1"
PROPOSAL = "proposal"
"""Kind of the ledger's entries that hold an officer's signature of a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One policy in place of another."""

    vault: str
    previous: str
    """SHA-256 of the policy that it replaces."""
    number: int
    """How many policies the vault has had."""
    proposed: str
    """Day on which it was proposed, `2026-11-27`, UTC."""
    policy: Policy

    @property
    def canonical(self) -> bytes:
        """RFC 8785 form: what is signed."""
        return rfc8785.dumps({"format": FORMAT, **asdict(self)})

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form, hexadecimal."""
        return sha256(self.canonical).hexdigest()

    def stands(self, days: int, now: datetime) -> bool:
        """Whether it may still be signed and adopted."""
        return stands(f"{self.proposed}T00:00:00+00:00", days, now)


def needed(policy: Policy, floor: Floor) -> int:
    """How many officers of a policy replace it."""
    return max(policy.approvals, 1 if floor.single_person else 2)


def check_change(change: Change, in_force: Policy, floor: Floor, now: datetime) -> None:
    """
    Raise unless a change is one, is of these days, and leaves a vault that can be worked with.

    Raises:
        RefusedError: Nothing changes, it was proposed too long ago, or too few officers would
            be left.
    """
    if not change.stands(in_force.approval_days, now):
        raise RefusedError(
            "CHANGE_LAPSED",
            rule="A proposed change stands as long as an approval does.",
            found=f"a day that is over {in_force.approval_days} days past, or still to come.",
            remedy="propose it anew: `clerestory policy propose VAULT POLICY --key KEY`.",
        )
    if change.policy == in_force:
        raise RefusedError(
            "POLICY_UNCHANGED",
            rule="A change of policy changes a value.",
            found="the policy that is in force.",
            remedy="edit a copy of policy.toml and propose that one.",
        )
    least = needed(change.policy, floor)
    if len(change.policy.officer) < least:
        raise RefusedError(
            "TOO_FEW_OFFICERS",
            rule="A policy names as many officers as it takes to approve a plan and to change it.",
            found=f"{len(change.policy.officer)} where {least} are needed.",
            remedy="name more officers in it, or ask for fewer approvals.",
        )


def check_endorsement(change: Change, signature: str, in_force: Policy) -> Person:
    """
    Check an officer's signature of a change.

    Raises:
        RefusedError: The signer is no officer of the policy in force.
        VerificationError: The signature is not of this change.
    """
    key = verify(change.canonical, signature, "clerestory-policy")
    for officer in in_force.officer:
        if officer.key == key:
            return officer
    raise RefusedError(
        "ENDORSER_NOT_OFFICER",
        rule="Officers of the policy in force decide what replaces it.",
        found=f"a signature by the key {fingerprint(key)}.",
        remedy="have it signed by an officer whom `clerestory policy show VAULT` names.",
    )


def endorsements_of(change: Change, entries: Iterable[Entry], in_force: Policy) -> dict[str, str]:
    """
    The signatures of a change, checked anew.

    Returns:
        Officer's public key → his signature, in the order in which they came.

    Raises:
        RefusedError, VerificationError: As `check_endorsement`: a forged one stops the change.
    """
    given = {}
    for entry in entries:
        if entry.kind == PROPOSAL and entry.body["change"] == change.hash:
            officer = check_endorsement(change, entry.body["signature"], in_force)
            given[officer.key] = entry.body["signature"]
    return given
