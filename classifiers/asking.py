"""
What a worker that asks a model is given before its sessions, and what it says after its records.

First come the key for the endpoint and, where the plan has prices, what this batch may cost; last
goes the closing (`privacy.closing`).  A worker that asks nobody is given neither and says nothing
but its records.
"""

from typing import Protocol

from privacy.closing import Closing
from privacy.halts import Halt
from privacy.plan import Plan
from privacy.sandbox.control import inherited
from privacy.spending import ALLOWANCE_BYTES

from .raters import AskingRater, Rater

LARGEST_SECRET = 4096
"""bytes: the key for a model's endpoint."""


class Channel(Protocol):
    """The worker's end of the pipe."""

    def receive(self, limit: int) -> bytes:
        """Wait for one frame of at most so many bytes."""
        ...

    def send(self, frame: bytes) -> None:
        """Send one frame."""
        ...


def unlock(rater: Rater, plan: Plan, channel: Channel) -> None:
    """
    Take what a rater needs before it can ask.

    Raises:
        Halted: There is no key, or none that can be sent.
    """
    if not isinstance(rater, AskingRater):
        return
    secret = channel.receive(LARGEST_SECRET)
    allowance = channel.receive(ALLOWANCE_BYTES) if plan.spending else b""
    rater.meter.begin(plan.spending, int.from_bytes(allowance))
    rater.unlock(secret, inherited())


def closing(rater: Rater, halt: Halt | None) -> bytes:
    """What goes behind the records."""
    if not isinstance(rater, AskingRater):
        return b""
    return Closing(halt, rater.meter.spent_class, rater.pace).encode()
