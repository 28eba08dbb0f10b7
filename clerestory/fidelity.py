"""
What is known of a rater's mistakes, as a report quotes it: figures, and whose labels they are of.

The figures lie in one file that a benchmark writes (`./run bench offline write`); where the
reference labels are at hand, a test reckons them again.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from privacy.plan import Rater

FIDELITY = Path(__file__).with_name("fidelity.json")
QUOTED = ("work_mode", "success_signal", "failure_signal")
"""Instruments whose agreement is quoted; the file holds all."""


@cache
def figures() -> dict[str, Any]:
    """The file as it is."""
    found: dict[str, Any] = json.loads(FIDELITY.read_text(encoding="utf-8"))
    return found


def quoted(rater: Rater) -> str | None:
    """
    How a rater agreed with reference labels, as sentences.

    Args:
        rater: The plan's.

    Returns:
        None if this version of the software knows no figures of that rater in that version.
    """
    told = figures()
    if (rater.name, rater.version) != (told["rater"], told["version"]):
        return None
    rows = {row["instrument"]: row for row in told["instruments"]}
    each = "; ".join(f"{name.replace('_', ' ')} {_kappa(rows[name])}" for name in QUOTED)
    return (
        f"On {told['sessions']} sessions of {told['repositories']} repositories it agreed with "
        f"reference labels as follows (Cohen's κ, 1 is always, 0 no better than chance; signals "
        f"weighted by squared distance; 95 % intervals): {each}. With weights chosen without the "
        f"repository that was labelled: work mode {_kappa(told['left_out'])}. Those labels were "
        f"no person's: they are {told['whose']}."
    )


def _kappa(row: dict[str, Any]) -> str:
    return f"{row['kappa']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
