"""
The keeper's part of a recovery: gather what is known, and write what the officers signed.

It is done while no keeper runs, on the state folder itself, which is locked meanwhile.
"""

from collections.abc import Sequence
from fractions import Fraction

from privacy.accountant import Receipt
from privacy.checkpoint import Checkpoint
from privacy.errors import RefusedError
from privacy.floor import Floor
from privacy.keeper.state import State
from privacy.loss import read_rho
from privacy.policy import Policy, read_policy
from privacy.recovery import OFFICERS, Recovery, check_signed, draft


def prepare(
    state: State, floor: Floor, given: Sequence[Checkpoint], released: Sequence[str]
) -> Recovery:
    """
    What the officers have to state.

    Args:
        state: Opened for recovering.
        floor: The vault's.
        given: Checkpoints beyond those that the witnesses have.
        released: Plans, by SHA-256, of bundles that are known to have gone out.

    Raises:
        RefusedError: Nothing is lost, this is another history, or the ledger names no policy.
    """
    lost = state.witnesses.lost(state.ledger, [*state.witnesses.known(), *given])
    budget = min(floor.budget, _policy(state, floor).budget)
    history = state.ledger.history
    return draft(state.ledger.origin, history, lost, [*_unsettled(state), *released], budget)


def complete(state: State, floor: Floor, recovery: Recovery, signatures: Sequence[str]) -> Fraction:
    """
    Write the recovery, its charge, and tell the witnesses.

    Returns:
        ρ that counts as spent now.

    Raises:
        RefusedError: It is not signed by those who may.
        VerificationError: A signature is not of this statement.
        IncompleteError: The disk failed, or a required anchor cannot be reached.
    """
    officers = {person.key: person.name for person in _policy(state, floor).officer}
    closed = [plan for plan in state.plans() if plan.hash in recovery.plans]
    one = floor.single_person
    authors = () if one else [author for plan in closed for author in plan.study.authors]
    check_signed(recovery, signatures, officers, 1 if one else OFFICERS, authors)
    ledger = state.ledger
    with ledger.exclusive():
        told = {"statement": recovery.canonical.decode(), "signatures": "".join(signatures)}
        more = read_rho(recovery.spent) - ledger.history.spent()
        ledger.write("recovery", told)
        ledger.record(Receipt(recovery.hash, more))
    state.witnesses.check(ledger)
    state.witnesses.tell(ledger.checkpoint().sign(state.signing))
    return ledger.spent()


def _policy(state: State, floor: Floor) -> Policy:
    entries = list(state.ledger.entries("policy"))
    if not entries:
        raise RefusedError(
            "RECOVERY_NOT_SIGNED",
            rule="The officers of the policy in the ledger state what was lost.",
            found="a ledger that is older than its first policy.",
            remedy="restore a newer copy; without one the vault is lost, and its budget with it.",
        )
    return read_policy(entries[-1].body["text"], floor)


def _unsettled(state: State) -> list[str]:
    """Plans that this ledger knows, or whose file is there, and whose end it does not know."""
    ledger = state.ledger
    plans = {entry.body["plan"] for entry in ledger.entries("plan")}
    plans |= {plan.hash for plan in state.plans()}
    ended = {entry.body["plan"] for entry in ledger.entries("release")}
    return sorted(plans - ended)
