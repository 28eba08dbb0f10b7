"""
The rater that asks a Claude model: few calls for a session, answered in codes.

Promise: a session's text goes to the plan's endpoint, inside TLS that ends in the worker, and
nowhere else; what comes back is labels, or a status of four, or a `Halt`.  The SDK has more ways
out than that, and each is closed in `client` or in `line`.  Only to a server on this machine, where
a plan says so, the text goes in clear.

A session is asked about in one call, and once more where an answer was not in form.  There are
more calls where instruments are asked apart, and where a long session is shown in parts: each part
is asked about, and `merge` makes one label of several.  Where a part has no labels the session has
none: those of the others would pass for those of the whole.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from typing import Literal

from classifiers.merge import merge
from classifiers.raters import Halted, Unrated
from classifiers.raters.meter import Meter
from classifiers.rendering import View
from classifiers.sessions import Session
from privacy.closing import Pace
from privacy.codebook import codebook
from privacy.halts import Halt
from privacy.plan import Rater as Named
from privacy.raters import CLAUDE

from .answers import said
from .batches import Batches
from .call import Call
from .client import client_of, way_to
from .line import Line
from .patience import PATIENCE_SECONDS, Patient
from .prompt import AGAIN, ATTEMPTS, MOST_TOKENS, fenced, questions, read_answer
from .rehearsal import bad_answers, rehearse
from .wire import Deadline, through

CALL_SECONDS = 120.0
"""For one answer of a few hundred tokens; a model that takes longer is not answering."""


class ClaudeRater:
    """Asks the model that a plan names; rehearses with itself until it is unlocked."""

    name: str = CLAUDE.name
    version: str = CLAUDE.version
    fidelity: Literal["low", "validated"] = CLAUDE.fidelity

    def __init__(
        self, named: Named, *, seconds: float = CALL_SECONDS, patience: float = PATIENCE_SECONDS
    ) -> None:
        """
        Get ready for an endpoint: everything that needs a file.

        Raises:
            ValueError: The plan's roots hold no certificate.
        """
        self._model, self._answers = named.model, named.answers
        self._way = way_to(named)
        self._deadline = Deadline(seconds)
        self.meter = Meter(MOST_TOKENS)
        self._line = Line(rehearse(named), self._deadline, self.meter)
        self._patient, self._patience = Patient(self._line), patience
        self._client = client_of(named.endpoint, self._patient, seconds)
        self.batches = Batches(self._client, self._line, self._deadline, self.meter)
        """What it asks through; plainly, unless it is told otherwise."""
        asked = questions(codebook(), named.mode, named.view)
        self.calls = tuple(Call.of(part, named) for part in asked)
        """What a session, or a part of it, is asked, one call each."""
        self._rehearse()

    def unlock(self, key: bytes, control: socket.socket | None) -> None:
        """
        Turn to the endpoint, once sealed.

        Args:
            key: The API key; it is in this process's memory and in what TLS sends, nowhere else.
            control: Where connections are asked for.

        Raises:
            Halted: There is no key, or none that a header can hold.
        """
        if not key or control is None or not key.isascii() or not key.decode().isprintable():
            raise Halted(Halt.NO_KEY)
        self._client.api_key = key.decode()
        self._patient.seconds = self._patience
        self._line.lead(self._way(through(control, self._deadline)))

    @property
    def pace(self) -> Pace:
        """What the server's limits advise to whoever starts workers."""
        return self._line.limits.pace

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """
        The labels of all that is asked.

        Raises:
            Unrated: Of a part or of a question the model refused, was cut off, or twice gave no
                answer of the codebook; nothing further is asked about the session.
            Halted: There was no answer.
        """
        del session
        parts = []
        for number, chunk in enumerate(view.chunks, 1):
            text = fenced("".join(chunk), number, len(view.chunks))
            labels = dict(chain.from_iterable(self._told(text, c).items() for c in self.calls))
            parts.append((labels, max(1, len(chunk))))
        return merge(parts, codebook())

    def _told(self, text: str, call: Call) -> Mapping[str, str]:
        """The labels that one call gives, or a second one."""
        content = [{"type": "text", "text": text}]
        for _ in range(ATTEMPTS):
            answer = self._ask(content, call)
            labels = None if answer is None else read_answer(answer, call.asked)
            if labels is not None:
                return labels
            content = [content[0], {"type": "text", "text": AGAIN}]
        raise Unrated("invalid")

    def _rehearse(self) -> None:
        """Every bad answer once; good ones follow when the worker warms up."""
        for _ in bad_answers(self._model, self._answers):
            with suppress(Halted, Unrated):
                text = fenced("a rehearsal, für alle 検査", 1, 2)
                self._ask([{"type": "text", "text": text}], self.calls[0])

    def _ask(self, content: list[dict[str, str]], call: Call) -> str | None:
        """The one text of an answer; None if it has none, or several."""
        try:
            message = self.batches.create(call, content)
            return said(message, self._model, self._answers)
        except Unrated:
            raise
        except Exception:  # noqa: BLE001 - the SDK's errors quote what they failed on
            raise Halted(Halt.MALFORMED) from None
