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
    from privacy.keeper.verbs import books, corpus, keys, people, plans, runs

    parts = (people, plans, runs, books, corpus, keys)
    return {name: verb for part in parts for name, verb in part.VERBS.items()}
