"""
The closing: three bytes behind the records of a worker that asks a model.

Promise: each byte has few values and every other one is refused, so that what a worker can say
beside its records is bounded by `CLOSING_BITS` for a batch, whoever has taken it over.  One byte
is why it had to stop, if it had to (`halts`); one is what it spent, as a class of its allowance
(`spending`); one is advice how fast to go on.  None of them says anything about one session; the
second follows from how long the sessions are, so it stays with the keeper.

The closing is always there, halted or not, and of one width: its length says nothing.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import log2

from .errors import RefusedError
from .halts import Halt
from .spending import CLASSES

CLOSING_BYTES = 3


class Pace(IntEnum):
    """What a worker read from the server's rate limits, for whoever gives out the next batch."""

    UNKNOWN = 0
    FASTER = 1
    STEADY = 2
    SLOWER = 3


CLOSING_BITS = log2((1 + len(Halt)) * (1 + CLASSES) * len(Pace))
"""Most that the closings of a batch can say, in bits."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What a worker says of a batch beside its records."""

    halt: Halt | None = None
    """Why it stopped before the last session; None if it did not."""
    spent: int = 0
    """Class of what it spent of its allowance."""
    pace: Pace = Pace.UNKNOWN

    def encode(self) -> bytes:
        """The closing's bytes, always `CLOSING_BYTES` of them."""
        return bytes([self.halt or 0, self.spent, self.pace])

    @classmethod
    def decode(cls, data: bytes) -> "Closing":
        """
        Pass bytes through the gate.

        Raises:
            RefusedError: They are no closing.
        """
        if len(data) == CLOSING_BYTES:
            halt, spent, pace = data
            if halt in {0, *Halt} and spent <= CLASSES and pace in set(Pace):
                return cls(Halt(halt) if halt else None, spent, Pace(pace))
        raise RefusedError(
            "LABEL_GATE",
            rule="Behind its records a worker says why it stopped, what it spent and how fast "
            "to go on, each as one of few values.",
            found="something else.",
            remedy="treat the classify worker as compromised: keep its answers out.",
        )
