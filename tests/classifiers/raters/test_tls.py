"""TLS inside the worker: when bytes leave, and what becomes of them where the other end is gone."""

import ssl
from itertools import repeat

import httpcore2
import pytest

from classifiers.formats import read_session
from classifiers.raters.claude import rehearsal
from classifiers.raters.claude.line import padded_length
from classifiers.raters.claude.rehearsal_batches import Rehearsed
from classifiers.raters.claude.tls import TlsStream, trusting
from classifiers.raters.claude.wire import DescriptorWire
from classifiers.rendering import render
from clerestory.devstub import authority
from tests.support.egress import asking, session, unsealed
from tests.support.messages import labelled, serving

SESSION = read_session(session())
ADDED = 2_048
"""bytes: more than a request's head and the frames of TLS around four records or fewer."""


def test_a_request_leaves_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body as two pieces cost a turn of the broker, and show a head's length."""
    sizes: list[int] = []
    write = DescriptorWire.write

    def heard(wire: DescriptorWire, data: bytes) -> None:
        sizes.append(len(data))
        write(wire, data)

    ours = authority()
    with (
        serving(ours.sign(), labelled()) as server,
        unsealed(asking(server.url, ours.roots)) as rater,
    ):
        rater.rate(SESSION, render(SESSION))  # hands are shaken here
        monkeypatch.setattr(DescriptorWire, "write", heard)
        for _ in range(3):
            rater.rate(SESSION, render(SESSION))
    assert len(sizes) == 3
    assert len(set(sizes)) == 1
    assert padded_length(sizes[0]) == 2 * padded_length(sizes[0] - ADDED)


class Far(rehearsal._Server):
    """A server that says something by itself, and then does not listen any more."""

    is_gone = False

    def says(self, data: bytes) -> None:
        """Say it, asked or not."""
        self._tls.write(data)

    def write(self, data: bytes) -> None:
        """Hear, unless it is gone."""
        if self.is_gone:
            raise BrokenPipeError
        super().write(data)


@pytest.fixture
def far() -> Far:
    """Such a server, that has not been spoken to."""
    pem = rehearsal._PEM
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return Far(context, repeat((200, b"{}")), Rehearsed([]))


@pytest.fixture
def stream(far: Far) -> TlsStream:
    """A connection to it."""
    trusted = trusting(rehearsal._PEM.read_text(encoding="ascii"))
    return TlsStream(far, trusted, rehearsal.HOST)


def test_an_answer_that_came_before_the_end_of_a_request_is_heard(
    far: Far, stream: TlsStream
) -> None:
    """A server may refuse a request by its head and close: its answer says why, and must count."""
    far.says(b"HTTP/1.1 413 \r\n\r\n")
    far.is_gone = True
    stream.write(b"POST / HTTP/1.1\r\n\r\n")
    assert stream.read(65_536) == b"HTTP/1.1 413 \r\n\r\n"


def test_without_an_answer_it_is_broken_off(far: Far, stream: TlsStream) -> None:
    """The counterpart: what could not be sent, and was not answered, has failed."""
    far.is_gone = True
    stream.write(b"POST / HTTP/1.1\r\n\r\n")
    with pytest.raises(httpcore2.ReadError):
        stream.read(65_536)
