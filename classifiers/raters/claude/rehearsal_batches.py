"""The rehearsal's message batch: at the first look it is in progress, afterwards it has ended."""

import json
import re
from collections.abc import Sequence
from itertools import cycle

BATCH = "msgbatch_rehearsal"
RESULTS = b"/results"
_PATH = b"/v1/messages/batches"
_NAMES = re.compile(rb'"custom_id":"([A-Za-z0-9_-]+)"')


class Rehearsed:
    """
    What the rehearsal's server knows of batches.

    Args:
        messages: The good answers to a session's requests, in their order.
    """

    def __init__(self, messages: Sequence[bytes]) -> None:
        self._messages = [json.loads(message) for message in messages]
        self._names, self._looks = list[str](), 0

    def answer(self, method: bytes, target: bytes, body: bytes) -> bytes | None:
        """What is said about a batch; None to a request that is about none."""
        if not target.startswith(_PATH):
            return None
        if method == b"DELETE":
            return json.dumps({"id": BATCH, "type": "message_batch_deleted"}).encode()
        if target.endswith(RESULTS):
            return self._lines()
        if method == b"POST":
            self._names, self._looks = [name.decode() for name in _NAMES.findall(body)], 0
        else:
            self._looks += 1
        return self._told()

    def _lines(self) -> bytes:
        failed = {"type": "error", "error": {"type": "api_error", "message": ""}}
        lines = [
            {"custom_id": "errored", "result": {"type": "errored", "error": failed}},
            {"custom_id": "expired", "result": {"type": "expired"}},
            {"custom_id": "canceled", "result": {"type": "canceled"}},
            *(
                {"custom_id": name, "result": {"type": "succeeded", "message": message}}
                for name, message in zip(self._names, cycle(self._messages), strict=False)
            ),
        ]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def _told(self) -> bytes:
        has_ended = self._looks > 1
        moment = "2026-01-01T00:00:00Z"
        states = ("processing", "succeeded", "errored", "canceled", "expired")
        return json.dumps(
            {
                "id": BATCH,
                "type": "message_batch",
                "processing_status": "ended" if has_ended else "in_progress",
                "request_counts": dict.fromkeys(states, 0),
                "created_at": moment,
                "expires_at": moment,
                "ended_at": moment if has_ended else None,
                "cancel_initiated_at": None,
                "archived_at": None,
                "results_url": f"https://endpoint{_PATH.decode()}/{BATCH}/results"
                if has_ended
                else None,
            }
        ).encode()
