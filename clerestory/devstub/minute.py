"""A limit on requests, told as the API tells it: what is left with every answer, and from when."""

import math
import secrets
import time
from threading import Lock

SECONDS = 60.0


class Minute:
    """
    What is left of a minute's requests; a minute begins with its first.

    Args:
        most: Requests.
        seconds: Of a minute, for who has not so long.
    """

    def __init__(self, most: int, seconds: float = SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._made, self._began = 0, 0.0
        self._lock = Lock()

    def take(self) -> tuple[dict[str, str], int]:
        """Take one: what headers say, and seconds to wait if there was none left."""
        with self._lock:
            now = time.time()
            if now >= self._began + self._seconds:
                self._made, self._began = 0, now
            over = self._made >= self._most
            self._made += not over
            left, end = self._most - self._made, self._began + self._seconds
        reset = time.strftime("%FT%TZ", time.gmtime(math.ceil(end)))
        told = {
            "anthropic-ratelimit-requests-limit": str(self._most),
            "anthropic-ratelimit-requests-remaining": str(left),
            "anthropic-ratelimit-requests-reset": reset,
            "request-id": f"req_{secrets.token_hex(12)}",
        }
        return told, max(1, math.ceil(end - now)) if over else 0
