"""
Which of two values of a policy is the stricter one.

Each value has a looseness: the larger, the looser; lists are looser when they allow more.  By
it a policy is held against the floor, which bounds it, and against the policy that it is to
replace, so that officers see at once which lines loosen.  Whoever loosens a value within the
floor needs the same two officers as whoever tightens it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from .floor import TIERS, Floor

if TYPE_CHECKING:
    from .policy import Policy

Direction = Literal["tighter", "looser", "other"]

LOOSENESS: Mapping[str, Callable[[Any], Any]] = {
    "rho": Fraction,
    "study_rho": Fraction,
    "period_rho": Fraction,
    "period_days": lambda days: -days,
    "minimum_accounts": lambda accounts: -accounts,
    "tier": lambda tier: -TIERS.index(tier),
    "bits_per_session": float,
    "approvals": lambda officers: -officers,
    "approval_days": int,
    "instruments": frozenset,
    "raters": frozenset,
    "models": frozenset,
    "endpoint": frozenset,
}
"""Value → what grows when it is loosened.  People are neither stricter nor looser."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that two policies do not share."""

    name: str
    old: Any
    new: Any
    direction: Direction


def loosened(policy: "Policy", floor: Floor) -> list[str]:
    """Values of a policy that allow more than the floor does."""
    bounds = {
        "rho": floor.rho,
        "study_rho": floor.rho,
        "period_rho": floor.rho,
        "minimum_accounts": floor.minimum_accounts,
        "tier": floor.tier,
    }
    looser = [
        name
        for name, bound in bounds.items()
        if LOOSENESS[name](getattr(policy, name)) > LOOSENESS[name](bound)
    ]
    if any(place.retention_days > floor.retention_days for place in policy.endpoint):
        looser.append("endpoint.retention_days")
    if any(place.development for place in policy.endpoint) and not floor.development:
        looser.append("endpoint.development")
    return looser


def differences(old: "Policy", new: "Policy") -> Iterator[Difference]:
    """Every value that changes, in the order of policy.toml."""
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before != after:
            yield Difference(field.name, before, after, _direction(field.name, before, after))


def _direction(name: str, old: object, new: object) -> Direction:
    measure = LOOSENESS.get(name)
    if measure is None:
        return "other"
    before, after = measure(old), measure(new)
    if after < before:
        return "tighter"
    return "looser" if after > before else "other"
