"""
The keeper's end of sealed work on other machines: whom it asks, and what it believes.

A *courier* carries messages between the keeper and a node that the scheduler chose, through a
socket.  It is believed in nothing: a node's words count by the signature of its key, which the
policy names, and for the nonce that was asked with.  Before anything is wrapped to a worker's key
its report must hold: code that the plan is bound to, a tier that floor and policy allow, and no
probe open that this tier must block.

A node that is lost in the middle costs its piece of work, which is given out again, to whatever
node the scheduler then has, as often as is stated beforehand.  How a *worker* ends is its node's
word and is never a reason to try again: that could depend on the data.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Protocol

from privacy.errors import IncompleteError, RefusedError
from privacy.keeper.configuration import Scheduler
from privacy.keeper.workshop import WorkerKind
from privacy.nodes.checks import NodeWorker, check_report, check_result
from privacy.nodes.courier import Lease, lost, no_node
from privacy.nodes.messages import (
    ORDER,
    REFUSAL,
    REPORT,
    RESULT,
    WORK,
    Kind,
    Order,
    Report,
    Result,
    fresh_nonce,
    pack,
    read,
    sign,
    unpack,
    unreadable,
)
from privacy.plan import Plan
from privacy.sandbox.launch import START_SECONDS
from privacy.signing import SigningKey

_MARGIN = 60
"""seconds: so that a node's own deadline comes first."""
_LOOK_SECONDS = 15.0
"""How often a hand that has no node looks whether the scheduler has room meanwhile."""
_CODE = re.compile(rb"[A-Z][A-Z_]{2,40}")
_NOT_READY = frozenset({"ZYGOTE_GONE", "WORKER_KILLED", "CHANNEL_TIMEOUT", "CHANNEL_CLOSED"})
"""Refusals of an order, before there is any data, that speak of the machine alone."""


class Asking(Protocol):
    """What is to be sent, once it is known to whom."""

    def __call__(self, worker: NodeWorker, /) -> Sequence[bytes]:
        """Frames for a worker, wrapped to its key."""


@dataclass(frozen=True)
class Scheduled:
    """What a keeper that is configured with a scheduler says and demands of every node."""

    scheduler: Scheduler
    signing: SigningKey
    """The keeper's, for orders."""
    enrolled: frozenset[str]
    """Public keys of the policy's nodes."""
    weakest: str
    """Tier that floor and policy demand."""


