"""
TLS 1.3 inside the worker: who relays the bytes can neither read nor forge them.

The plan's roots are all that is trusted, nothing of the machine's, and the certificate must name
the endpoint's host.  The context is made before the seal and opens no file afterwards.  Neither
`SSLKEYLOGFILE` nor `SSL_CERT_FILE` is looked at: only `create_default_context` would.
"""

import ssl
from contextlib import suppress
from typing import Any

import httpcore2

from classifiers.raters import Halted
from privacy.halts import Halt

from .wire import Wire

_CHUNK = 65_536


def trusting(roots: str) -> ssl.SSLContext:
    """
    A context for TLS 1.3 to servers whose certificates lead to these roots, given in PEM.

    Raises:
        ValueError: There is no certificate in it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the chain and the host's name
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_verify_locations(cadata=roots)
    except ssl.SSLError:
        raise ValueError("no roots") from None
    return context


class TlsStream(httpcore2.NetworkStream):
    """
    A connection that has shaken hands.  Timeouts that are passed are the deadline's business.

    What is written leaves when an answer is waited for: head and body of a request, which are
    written one after the other, go to the broker in one piece.
    """

    def __init__(self, wire: Wire, context: ssl.SSLContext, host: str) -> None:
        """
        Shake hands.

        Raises:
            Halted: NOT_TRUSTED where the certificate does not hold, UNREACHABLE where the other
                end broke off.
        """
        self._wire = wire
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        try:
            self._until_done(self._tls.do_handshake)
            self._send()
        except ssl.SSLEOFError:
            self.close()
            raise Halted(Halt.UNREACHABLE) from None
        except ssl.SSLError:
            self.close()
            raise Halted(Halt.NOT_TRUSTED) from None
        except OSError:
            self.close()
            raise Halted(Halt.UNREACHABLE) from None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes.  The end is an error, however it came: each answer says its length."""
        del timeout
        with suppress(OSError):  # who closed early may have answered before
            self._send()
        try:
            data: bytes = self._until_done(self._tls.read, max_bytes)
        except OSError:  # ssl.SSLError is one
            data = b""
        if not data:
            raise httpcore2.ReadError("broken off") from None
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Take all of it, to be sent before the next `read`."""
        del timeout
        rest = memoryview(buffer)
        try:
            while rest:
                rest = rest[self._until_done(self._tls.write, rest) :]
        except OSError:
            raise httpcore2.WriteError("broken off") from None

    def close(self) -> None:
        """Let go, without a goodbye."""
        self._wire.close()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        """Whether the server has closed an idle connection; nothing else is known."""
        return self._wire.is_readable() if info == "is_readable" else None

    def _until_done(self, act: Any, *arguments: Any) -> Any:  # noqa: ANN401 - of the TLS object
        """Do it, carrying bytes between the TLS object and the wire as it asks for them."""
        while True:
            try:
                return act(*arguments)
            except ssl.SSLWantReadError:
                self._send()
                data = self._wire.read(_CHUNK)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()

    def _send(self) -> None:
        if self._outgoing.pending:
            self._wire.write(self._outgoing.read())
