"""Where test workers run: manifests, collected once, and the tiers that work here."""

from pathlib import Path

import pytest

from privacy.sandbox.manifest import CodeManifest, collect
from privacy.sandbox.tiers import Tier, survey

SEALING = ("cryptography", "cffi", "rfc8785")
COUNTING = ("numpy", "opendp", "deprecated", "wrapt")
HERE = Path(__file__).parent


_findings = survey()
_collected: dict[str, CodeManifest] = {}


def small() -> CodeManifest:
    """Enough for workers that read."""
    return _current("small", SEALING)


def large() -> CodeManifest:
    """Enough for workers that count."""
    return _current("large", (*SEALING, *COUNTING), "workers.counting")


def _current(name: str, distributions: tuple[str, ...], *modules: str) -> CodeManifest:
    """Collect once, and anew when somebody has edited a file meanwhile."""
    known = _collected.get(name)
    if known is None or known.fingerprint() != known.stamp:
        known = _collected[name] = collect(("privacy", HERE), distributions, modules)
    return known


def tier_works(tier: Tier) -> bool:
    """Whether this machine can do it."""
    return any(finding.tier is tier and finding.works for finding in _findings)


def strongest() -> Tier:
    """The best tier that works here."""
    return next(finding.tier for finding in _findings if finding.works)


def _parameter(place: int) -> object:
    finding = _findings[place]
    reason = f"{finding.tier.name} does not work here: {finding.reason}. Do: {finding.remedy}"
    return pytest.param(
        finding.tier,
        id=finding.tier.name,
        marks=pytest.mark.skipif(not finding.works, reason=reason),
    )


sealed_tiers = pytest.mark.parametrize("tier", [_parameter(0), _parameter(1)])
"""Run a test at T2 and at T1, or skip it saying what is missing."""
