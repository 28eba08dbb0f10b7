"""
Which rules stood behind a label: codes from a closed list, for validation alone.

A code is a name of this folder's, never a word of a session; still, all of them together say
more about a session than its labels do.  The rater returns labels only and does not import
this module: no record, table, plan or log can hold a code, for there is no way to one.
"""

from collections.abc import Mapping

from privacy.codebook import UNCLEAR

from . import people, results, work
from .evidence import Evidence

CODES: Mapping[str, tuple[str, ...]] = {
    "work_mode": tuple(source.upper() for source in work.SOURCES),
    "codebase": ("CHANGED_CODE", "CHANGED_TEXT", "EDITED", "COMMITTED", "RAN_COMMANDS"),
    "planning_by_user": ("HANDED", "SAID", "STEERED", "ACTED"),
    "execution_by_user": ("HANDED", "SAID", "STEERED", "ACTED"),
    "expertise": tuple(name.upper() for name in people.WEIGHTS),
    "outcome": (*results.SUCCESS_SIGNS, *results.FAILURE_SIGNS),
    "success_signal": results.SUCCESS_SIGNS,
    "failure_signal": results.FAILURE_SIGNS,
    "task_value": ("LINES", "ACTIONS", "FILES", "PROSE"),
}
"""Instrument → all of its codes.  Occupations are told by sums over words of their trade."""


def codes_of(seen: Evidence) -> Mapping[str, tuple[str, ...]]:
    """Instrument → codes of the rules that its label rests on; an abstention rests on none."""
    success, failure = results.success_signs(seen), results.failure_signs(seen)
    decided = _there(
        HANDED=seen.handed,
        SAID=people.substantive(seen),
        STEERED=seen.rejections + seen.approvals + seen.offered,
        ACTED=seen.actions,
    )
    return {
        "work_mode": _sources(seen),
        "codebase": _there(
            CHANGED_CODE=seen.volume.get("code"),
            CHANGED_TEXT=seen.lines and not seen.volume.get("code"),
            EDITED=seen.kinds.get("edit"),
            COMMITTED=seen.commits,
            RAN_COMMANDS=seen.commands,
        ),
        "planning_by_user": decided,
        "execution_by_user": decided,
        "expertise": _there(**{name.upper(): n for name, n in people.signals(seen).items()})
        if people.expertise(seen) != UNCLEAR
        else (),
        "outcome": tuple(dict.fromkeys((*success, *failure))),
        "success_signal": success,
        "failure_signal": failure,
        "task_value": _there(
            LINES=seen.lines, ACTIONS=seen.actions, FILES=seen.files, PROSE=not seen.lines
        ),
    }


def _there(**signs: object) -> tuple[str, ...]:
    return tuple(code for code, there in signs.items() if there)


def _sources(seen: Evidence) -> tuple[str, ...]:
    """The sources that spoke for the mode."""
    mode, points = work.work_mode(seen), work.mode_points(seen)
    if mode == UNCLEAR:
        return ()
    return tuple(source.upper() for source in work.SOURCES if points[source].get(mode, 0) > 0)
