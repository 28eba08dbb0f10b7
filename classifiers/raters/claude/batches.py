"""
Message batches: the same requests as one call each would be, sent together and answered later.

The rater asks as it always does; what it asks through is this.  While a batch is *written*, a
request is kept instead of sent, and the rater is told a made-up answer in form, so that it asks
all that it would ask of a session.  While one is *read*, the n-th request of a session is answered
by the result of that name, in whatever order results came.  So rubric, fence, chunks and rules of
merging are the rater's, and are the same both ways.

A request that asks again, since an answer was not in form, goes out by itself and at once: it is
rare, a plain call is kept by nobody, and a second day of waiting would be longer than the first.

A request without a result (errored, expired, canceled, missing) is no answer: its session gets no
record and is due again.  All is bounded: bodies to what the broker relays of one connection, which
is far below the API's 256 MB; results to what so many answers can hold.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx2

from classifiers.raters import Halted, Unanswered
from classifiers.raters.meter import Meter
from privacy.halts import Halt
from privacy.tickets import MOST_BATCHES, Ticket, is_batch

from .call import Call, Message
from .line import Line
from .prompt import AGAIN
from .wire import Deadline

MOST_BODY = 32 * 2**20
"""bytes of one batch: a power of two, as bodies are padded to, and half of what a broker relays."""
MOST_REQUESTS = 2_000
"""Of one batch; the API takes 100,000.  With 4 KiB for each, results are within `line`'s bound."""
POST_SECONDS = 600.0
"""For the body of one batch, or its results."""
_PATH = "/v1/messages/batches"

_CALLS = "/v1/messages"
_JSON: Any = {"headers": {"content-type": "application/json"}}

Content = Sequence[Mapping[str, str]]
"""Blocks of what is said to the model."""


