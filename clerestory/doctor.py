"""
Say which isolation holds on this machine, by trying to break out of it.

The same battery runs in a sealed worker and in a plain child: what is blocked inside must be
open outside, or it shows nothing.
"""

from typing import Any

from privacy.sandbox.battery import battery
from privacy.sandbox.manifest import collect
from privacy.sandbox.tiers import Tier, survey

MEANING = {
    Tier.T2: "namespaces and self-seal: workers run at full isolation.",
    Tier.T1: "self-seal alone: workers run, under a floor of T1 or T0.",
    Tier.T0: "no isolation: workers run on synthetic data, or under a floor that allows it.",
}


def examine() -> dict[str, Any]:
    """
    Try every tier, and the battery at the best one.

    Returns:
        `tier`, `meaning`, `probes` (name, sealed, plain), `remedies` for tiers that fail here.
    """
    findings = survey()
    best = next(finding.tier for finding in findings if finding.works)
    code = collect(("privacy",), ("cryptography", "cffi", "rfc8785"))
    return {
        "tier": best.name,
        "meaning": MEANING[best],
        "probes": battery(best, code),
        "remedies": [
            f"{finding.tier.name} does not work here ({finding.reason}): {finding.remedy}"
            for finding in findings
            if not finding.works
        ],
    }
