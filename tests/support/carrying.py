"""A courier of the test's own, in a thread: it brings words to an agent, and may change them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from threading import Thread

from privacy.errors import ClerestoryError
from privacy.keeper.listening import bound
from privacy.keeper.workshop import Workshop
from privacy.nodes.agent import Agent
from privacy.nodes.courier import HERE, LOST, NONE, SAID
from privacy.nodes.messages import LARGEST_MESSAGE
from privacy.sandbox.channel import Channel
from privacy.sandbox.tiers import Tier
from privacy.signing import SigningKey
from tests.support.house import installed

Change = Callable[[bytes], bytes]


class Gone(Exception):  # noqa: N818 - a word of the test's, not an error of the house
    """Raised by a change: the node is gone, before or after it has answered."""


def same(message: bytes) -> bytes:
    """Change nothing."""
    return message


@dataclass
class Carrying:
    """One agent in this process, and what lies between it and a keeper."""

    agent: Agent
    room: int = 2
    """Conversations at once."""
    out: Change = same
    """What becomes of a keeper's message."""
    back: Change = same
    """What becomes of an agent's answer."""
    seen: list[bytes] = field(default_factory=list)
    """Everything that was carried, both ways."""
    _open: int = 0
    _talking: list[Thread] = field(default_factory=list)

    def honest_again(self) -> None:
        """As it was made, once every conversation has been closed."""
        while self._talking:
            self._talking.pop().join()
        for one in fields(self):
            if one.name in ("room", "out", "back"):
                setattr(self, one.name, one.default)
        self.seen.clear()

    def serve(self, listener: socket.socket) -> None:
        """Answer connections until the listener is closed."""
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                talking = Thread(target=self._carry, args=(connection,), daemon=True)
                self._talking.append(talking)
                talking.start()

    def _carry(self, connection: socket.socket) -> None:
        keeper = Channel(connection.fileno(), connection.fileno(), timeout=60.0)
        with connection, suppress(ClerestoryError):
            if self._open >= self.room:
                keeper.send(NONE)
                return
            self._open += 1
            ours, theirs = socket.socketpair()
            answering = Thread(target=self.agent.answer, args=(theirs,), daemon=True)
            answering.start()
            agent = Channel(ours.fileno(), ours.fileno(), timeout=60.0)
            try:
                keeper.send(HERE)
                while True:
                    keeper.send(self._brought(agent, keeper.receive(LARGEST_MESSAGE)))
            finally:
                self._open -= 1
                ours.close()
                answering.join()

    def _brought(self, agent: Channel, message: bytes) -> bytes:
        self.seen.append(message)
        try:
            agent.send(self.out(message))
            answer = agent.receive(LARGEST_MESSAGE)
            self.seen.append(answer)
            return SAID + self.back(answer)
        except Gone:
            return LOST


@contextmanager
def carried(
    path: Path,
    key: SigningKey,
    keeper: str,
    *,
    tier: Tier = Tier.T0,
    workshop: Workshop | None = None,
) -> Iterator[Carrying]:
    """A courier at a path, with one node that works for one keeper."""
    with ExitStack() as stack:
        listener = stack.enter_context(bound(path))
        listener.listen()
        made = Carrying(Agent(key, (keeper,), workshop or installed(), tier))
        serving = Thread(target=made.serve, args=(listener,), daemon=True)
        serving.start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()
