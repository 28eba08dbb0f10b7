"""
How strongly a worker is isolated, and what this machine can do of it.

T2 is bubblewrap's namespaces around the self-seal, T1 the self-seal alone, T0 nothing.  What a
machine can do is tried, not looked up; where a tier fails, the reason comes with its remedy.
"""

from dataclasses import dataclass
from enum import Enum

from .launchers import Bare, Bubblewrap, Launcher, SelfSeal


class Tier(Enum):
    """An isolation tier; the value is what statements and bundles call it."""

    T2 = "os:ns+landlock+seccomp"
    T1 = "os:landlock+seccomp"
    T0 = "none"

    @property
    def launcher(self) -> Launcher:
        """What starts workers at this tier."""
        return _LAUNCHERS[self]

    @property
    def seals(self) -> bool:
        """Whether the worker seals itself."""
        return self.launcher.seals


_LAUNCHERS: dict[Tier, Launcher] = {
    Tier.T2: Bubblewrap(),
    Tier.T1: SelfSeal(),
    Tier.T0: Bare(),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a tier works here."""

    tier: Tier
    works: bool
    reason: str
    remedy: str


def survey() -> tuple[Finding, ...]:
    """Every tier, strongest first, with the reason where it does not work."""
    trials = ((tier, tier.launcher.trial()) for tier in Tier)
    return tuple(
        Finding(tier, works=trial.works, reason=trial.reason, remedy=trial.remedy)
        for tier, trial in trials
    )


def best_tier() -> Tier:
    """The strongest tier that works here."""
    return next(finding.tier for finding in survey() if finding.works)
