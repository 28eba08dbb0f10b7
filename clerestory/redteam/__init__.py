"""
Sessions that attack their rater, each with a clean twin that differs in the hostile text alone.

A rater that reads people's words can be told things by them.  What that comes to is measured here
and not argued: the same session twice, once with an instruction in one place of it, once with
as many harmless characters there; a label that differs is a flip.
"""

from .attacks import GOALS, LANGUAGES, Attack
from .measuring import Flips, measure, taken
from .obeying import Obedient, obey
from .pairs import Pair, pairs
from .places import JUDGED, PLACES

__all__ = [
    "GOALS",
    "JUDGED",
    "LANGUAGES",
    "PLACES",
    "Attack",
    "Flips",
    "Obedient",
    "Pair",
    "measure",
    "obey",
    "pairs",
    "taken",
]
