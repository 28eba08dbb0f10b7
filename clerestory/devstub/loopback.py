"""
A server on loopback, over TLS 1.3 and HTTP/1.1, that may answer well, slowly, torn or not at all.

It says nothing of whom it serves, and its threads end with it.
"""

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, TypeVar, cast

from clerestory.devstub.authority import HOST


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Instead of all that: bytes to send as they are, before closing."""
    pause: float = 0.0
    """Seconds before each byte of the body; the server's end does not wait for it."""


class Loopback(ThreadingHTTPServer):
    """
    A server.

    Args:
        handler: What answers.
        pem: Certificate and key; plain HTTP without.
        port: Where to listen; any free port by default.
    """

    daemon_threads = True

    def __init__(self, handler: "type[Handler]", pem: bytes | None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.stopping = Event()
        self.connections = 0
        """Made so far."""
        self._open: set[socket.socket] = set()
        self.context = _context(pem) if pem else None

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
        self._open.add(connection)
        return connection, address

    def finish_request(self, request: Any, client_address: object) -> None:  # noqa: ANN401
        """Serve it."""
        if self.context:
            request.do_handshake()
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        """Let it go."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close every connection, without a word."""
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that break off or do not trust us are what this is there for."""


class Handler(BaseHTTPRequestHandler):
    """What every answer has in common."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        self.send(self.got())

    def do_POST(self) -> None:
        """Answer."""
        self.send(self.posted())

    def do_DELETE(self) -> None:
        """Answer."""
        self.send(self.deleted())

    def got(self) -> Reply:
        """What is said to a GET."""
        return Reply(status=405)

    def deleted(self) -> Reply:
        """What is said to a DELETE."""
        return Reply(status=405)

    def posted(self) -> Reply:
        """What is said to a POST."""
        return Reply(status=405)

    def send(self, reply: Reply) -> None:
        """Send it as it wants to be sent."""
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
            if cast("Loopback", self.server).stopping.wait(reply.pause):
                return
            self.wfile.write(bytes([byte]))


S = TypeVar("S", bound=Loopback)


@contextmanager
def running(server: S) -> Iterator[S]:
    """The server, serving for as long as the block runs."""
    with server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.hang_up()
            server.shutdown()
            thread.join()


def _context(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL takes a key from a file only: this one is in memory, and gone when it is closed.
    with open(os.memfd_create("certificate"), "wb") as file:  # noqa: PTH123 - it has no path
        file.write(pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context
