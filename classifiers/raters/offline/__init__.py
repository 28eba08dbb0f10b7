"""
A rater of hand-written rules over structure and wording: no model, no network, no learning.

It is for demonstrations, tests and places that may not send text anywhere.  Its fidelity is
`low` and stands in every release that it labelled: it reads surfaces, so its mistakes follow
style and domain.  Every label follows from tables in this folder and can be explained by them;
where they say nothing it abstains with `unclear`.
"""

from collections.abc import Mapping
from typing import Literal

from classifiers.rendering import View
from classifiers.sessions import Session
from privacy.codebook import UNCLEAR

from . import people, results, work
from .evidence import Evidence, gather


class OfflineRater:
    """Rules as a rater; of what the view shows it reads the events, not the text cut to size."""

    name = "offline"
    version = "2"
    fidelity: Literal["low", "validated"] = "low"

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """A label for each of the eleven instruments."""
        seen = gather(session)
        labels = judge(seen)
        if view.name == "tail" and not seen.requests:
            labels["outcome"] = UNCLEAR  # there was a goal, for all one knows
        return labels


def judge(seen: Evidence) -> dict[str, str]:
    """Labels from evidence."""
    return {
        "work_mode": work.work_mode(seen),
        "codebase": work.codebase(seen),
        "planning_by_user": people.planning_by_user(seen),
        "execution_by_user": people.execution_by_user(seen),
        "expertise": people.expertise(seen),
        "occupation": people.occupation(seen),
        "task_occupation": people.task_occupation(seen),
        "outcome": results.outcome(seen),
        "success_signal": results.success_signal(seen),
        "failure_signal": results.failure_signal(seen),
        "task_value": work.task_value(seen),
    }
