"""
The broker: the only process with a network, and it has neither keys nor data.

Promise: it connects to the one address that it was started with, and to nothing else, whoever
asks; and what it hands over is one end of a Unix stream, never a TCP socket, which `connect`
could aim anew [1], and never datagrams, which name their goal each.  It relays bytes both ways
and cannot read them, since TLS ends inside the worker: what it sees is the server's name, sizes
and times.  What a plan sends to this machine in clear it could read.  It keeps and says nothing.

The keeper starts it for a run as `python -I -S -B …/code/classifiers/broker.py HOST PORT`.  On
standard input it is introduced to workers: each comes as a control socket, on which that worker
asks for connections, and which they end with.  It looks the name up once, before it gives up
files, root's rights and every other port; it ends with the keeper.

[1] connect(2), AF_UNSPEC.
"""

import os
import resource
import select
import socket
import sys
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from time import monotonic

CONNECT = b"C"
"""All that a worker can ask for: it names no host."""
_CHUNK = 65_536
_TICK_SECONDS = 1.0
_UP, _DOWN = 0, 1
_DESCRIPTORS = 256
"""Two for each connection, one for each worker, and some."""


class Reply(IntEnum):
    """The one byte of an answer; only YES comes with a descriptor."""

    YES = 0
    NO_SUCH_QUESTION = 1
    UNREACHABLE = 2
    TOO_MANY = 3


@dataclass(frozen=True, slots=True)
class Caps:
    """What one broker relays at most."""

    up_bytes: int = 64 * 2**20
    """Of one connection, towards the server."""
    down_bytes: int = 16 * 2**20
    at_once: int = 64
    """Connections of all workers together: two for each, as one may end while the next begins."""
    in_all: int = 100_000
    """Connections, whether they came about or not."""
    dial_seconds: float = 10.0
    idle_seconds: float = 300.0
    total_seconds: float = 3600.0
    """Of one connection."""


@dataclass(slots=True, eq=False)
class _Relay:
    """One connection: two sockets, and what was read from one and not yet written to the other."""

    asker: socket.socket
    """The control socket on which it was asked for."""
    ends: tuple[socket.socket, socket.socket]
    """The worker's, the server's."""
    left: list[int]
    """Bytes that may still be read, upwards and downwards."""
    began: float
    moved: float
    waiting: list[bytes] = field(default_factory=lambda: [b"", b""])
    ended: list[bool] = field(default_factory=lambda: [False, False])
    """Whether a side has said that it will send no more."""

    def close(self) -> None:
        for end in self.ends:
            end.close()


