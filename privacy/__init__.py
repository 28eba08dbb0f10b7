"""
What may be known about people, what it costs, and who holds the keys.

Read in this order:

- the promise: `unit`, `codebook`, `labels`, `loss`, `measurements`, `minimum`
- the plan: `queries`, `plan`, `forms` and `soundness`, `floor`, `policy`, `admission`, `approvals`
- what it prints: `rows`, `printed`, `confusion` and `mistakes`, `comparisons`
- the record: `accountant`, `entries`, `history`, `ledger`, `evidence`, `verification`
- its witnesses: `merkle`, `checkpoint`, `proofs`, `anchors`, `recovery`
- the seal: `sealing`, `signing`, `custodian`, `batches`, `packs`, `deposit`, `vault`
- the house: `sandbox` (in which both workers live), `keeper` (who starts them), `tasks` and
  `nodes` (other machines)

Names below are imported when they are asked for: a worker must not pay for what it does not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .accountant import Accountant, Receipt
    from .codebook import Codebook, codebook
    from .errors import ClerestoryError
    from .labels import LabelRecord
    from .ledger import Ledger
    from .plan import Plan, read_plan
    from .unit import ContributionBound, PrivacyUnit
    from .verification import verify_bundle

_HOMES = {
    "Accountant": "accountant",
    "ClerestoryError": "errors",
    "Codebook": "codebook",
    "ContributionBound": "unit",
    "LabelRecord": "labels",
    "Ledger": "ledger",
    "Plan": "plan",
    "PrivacyUnit": "unit",
    "Receipt": "accountant",
    "codebook": "codebook",
    "read_plan": "plan",
    "verify_bundle": "verification",
}

__all__ = [
    "Accountant",
    "ClerestoryError",
    "Codebook",
    "ContributionBound",
    "LabelRecord",
    "Ledger",
    "Plan",
    "PrivacyUnit",
    "Receipt",
    "codebook",
    "read_plan",
    "verify_bundle",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name is
    if name not in _HOMES:
        raise AttributeError(f"module 'privacy' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
