"""
Ray as what carries sealed work: messages in at a socket, to a node of Ray's choice, and back.

The courier is a process of its own, and its user should be one of its own: whoever may submit to
a Ray cluster may run code in whatever takes part in it.  So the keeper takes no part in it, and
neither does a node's agent.  Ray's processes, its store of objects and its logs see what the
courier sees: signed words and sealed bytes.

Each node offers some of the resource `clerestory`: how many workers it runs at once.  One of it is
a *slot*, an actor that hands bytes to the node's agent.  Which slot lies on which node is Ray's
business, as is noticing that one is gone.

This is the one module that imports Ray.
"""

import os
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from privacy.errors import ClerestoryError, ConfigurationError
from privacy.nodes.courier import HERE, LOST, NONE, SAID
from privacy.nodes.messages import LARGEST_MESSAGE
from privacy.sandbox.channel import Channel

RESOURCE = "clerestory"
"""What `ray start --resources` gives a node: one for each worker at once."""
SOCKET, DEFAULT_SOCKET = "CLERESTORY_NODE", "/run/clerestory-node/node.sock"
"""Variable of Ray's processes on a node that says where the node's agent listens, or here."""
OPEN_SECONDS = 45.0
"""For Ray to start a slot's process, or to notice that its node is gone."""
KNOCK_SECONDS = 10.0
"""For the cluster's head to answer at all."""
_LOOK_SECONDS = 1.0
"""How often it is looked whether the keeper still waits."""


class Slot:
    """In one of Ray's processes on a node: hand bytes to the node's agent."""

    def __init__(self) -> None:
        self._agent: socket.socket | None = None

    def open(self) -> None:
        """Begin a conversation with the agent; raises where there is none."""
        self.close()
        agent = socket.socket(socket.AF_UNIX)
        agent.connect(os.environ.get(SOCKET, DEFAULT_SOCKET))
        self._agent = agent

    def carry(self, message: bytes) -> bytes:
        """What the agent answers; raises when it is gone."""
        if self._agent is None:
            raise ConnectionError
        number = self._agent.fileno()
        channel = Channel(number, number)
        channel.send(message)
        return channel.receive(LARGEST_MESSAGE)

    def close(self) -> None:
        """End the conversation: the agent ends its workers."""
        if self._agent is not None:
            self._agent.close()
            self._agent = None


@dataclass
class Slots:
    """All slots that this courier has made, and which of them nobody uses."""

    make: Callable[[], Any]
    _idle: list[Any] = field(default_factory=list)
    _live: int = 0
    _lock: Lock = field(default_factory=Lock)

    def lease(self) -> Any | None:  # noqa: ANN401 - Ray's handles have no type
        """A slot whose agent is there, or None where there is no room."""
        may_make = True
        while True:
            with self._lock:
                slot = self._idle.pop() if self._idle else None
                if slot is None:
                    if not may_make or self._live >= _capacity():
                        return None
                    self._live, may_make = self._live + 1, False
            slot = slot or self.make()
            try:
                ray.get(slot.open.remote(), timeout=OPEN_SECONDS)
            except (RayError, GetTimeoutError):
                self.discard(slot)
                continue
            return slot

    def give_back(self, slot: Any) -> None:  # noqa: ANN401
        """Nobody uses it any more."""
        slot.close.remote()
        with self._lock:
            self._idle.append(slot)

    def discard(self, slot: Any) -> None:  # noqa: ANN401
        """It is gone, or has to go."""
        with suppress(RayError):
            ray.kill(slot)
        with self._lock:
            self._live -= 1


def carry(listener: socket.socket, address: str, ready: Callable[[], None]) -> None:
    """
    Carry between keepers and nodes, for ever.

    Args:
        listener: Where keepers knock.
        address: The cluster's, as Ray knows it: `host:port`.
        ready: Called when a keeper may knock.

    Raises:
        ConfigurationError: The cluster cannot be reached, or is open to everybody.
    """
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise ConfigurationError(
            "CLUSTER_OPEN",
            rule="A cluster that carries for a keeper asks everybody for its token.",
            found="RAY_AUTH_MODE is not `token` here.",
            remedy="run every part of the cluster with a token: docs/nodes.md shows how.",
        )
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        _knock(address)  # Ray itself would try for minutes
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (RayError, OSError, RuntimeError, ValueError):
        raise ConfigurationError(
            "CLUSTER_UNREACHABLE",
            rule="The courier's machine is part of the cluster, and the courier has its token.",
            found="no cluster at that address that lets it in.",
            remedy="run `ray start --address … --num-cpus 0` here, with the token: docs/nodes.md.",
        ) from None
    actor = ray.remote(Slot)
    slots = Slots(lambda: actor.options(num_cpus=0, resources={RESOURCE: 1}).remote())
    listener.listen()
    ready()
    while True:
        connection, _ = listener.accept()
        Thread(target=_serve, args=(connection, slots), daemon=True).start()


def _serve(connection: socket.socket, slots: Slots) -> None:
    """One keeper's conversation with one node."""
    number = connection.fileno()
    channel = Channel(number, number)
    with connection, suppress(ClerestoryError):
        slot = slots.lease()
        if slot is None:
            channel.send(NONE)
            return
        used = slots.discard
        try:
            channel.send(HERE)
            while (message := _heard(channel)) is not None:
                answer = _carried(slot, message, connection)
                if answer is None:
                    channel.send(LOST)
                    return
                channel.send(SAID + answer)
            used = slots.give_back
        finally:
            used(slot)


def _heard(channel: Channel) -> bytes | None:
    try:
        return channel.receive(LARGEST_MESSAGE)
    except ClerestoryError:  # the keeper has hung up
        return None


def _carried(slot: Any, message: bytes, connection: socket.socket) -> bytes | None:  # noqa: ANN401
    """What a node answers; None where it is gone, or nobody waits for its answer."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLRDHUP | select.POLLHUP)
    answer = slot.carry.remote(message)
    try:
        while not ray.wait([answer], timeout=_LOOK_SECONDS)[0]:
            if poll.poll(0):
                return None
        said = ray.get(answer)
    except RayError:
        return None
    return said if isinstance(said, bytes) else None


def _knock(address: str) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _capacity() -> int:
    return int(ray.cluster_resources().get(RESOURCE, 0))  # type: ignore[no-untyped-call]