class Broker:
    """
    Relays between workers and one address.

    Args:
        master: A connected Unix SEQPACKET socket, on which workers' control sockets come.
        addresses: Where the endpoint is, as (family, address); tried in order.
        caps: What it relays at most.
    """

    def __init__(
        self,
        master: socket.socket,
        addresses: list[tuple[int, tuple[object, ...]]],
        caps: Caps | None = None,
    ) -> None:
        self._master, self._addresses, self._caps = master, addresses, caps or Caps()
        self._controls: list[socket.socket] = []
        self._relays: list[_Relay] = []
        self._left = self._caps.in_all

    def serve(self) -> None:
        """Answer until the keeper is gone."""
        try:
            while self._turn():
                self._drop_late()
        finally:
            for control in [*self._controls]:
                self._dismiss(control)

    def _turn(self) -> bool:
        """Wait for something and do it; False if nobody will be introduced any more."""
        poll, relays = self._watch()
        controls = {control.fileno(): control for control in self._controls}
        for descriptor, _ in poll.poll(_TICK_SECONDS * 1000):
            if descriptor == self._master.fileno():
                if not self._meet():
                    return False
            elif descriptor in controls:
                self._answer(controls[descriptor])
            elif (relay := relays[descriptor]) in self._relays:  # not dropped a moment ago
                self._move(relay)
        return True

    def _meet(self) -> bool:
        """Take a worker's control socket; False if the keeper is gone."""
        try:
            word, descriptors, _, _ = socket.recv_fds(self._master, 1, 1)
        except OSError:
            return False
        kind = (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0)
        self._controls += [socket.socket(*kind, fileno=descriptor) for descriptor in descriptors]
        return bool(word)

    def _dismiss(self, control: socket.socket) -> None:
        """Forget a worker and all its connections."""
        self._controls.remove(control)
        for relay in [relay for relay in self._relays if relay.asker is control]:
            self._drop(relay)
        control.close()

    def _drop_late(self) -> None:
        now, caps = monotonic(), self._caps
        for relay in [*self._relays]:
            if now - relay.moved > caps.idle_seconds or now - relay.began > caps.total_seconds:
                self._drop(relay)

    def _watch(self) -> tuple[select.poll, dict[int, _Relay]]:
        poll, watched = select.poll(), {}
        for each in (self._master, *self._controls):
            poll.register(each, select.POLLIN)
        for relay in self._relays:
            for side, end in enumerate(relay.ends):
                events = 0 if relay.waiting[side] or relay.ended[side] else select.POLLIN
                events |= select.POLLOUT if relay.waiting[1 - side] else 0
                if events:
                    poll.register(end, events)
                    watched[end.fileno()] = relay
        return poll, watched

    def _answer(self, control: socket.socket) -> None:
        """Answer one question of a worker, or see that it has gone."""
        try:
            question = control.recv(len(CONNECT) + 1)
            if not question:
                self._dismiss(control)
                return
            reply, theirs = self._connect(question, control)
            if theirs is None:
                control.send(bytes([reply]))
            else:
                with theirs:
                    socket.send_fds(control, [bytes([reply])], [theirs.fileno()])
        except OSError:
            self._dismiss(control)

    def _connect(self, question: bytes, asker: socket.socket) -> tuple[Reply, socket.socket | None]:
        caps = self._caps
        if question != CONNECT:
            return Reply.NO_SUCH_QUESTION, None
        if self._left <= 0 or len(self._relays) >= caps.at_once:
            return Reply.TOO_MANY, None
        self._left -= 1
        server = self._dial()
        if server is None:
            return Reply.UNREACHABLE, None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (ours, theirs, server):
            end.settimeout(0)  # never blocks; the worker could not set it for its own end
        now, left = monotonic(), [caps.up_bytes, caps.down_bytes]
        self._relays.append(_Relay(asker, (ours, server), left, began=now, moved=now))
        return Reply.YES, theirs

    def _dial(self) -> socket.socket | None:
        for family, address in self._addresses:
            server = socket.socket(family, socket.SOCK_STREAM)
            server.settimeout(self._caps.dial_seconds)
            try:
                server.connect(address)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                server.close()
                continue
            return server
        return None

    def _move(self, relay: _Relay) -> None:
        """Carry what can be carried, both ways; drop the connection if it is over."""
        try:
            for side in (_UP, _DOWN):
                self._carry(relay, side)
        except OSError:
            self._drop(relay)
            return
        # Without TLS's own goodbye a half-closed connection is of no use to either side.
        if any(relay.ended) and not any(relay.waiting):
            self._drop(relay)

    def _carry(self, relay: _Relay, side: int) -> None:
        source, sink = relay.ends[side], relay.ends[1 - side]
        while not relay.ended[side] or relay.waiting[side]:
            if not relay.waiting[side]:
                try:
                    data = source.recv(min(_CHUNK, relay.left[side] + 1))
                except BlockingIOError:
                    return
                relay.left[side] -= len(data)
                relay.ended[side] = not data
                if relay.left[side] < 0:
                    raise ConnectionAbortedError
                relay.waiting[side] = data
            try:
                sent = sink.send(relay.waiting[side])
            except BlockingIOError:
                return
            relay.waiting[side] = relay.waiting[side][sent:]
            relay.moved = monotonic()

    def _drop(self, relay: _Relay) -> None:
        relay.close()
        self._relays.remove(relay)


def resolve(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """Every address of a host; none if its name is not known."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [(family, address) for family, _, _, _, address in found]


def main(host: str, port: str) -> int:
    """Be a broker for the keeper that is met where standard input was."""
    from privacy.sandbox import landlock, limits

    parent = os.getppid()
    addresses = resolve(host, int(port))
    limits.limit({**limits.NONE, resource.RLIMIT_NOFILE: _DESCRIPTORS})
    landlock.restrict(connect=int(port))
    if os.getppid() != parent:  # gone before we had asked to die with it
        return 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=os.dup(0)) as master:
        Broker(master, addresses).serve()
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    try:
        code = main(*sys.argv[1:])
    except BaseException:  # noqa: BLE001 - it has nothing to say, not even why
        code = 1
    os._exit(code)
