"""
What the keeper can be asked, a module for each part of its work.

Every verb takes the desk and plain JSON, and gives plain JSON.
"""

from collections.abc import Callable, Mapping
from typing import Any

from privacy.keeper.desk import Desk, Request
from privacy.keeper.workshop import Progress

Answer = dict[str, Any]
Verb = Callable[[Desk, Request, Progress], Answer]


def all_verbs() -> Mapping[str, Verb]:
    """Name → what answers it."""
    from privacy.keeper.verbs import books, corpus, people, plans, runs

    return {**people.VERBS, **plans.VERBS, **runs.VERBS, **books.VERBS, **corpus.VERBS}
