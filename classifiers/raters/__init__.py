"""
Raters: who reads a session and answers with labels of the codebook.

A rater says how far it can be trusted (`fidelity`), and abstains with `unclear` rather than
guess.  It returns labels only: no sentence of its own, no confidence, no text.
"""

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from classifiers.rendering import View
from classifiers.sessions import Session
from privacy.closing import Pace
from privacy.halts import Halt
from privacy.plan import Rater as Named
from privacy.raters import asks, is_known
from privacy.tickets import Ticket

if TYPE_CHECKING:
    from .meter import Meter


class Rater(Protocol):
    """What the classify worker asks for labels."""

    name: str
    version: str
    fidelity: Literal["low", "validated"]

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """Instrument → label.  An instrument that is left out is `unclear`."""
        ...


@runtime_checkable
class AskingRater(Rater, Protocol):
    """A rater that asks somebody elsewhere, once it is sealed and has been given a key."""

    meter: "Meter"
    """What it has cost."""
    pace: Pace
    """What the server's rate limits advise, as far as it knows."""

    def unlock(self, key: bytes, control: socket.socket | None) -> None:
        """Take the key, and the socket on which connections are asked for."""
        ...


class Batches(Protocol):
    """What a rater asks through that may send its questions together, to be answered later."""

    def plain(self) -> None:
        """From now on, ask and wait."""
        ...

    def write(self) -> None:
        """From now on, write questions down instead of asking."""
        ...

    def turn(self, session: str) -> None:
        """From now on, questions are about the sealed session of this digest."""
        ...

    def send(self) -> tuple[Ticket, Halt | None]:
        """Send what was written; why it was not all of it, if it was not."""
        ...

    def read(self, ticket: Ticket) -> None:
        """From now on, answer questions from what became of those that were sent."""
        ...

    def drop(self, ticket: Ticket) -> None:
        """Have what was sent, and the answers, deleted."""
        ...


@runtime_checkable
class BatchingRater(AskingRater, Protocol):
    """A rater that asks through `Batches`."""

    batches: Batches


class Unrated(Exception):  # noqa: N818 - an outcome, not a fault
    """
    A session that a rater was shown and gave no labels for.

    Args:
        status: Why, as the codebook's `status` has it: refused, cut or invalid.
    """

    def __init__(self, status: Literal["refused", "cut", "invalid"]) -> None:
        super().__init__(status)
        self.status = status


class Halted(BaseException):
    """
    Nobody could be asked: the run stops, and this session is not labelled.

    Like KeyboardInterrupt it is no `Exception`: whoever is in between, the SDK above all, must not
    take it for one of his own.

    Args:
        code: Why; the whole of what may be told.
    """

    def __init__(self, code: Halt) -> None:
        super().__init__(code.name)
        self.code = code


class Unanswered(BaseException):
    """A question that was sent and never answered: its session is not labelled, and due again."""


def rater_of(named: Named) -> Rater:
    """
    The rater that a plan names.

    Raises:
        KeyError: This installation has no such rater, or another version of it.
        ValueError: The plan's roots hold no certificate.
        ConfigurationError: The plan's endpoint is none.
    """
    if not is_known(named):
        raise KeyError("a rater that this installation does not have")
    if asks(named.name):
        from .claude.rater import (
            ClaudeRater,  # late: the SDK takes seconds, and offline nobody needs it
        )

        return ClaudeRater(named)
    from .offline import OfflineRater

    return OfflineRater()
