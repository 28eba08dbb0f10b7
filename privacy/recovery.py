"""
Account for a ledger whose newest entries are lost for good.

A keeper refuses a ledger that is older than any checkpoint it can find.  After a disaster the
officers state which checkpoints are known beyond it; what the highest of them shows as spent is
charged, and every plan that may have been released in the lost entries is closed.  The
statement, its signatures and the checkpoints stand in the ledger: a later start, and an
auditor, find each of them explained there, and by whom.

Only a ledger that the known checkpoints continue can be recovered: an older part of the same
history, never another one.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Any

import rfc8785

from .checkpoint import Checkpoint
from .entries import Entry
from .errors import ClerestoryError, RefusedError, VerificationError
from .history import History
from .loss import write_rho
from .signing import verify

OFFICERS = 2
"""How many state it; one suffices only in a vault that its floor makes one person's."""
FORMAT = "clerestory/recovery/1"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the officers sign."""

    vault: str
    """The ledger's origin."""
    size: int
    """How many entries are left; the recovery's own comes next."""
    head: str
    """Merkle head over them, hexadecimal."""
    spent: str
    """ρ that counts as spent from now on, an exact fraction."""
    checkpoints: tuple[tuple[int, str], ...]
    """(size, head in hexadecimal) of every known checkpoint beyond what is left."""
    plans: tuple[str, ...]
    """SHA-256 of plans that may have been released in the lost entries."""
    format: str = FORMAT

    @property
    def canonical(self) -> bytes:
        """RFC 8785 form: what is signed."""
        return rfc8785.dumps({**asdict(self), "checkpoints": [[*c] for c in self.checkpoints]})

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form: the plan of the charge that goes with it."""
        return sha256(self.canonical).hexdigest()


def draft(
    origin: str,
    history: History,
    lost: Sequence[Checkpoint],
    plans: Iterable[str],
    budget: Fraction,
) -> Recovery:
    """
    What there is to state, or a refusal.

    Args:
        origin: The ledger's.
        history: What is left.
        lost: Known checkpoints that the ledger neither holds nor explains.
        plans: Plans that may have been released in the lost entries.
        budget: What counts as spent if the longest checkpoint does not tell.

    Raises:
        RefusedError: Nothing is lost, or this is another history.
    """
    if not lost:
        raise RefusedError(
            "NOTHING_TO_RECOVER",
            rule="A recovery accounts for checkpoints that a ledger does not hold.",
            found="a ledger that holds every checkpoint that is known.",
            remedy="start the keeper; nothing is lost.",
        )
    if min(known.size for known in lost) <= history.size:
        raise RefusedError(
            "RECOVERY_OF_ANOTHER_HISTORY",
            rule="Only an older part of the same history can be recovered.",
            found="a known checkpoint that this ledger contradicts.",
            remedy="restore a copy of the ledger that its checkpoints continue.",
        )
    longest = max(known.size for known in lost)
    told = [known.spent for known in lost if known.spent is not None]
    # Notes of version 0.1 do not tell.  A longer one that tells speaks for them.
    if not any(known.size == longest and known.spent is not None for known in lost):
        told.append(budget)
    return Recovery(
        vault=origin,
        size=history.size,
        head=history.checkpoint(origin).head.hex(),
        spent=write_rho(max(*told, history.spent())),
        checkpoints=tuple(sorted({(known.size, known.head.hex()) for known in lost})),
        plans=tuple(sorted(set(plans))),
    )


def check_signed(
    recovery: Recovery,
    signatures: Iterable[str],
    officers: Mapping[str, str],
    needed: int,
    authors: Iterable[str] = (),
) -> dict[str, str]:
    """
    Hold a statement's signatures against the officers of the policy in force.

    Args:
        recovery: What was signed.
        signatures: SSH signatures in the namespace `clerestory-recovery`.
        officers: Public key → name.
        needed: How many of them have to sign.
        authors: Names of those whose plans are closed by it: they cannot state it.

    Returns:
        Public key → name of the officers who signed.

    Raises:
        RefusedError: Too few, or somebody who may not.
        VerificationError: A signature is not of this statement.
    """
    keys = {verify(recovery.canonical, one, "clerestory-recovery") for one in signatures}
    if keys - officers.keys():
        raise _unsigned("a signature of somebody who is no officer of the policy in force.")
    signers = {key: officers[key] for key in sorted(keys)}
    if set(signers.values()) & set(authors):
        raise _unsigned("a signature of an author of a plan that would be closed.")
    if len(signers) < needed:
        raise _unsigned(f"{len(signers)} signature(s) of officers where {needed} are needed.")
    return signers


def officers_in(policy: str) -> dict[str, str]:
    """Public key → name of the officers that a policy's text names."""
    return {person["key"]: person["name"] for person in tomllib.loads(policy).get("officer", [])}


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recovery that stands in a ledger, checked."""

    entry: int
    """Its place."""
    statement: Recovery
    officers: Mapping[str, str]
    """Public key → name of those who signed."""


def recoveries(history: History, entries: Iterable[Entry], needed: int) -> list[Recovered]:
    """
    The recoveries of a ledger, each held against what was left of it, its charge and its signers.

    Args:
        history: All entries.
        entries: Those of the kinds policy, recovery and charge at least, oldest first.
        needed: How many officers have to have signed.

    Raises:
        VerificationError: One is not what it says.
    """
    found: list[Recovered] = []
    officers: dict[str, str] = {}
    for entry in entries:
        try:
            if entry.kind == "policy":
                officers = officers_in(entry.body["text"])
            if entry.kind == "recovery":
                found.append(_recovered(history, entry, officers, needed))
        except (ClerestoryError, ValueError, LookupError, TypeError, AttributeError):
            raise VerificationError(
                "RECOVERY_INVALID",
                rule="A recovery says what was left of the ledger and is signed by officers.",
                found=f"one that does not hold, at position {entry.seq}.",
                remedy="keep the files as evidence; somebody wrote to this ledger.",
            ) from None
    return found


def _recovered(history: History, entry: Entry, officers: dict[str, str], needed: int) -> Recovered:
    statement = read_recovery(entry.body["statement"])
    left = Checkpoint(statement.vault, statement.size, bytes.fromhex(statement.head))
    charges, spent = history.numbers("charge", statement.hash), history.spent_at(entry.seq + 2)
    holds = statement.size == entry.seq and not history.missing([left])
    if not holds or [*charges] != [entry.seq + 1] or write_rho(spent) != statement.spent:
        raise ValueError
    signers = check_signed(statement, split_signatures(entry.body["signatures"]), officers, needed)
    return Recovered(entry.seq, statement, signers)


def read_recovery(text: str) -> Recovery:
    """
    A statement as it stands in the ledger.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: It is none.
    """
    told: dict[str, Any] = json.loads(text)
    checkpoints = tuple((int(size), str(head)) for size, head in told["checkpoints"])
    plans = tuple(map(str, told["plans"]))
    recovery = Recovery(**{**told, "checkpoints": checkpoints, "plans": plans})
    if recovery.canonical.decode() != text or recovery.format != FORMAT:
        raise ValueError
    return recovery


def split_signatures(text: str) -> list[str]:
    """Signatures that stand one after the other."""
    end = "-----END SSH SIGNATURE-----\n"
    return [part + end for part in text.split(end)[:-1]]


def unexplained(lost: Iterable[Checkpoint], found: Iterable[Recovered]) -> list[Checkpoint]:
    """Those checkpoints that no recovery names."""
    named = {pair for one in found for pair in one.statement.checkpoints}
    return [known for known in lost if (known.size, known.head.hex()) not in named]


def check_not_lost(plans: Iterable[str], entries: Iterable[Entry]) -> None:
    """
    Raise if a plan may have been released in entries that are lost.

    Args:
        plans: SHA-256 of all submissions with the plan's contents.
        entries: The ledger's of the kind recovery.

    Raises:
        RefusedError: A recovery closed one of them.
    """
    closed = {plan for entry in entries for plan in read_recovery(entry.body["statement"]).plans}
    if closed.intersection(plans):
        raise RefusedError(
            "PLAN_LOST",
            rule="A plan that may have been released is not released once more.",
            found="a plan that a recovery closed.",
            remedy="look for its bundle; else mend the study, if only its purpose, and submit it.",
        )


def _unsigned(found: str) -> RefusedError:
    return RefusedError(
        "RECOVERY_NOT_SIGNED",
        rule="Officers, and none whose own plans are concerned, state what was lost.",
        found=found,
        remedy="have the statement signed by other officers of the policy in force.",
    )
