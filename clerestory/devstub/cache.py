"""
Prompt caching, as the API accounts for it: a prefix is written once, and read for a while.

A prefix ends at a block that says `cache_control`; blocks count in the order tools, system,
messages.  What is shorter than a model's least prefix is not kept.  A request reads the longest
prefix of its own that is held, writes the rest up to its last such block, and each use lengthens
its time.  Only hashes are kept.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

from clerestory.devstub.answers import BYTES_PER_TOKEN, Json, texts_of, tokens_of

LEAST_TOKENS = {"claude-haiku-5-5": 512, "claude-haiku-4-5": 4096}
"""Of a prefix, by model."""
LEAST_OF_OTHERS = 1024
TTL_SECONDS = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True, slots=True)
class Cached:
    """Tokens of a prompt that are accounted for apart."""

    read: int = 0
    written: Mapping[str, int] | None = None
    """By how long they are kept."""

    def usage(self, body: Mapping[str, Any]) -> Json:
        """The prompt's part of a message's `usage`: all of it is the sum of three numbers."""
        written = {ttl: (self.written or {}).get(ttl, 0) for ttl in TTL_SECONDS}
        return {
            "input_tokens": tokens_of(body) - self.read - sum(written.values()),
            "cache_read_input_tokens": self.read,
            "cache_creation_input_tokens": sum(written.values()),
            "cache_creation": {f"ephemeral_{ttl}_input_tokens": n for ttl, n in written.items()},
        }


class PromptCache:
    """
    What is held.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[bytes, float] = {}
        self._lock = Lock()

    def take(self, body: Mapping[str, Any]) -> Cached:
        """What a request reads, and writes for the next one."""
        least = LEAST_TOKENS.get(body["model"], LEAST_OF_OTHERS)
        ends = [each for each in _prefixes(body) if each[1] >= least]
        with self._lock:
            now, read, written = self._clock(), 0, dict.fromkeys(TTL_SECONDS, 0)
            for digest, tokens, _ in ends:
                read = tokens if self._until.get(digest, 0.0) > now else read
            above = read
            for digest, tokens, ttl in ends:
                written[ttl] += max(0, tokens - above)
                above = max(above, tokens)
                self._until[digest] = now + TTL_SECONDS[ttl]
        return Cached(read, written)


def _prefixes(body: Mapping[str, Any]) -> Iterator[tuple[bytes, int, str]]:
    """Hash, tokens and time of each prefix that is to be kept, from the shortest to the longest."""
    blocks = [*body.get("tools", ()), *_listed(body.get("system", ()))]
    blocks += [each for turn in body["messages"] for each in _listed(turn["content"])]
    controls = [block.get("cache_control") for block in blocks]
    controls[-1:] = [control or body.get("cache_control") for control in controls[-1:]]
    while controls and not controls[-1]:  # what is behind the last of them is in no prefix
        controls.pop()
    running, size = sha256(body["model"].encode()), 0
    for block, control in zip(blocks, controls, strict=False):
        running.update(json.dumps(block, sort_keys=True).encode())
        size += sum(len(text.encode()) for text in texts_of(block))
        if control:
            ttl = control.get("ttl", "5m")
            yield running.digest(), size // BYTES_PER_TOKEN, ttl


def _listed(content: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - a text, or its blocks
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
