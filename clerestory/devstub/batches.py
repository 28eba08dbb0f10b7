"""
Message batches: taken whole, finished after a number of looks, told in another order.

Answers are made when a batch is taken, so that no request is kept, not in memory either.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Any

from clerestory.devstub.answers import MESSAGES, Json, error_of
from clerestory.devstub.script import LINES, Script

_STATES = ("processing", "succeeded", "errored", "canceled", "expired")


@dataclass(slots=True)
class _Batch:
    """One of them."""

    began: datetime
    lines: list[Json]
    looks: int
    """Left until it has ended."""
    ended: datetime | None = None
    canceled: datetime | None = None


class Batches:
    """
    All that were taken.

    Args:
        script: How each line is answered.
        looks: How often a batch is seen in progress before it has ended.
        seed: Of answers, and of the order of results.
    """

    def __init__(self, script: Script, looks: int = 1, seed: int = 0) -> None:
        self._script, self._looks, self._seed = script, looks, seed
        self._held: dict[str, _Batch] = {}
        self._lock = Lock()

    def take(self, body: Mapping[str, Any], url: str) -> Json:
        """Take a batch; its lines are told in an order that is not the requests'."""
        lines = [self._line(each) for each in body["requests"]]
        mixed = sorted(lines, key=lambda line: sha256(line["custom_id"].encode()).digest())
        if mixed == lines:
            mixed.reverse()
        name = f"msgbatch_{secrets.token_hex(12)}"
        with self._lock:
            self._held[name] = _Batch(datetime.now(UTC), mixed, self._looks)
            return self._told(name, url)

    def listed(self, url: str) -> Json:
        """All of them, the newest first, on one page; looking at the list brings no end nearer."""
        with self._lock:
            data = [self._told(name, url) for name in reversed(self._held)]
        names = [each["id"] for each in data] or [None]
        return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}

    def look(self, name: str, url: str) -> Json | None:
        """How a batch is; each look brings its end nearer.  None if there is none of that name."""
        with self._lock:
            batch = self._held.get(name)
            if batch is None:
                return None
            if batch.looks <= 0 and batch.ended is None:
                batch.ended = datetime.now(UTC)
            batch.looks -= 1
            return self._told(name, url)

    def cancel(self, name: str, url: str) -> Json | None:
        """Stop a batch: what was in progress was never answered.  One that has ended stays so."""
        with self._lock:
            batch = self._held.get(name)
            if batch is None:
                return None
            if batch.ended is None and batch.canceled is None:
                batch.canceled = datetime.now(UTC)
                for line in batch.lines:
                    line["result"] = {"type": "canceled"}
            return self._told(name, url)

    def delete(self, name: str) -> Json | None:
        """Forget a batch that has ended; None if there is none of that name that has."""
        with self._lock:
            batch = self._held.get(name)
            if batch is None or batch.ended is None:
                return None
            del self._held[name]
            return {"id": name, "type": "message_batch_deleted"}

    def results(self, name: str) -> bytes | None:
        """Its lines, once it has ended."""
        with self._lock:
            batch = self._held.get(name)
            if batch is None or batch.ended is None:
                return None
            return b"".join(json.dumps(line).encode() + b"\n" for line in batch.lines)

    def _line(self, request: Mapping[str, Any]) -> Json:
        way = self._script.next()
        result: Json = {"type": way}
        if way == "errored":
            result["error"] = error_of("invalid_request_error", "as the script says")
            result["error"]["request_id"] = None
        elif way not in LINES:
            message = MESSAGES[way](request["params"], self._seed)
            result = {"type": "succeeded", "message": message}
        return {"custom_id": request["custom_id"], "result": result}

    def _told(self, name: str, url: str) -> Json:
        batch = self._held[name]
        counts = dict.fromkeys(_STATES, 0)
        for line in batch.lines:
            counts[line["result"]["type"] if batch.ended else "processing"] += 1
        state = "ended" if batch.ended else "canceling" if batch.canceled else "in_progress"
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": state,
            "request_counts": counts,
            "created_at": _time(batch.began),
            "expires_at": _time(batch.began + timedelta(days=1)),
            "ended_at": _time(batch.ended),
            "cancel_initiated_at": _time(batch.canceled),
            "archived_at": None,
            "results_url": f"{url}/v1/messages/batches/{name}/results" if batch.ended else None,
        }


def _time(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if moment else None
