"""
A server in memory, so that everything runs once before the seal.

Behind the seal no module loads and no codec is looked up, and the SDK, `idna`, TLS and pydantic
load much on first use.  So the rater speaks with this server first, over the same transport and
the same TLS, through good answers and bad ones; after that a call opens nothing.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from itertools import chain, cycle
from pathlib import Path

import h11

from privacy.codebook import Codebook, codebook
from privacy.raters import Answers, Rater

from .answers import TOOL
from .line import Connect
from .prompt import questions
from .rehearsal_batches import RESULTS, Rehearsed
from .tls import TlsStream, trusting

HOST = "rehearsal.invalid"
_PEM = Path(__file__).with_name("rehearsal.pem")
_CHUNK, _OK = 65_536, 200
_PACE = [("retry-after", "1"), *(
    (f"anthropic-ratelimit-requests-{name}", value)
    for name, value in (("limit", "2"), ("remaining", "0"), ("reset", "2026-01-01T00:00:00Z"))
)]  # fmt: skip
"""What a server says of its pace, so that it was read once: a minute that is long over."""

Answer = tuple[int, bytes]
"""Status and body."""


def bad_answers(model: str, answers: Answers = "schema") -> list[Answer]:
    """Answers that end in a `Halt`, or in no text: one for each way through the SDK."""
    return [
        (200, b"no JSON"),
        (200, b"[]"),
        (200, b"{}"),
        (200, _message(model, "", stop_reason="refusal")),
        (200, _message(model, "", stop_reason="max_tokens")),
        (200, _message("another", "")),
        (200, _message(model, None)),
        *([(200, _called(model, "no code"))] if answers == "tool" else []),
        (429, b"{}"),
    ]


def rehearse(named: Rater) -> Connect:
    """Connections to a server that gives every bad answer once, then good ones every other time."""
    model, bad = named.model, (200, _message(named.model, "no label"))
    asked = questions(codebook(), named.mode, named.view)
    # Calls come in one order: each is answered badly, and then well when it is made again.
    then = cycle([answer for call in asked for answer in (bad, (200, _good(call, named)))])
    answers = chain(bad_answers(model, named.answers), then)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(_PEM)
    server.set_alpn_protocols(["http/1.1"])
    context = trusting(_PEM.read_text(encoding="ascii"))
    batches = Rehearsed([_good(call, named) for call in asked])
    return lambda: TlsStream(_Server(server, answers, batches), context, HOST)


def _good(asked: Codebook, named: Rater) -> bytes:
    codes = {each.name: each.codes[-1] for each in asked.instruments}
    text = json.dumps(codes)
    match named.answers:
        case "schema":
            return _message(named.model, text)
        case "tool":
            return _called(named.model, codes)
        case "words":
            return _message(named.model, f"```json\n{text}\n```")


def _message(model: str, text: str | None, stop_reason: str = "end_turn") -> bytes:
    return _whole(model, None if text is None else {"type": "text", "text": text}, stop_reason)


def _called(model: str, given: object) -> bytes:
    block = {"type": "tool_use", "id": "toolu_rehearsal", "name": TOOL, "input": given}
    return _whole(model, block, "tool_use")


def _whole(model: str, block: Mapping[str, object] | None, stop_reason: str) -> bytes:
    """A message with a thought and a block; without one, with no content at all."""
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    return json.dumps(
        {
            "id": "msg_rehearsal",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": block and [thinking, block],
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    ).encode()


class _Server:
    """The far end of a wire: what is written is answered at once."""

    def __init__(
        self, context: ssl.SSLContext, answers: Iterator[Answer], batches: Rehearsed
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._http, self._answers = h11.Connection(h11.SERVER), answers
        self._batches, self._body, self._asked = batches, bytearray(), (b"", b"")
        self._is_ready = False

    def write(self, data: bytes) -> None:
        """Take bytes, and do what they make possible."""
        self._incoming.write(data)
        try:
            if not self._is_ready:
                self._tls.do_handshake()
                self._is_ready = True
            while True:
                self._serve()
        except ssl.SSLWantReadError:
            return

    def read(self, size: int) -> bytes:
        """Give what there is."""
        return self._outgoing.read(size)

    def is_readable(self) -> bool:
        """Whether there is something."""
        return bool(self._outgoing.pending)

    def close(self) -> None:
        """Nothing was opened."""

    def _serve(self) -> None:
        self._http.receive_data(self._tls.read(_CHUNK))
        while (event := self._http.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Request):
                self._asked, self._body = (event.method, event.target), bytearray()
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                told = self._batches.answer(*self._asked, bytes(self._body))
                self._reply(*(next(self._answers) if told is None else (_OK, told)))
                self._http.start_next_cycle()

    def _reply(self, status: int, body: bytes) -> None:
        kind = "x-jsonl" if self._asked[1].endswith(RESULTS) else "json"
        headers = [("content-type", f"application/{kind}"), *_PACE]
        headers.append(("content-length", str(len(body))))
        for event in (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self._tls.write(self._http.send(event) or b"")
