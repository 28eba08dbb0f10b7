"""
Write a policy down for people: policy.toml, every value, in order, with a word on each part.

Only values are hashed, so a comment changes nothing; ε stands beside each ρ because people think
in ε, and ρ is what is charged because it adds up.
"""

from dataclasses import asdict
from math import ceil
from typing import TYPE_CHECKING

from .floor import Floor
from .loss import read_rho

if TYPE_CHECKING:
    from .policy import Policy

WIDEST = 70
"""characters: a longer list stands one item a line."""

_PARTS = {
    "rho": "What studies may cost an account: all together, one, and all of any period of days.",
    "minimum_accounts": "Who may be printed, and how strongly workers are isolated.",
    "bits_per_session": "Most that a rater may say about one session, in bits.",
    "approvals": "How many officers approve a plan, and for how long that stands.",
    "instruments": "Whose labels a plan may read; who may label; which models may be asked.",
}
TABLES = {
    "endpoint": "Where text may be sent: address, days it is kept, SHA-256 of roots if by TLS.",
    "officer": "Who approves plans and changes this policy.",
    "custodian": "Who may seal sessions.",
    "researcher": "Who may take a plan of his own back.",
    "node": "Machines beside the keeper's that may be given sealed work: docs/nodes.md.",
}
"""What stands in policy.toml as an array of tables, with a word on each."""
UNSAID = frozenset({"owner"})
"""Keys of those tables that are left out where they say nothing."""


def write_policy(policy: "Policy", floor: Floor | None) -> str:
    """The text of policy.toml; `read_policy` gives the policy back."""
    data = asdict(policy)
    tables = {name: data.pop(name) for name in TABLES}
    lines = [
        "# What is allowed today, within the floor in floor.json, which bounds every value.",
        "# Changed by the keeper only, when its officers say so: `clerestory policy propose`.",
    ]
    for name, value in data.items():
        lines += ["", f"# {_PARTS[name]}"] if name in _PARTS else []
        lines.append(f"{name} = {_toml(value)}{_epsilon(name, value, floor)}")
    for name, rows in tables.items():
        lines += ["", f"# {TABLES[name]}"] if rows else []
        for number, row in enumerate(rows):
            lines += [""] if number else []
            told = {key: cell for key, cell in row.items() if cell or key not in UNSAID}
            lines += [f"[[{name}]]", *(f"{key} = {_toml(cell)}" for key, cell in told.items())]
    return "\n".join([*lines, ""])


def _epsilon(name: str, value: object, floor: Floor | None) -> str:
    if floor is None or not name.endswith("rho"):
        return ""
    from .measurements import epsilon_of  # late: it brings OpenDP along

    thousandths = ceil(epsilon_of(read_rho(str(value)), floor.delta) * 1000)
    return f"  # ε ≤ {thousandths / 1000:g} at δ = {floor.delta:g}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        items = [_toml(item) for item in value]
        if sum(map(len, items)) > WIDEST:
            return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
        return "[" + ", ".join(items) + "]"
    return str(value)
