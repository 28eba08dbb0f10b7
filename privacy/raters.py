"""
The raters this version knows, and how far their labels can be trusted.

Both sides need the list and may not import each other: the compiler writes a rater into the
plan, the classify worker refuses a plan whose rater it is not.  An entry is a family: name,
version and fidelity are this version's; model, endpoint and roots are the plan's, within what the
policy allows, and empty for a rater that asks nobody; the view is the study's choice, and so is
how a model is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .endpoint import in_clear
from .views import ViewName

Mode = Literal["combined", "separate"]
"""One call for all questions that may share one, or a call for each."""
Answers = Literal["schema", "tool", "words"]
"""How the form of an answer is asked for: a schema that the server enforces, a tool that the model
is made to use, or in words.  An answer is held to it in any case."""


@dataclass(frozen=True, slots=True)
class Rater:
    """Who labels, and how far the labels can be trusted."""

    name: str
    version: str
    fidelity: Literal["low", "validated"]
    model: str
    """Model asked for; empty without one."""
    endpoint: str
    """Where text is sent, as `privacy.endpoint` reads it; empty means nowhere."""
    roots: str
    """PEM text of the roots that the endpoint's certificate must lead to; empty without TLS."""
    view: ViewName = "full"
    """What it is shown of a session."""
    mode: Mode = "combined"
    batches: bool = False
    """Whether sessions are sent as Message Batches, which the provider keeps longer."""
    answers: Answers = "schema"


OFFLINE = Rater(name="offline", version="2", fidelity="low", model="", endpoint="", roots="")
"""Rules over structure and wording; nothing leaves the machine."""

CLAUDE = Rater(name="claude", version="3", fidelity="low", model="", endpoint="", roots="")
"""A Claude model by the Messages API: text leaves the worker, encrypted, for its endpoint.

Fidelity is low until a model was held against labels of people.
"""

RATERS: Mapping[str, Rater] = {rater.name: rater for rater in (OFFLINE, CLAUDE)}
_ASKING = frozenset({CLAUDE.name})


STUB = "stub-"
"""How the names of models begin whose answers are made up: of the development server in clear."""
_ELSEWHERE = (":cloud", "-cloud")
"""How Ollama tags models that it does not run, but asks its own provider for."""


def is_made_up(model: str) -> bool:
    """Whether a model is none, by its name."""
    return model.startswith(STUB)


def is_elsewhere(model: str) -> bool:
    """Whether a model's name says that a local server would send text on."""
    return model.endswith(_ELSEWHERE)


def asks(name: str) -> bool:
    """Whether a rater sends text to an endpoint."""
    return name in _ASKING


def is_known(rater: Rater) -> bool:
    """
    Whether a plan's rater is of a family of this version, and says whom it asks if it does.

    Whether it may ask that endpoint is the policy's business.
    """
    fixed = replace(rater, model="", endpoint="", roots="", view="full")
    if asks(rater.name):
        fixed = replace(fixed, mode="combined", batches=False, answers="schema")
    asking = asks(rater.name)
    told = [bool(part) for part in (rater.model, rater.endpoint, rater.roots)]
    needed = [asking, asking, asking and not in_clear(rater.endpoint)]
    return fixed == RATERS.get(rater.name) and told == needed
