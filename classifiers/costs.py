"""
What labelling will take: calls, tokens, dollars, from a rater's own limits and from no session.

A session is cut to a size before a rater sees it, an answer has a longest length, and there are
two calls for it at most; so there is a bound for each session, whatever it holds.  A token stands
for at least a byte; of English and code it stands for three to four characters, by rule of thumb,
and three are taken here: tokenizers differ, and only the bound holds for all of them.  What a
provider adds of its own is not counted, nor taken off for prompts that it keeps.  Prices are the
researcher's to state: they change, and a plan does not look them up.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from classifiers.rendering import SESSION_MOST, TURN_KEPT
from classifiers.views import TAIL_KEPT
from privacy.codebook import codebook
from privacy.plan import Rater
from privacy.raters import asks
from privacy.views import ViewName

CHARACTERS_PER_TOKEN = 3
"""Of English text and code, by rule of thumb."""
BYTES_PER_CHARACTER = 4
"""Most that UTF-8 takes."""
USUALLY_MOST: Mapping[ViewName, int] = {
    "full": SESSION_MOST,
    "first_turn": TURN_KEPT,
    "tail": TAIL_KEPT,
}
"""Characters that fill a view.  Speakers' marks may make more of a part; `SESSION_MOST` is the most
of any."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What all sessions together take of a model."""

    calls: int
    """One for each session."""
    tokens_in: int
    """Read, if each session fills what a rater is shown of it with English text."""
    tokens_out: int
    """Written, at the longest answer."""
    calls_most: int
    """If no first answer is in form."""
    tokens_in_most: int
    """Whatever the text, in all those calls."""
    tokens_out_most: int


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars for a million tokens."""

    read: float
    written: float

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Dollars for some tokens, rounded up to a cent."""
        return ceil((tokens_in * self.read + tokens_out * self.written) / 1e4 - 1e-9) / 100


def cost_of(rater: Rater, sessions: int) -> Cost:
    """
    What a rater takes for so many sessions; nothing where it asks nobody.

    Args:
        rater: The plan's.
        sessions: How many are expected.
    """
    if not asks(rater.name):
        return Cost(0, 0, 0, 0, 0, 0)
    from .raters.claude import ATTEMPTS, MOST_TOKENS  # late: the SDK takes seconds
    from .raters.claude.prompt import AGAIN, fenced, rubric, schema

    asked = rubric(codebook(), rater.view) + fenced("") + json.dumps(schema(codebook()))
    characters, largest = len(asked) + USUALLY_MOST[rater.view], len(asked.encode())
    whole = largest + len(AGAIN.encode()) + BYTES_PER_CHARACTER * SESSION_MOST
    return Cost(
        calls=sessions,
        tokens_in=sessions * ceil(characters / CHARACTERS_PER_TOKEN),
        tokens_out=sessions * MOST_TOKENS,
        calls_most=sessions * ATTEMPTS,
        tokens_in_most=sessions * ATTEMPTS * whole,
        tokens_out_most=sessions * ATTEMPTS * MOST_TOKENS,
    )
