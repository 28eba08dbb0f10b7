"""A worker asks for connections on one descriptor, of one kind, at one number."""

import os
import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from privacy.errors import RefusedError
from privacy.sandbox import control
from privacy.sandbox.launch import start
from privacy.sandbox.tiers import Tier
from tests.support.workers.setting import sealed_tiers, small

ASKING = "workers.asking"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connected pair: the keeper's end, and the worker's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def answer_once(ours: socket.socket, *, descriptors: int = 1) -> None:
    """Answer one question as a broker would, and echo one message in capitals."""
    question = ours.recv(100)
    pairs = [socket.socketpair() for _ in range(descriptors)]
    socket.send_fds(ours, [b"yes " + question], [theirs.fileno() for _, theirs in pairs])
    for near, far in pairs:
        far.close()
        if near is pairs[0][0]:
            near.sendall(near.recv(64).upper())
        near.close()


@sealed_tiers
def test_a_sealed_worker_asks_receives_and_talks(
    tier: Tier, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Python's recvmsg, write and read make no call that the last filter kills."""
    ours, theirs = pair
    broker = Thread(target=answer_once, args=(ours,))
    broker.start()
    with start(tier, small(), ASKING, b"", control=theirs) as worker:
        assert worker.probes["hold_other_descriptors"] == "blocked"
        assert worker.channel.receive(100) == b"yes api.example:443HELLO"
    broker.join()


@sealed_tiers
def test_a_second_descriptor_with_an_answer_is_dropped(
    tier: Tier, pair: tuple[socket.socket, socket.socket]
) -> None:
    """One question, one connection, whatever the other end sends."""
    ours, theirs = pair
    broker = Thread(target=answer_once, args=(ours,), kwargs={"descriptors": 2})
    broker.start()
    with start(tier, small(), ASKING, b"", control=theirs) as worker:
        assert worker.channel.receive(100) == b"yes api.example:443HELLO"
    broker.join()


@sealed_tiers
def test_no_is_an_answer(tier: Tier, pair: tuple[socket.socket, socket.socket]) -> None:
    """A refusal comes without a descriptor."""
    ours, theirs = pair
    ours.send(b"no")
    with start(tier, small(), ASKING, b"", control=theirs) as worker:
        assert worker.channel.receive(100) == b"no"


@sealed_tiers
def test_a_worker_without_one_has_no_way_to_ask(tier: Tier) -> None:
    """The profile is the same; the descriptor is not there."""
    with start(tier, small(), ASKING, b"") as worker:
        assert worker.channel.receive(100) == b"no control"


@sealed_tiers
def test_messages_are_received_on_no_other_descriptor(
    tier: Tier, pair: tuple[socket.socket, socket.socket]
) -> None:
    """The filter looks at the number: the same call on another one is the end."""
    _, theirs = pair
    with start(tier, small(), ASKING, b"%d" % control.NUMBER, control=theirs) as worker:
        assert worker.channel.receive(100) == b"survived"
    with start(tier, small(), ASKING, b"3", control=theirs) as worker:
        assert worker.close() == -31  # SIGSYS


@sealed_tiers
@pytest.mark.parametrize(
    ("family", "kind"),
    [
        (socket.AF_INET, socket.SOCK_STREAM),
        (socket.AF_INET, socket.SOCK_DGRAM),
        (socket.AF_UNIX, socket.SOCK_DGRAM),
        (socket.AF_UNIX, socket.SOCK_STREAM),
    ],
)
def test_a_socket_of_another_kind_is_refused(
    tier: Tier, family: socket.AddressFamily, kind: socket.SocketKind
) -> None:
    """One that can be aimed anew would be a way out; a worker that is handed it gets no key."""
    with (
        socket.socket(family, kind) as wrong,
        pytest.raises(RefusedError, match="hold_other_descriptors"),
    ):
        start(tier, small(), ASKING, b"", control=wrong)


def test_what_is_no_socket_is_no_control() -> None:
    """A pipe, a number without a descriptor; and the right kind is one."""
    read, write = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        assert control.is_control(ours.fileno())
        assert not control.is_control(read)
    os.close(read)
    os.close(write)
    assert not control.is_control(read)
