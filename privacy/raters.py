"""
The raters this version knows, and how far their labels can be trusted.

Both sides need the list and may not import each other: the compiler writes a rater into the
plan, the classify worker refuses a plan whose rater it is not.  An entry is a family: name,
version and fidelity are this version's; model, endpoint and roots are the plan's, within what the
policy allows, and empty for a rater that asks nobody; the view is the study's choice.
"""

from collections.abc import Mapping
from dataclasses import replace

from .plan import Rater

OFFLINE = Rater(name="offline", version="2", fidelity="low", model="", endpoint="", roots="")
"""Rules over structure and wording; nothing leaves the machine."""

CLAUDE = Rater(name="claude", version="2", fidelity="low", model="", endpoint="", roots="")
"""A Claude model by the Messages API: text leaves the worker, encrypted, for its endpoint.

Fidelity is low until a model was held against labels of people.
"""

RATERS: Mapping[str, Rater] = {rater.name: rater for rater in (OFFLINE, CLAUDE)}
_ASKING = frozenset({CLAUDE.name})


def asks(name: str) -> bool:
    """Whether a rater sends text to an endpoint."""
    return name in _ASKING


def is_known(rater: Rater) -> bool:
    """
    Whether a plan's rater is of a family of this version, and says whom it asks if it does.

    Whether it may ask that endpoint is the policy's business.
    """
    fixed = replace(rater, model="", endpoint="", roots="", view="full")
    told = [bool(part) for part in (rater.model, rater.endpoint, rater.roots)]
    return fixed == RATERS.get(rater.name) and told == [asks(rater.name)] * len(told)
