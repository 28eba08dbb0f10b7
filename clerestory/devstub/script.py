"""Which request is answered how: a usual way, and exceptions for the n-th and every n-th one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from clerestory.devstub.answers import MESSAGES, Json, error_of
from clerestory.devstub.cache import Cached
from clerestory.devstub.loopback import Reply
from privacy.errors import ConfigurationError

ERRORS: Mapping[str, tuple[int, str]] = {
    "400": (400, "invalid_request_error"),
    "401": (401, "authentication_error"),
    "403": (403, "permission_error"),
    "404": (404, "not_found_error"),
    "429": (429, "rate_limit_error"),
    "429-after": (429, "rate_limit_error"),
    "429-spend": (429, "rate_limit_error"),
    "500": (500, "api_error"),
    "503": (503, "api_error"),
    "529": (529, "overloaded_error"),
    "529-after": (529, "overloaded_error"),
}
"""Way → HTTP status, and the API's name for it; `…-after` says when to come back, and `429-spend`
that a limit on money is reached."""
SPEND_LIMIT = {"error_code": "enforced_spend_limit_reached"}
BROKEN = ("drop", "torn", "slow")
"""Ways of a connection: closed without an answer, within one, a byte now and then."""
LINES = ("errored", "expired", "canceled")
"""Ways of a batch's line beside what a model may say."""
WAYS = (*MESSAGES, *ERRORS, *BROKEN)


@dataclass(slots=True)
class Script:
    """
    Ways by number, counted from one over the server's life.

    An exception for one number stands over one for every n-th.
    """

    usual: str = "good"
    at: Mapping[int, str] = field(default_factory=dict)
    every: Mapping[int, str] = field(default_factory=dict)
    _count: int = 0
    _lock: Lock = field(default_factory=Lock)

    def next(self) -> str:
        """How the next one is answered."""
        with self._lock:
            self._count += 1
            number = self._count
        often = (way for each, way in self.every.items() if number % each == 0)
        return self.at.get(number) or next(often, self.usual)


@dataclass(frozen=True, slots=True)
class Manner:
    """How ways are carried out."""

    seed: int = 0
    retry_after: int = 1
    """Seconds that `…-after` says."""
    pause: float = 1.0
    """Seconds before each byte of what is `slow`."""

    def reply(self, way: str, body: Mapping[str, Any], cached: Cached | None = None) -> Reply:
        """An answer to a request, of which some may be held."""
        if way in ERRORS:
            status, kind = ERRORS[way]
            headers = {"retry-after": str(self.retry_after)} if way.endswith("-after") else {}
            details = {"details": SPEND_LIMIT} if way == "429-spend" else {}
            return Reply(document(error_of(kind, "as the script says", **details)), status, headers)
        if way == "drop":
            return Reply(raw=b"")
        said = MESSAGES[way if way in MESSAGES else "good"](body, self.seed)
        said["usage"] |= (cached or Cached()).usage(body)
        whole = document(said)
        if way == "torn":
            head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
            return Reply(raw=f"{head}{len(whole)}\r\n\r\n".encode() + whole[: len(whole) // 2])
        return Reply(whole, pause=self.pause if way == "slow" else 0.0)


def document(value: Json) -> bytes:
    """JSON as it is sent."""
    return json.dumps(value).encode()


def exceptions(given: Sequence[str], ways: Sequence[str]) -> dict[int, str]:
    """
    Read `N=WAY` texts.

    Raises:
        ConfigurationError: One is written otherwise, or names no way.
    """
    found = {}
    for text in given:
        number, _, way = text.partition("=")
        whole = number.isascii() and number.isdigit() and len(number) < 10
        if not whole or int(number) < 1 or way not in ways:
            raise ConfigurationError(
                "WAY_UNKNOWN",
                rule="An exception is written N=WAY, with N from 1.",
                found="something else, or a way that there is not.",
                remedy=f"give one of: {', '.join(ways)}.",
            )
        found[int(number)] = way
    return found
