"""
Waiting where a server asks for it, within a bound of our own.

Promise: a request that a server could not answer *now* is sent again, later each time, and never
later than `PATIENCE_SECONDS` after the first; a server that asks for more than is left of them is
not waited for at all.  What no waiting mends ends at once.

Two things are waited for: a server that refuses for the moment (429, 503, 529), which is asked
again as long as patience lasts; and one that broke off or failed, which is asked `MENDING` times
more.  A request of which nobody knows whether it was heard may have been answered, and charged: so
what must not be sent twice is not.

Waits are drawn, so that workers which were refused together do not come back together.
"""

from random import SystemRandom
from time import monotonic, sleep

import httpx2

from classifiers.raters import Halted
from privacy.halts import Halt

from .line import Line

PATIENCE_SECONDS = 150.0
"""From the first sending of a request to its last: two windows of a minute, and some."""
MENDING = 2
"""Times that a request is sent again after a failure that may be one of the request."""
_REFUSED = frozenset({Halt.BUSY, Halt.OVERLOADED})
_BROKEN = frozenset({Halt.UNREACHABLE, Halt.FAILED})
_SHORTEST, _LONGEST = 0.5, 30.0
"""Seconds of the first wait, and of any that nobody asked for."""
_ONCE = b"/v1/messages/batches"
"""Path of what must not be sent twice."""


class Patient(httpx2.BaseTransport):
    """
    A transport that waits, before another one that does not.

    Args:
        line: What sends, and knows what the server said about its pace.
        seconds: From the first sending to the last; none while rehearsing.
    """

    def __init__(self, line: Line, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._line, self._random = line, SystemRandom()

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """
        Send a request, again where that may help.

        Raises:
            Halted: As the line's, once patience is at its end or waiting is of no use.
        """
        began, tries = monotonic(), 0
        sleep(min(self._line.limits.rest, self.seconds))
        while True:
            try:
                return self._line.handle_request(request)
            except Halted as halted:
                seconds = self._pause(halted.code, tries)
                is_late = monotonic() - began + seconds > self.seconds
                if is_late or not _may_help(halted.code, request, tries):
                    raise
            sleep(seconds)
            tries += 1

    def _pause(self, halt: Halt, tries: int) -> float:
        """Seconds to wait: what was asked for and a little more, or twice as long each time."""
        told = self._line.limits.told
        if halt in _REFUSED and told:
            return told + self._random.uniform(0, _SHORTEST)
        return min(_SHORTEST * (1 << min(tries, 10)), _LONGEST) * self._random.uniform(0.5, 1)


def _may_help(halt: Halt, request: httpx2.Request, tries: int) -> bool:
    if halt in _REFUSED:
        return True
    is_once = request.method == "POST" and request.url.raw_path.endswith(_ONCE)
    return halt in _BROKEN and tries < MENDING and not is_once
