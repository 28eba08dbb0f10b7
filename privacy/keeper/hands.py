"""
How many workers label at once: as many as the machine, or as the server that they ask, is good for.

Workers that only reckon are as many as processors.  Workers that ask a model wait for it, so more
of them are faster until the server says that it is enough; each says so in the closing behind its
records, as one `Pace` of four.  It is TCP's rule [1]: one more for each batch that went well, until
the first that was slowed down; then half as many, and from there one more in a round.  Batches that
began before a cut say nothing about what came after it.

A worker that lies about its pace moves a number between one and `most`, and nothing else.

[1] Jacobson 1988, Congestion avoidance and control.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from privacy.closing import Pace

ASKING_HANDS = 4
"""Workers at once where a model is asked and nothing is known of it yet."""
MOST_ASKING_HANDS = 32
"""Each of them has one connection; the broker relays twice as many (`classifiers.broker`)."""


@dataclass(slots=True, eq=False)
class Turn:
    """One batch's."""

    cuts: int
    """How often hands had been halved when it began."""
    pace: Pace = Pace.UNKNOWN
    """What its worker said; set by whoever heard it."""


class Hands:
    """
    A number of turns at once, for several threads.

    Args:
        first: How many, as long as nobody says anything.
        most: How many there ever are.
    """

    def __init__(self, first: int, most: int | None = None) -> None:
        self.first, self.most = first, most or first
        self._allowed, self._credit = first, 0.0
        self._busy, self._cuts = 0, 0
        self._changed = Condition()

    @property
    def allowed(self) -> int:
        """How many may be at work now."""
        return self._allowed

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait for a turn, and have it until the block ends; then follow what was said in it."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy < self._allowed)
            self._busy += 1
            turn = Turn(self._cuts)
        try:
            yield turn
        finally:
            with self._changed:
                self._busy -= 1
                if turn.cuts == self._cuts:
                    self._follow(turn.pace)
                self._changed.notify_all()

    def _follow(self, pace: Pace) -> None:
        if pace is Pace.SLOWER:
            self._allowed, self._credit = max(1, self._allowed // 2), 0.0
            self._cuts += 1
        elif pace is Pace.FASTER and self._allowed < self.most:
            self._credit += 1 / self._allowed if self._cuts else 1
            if self._credit >= 1:
                self._allowed, self._credit = self._allowed + 1, 0.0