class Batches:
    """
    What a rater asks through.

    Args:
        client: The SDK's, over the line.
        line: Its transport.
        deadline: The transport's.
        meter: What a batch costs is counted there when it is sent, at its worst: what its
            answers took is known a day later, to another worker.
    """

    def __init__(
        self, client: anthropic.Anthropic, line: Line, deadline: Deadline, meter: Meter
    ) -> None:
        self._client, self._line, self._deadline = client, line, deadline
        self._meter = meter
        self._do = self._ask
        self._ticket = Ticket.fresh()
        self._session, self._number = "", 0
        self._written: list[bytes] = []
        self._sent: list[str] = []
        self._halt: Halt | None = None
        self._results: dict[str, bytes] = {}

    def create(self, call: Call, content: Content) -> Message:
        """
        Ask, write down or look up, whatever is the order of the day.

        Raises:
            Unanswered: There is no result for it.
        """
        return self._do(call, content)

    def plain(self) -> None:
        """From now on, ask and wait."""
        self._do = self._ask

    def write(self) -> None:
        """From now on, write requests down."""
        self._ticket, self._do = Ticket.fresh(), self._write
        self._written, self._sent, self._halt = [], [], None

    def turn(self, session: str) -> None:
        """From now on, requests are of this session; what was written before may be sent."""
        self._send_while(self._is_full)
        self._session, self._number = session, 0

    def send(self) -> tuple[Ticket, Halt | None]:
        """The ticket of all that was sent; why that is not all, where somebody stopped it."""
        self._send_while(lambda: bool(self._written))
        return Ticket(tuple(self._sent), self._ticket.secret), self._halt

    def read(self, ticket: Ticket) -> None:
        """
        From now on, answer from what became of these batches.

        Raises:
            Halted: PENDING where one has not ended; LOST where the endpoint knows none of its name.
        """
        if not all(self._has_ended(batch) for batch in ticket.batches):
            raise Halted(Halt.PENDING)
        self._ticket, self._do = ticket, self._look_up
        self._results = {}
        for batch in ticket.batches:
            for name, line in self._lines(batch):
                if name in self._results:
                    raise Halted(Halt.MALFORMED)
                self._results[name] = line

    def drop(self, ticket: Ticket) -> None:
        """Have the provider delete requests and results; what it has not any more is deleted."""
        for batch in ticket.batches:
            try:
                with self._answering():
                    self._client.messages.batches.delete(batch)
            except Halted as halted:
                if halted.code is not Halt.LOST:
                    raise

    def _ask(self, call: Call, content: Content) -> Message:
        # By `post`, as it goes out: `messages.create` copies a request value by value, and makes
        # objects of an answer of which four values are looked at.
        answer = self._client.post(
            _CALLS, cast_to=httpx2.Response, content=call.body(content), options=_JSON
        )
        message: Message = json.loads(answer.content)
        return message

    def _write(self, call: Call, content: Content) -> Message:
        name = self._ticket.request(self._session, self._number)
        self._number += 1
        self._written.append(
            b'{"custom_id":"%s","params":%s}' % (name.encode(), call.body(content))
        )
        return call.made_up

    def _look_up(self, call: Call, content: Content) -> Message:
        # The repair of an answer is never the first of its kind.
        if any(block.get("text") == AGAIN for block in content):
            return self._ask(call, content)
        line = self._results.get(self._ticket.request(self._session, self._number))
        self._number += 1
        if line is None:
            raise Unanswered
        message: Message = json.loads(line)
        return message

    def _is_full(self) -> bool:
        """Whether a batch's worth was written."""
        return len(self._written) >= MOST_REQUESTS or sum(map(len, self._written)) >= MOST_BODY

    def _send_while(self, wanted: Callable[[], bool]) -> None:
        """Send batches; a halt is kept, since what was sent before it must not be forgotten."""
        try:
            while not self._halt and len(self._sent) < MOST_BATCHES and wanted():
                self._send()
        except Halted as halted:
            self._halt = halted.code

    def _send(self) -> None:
        """Send as much of what was written, in order, as one batch holds."""
        size, count = len(_OPENS) + len(_CLOSES), 0
        for line in self._written[:MOST_REQUESTS]:
            size += len(line) + 1
            if size > MOST_BODY:
                break
            count += 1
        if not count:  # one request that no batch holds: it is left out, and asked by itself
            del self._written[0]
            return
        self._meter.send_batch([len(line) for line in self._written[:count]])
        body = _OPENS + b",".join(self._written[:count]) + _CLOSES
        del self._written[:count]
        # On a fresh connection: one that was kept and is found broken would be tried twice, and
        # the first time may have been heard.
        self._line.close()
        with self._answering():
            told = self._client.post(
                _PATH,
                cast_to=anthropic.types.messages.MessageBatch,
                content=body,
                options=_JSON,
            )
        if not isinstance(told.id, str) or not is_batch(told.id):
            raise Halted(Halt.MALFORMED)
        self._sent.append(told.id)

    def _has_ended(self, batch: str) -> bool:
        with self._answering():
            told = self._client.messages.batches.retrieve(batch)
        if told.id != batch:
            raise Halted(Halt.MALFORMED)
        return told.processing_status == "ended"

    def _lines(self, batch: str) -> Iterator[tuple[str, bytes]]:
        """Name of each request that was answered, and its message."""
        self._line.close()  # the broker relays so much of one connection
        with self._answering():
            for told in self._client.messages.batches.results(batch):
                if told.result.type == "succeeded":
                    yield told.custom_id, told.result.message.to_json(indent=None).encode()
        self._line.close()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """More time than for a call, and none of the SDK's errors: they quote."""
        usual, self._deadline.seconds = self._deadline.seconds, POST_SECONDS
        try:
            yield
        except Exception:  # noqa: BLE001
            raise Halted(Halt.MALFORMED) from None
        finally:
            self._deadline.seconds = usual


_OPENS, _CLOSES = b'{"requests":[', b"]}"
