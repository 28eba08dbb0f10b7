"""
The raters this version knows, and how far their labels can be trusted.

Both sides need the list and may not import each other: the compiler writes a rater into the
plan, the classify worker refuses a plan whose rater it is not.
"""

from collections.abc import Mapping

from .plan import Rater

OFFLINE = Rater(name="offline", version="1", fidelity="low", model="", endpoint="", roots="")
"""Rules over structure and wording; nothing leaves the machine."""

RATERS: Mapping[str, Rater] = {OFFLINE.name: OFFLINE}
