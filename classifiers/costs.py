"""
What labelling will take: calls, tokens, dollars, hours, from a rater's own limits and from no data.

A session is cut to a size before a rater sees it, an answer has a longest length, and there are
two calls for it at most; so there is a bound for each session, whatever it holds.  A token stands
for at least a byte; of English and code it stands for three to four characters, by rule of thumb,
and three are taken unless the endpoint was asked: tokenizers differ, and only the bound holds for
all of them.  What is *usual* is a session that fills what a rater is shown, in one part, answered
in form at once, by a provider that keeps the questions, which are the same for every session.
*At most* is a session in as many parts as there can be, each in bytes that are tokens, asked twice,
and nothing kept; by batches, twice in a batch, each answer asked for again at once and at the full
price, and then by itself.  What a provider adds of its own is in the second alone.  What a crash
takes with it is in neither: it is asked again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from classifiers.chunks import CHUNK_BYTES, MOST_CHUNKS
from classifiers.raters.claude.prompt import (
    AGAIN,
    ATTEMPTS,
    MOST_TOKENS,
    fenced,
    questions,
    rubric,
    schema,
)
from classifiers.rendering import SESSION_MOST, TURN_KEPT
from classifiers.views import TAIL_KEPT
from privacy.codebook import codebook
from privacy.plan import Rater
from privacy.prices import Limits
from privacy.raters import asks
from privacy.spending import Prices, Tokens
from privacy.tickets import MOST_TRIES
from privacy.views import ViewName

CHARACTERS_PER_TOKEN = 3.0
"""Of English text and code, by rule of thumb."""
CHARACTERS_PER_TOKEN_WRITTEN = 2.0
"""Of an answer in codes, which is mostly signs."""
SESSION_BYTES = 4 * SESSION_MOST
"""Four bytes are the most that UTF-8 takes for a character."""
ADDED_TOKENS = 4_096
"""Most that a provider adds to a prompt of its own: for the form, for a tool, for its template."""
BATCH_HOURS = 24
"""In which a message batch is answered, or expires."""
USUALLY_MOST: Mapping[ViewName, int] = {
    "full": SESSION_MOST,
    "whole": CHUNK_BYTES,
    "first_turn": TURN_KEPT,
    "tail": TAIL_KEPT,
}
"""Characters that fill a view; of the whole, one part.  Speakers' marks may make more of a part of
a session; `SESSION_MOST` is the most of any."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one call for a session takes, in tokens."""

    kept: int
    """Read; the same for every session, so that the provider may keep it."""
    fresh: int
    """Read; the session's own."""
    written: int
    most: int
    """Read, whatever the text: bytes, and what a provider adds."""

    def usual(self, prices: Prices, minimum: int, *, batched: bool) -> int:
        """Microdollars; what is shorter than `minimum`, or comes in a batch, is not kept."""
        kept = self.kept if self.kept >= minimum and not batched else 0
        read = self.kept - kept + self.fresh
        used = Tokens(read=read, written=self.written, cache_read=kept)
        return prices.of(used, batched=batched)


@dataclass(frozen=True, slots=True)
class Cost:
    """What all sessions together take of a model."""

    sessions: int
    asked: tuple[Call, ...]
    """The calls for each."""
    longest: int
    """Tokens of the longest answer."""
    tries: int
    """Calls for one answer at most, in all parts that a session can have."""
    batched: bool = False
    batch_tries: int = 0
    """Of the tries, those that are part of a batch, at its price."""

    @property
    def calls(self) -> int:
        """One for each session, and for each question that is asked apart."""
        return self.sessions * len(self.asked)

    @property
    def tokens_in(self) -> int:
        """Usually read."""
        return self.sessions * sum(call.kept + call.fresh for call in self.asked)

    @property
    def tokens_kept(self) -> int:
        """Of these, what is the same for every session."""
        return self.sessions * sum(call.kept for call in self.asked)

    @property
    def tokens_out(self) -> int:
        """Usually written."""
        return self.sessions * sum(call.written for call in self.asked)

    @property
    def calls_most(self) -> int:
        """If no first answer is in form, and every session has all the parts it can have."""
        return self.calls * self.tries

    @property
    def tokens_in_most(self) -> int:
        """Whatever the text, in all those calls."""
        return self.sessions * self.tries * sum(call.most for call in self.asked)

    @property
    def tokens_out_most(self) -> int:
        """At the longest answers."""
        return self.calls_most * self.longest

    def dollars(self, prices: Prices, minimum: int = 0) -> tuple[float, float]:
        """
        Dollars, usually and at most, rounded up to a cent.

        Args:
            prices: The model's.
            minimum: Tokens of a prompt's beginning below which it is not kept.
        """
        of, batched = self.sessions, self.batched
        usual = sum(call.usual(prices, minimum, batched=batched) for call in self.asked)
        most = sum(
            tries * prices.worst(call.most, self.longest, batched=apart)
            for call in self.asked
            for apart, tries in ((True, self.batch_tries), (False, self.tries - self.batch_tries))
        )
        return _cents(of * usual), _cents(of * most)

    def hours(self, limits: Limits, queue: int = 0) -> tuple[float, str] | None:
        """
        Hours that the provider's limits leave it at, and which one binds; None if none is known.

        Args:
            limits: Of one minute.
            queue: Requests in message batches that wait at once.
        """
        if self.batched:
            return (BATCH_HOURS * ceil(self.calls / queue), "batches") if queue else None
        bounds = [
            (amount / most / 60, name)
            for amount, most, name in (
                (self.calls, limits.requests, "requests"),
                (self.tokens_in, limits.tokens, "tokens"),
            )
            if most
        ]
        return max(bounds, default=None)


def cost_of(
    rater: Rater, sessions: int, characters_per_token: float = CHARACTERS_PER_TOKEN
) -> Cost:
    """
    What a rater takes for so many sessions; nothing where it asks nobody.

    Args:
        rater: The plan's.
        sessions: How many are expected.
        characters_per_token: As the endpoint counts them, where it was asked.
    """
    if not asks(rater.name):
        return Cost(sessions, (), 0, 0)

    whole = rater.view == "whole"
    parts, shown = (MOST_CHUNKS, CHUNK_BYTES) if whole else (1, SESSION_BYTES)
    fresh = len(fenced("")) + USUALLY_MOST[rater.view]
    beside = len((fenced("", parts, parts) + AGAIN).encode()) + shown + ADDED_TOKENS
    calls = []
    for call in questions(codebook(), rater.mode, rater.view):
        asked = rubric(call, rater.view) + json.dumps(schema(call))
        answer = json.dumps({one.name: one.codes[0] for one in call.instruments})
        calls.append(
            Call(
                kept=ceil(len(asked) / characters_per_token),
                fresh=ceil(fresh / characters_per_token),
                written=ceil(len(answer) / CHARACTERS_PER_TOKEN_WRITTEN),
                most=len(asked.encode()) + beside,
            )
        )
    tries = MOST_TRIES if rater.batches else 0
    every = parts * ATTEMPTS * (tries + 1)
    return Cost(sessions, (*calls,), MOST_TOKENS, every, rater.batches, parts * tries)


def _cents(microdollars: int) -> float:
    return -(-microdollars // 10_000) / 100
