"""
A server that speaks the Messages API as far as it is used, over real TLS on loopback.

What it answers to a request is a function of the test's; what it was asked is kept, and requests
are held to the SDK's own types, closed: a misspelt or retired parameter is answered by 400, as
the API does.  It takes TLS 1.3 and HTTP/1.1, and its threads end with it.
"""

import json
import secrets
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from privacy.codebook import codebook
from tests.support.pki import HOST

API_KEY = "sk-test-7f3c-canary-of-the-key"


@dataclass(frozen=True)
class Reply:
    """What the server sends."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Instead of all that: bytes to send as they are, before closing."""
    pause: float = 0.0
    """Seconds before each byte of the body; the server's end does not wait for it."""


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    body: dict[str, Any]
    length: int
    """Of the body, padding and all."""
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """The session, in its fence."""
        content = self.body["messages"][0]["content"]
        return str(content if isinstance(content, str) else content[0]["text"])

    @property
    def is_repair(self) -> bool:
        """Whether it asks again."""
        return len(self.body["messages"][0]["content"]) > 1


Answering = Callable[[Asked], Reply]


class MessagesServer(ThreadingHTTPServer):
    """A running server; `asked` holds every request that it could read."""

    daemon_threads = True

    def __init__(self, pem: Path | None, answering: Answering) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.answering = answering
        self.stopping = Event()
        self.connections = 0
        """Made so far."""
        self._open: list[socket.socket] = []
        self.context: ssl.SSLContext | None = None
        if pem:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_3
            self.context.load_cert_chain(pem)
            self.context.set_alpn_protocols(["http/1.1"])

    @property
    def url(self) -> str:
        """As a plan names it."""
        return f"http{'s' if self.context else ''}://{HOST}:{self.server_port}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection; hands are shaken in its own thread, not in this one."""
        connection, address = super().get_request()
        if self.context:
            connection = self.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self.connections += 1
        self._open.append(connection)
        return connection, address

    def finish_request(self, request: Any, client_address: object) -> None:  # noqa: ANN401
        """Serve it."""
        if self.context:
            request.do_handshake()
        super().finish_request(request, client_address)

    def hang_up(self) -> None:
        """Close every connection, without a word."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that break off or do not trust us are what tests are about."""


@contextmanager
def serving(pem: Path | None, answering: Answering) -> Iterator[MessagesServer]:
    """A server for as long as the block runs; plain HTTP without a certificate."""
    with MessagesServer(pem, answering) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.hang_up()
            server.shutdown()
            thread.join()


def message(asked: Asked, text: str, **changed: object) -> Reply:
    """A good answer with a text; its size depends on the session as the API's does, by usage."""
    body = {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": asked.body["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": len(asked.text) // 4, "output_tokens": 120},
        **changed,
    }
    return Reply(json.dumps(body).encode())


def codes(labels: Mapping[str, str] | None = None) -> str:
    """An answer in codes: the given labels, `unclear` for the rest."""
    given = labels or {}
    answer = {
        each.name: each.codes[each.labels.index(given.get(each.name, "unclear"))]
        for each in codebook().instruments
    }
    return json.dumps(answer, separators=(",", ":"))


def labelled(labels: Mapping[str, str] | None = None) -> Answering:
    """Answer every session alike."""
    return lambda asked: message(asked, codes(labels))


@cache
def _requests() -> TypeAdapter[Any]:
    """The SDK's parameters of a request; an unknown one is an error, at any depth that it names."""
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

    return TypeAdapter(MessageCreateParamsNonStreaming)


_one_at_a_time = Lock()


def fault_of(body: dict[str, Any]) -> str:
    """What the API would not take; empty if nothing."""
    try:
        with _one_at_a_time:  # pydantic builds what it needs on first use, and two at once panic
            read = _requests().validate_python(body, extra="forbid")
            for turn in read["messages"]:  # read one by one, and only when asked for
                if not isinstance(turn["content"], str):
                    list(turn["content"])
            if not isinstance(read.get("system", ""), str):
                list(read["system"])
    except ValidationError as error:
        return str(error.errors(include_input=False, include_url=False)[0]["loc"])
    return "" if set(body) <= _parameters() else "unknown parameter"


@cache
def _parameters() -> frozenset[str]:
    from anthropic.types.message_create_params import MessageCreateParamsBase

    return frozenset(MessageCreateParamsBase.__annotations__)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    @property
    def ours(self) -> MessagesServer:
        return cast("MessagesServer", self.server)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer as the test wants."""
        length = int(self.headers["content-length"])
        body = json.loads(self.rfile.read(length))
        asked = Asked(body, length, dict(self.headers))
        self.ours.asked.append(asked)
        fault = "" if self.path == "/v1/messages" else "path"
        if fault := fault or fault_of(body):
            self._send(Reply(json.dumps({"type": "error", "error": {
                "type": "invalid_request_error", "message": fault}}).encode(), 400))  # fmt: skip
            return
        self._send(self.ours.answering(asked))

    def _send(self, reply: Reply) -> None:
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        self.send_response(reply.status)
        headers = {"content-type": "application/json", "content-length": str(len(reply.body))}
        for name, value in {**headers, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not reply.pause:
            self.wfile.write(reply.body)
        for byte in reply.body if reply.pause else b"":
            self.wfile.flush()
            if self.ours.stopping.wait(reply.pause):
                return
            self.wfile.write(bytes([byte]))
