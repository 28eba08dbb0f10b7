"""
Say which isolation holds on this machine, by trying to break out of it.

The same battery runs in a sealed worker and in a plain child: what is blocked inside must be
open outside, or it shows nothing.
"""

from pathlib import Path
from typing import Any

from privacy.sandbox.battery import battery
from privacy.sandbox.limits import may_lock_memory
from privacy.sandbox.manifest import collect
from privacy.sandbox.remedies import LOCK_MEMORY
from privacy.sandbox.tiers import Tier, survey

MEANING = {
    Tier.T2: "namespaces and self-seal: workers run at full isolation.",
    Tier.T1: "self-seal alone: workers run, under a floor of T1 or T0.",
    Tier.T0: "no isolation: workers run on synthetic data, or under a floor that allows it.",
}
_SWAPS = Path("/proc/swaps")


def examine() -> dict[str, Any]:
    """
    Try every tier, and the battery at the best one.

    Returns:
        `tier`, `meaning`, `tiers` (tier, works, reason, remedy), `probes` (name, sealed, plain),
        `remedies` for what fails here.
    """
    findings = survey()
    best = next(finding.tier for finding in findings if finding.works)
    code = collect(("privacy",), ("cryptography", "cffi", "rfc8785"))
    remedies = [
        f"{finding.tier.name} does not work here ({finding.reason}): {finding.remedy}"
        for finding in findings
        if not finding.works
    ]
    if may_be_swapped():
        remedies.append(LOCK_MEMORY)
    return {
        "tier": best.name,
        "meaning": MEANING[best],
        "tiers": [
            {
                "tier": finding.tier.name,
                "works": finding.works,
                "reason": finding.reason,
                "remedy": finding.remedy,
            }
            for finding in findings
        ],
        "probes": battery(best, code),
        "remedies": remedies,
    }


def may_be_swapped() -> bool:
    """Whether a worker's memory could reach a disk: there is swap, and a limit on locking."""
    try:
        lines = _SWAPS.read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    return len(lines) > 1 and not may_lock_memory()  # the first is a heading


def table(told: dict[str, Any]) -> str:
    """What `examine` found, for people: tiers, then attempts, then what to do."""
    width = max(len(probe["name"]) for probe in told["probes"])
    lines = [f"{'tier':<{width}}  works here"]
    for row in told["tiers"]:
        answer = "yes" if row["works"] else f"no: {row['reason']}"
        lines.append(f"{row['tier'] + ' ' + Tier[row['tier']].value:<{width}}  {answer}")
    lines += ["", f"{'attempt':<{width}}  in a worker  outside"]
    lines += [f"{p['name']:<{width}}  {p['sealed']:<11}  {p['plain']}" for p in told["probes"]]
    lines += ["", f"tier {told['tier']}: {told['meaning']}"]
    lines += [f"to do: {remedy}" for remedy in told["remedies"]]
    return "\n".join(lines)
