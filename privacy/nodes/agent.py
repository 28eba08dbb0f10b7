"""
What a node does for a keeper: start a sealed worker, vouch for it, hand on what is sealed.

The agent is a process of its own, under a user of its own where possible.  It holds the node's
key and starts workers exactly as a keeper does: from its own installed code, probed before they
have a key.  It has no key of the keeper's, opens nothing, and sees what goes into a worker and
what comes out as sealed bytes; but its user and root can read a worker's memory, so what is
given to a node is given to them.

A connection is a scheduler's, for one keeper's run.  The zygote is started at the first order and
forks a worker for each; when the connection ends, all of it ends.
"""

import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Literal, Self

from privacy.errors import ClerestoryError, IncompleteError, RefusedError
from privacy.keeper.wire import user_of
from privacy.keeper.workshop import WorkerKind, Workshop
from privacy.plan import read_plan
from privacy.raters import asks
from privacy.sandbox.channel import Channel
from privacy.sandbox.host import host
from privacy.sandbox.launch import Worker, Zygote
from privacy.sandbox.tiers import Tier
from privacy.signing import SigningKey

from .messages import (
    LARGEST_MESSAGE,
    ORDER,
    REFUSAL,
    REPORT,
    RESULT,
    WORK,
    Custody,
    Order,
    Report,
    Result,
    digest,
    pack,
    read,
    sign,
    unpack,
    unreadable,
)

HANG_UP_SECONDS = 24 * 3600.0
"""After so long without a word a scheduler is taken to be gone."""


@dataclass(frozen=True)
class Agent:
    """
    One node.

    Args:
        key: The node's, which a policy names.
        keepers: Public keys of the keepers whose orders it takes.
        workshop: The workers of its installation.
        tier: How strongly they are isolated here.
    """

    key: SigningKey
    keepers: tuple[str, ...]
    workshop: Workshop
    tier: Tier

    def serve(self, listener: socket.socket) -> None:
        """Answer connections, for ever."""
        while True:
            connection, _ = listener.accept()
            Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        """Answer one connection, until the other side hangs up."""
        custody: Custody = (
            "same-user" if user_of(connection) in (os.getuid(), 0) else "separate-user"
        )
        with connection, Shift(self, custody) as shift, _watched(connection, shift):
            channel = Channel(connection.fileno(), connection.fileno(), timeout=HANG_UP_SECONDS)
            with suppress(ClerestoryError):  # the scheduler has hung up
                while True:
                    channel.send(shift(channel.receive(LARGEST_MESSAGE)))


class Shift:
    """
    One connection's zygote, and the worker that has been reported and not been used yet.

    A zygote ends with the thread that started it: use it in the thread that made it.
    """

    def __init__(self, agent: Agent, custody: Custody) -> None:
        self._agent, self._custody = agent, custody
        self._ordered: tuple[str, str] | None = None
        self._zygotes, self._workers = ExitStack(), ExitStack()
        self._zygote: Zygote | None = None
        self._waiting: tuple[Order, Worker] | None = None
        self._working: Worker | None = None

    def __call__(self, message: bytes) -> bytes:
        """The answer to a message; a refusal is the code of an error, and nothing else."""
        try:
            parts = unpack(message[1:])
            if message[:1] == ORDER and len(parts) == 3:
                return REPORT + pack(*self._report(*parts))
            if message[:1] == WORK:
                return RESULT + pack(*self._result(parts))
            raise unreadable()
        except ClerestoryError as error:
            return REFUSAL + error.code.encode("ascii")

    def hang_up(self) -> None:
        """End the worker that is at work, from another thread: nobody waits for it."""
        if self._working:
            self._working.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.close()
        self._zygotes.close()

    def _report(self, told: bytes, signature: bytes, plan: bytes) -> tuple[bytes, bytes]:
        agent = self._agent
        order, signer = read(Order, told, signature)
        if signer not in agent.keepers:
            raise RefusedError(
                "ORDER_NOT_FROM_A_KEEPER",
                rule="A node works for the keepers that it was told to trust.",
                found="an order that another key signed.",
                remedy="start the node with this keeper's public key: `clerestory node --trust`.",
            )
        kind = self._kind(order, plan)
        self._workers.close()
        worker = self._workers.enter_context(self._zygote_for(order, kind, plan).start())
        self._waiting = order, worker
        report = Report(
            nonce=order.nonce,
            worker=order.worker,
            plan=order.plan,
            code=kind.code.hash,
            tier=agent.tier.name,  # type: ignore[arg-type]  # its names are the floor's
            probes=dict(worker.probes),
            host=dict(host()),
            key=worker.public_key.hex(),
            custody=self._custody,
        )
        return sign(report, agent.key)

    def _kind(self, order: Order, plan: bytes) -> WorkerKind:
        """The kind of worker, if this installation has the very one that is wanted."""
        rater = read_plan(plan).rater
        if digest(plan) != order.plan or (order.worker == "classify" and asks(rater.name)):
            raise unreadable()  # a keeper refuses both before it orders anything
        workshop = self._agent.workshop
        kind = workshop.aggregate if order.worker == "aggregate" else workshop.classifying(rater)
        if kind.code.hash != order.code:
            raise RefusedError(
                "NODE_CODE_DIFFERS",
                rule="A node runs the code that the plan is bound to.",
                found="a node with another installation.",
                remedy="install the keeper's version, Python and libraries on it.",
            )
        return kind

    def _zygote_for(self, order: Order, kind: WorkerKind, plan: bytes) -> Zygote:
        if self._zygote is None or self._ordered != (order.worker, order.plan):
            self._zygotes.close()
            zygote = Zygote(self._agent.tier, kind.code, kind.module, plan)
            self._zygote = self._zygotes.enter_context(zygote)
            self._ordered = order.worker, order.plan
        return self._zygote

    def _result(self, frames: list[bytes]) -> tuple[bytes, bytes, bytes]:
        """Hand a worker its work and say what came of it; it is never given anything else."""
        if self._waiting is None or self._zygote is None:
            raise unreadable()
        (order, worker), self._waiting = self._waiting, None
        self._working = worker
        ending: Literal["answered", "ended", "gone"] = "answered"
        answer = b""
        try:
            worker.channel.timeout = float(order.seconds)
            answer = _asked(worker.channel, frames)
        except IncompleteError as error:
            if error.code != "CHANNEL_CLOSED":  # a deadline says something about the machine
                raise
            ending = "ended" if _is_alive(self._zygote) else "gone"
        finally:
            self._working = None
            self._workers.close()
        result = Result(order.nonce, ending, digest(answer))
        return *sign(result, self._agent.key), answer


@contextmanager
def _watched(connection: socket.socket, shift: Shift) -> Iterator[None]:
    """Have a shift's worker ended as soon as the other side hangs up, whatever it is doing."""

    def watch() -> None:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLRDHUP | select.POLLHUP)
        poll.poll()
        shift.hang_up()

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        with suppress(OSError):  # the other side was first
            connection.shutdown(socket.SHUT_RDWR)
        watching.join()


def _asked(channel: Channel, frames: list[bytes]) -> bytes:
    """What a worker says, also one that has said it, and ended, before it had read everything."""
    try:
        for frame in (*frames, b""):
            channel.send(frame)
    except IncompleteError as error:
        if error.code != "CHANNEL_CLOSED":
            raise
    return channel.receive(LARGEST_MESSAGE)


def _is_alive(zygote: Zygote) -> bool:
    try:
        zygote.check_alive()
    except IncompleteError:
        return False
    return True
