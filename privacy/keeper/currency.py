"""
Whether a plan is still what it was when officers signed it, and which part of it is not.

A plan is bound to vault, floor, policy and code, and compiled for a codebook and its prompts.
Each is compared with what is in force when a request comes in, so that a byte that was changed
anywhere between submission and release stops the next step, and the refusal says which part.
"""

from collections.abc import Iterator

from privacy.codebook import Codebook
from privacy.errors import RefusedError
from privacy.floor import Floor
from privacy.plan import Binding, Plan
from privacy.vault import FLOOR, Vault


def stale(plan: Plan, now: Binding, codebook: Codebook) -> RefusedError:
    """
    The refusal of a plan that is bound to something else than what is in force.

    Args:
        plan: The plan as it was submitted.
        now: What it would be bound to here and now.
        codebook: That of this installation.
    """
    parts = list(_changed(plan, now, codebook)) or ["binding"]
    return RefusedError(
        f"PLAN_STALE_{parts[0].upper()}",
        rule="A plan runs under the floor, policy, code and codebook that its officers signed.",
        found=f"since the plan was submitted, a change of: {', '.join(parts)}.",
        remedy="submit the plan again and have it approved again.",
    )


def check_floor(vault: Vault, floor: Floor) -> None:
    """
    Hold the floor's file against the floor that the keeper started under.

    Raises:
        RefusedError: It is another file.
    """
    try:
        same = (vault.folder / FLOOR).read_bytes() == floor.canonical
    except OSError:
        same = False
    if not same:
        raise floor_changed()


def floor_changed() -> RefusedError:
    """The refusal of another floor than the vault's own."""
    return RefusedError(
        "FLOOR_CHANGED",
        rule="A floor never changes: it is what people's sessions were given under.",
        found="a floor.json that is not the one in the ledger.",
        remedy="put the old file back; sealed bytes open under it only.",
    )


def _changed(plan: Plan, now: Binding, codebook: Codebook) -> Iterator[str]:
    """What changed, the most telling first: another codebook is also other code."""
    pairs = (
        ("vault", plan.binding and plan.binding.vault, now.vault),
        ("floor", plan.binding and plan.binding.floor, now.floor),
        ("policy", plan.binding and plan.binding.policy, now.policy),
        ("prompts", plan.prompts, codebook.prompts_hash),
        ("codebook", plan.codebook, codebook.hash),
        ("code", plan.binding and plan.binding.code, now.code),
    )
    yield from (name for name, then, here in pairs if then != here)
