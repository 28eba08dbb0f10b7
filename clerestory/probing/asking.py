"""
A way to a server as a run has it, in the process of a command: broker, line, client, rater.

The broker runs in a thread and gives nothing up, since it shares this process; all the rest is the
code of a sealed worker.  A run's key and a study's roots are taken, and what fails is a `Halt`.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

from classifiers.broker import Broker, resolve
from classifiers.formats import read_session
from classifiers.raters import Halted, Unrated
from classifiers.raters.claude.client import client_of, way_to
from classifiers.raters.claude.line import Line
from classifiers.raters.claude.prompt import MOST_TOKENS
from classifiers.raters.claude.rater import CALL_SECONDS, ClaudeRater
from classifiers.raters.claude.rehearsal import rehearse
from classifiers.raters.claude.wire import Deadline, through
from classifiers.raters.meter import Meter
from classifiers.rendering import render
from classifiers.stub import WARM_UP
from privacy.endpoint import read_endpoint
from privacy.halts import Halt
from privacy.raters import Answers, Rater


@dataclass(frozen=True, slots=True)
class Server:
    """One that can be asked."""

    rater: Rater
    """As a study would name it."""
    key: bytes
    seconds: float
    _control: Callable[[], socket.socket]
    _client: Any

    def ask(self, request: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK's, with one door
        """The message that one question is answered with, or a `Halt`."""
        return self._heard(lambda: self._client.messages.create(**request))

    def count(self, request: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """How many tokens a question has, or a `Halt`."""
        return self._heard(lambda: self._client.messages.count_tokens(**request))

    def list_batches(self) -> Any:  # noqa: ANN401
        """Whether there are batches: the newest one's name, which is not looked at, or a `Halt`."""
        return self._heard(lambda: self._client.messages.batches.list(limit=1))

    def named(self, model: str) -> "Server":
        """The same server, asked for another model."""
        return replace(self, rater=replace(self.rater, model=model))

    def label(self, answers: Answers) -> str:
        """What becomes of a made-up session in a run: `labels`, a status, or a halt's name."""
        session = read_session(WARM_UP)
        try:
            with self.reading(replace(self.rater, answers=answers)) as rater:
                rater.rate(session, render(session))
        except Unrated as outcome:
            return outcome.status
        except Halted as halted:
            return halted.code.name
        return "labels"

    @contextmanager
    def reading(self, rater: Rater) -> Iterator[ClaudeRater]:
        """
        A rater as a run has it, with the key, for as long as the block runs.

        Raises:
            Halted: The key is none that can be sent.
        """
        with self._control() as control:
            made = ClaudeRater(rater, seconds=self.seconds)
            try:
                made.unlock(self.key, control)
                yield made
            finally:
                made.close()

    def _heard(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401
        try:
            return call()
        except Halted as halted:
            return halted.code
        except Exception:  # noqa: BLE001 - whatever the SDK finds, it is no answer
            return Halt.MALFORMED


@contextmanager
def asking(rater: Rater, key: bytes, seconds: float = CALL_SECONDS) -> Iterator[Server]:
    """
    A way to the server that a rater names, for as long as the block runs.

    Raises:
        ConfigurationError: The endpoint is none.
        ValueError: The roots hold no certificate.
    """
    address, deadline = read_endpoint(rater.endpoint), Deadline(seconds)
    way, line = way_to(rater), Line(rehearse(rater), deadline, Meter(MOST_TOKENS))
    with _brokering(resolve(address.host, address.port)) as control, control() as ours:
        client = client_of(rater.endpoint, line, seconds)
        client.api_key = key.decode("ascii")
        line.lead(way(through(ours, deadline)))
        try:
            yield Server(rater, key, seconds, control, client)
        finally:
            client.close()


@contextmanager
def _brokering(
    addresses: list[tuple[int, tuple[object, ...]]],
) -> Iterator[Callable[[], socket.socket]]:
    """What makes workers' control sockets, of a broker in a thread."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def control() -> socket.socket:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            socket.send_fds(ours, [b"W"], [far.fileno()])
        return near

    with theirs:
        thread = Thread(target=Broker(theirs, addresses).serve)
        thread.start()
        try:
            with ours:
                yield control
        finally:
            thread.join()
