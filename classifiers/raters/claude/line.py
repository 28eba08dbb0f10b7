"""
The SDK's transport: one HTTP/1.1 connection to one place, and nothing else it could be told to do.

Promise: requests go to the plan's endpoint, whatever the environment, a redirect or a proxy says;
their bodies have one of few lengths; and of an answer only a whole one of the Messages API's kind
is handed on.  Every other answer ends here as a `Halt`, before anybody reads its words, which may
quote what was sent.  `limits` is told of each answer's headers.

The connection is kept between calls.  A server may close it meanwhile: a call that finds it
broken is sent once more, on a fresh one.
"""

import json
from collections.abc import Callable

import httpcore2
import httpx2

from classifiers.raters import Halted
from classifiers.raters.meter import Meter
from privacy.halts import Halt

from .limits import Limits, refusal_of
from .wire import Deadline

SMALLEST_BODY = 32 * 1024
"""bytes.  Rubric and a session of the largest view in plain English fill 64 KiB."""
LARGEST_ANSWER = 256 * 1024
"""bytes: an answer is well below two thousand."""
LARGEST_RESULTS = 8 * 2**20
"""bytes: 4 KiB for each request of the largest batch, and half of what the broker lets down."""
CHARGED = b"/v1/messages"
"""End of the path of what costs something as soon as it is answered."""
CALLS_EACH = 200
"""Calls of one connection."""
BYTES_EACH = 32 * 2**20
"""Of one connection's requests, with the last of them well below what the broker relays of one."""

_HALTS = {401: Halt.DENIED, 403: Halt.DENIED, 408: Halt.SLOW,
          503: Halt.OVERLOADED, 504: Halt.SLOW, 529: Halt.OVERLOADED}  # fmt: skip
_OK, _ERROR, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 200, 400, 404, 429, 500
_BATCH = b"/messages/batches/"
_ANSWER, _RESULTS = (b"application/json", LARGEST_ANSWER), (b"application/x-jsonl", LARGEST_RESULTS)
"""Content type and largest body: of an answer; of a batch's results, a line for each request."""

Connect = Callable[[], httpcore2.NetworkStream]


def padded_length(length: int) -> int:
    """The next power of two: a length gives away which of a few classes it lies in."""
    return max(SMALLEST_BODY, 1 << (length - 1).bit_length())


class Line(httpx2.BaseTransport):
    """
    A transport to one endpoint.

    Args:
        connect: Makes a connection over which plain HTTP can be spoken.
        deadline: Begun anew with each call.
        meter: Told of each request that is charged, before it is sent and once it is answered.
    """

    def __init__(self, connect: Connect, deadline: Deadline, meter: Meter) -> None:
        self._connect, self._deadline, self._meter = connect, deadline, meter
        self.limits = Limits()
        """What the server said about its pace."""
        self._connection: httpcore2.HTTP11Connection | None = None
        self._calls, self._bytes = 0, 0

    def lead(self, connect: Connect) -> None:
        """Lead elsewhere from now on: from the rehearsal to the endpoint."""
        self.close()
        self._connect, self.limits = connect, Limits()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection:
            self._connection.close()
        self._connection, self._calls, self._bytes = None, 0, 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """
        Send a request and wait for the whole answer.

        Raises:
            Halted: There was none, in time and in form.
        """
        self._deadline.begin()
        plain, length = _padded(request), len(request.read())
        try:
            try:
                return self._call(plain, self._ready(), length)
            except httpcore2.NetworkError:
                if self._calls == 0:
                    raise
            self.close()
            return self._call(plain, self._ready(), length)
        except httpcore2.NetworkError:
            self.close()
            raise Halted(Halt.UNREACHABLE) from None
        except (httpcore2.ProtocolError, ValueError):
            self.close()
            raise Halted(Halt.MALFORMED) from None
        except BaseException:
            self.close()
            raise

    def _ready(self) -> httpcore2.HTTP11Connection:
        """The kept connection, or a fresh one."""
        kept = self._connection
        is_used_up = self._calls >= CALLS_EACH or self._bytes >= BYTES_EACH
        if kept is None or not kept.is_idle() or kept.has_expired() or is_used_up:
            self.close()
            kept = httpcore2.HTTP11Connection(httpcore2.Origin(b"https", b"endpoint", 443),
                                              self._connect())  # fmt: skip
            self._connection = kept
        return kept

    def _call(
        self, request: httpcore2.Request, connection: httpcore2.HTTP11Connection, length: int
    ) -> httpx2.Response:
        charged = request.url.target.partition(b"?")[0].endswith(CHARGED)
        if charged:
            self._meter.send(length)
        self.limits.send()
        response = connection.handle_request(request)
        about_batch = _BATCH in request.url.target
        self.limits.hear(response.status, response.headers)
        if response.status >= _ERROR:
            self._meter.refused()
        if response.status == _TOO_MANY:
            raise Halted(refusal_of(_body(response, LARGEST_ANSWER), Halt.BUSY))
        if response.status != _OK:
            is_lost = about_batch and response.status == _NOT_FOUND
            raise Halted(Halt.LOST if is_lost else _halt_of(response.status))
        results = about_batch and request.url.target.endswith(b"/results")
        kind, most = _RESULTS if results else _ANSWER
        headers = {name.lower(): value for name, value in response.headers}
        if b"content-encoding" in headers or not headers.get(b"content-type", b"").startswith(kind):
            raise Halted(Halt.MALFORMED)
        body = _body(response, most)
        response.close()
        self._calls += 1
        if charged:
            self._meter.answered(_usage_of(body))
        self._bytes += int(dict(request.headers).get(b"content-length", b"0"))
        return httpx2.Response(_OK, headers=[(b"content-type", kind)], content=body)


def _body(response: httpcore2.Response, most: int) -> bytes:
    body = b""
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > most:
            raise Halted(Halt.MALFORMED)
    return body


def _padded(request: httpx2.Request) -> httpcore2.Request:
    """
    The request with a body of one of few lengths.

    Space after a JSON text is part of no value [RFC 8259, 2]: a model is not shown it.
    """
    body = request.read()
    headers = [(n, v) for n, v in request.headers.raw if n.lower() != b"content-length"]
    if body:  # a question about a batch has none
        body = body.ljust(padded_length(len(body)))
        headers.append((b"content-length", b"%d" % len(body)))
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(scheme=b"https", host=b"endpoint", port=443, target=request.url.raw_path),
        headers=headers,
        content=body,
    )


def _usage_of(body: bytes) -> object:
    """What an answer says that it took; None if it is no answer, which others find out."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get("usage") if isinstance(answer, dict) else None


def _halt_of(status: int) -> Halt:
    if status < _ERROR:
        return Halt.MALFORMED  # a redirect, or a success that is none of this API's
    return _HALTS.get(status, Halt.FAILED if status >= _SERVER_ERROR else Halt.REJECTED)
