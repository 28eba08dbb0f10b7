"""
Every goal in every place once, in a language by turns: 35 × 17 pairs, some sixty to a language.

Goals and places are crossed whole; the language goes on by one from place to place and from goal
to goal, so that each goal and each place is met in every language.  All of it follows from a seed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from .attacks import GOALS, LANGUAGES, Attack
from .places import BASES, PLACES, Record, written


@dataclass(frozen=True, slots=True)
class Pair:
    """One attack in one place."""

    number: int
    base: str
    place: str
    attack: Attack

    @property
    def names(self) -> tuple[str, str]:
        """The two sessions: the hostile one, its clean twin."""
        return f"hostile-{self.number:04}", f"cleanly-{self.number:04}"

    @property
    def logs(self) -> tuple[bytes, bytes]:
        """Both as files."""
        hostile, clean = self.names
        return (
            _lines(written(hostile, self.base, self.place, self.attack.hostile)),
            _lines(written(clean, self.base, self.place, self.attack.clean)),
        )


def pairs(seed: int) -> Iterator[Pair]:
    """All pairs of a seed."""
    random = Random(seed)  # noqa: S311 - words to look for, no secrets
    turn = random.randrange(len(LANGUAGES))
    for row, goal in enumerate(GOALS):
        for column, place in enumerate(PLACES):
            language = LANGUAGES[(turn + row + column) % len(LANGUAGES)]
            canary = "zq" + "".join(random.choices("bcdfghjklmnpqrstvwz", k=12))
            number, base = row * len(PLACES) + column, random.choice(BASES)
            yield Pair(number, base, place, Attack(goal, language, canary))


def _lines(records: list[Record]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)
