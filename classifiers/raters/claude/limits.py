"""
What a server has said about its pace: how long to rest, and whether more workers would be too many.

Promise: of an answer only numbers of its limits are looked at, and of a refusal's words one code,
which is held against a name and forgotten.  What comes of it is seconds to wait, within bounds, and
one `Pace` of four.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from time import monotonic, time

from privacy.closing import Pace
from privacy.halts import Halt

KINDS = (b"requests", b"tokens", b"input-tokens", b"output-tokens")
"""What the API limits in a minute; each has headers of its own."""
WINDOW_SECONDS = 60.0
"""Longest rest before a call: limits are a minute's, and two clocks may differ."""
LITTLE_ROOM = 0.1
"""Part of a limit below which nobody should be added."""
BRISK_SECONDS = 0.1
"""Calls that take less are not waited for: more workers would only share this machine."""
SPEND_LIMIT = "enforced_spend_limit_reached"
"""Code of a 429 that no waiting mends."""
_OK, _TOO_MANY, _OVERLOADED = 200, 429, frozenset({503, 529})
_LARGEST_NUMBER = 15
"""Digits."""

Headers = Iterable[tuple[bytes, bytes]]


class Limits:
    """All that is known, since a worker began."""

    def __init__(self) -> None:
        self.told: float | None = None
        """Seconds that the last answer asked to wait, where it did."""
        self._slowed, self._room = False, 1.0
        self._reset = 0.0
        self._answers, self._seconds, self._sent = 0, 0.0, 0.0

    def send(self) -> None:
        """A request leaves."""
        self._sent = monotonic()

    def hear(self, status: int, headers: Headers) -> None:
        """An answer has come; of its body nothing is known yet."""
        said = {name.lower(): value for name, value in headers}
        self._answers += 1
        self._seconds += monotonic() - self._sent
        self._slowed |= status == _TOO_MANY or status in _OVERLOADED
        wait = _number(said.get(b"retry-after", b""))
        self.told = float(wait) if wait is not None and status != _OK else None
        self._room, self._reset = 1.0, 0.0
        for kind in KINDS:
            head = b"anthropic-ratelimit-" + kind
            limit, left = (_number(said.get(head + end, b"")) for end in (b"-limit", b"-remaining"))
            if limit and left is not None:
                self._room = min(self._room, left / limit)
                if left == 0:
                    self._reset = max(self._reset, _moment(said.get(head + b"-reset", b"")))

    @property
    def rest(self) -> float:
        """Seconds until a limit that is used up is a new one; none where nothing is used up."""
        return min(max(0.0, self._reset - time()), WINDOW_SECONDS)

    @property
    def pace(self) -> Pace:
        """Advice to whoever starts workers."""
        if self._slowed:
            return Pace.SLOWER
        if not self._answers:
            return Pace.UNKNOWN
        brisk = self._seconds < BRISK_SECONDS * self._answers
        return Pace.STEADY if brisk or self._room < LITTLE_ROOM else Pace.FASTER


def refusal_of(body: bytes, otherwise: Halt) -> Halt:
    """Why too many requests were refused: for now, or until somebody raises a limit on money."""
    try:
        error = json.loads(body)["error"]
        code = error["details"]["error_code"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return otherwise
    return Halt.SPEND_LIMIT if code == SPEND_LIMIT else otherwise


def _number(text: bytes) -> int | None:
    """A whole number of seconds or things; None for anything else, a date among it."""
    return int(text) if text.isdigit() and len(text) <= _LARGEST_NUMBER else None


def _moment(text: bytes) -> float:
    """Seconds since 1970 of a time as RFC 3339 has it; the beginning for anything else."""
    try:
        return datetime.fromisoformat(text.decode("ascii")).timestamp()
    except (ValueError, OverflowError):
        return 0.0
