"""
A keeper's conversations with nodes, through a courier that it does not have to believe.

A courier is whatever carries messages to a node of a scheduler's choice and back: a process of
its own, behind a socket.  It hears sealed bytes and signed words.  A connection is one node's for
as long as it lasts; when either end hangs up, the node's workers for it end.

    courier   S, or N: a node is there; none has room
    keeper    a message, any number of times
    courier   A and the answer, or L: the node is gone
"""

import os
import socket
from pathlib import Path

from privacy.errors import IncompleteError
from privacy.keeper.wire import user_of
from privacy.sandbox.channel import Channel

from .messages import LARGEST_MESSAGE, Custody, unreadable

HERE, NONE, SAID, LOST = b"S", b"N", b"A", b"L"
LEASE_SECONDS = 300.0
"""For a scheduler to find a node, or to notice that one is gone."""


class Lease:
    """
    One conversation with one node.

    Args:
        path: The courier's socket.

    Raises:
        IncompleteError: `COURIER_GONE`.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
            self.custody: Custody = (
                "same-user" if user_of(self._socket) == os.getuid() else "separate-user"
            )
        except OSError:
            self._socket.close()
            raise no_courier() from None
        number = self._socket.fileno()
        self._channel = Channel(number, number, timeout=LEASE_SECONDS)
        try:
            self.granted = self._channel.receive(1) == HERE
        except IncompleteError:
            self._socket.close()
            raise no_courier() from None

    def ask(self, message: bytes, seconds: float) -> bytes:
        """
        What the node answers.

        Raises:
            IncompleteError: `NODE_LOST`, `COURIER_GONE`, or it was too slow.
        """
        self._channel.timeout = seconds
        try:
            self._channel.send(message)
            said = self._channel.receive(1 + LARGEST_MESSAGE)
        except IncompleteError as error:
            raise (no_courier() if error.code == "CHANNEL_CLOSED" else error) from None
        if said[:1] == LOST:
            raise lost()
        if said[:1] != SAID:
            raise unreadable()
        return said[1:]

    def hang_up(self) -> None:
        """End the conversation, also one that another thread is waiting in."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has hung up already

    def close(self) -> None:
        """Leave nothing behind."""
        self._socket.close()


def lost() -> IncompleteError:
    """What is said of a node that is gone."""
    return IncompleteError(
        "NODE_LOST",
        rule="A node stays until its work is done.",
        found="one that is gone.",
        remedy="look at the node; the work is given to another.",
    )


def no_node() -> IncompleteError:
    """What is said where the scheduler has no room at all."""
    return IncompleteError(
        "NO_NODE",
        rule="Where a scheduler is configured, it has a node that can be given work.",
        found="none.",
        remedy="start `clerestory node` and the scheduler on a node: docs/nodes.md.",
    )


def no_courier() -> IncompleteError:
    """What is said where nobody carries."""
    return IncompleteError(
        "COURIER_GONE",
        rule="What carries for the keeper listens where keeper.toml says, and stays.",
        found="nobody there, or one that hung up.",
        remedy="start `clerestory courier`, or take [scheduler] out of keeper.toml.",
    )
