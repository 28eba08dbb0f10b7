"""
Raters: who reads a session and answers with labels of the codebook.

A rater says how far it can be trusted (`fidelity`), and abstains with `unclear` rather than
guess.  It returns labels only: no sentence of its own, no confidence, no text.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from classifiers.rendering import View
from classifiers.sessions import Session
from privacy.plan import Rater as Named


class Rater(Protocol):
    """What the classify worker asks for labels."""

    name: str
    version: str
    fidelity: Literal["low", "validated"]

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Instrument → label.  An instrument that is left out is `unclear`."""
        ...


def rater_of(named: Named) -> Rater:
    """
    The rater that a plan names.

    Raises:
        KeyError: This installation has no such rater, or another version of it.
    """
    from .offline import OfflineRater

    rater = OfflineRater()
    if (named.name, named.version, named.fidelity) != (rater.name, rater.version, rater.fidelity):
        raise KeyError("a rater that this installation does not have")
    return rater