@dataclass(frozen=True)
class Nodes:
    """
    The nodes of one run, as the courier has them; for several threads.

    Use it in a `with` statement.
    """

    by: Scheduled
    plan: Plan
    kind: WorkerKind
    name: Kind
    seconds: int
    """How long one piece of work may take."""
    saw: Callable[[NodeWorker], None]
    """Told of each worker before it is given anything; may refuse it."""
    _idle: list[Lease] = field(default_factory=list)
    _open: set[Lease] = field(default_factory=set)
    _changed: Condition = field(default_factory=Condition)

    @property
    def hands(self) -> int:
        """How many threads may ask at once."""
        return self.by.scheduler.hands

    def reach(self) -> None:
        """
        Have every node that is free get ready: what is wrong with one is found while it is free.

        Raises:
            IncompleteError: No node is there, or the courier is not.
            RefusedError, VerificationError: A report does not hold.
        """
        for _ in range(self.hands):
            lease = self._lease()
            if lease is None:
                break
            try:
                self._order(lease)
            except IncompleteError as error:
                self._drop(lease)
                if error.code != "NODE_LOST":
                    raise
                continue
            self._give_back(lease)
        if not self._idle:
            raise no_node()

    def ask(self, asking: Asking) -> bytes | None:
        """
        What a new worker on some node says; None where it ended on what it was given.

        Raises:
            IncompleteError: Nodes were lost as often as is allowed, there is none, one was too
                slow, or the courier is gone.
            RefusedError, VerificationError: A report or a result does not hold.
        """
        for _ in range(1 + self.by.scheduler.retries):
            lease = self._take()
            try:
                order, signer, worker = self._order(lease)
                frames = asking(worker)
                result, answer = self._work(lease, order, signer, frames)
            except IncompleteError as error:
                self._drop(lease)
                if error.code != "NODE_LOST":
                    raise
            except BaseException:
                self._drop(lease)
                raise
            else:
                self._give_back(lease)
                return answer if result.ending == "answered" else None
        raise IncompleteError(
            "NODES_LOST",
            rule=f"A piece of work whose node is lost is given out {self.by.scheduler.retries} "
            "more times.",
            found="a node lost each time.",
            remedy="look at the nodes and the scheduler, then run the command again.",
        )

    def hang_up(self) -> None:
        """End every conversation, whoever is in it: the nodes' workers end with them."""
        with self._changed:
            for lease in self._open:
                lease.hang_up()

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        for lease in tuple(self._open):
            self._drop(lease)

    def _take(self) -> Lease:
        """A conversation that nobody has: one of this run's, or a new one if there is room."""
        while True:
            with self._changed:
                if self._open and not self._idle:
                    # A scheduler may take a minute to see that a node is gone; another hand
                    # will rather be done with one that is there.
                    self._changed.wait(_LOOK_SECONDS)
                if self._idle:
                    return self._idle.pop()
                full = len(self._open) >= self.hands
            if not full and (lease := self._lease()):
                return lease
            with self._changed:
                if not self._open:
                    raise no_node()

    def _lease(self) -> Lease | None:
        lease = Lease(Path(self.by.scheduler.courier))
        if not lease.granted:
            lease.close()
            return None
        with self._changed:
            self._open.add(lease)
        return lease

    def _give_back(self, lease: Lease) -> None:
        with self._changed:
            self._idle.append(lease)
            self._changed.notify()

    def _drop(self, lease: Lease) -> None:
        with self._changed:
            self._open.discard(lease)
            self._changed.notify_all()
        lease.close()

    def _order(self, lease: Lease) -> tuple[Order, str, NodeWorker]:
        plan = self.plan
        order = Order(self.name, plan.hash, self.kind.code.hash, fresh_nonce(), self.seconds)
        said = lease.ask(
            ORDER + pack(*sign(order, self.by.signing), plan.canonical), 3 * START_SECONDS
        )
        if said[:1] == REFUSAL:
            code = _code_of(said)
            if code in _NOT_READY:
                raise lost()
            raise RefusedError(
                "NODE_REFUSED",
                rule="A node starts the worker that the plan is bound to, for a keeper it trusts.",
                found=f"a node that said {code}.",
                remedy="look the code up in docs/refusals.md and mend the node, or unenrol it.",
            )
        parts = unpack(said[1:]) if said[:1] == REPORT else []
        if len(parts) != 2:
            raise unreadable()
        report, signer = read(Report, *parts)
        worker = check_report(
            order,
            report,
            signer,
            enrolled=self.by.enrolled,
            weakest=self.by.weakest,
            carrier=lease.custody,
        )
        self.saw(worker)
        return order, signer, worker

    def _work(
        self, lease: Lease, order: Order, signer: str, frames: Sequence[bytes]
    ) -> tuple[Result, bytes]:
        said = lease.ask(WORK + pack(*frames), self.seconds + _MARGIN)
        if said[:1] == REFUSAL:
            raise IncompleteError(
                "NODE_STOPPED",
                rule="A node hands a worker its work and says what came of it, in time.",
                found=f"a node that said {_code_of(said)}.",
                remedy="run the command again; if it happens again, look at the node's load.",
            )
        parts = unpack(said[1:]) if said[:1] == RESULT else []
        if len(parts) != 3:
            raise unreadable()
        result = check_result(order, signer, *parts)
        if result.ending == "gone":
            raise lost()
        return result, parts[2]


def _code_of(refusal: bytes) -> str:
    """The code that a node said, if it is one: its other words are not repeated."""
    return refusal[1:].decode("ascii") if _CODE.fullmatch(refusal[1:]) else "something else"
