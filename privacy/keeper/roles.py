"""
Which role may ask what, when somebody asks who is not the keeper's own user.

The table is closed: a verb that is not in it, or stands there without a role, is answered to
the keeper's own user and to root alone.
"""

from collections.abc import Mapping

from privacy.errors import RefusedError
from privacy.policy import ROLES, Person, Policy

OFFICER, CUSTODIAN, RESEARCHER, _NODE = ROLES
EVERYBODY = frozenset({OFFICER, CUSTODIAN, RESEARCHER})
"""All people; a node is asked, and asks nothing."""
NOBODY: frozenset[str] = frozenset()

MAY_ASK: Mapping[str, frozenset[str]] = {
    "status": EVERYBODY,
    "ledger": EVERYBODY,
    "plan": frozenset({OFFICER, RESEARCHER}),
    "submit": frozenset({RESEARCHER}),
    "classify": frozenset({RESEARCHER}),
    "release": frozenset({RESEARCHER}),
    "approve": frozenset({OFFICER}),
    "revoke": frozenset({OFFICER}),
    "policy": EVERYBODY,
    "endorse": frozenset({OFFICER}),
    "return": frozenset({OFFICER}),
    "reject": frozenset({OFFICER}),
    "withdraw": frozenset({RESEARCHER}),
    "take-in": frozenset({CUSTODIAN}),
    "enrol": NOBODY,  # whoever enrols decides who may decide
    "rotate": frozenset({OFFICER, CUSTODIAN}),
    "expire": frozenset({OFFICER, CUSTODIAN}),
    "forget": frozenset({CUSTODIAN}),
}
"""Verb → roles whose signature is enough."""


def asker(key: str, policy: Policy) -> tuple[str, Person]:
    """
    Role and name behind a key.

    Raises:
        RefusedError: The key is nobody's in the policy.
    """
    for role in ROLES:
        for person in getattr(policy, role):
            if person.key == key:
                return role, person
    raise RefusedError(
        "ASKER_NOT_ENROLLED",
        rule="The keeper answers its own user, and people whose keys are in the policy.",
        found="a request signed with another key.",
        remedy="have the key enrolled, or give the enrolled one with --key.",
    )


def check_may_ask(role: str, verb: str) -> None:
    """
    Raise unless a role may ask a verb.

    Raises:
        RefusedError: It may not.
    """
    if role not in MAY_ASK.get(verb, NOBODY):
        may = ", ".join(sorted(MAY_ASK.get(verb, NOBODY))) or "the keeper's own user alone"
        raise RefusedError(
            "ROLE_NOT_ALLOWED",
            rule=f"Who may ask what is one table; this is for: {may}.",
            found=f"a request of the role {role}.",
            remedy="ask somebody whose role it is.",
        )
