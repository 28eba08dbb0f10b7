"""
What a run can say for itself: a statement, signed with the bundle.

It is an audit record, not an attestation: whoever holds the keeper's key could sign another
one.  It shows inconsistency afterwards, and proves nothing against a lying operator.
"""

import platform
from collections.abc import Mapping, Sequence

import rfc8785

from .approvals import Approval
from .floor import Floor
from .plan import Plan

FORMAT = "clerestory/statement/1"

WATERMARKS: Mapping[str, str] = {
    "single-person": "approved by its author",
    "synthetic": "synthetic data: nobody's sessions",
    "low-fidelity": "labels by a rater of low fidelity",
    "T0": "the workers were not isolated",
    "planted": "labels were planted, not rated",
}
"""Code → the words under which a release is read."""


def watermarks(plan: Plan, floor: Floor, tier: str, *, planted: bool) -> list[str]:
    """Codes of the watermarks that a release must carry."""
    return [
        code
        for code, due in (
            ("single-person", floor.single_person),
            ("synthetic", floor.synthetic),
            ("low-fidelity", plan.rater.fidelity == "low"),
            ("T0", tier == "T0"),
            ("planted", planted),
        )
        if due
    ]


def statement(
    plan: Plan,
    *,
    tier: str,
    custody: str,
    probes: Mapping[str, str],
    approvals: Sequence[Approval],
    charged: str,
    marks: Sequence[str],
    checkpoints: tuple[str, str],
) -> bytes:
    """
    The run's statement, canonical JSON.

    Args:
        plan: The bound plan that was executed.
        tier: Isolation of the worker that drew the noise.
        custody: `same-user` or `separate-user`.
        probes: What the worker found it could not do, before it had a key.
        approvals: Who let the plan through.
        charged: When it was charged, ISO 8601: at that moment the approvals had to stand.
        marks: Codes of `WATERMARKS`.
        checkpoints: Signed notes of the ledger before the charge and after the key was given.
    """
    return rfc8785.dumps(
        {
            "format": FORMAT,
            "plan": plan.hash,
            "code": plan.binding.code if plan.binding else "",
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "tier": tier,
            "custody": custody,
            "probes": dict(probes),
            "approvals": [approval.to_json() for approval in approvals],
            "charged": charged,
            "watermarks": list(marks),
            "checkpoint_before": checkpoints[0],
            "checkpoint_after": checkpoints[1],
        }
    )
