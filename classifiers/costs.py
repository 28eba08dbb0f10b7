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

from classifiers.chunks import CHUNK_BYTES, MOST_CHUNKS
from classifiers.rendering import SESSION_MOST, TURN_KEPT
from classifiers.views import TAIL_KEPT
from privacy.codebook import codebook
from privacy.plan import Rater
from privacy.raters import asks
from privacy.views import ViewName

CHARACTERS_PER_TOKEN = 3
"""Of English text and code, by rule of thumb."""
SESSION_BYTES = 4 * SESSION_MOST
"""Four bytes are the most that UTF-8 takes for a character."""
USUALLY_MOST: Mapping[ViewName, int] = {
    "full": SESSION_MOST,
    "whole": CHUNK_BYTES,
    "first_turn": TURN_KEPT,
    "tail": TAIL_KEPT,
}
"""Characters that fill a view.  Speakers' marks may make more of a part; `SESSION_MOST` is the most
of any."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What all sessions together take of a model."""

    calls: int
    """One for each session and question that is asked apart."""
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
    from .raters.claude.prompt import AGAIN, fenced, questions, rubric, schema

    calls = [
        rubric(call, rater.view) + fenced("") + json.dumps(schema(call))
        for call in questions(codebook(), rater.mode, rater.view)
    ]
    parts, shown = (MOST_CHUNKS, CHUNK_BYTES) if rater.view == "whole" else (1, SESSION_BYTES)
    usual = sum(ceil((len(c) + USUALLY_MOST[rater.view]) / CHARACTERS_PER_TOKEN) for c in calls)
    most = sum(len(call.encode()) + len(AGAIN.encode()) + shown for call in calls)
    once, often = sessions * len(calls), sessions * len(calls) * parts * ATTEMPTS
    return Cost(
        calls=once,
        tokens_in=sessions * usual,
        tokens_out=once * MOST_TOKENS,
        calls_most=often,
        tokens_in_most=sessions * parts * ATTEMPTS * most,
        tokens_out_most=often * MOST_TOKENS,
    )
