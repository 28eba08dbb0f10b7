"""
The server: it holds requests to the contract, asks a function what to say, and counts.

`answering` may be anything that makes a reply of a request; the command gives a script.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from clerestory.devstub.answers import error_of, tokens_of
from clerestory.devstub.batches import Batches
from clerestory.devstub.cache import Cached, PromptCache
from clerestory.devstub.contract import fault_of
from clerestory.devstub.loopback import Handler, Loopback, Reply
from clerestory.devstub.minute import SECONDS, Minute
from clerestory.devstub.script import Script, document

MESSAGES, BATCHES = "/v1/messages", "/v1/messages/batches"
LARGEST = {MESSAGES: 32 * 2**20, BATCHES: 256 * 2**20}
"""bytes of a body, as the API bounds it."""
PER_MINUTE = 1_000_000
"""Requests, unless the server is told otherwise."""
VERSIONS = frozenset({"2023-06-01", "2026-10-21"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived."""

    body: dict[str, Any]
    length: int
    """Of the body, padding and all."""
    headers: Mapping[str, str]
    cached: Cached = field(default_factory=Cached)
    """What of it is held from another request, or for one."""

    @property
    def text(self) -> str:
        """What is asked first: the session, in its fence."""
        content = self.body["messages"][0]["content"]
        return str(content if isinstance(content, str) else content[0]["text"])

    @property
    def is_repair(self) -> bool:
        """Whether it asks again."""
        return len(self.body["messages"][0]["content"]) > 1


Answering = Callable[[Asked], Reply]


class Stub(Loopback):
    """
    A server of the Messages API.

    Args:
        pem: Certificate and key; plain HTTP without.
        answering: What is said to a request of the Messages API that the contract allows.
        port: Where to listen; any free port by default.
        batches: What becomes of batches.
        per_minute: Requests of a minute; those beyond are answered 429, with a time.
        minute: Seconds of a minute, for tests that have not so long.
    """

    def __init__(
        self,
        pem: bytes | None,
        answering: Answering,
        *,
        port: int = 0,
        batches: Batches | None = None,
        per_minute: int = PER_MINUTE,
        minute: float = SECONDS,
    ) -> None:
        super().__init__(_Handler, pem, port)
        self.answering = answering
        self.batches = batches or Batches(Script())
        self._minute, self._cache = Minute(per_minute, minute), PromptCache()

    def hear(self, asked: Asked) -> None:
        """Take note of a request: this server takes none."""

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Answer a question about a batch."""
        if fault := _unnamed(headers):
            return fault
        if path.partition("?")[0] == BATCHES:
            return Reply(document(self.batches.listed(self.url)))
        name, _, rest = path.removeprefix(f"{BATCHES}/").partition("/")
        if rest == "results":
            lines = self.batches.results(name)
            if lines is None:
                return refusal(404, "not_found_error", "no such results, or not yet")
            return Reply(lines, headers={"content-type": "application/x-jsonl"})
        return _found(None if rest else self.batches.look(name, self.url))

    def delete(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Delete a batch."""
        if fault := _unnamed(headers):
            return fault
        return _found(self.batches.delete(path.removeprefix(f"{BATCHES}/")))

    def post(self, path: str, headers: Mapping[str, str], data: bytes) -> Reply:
        """Answer a request."""
        if fault := _unnamed(headers):
            return fault
        if path.startswith(f"{BATCHES}/") and path.endswith("/cancel"):
            name = path.removeprefix(f"{BATCHES}/").removesuffix("/cancel")
            return _found(self.batches.cancel(name, self.url))
        kind = path.removeprefix("/v1/").removeprefix("messages/")
        if path not in (MESSAGES, f"{MESSAGES}/count_tokens", BATCHES):
            return refusal(404, "not_found_error", "path")
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            return refusal(400, "invalid_request_error", "no JSON")
        asked = Asked(body, len(data), headers)
        self.hear(asked)
        left, wait = self._minute.take()
        if wait:
            late = refusal(429, "rate_limit_error", "too many in this minute")
            reply = replace(late, headers={"retry-after": str(wait)})
        elif fault_found := fault_of(body, kind, data):
            reply = refusal(400, "invalid_request_error", fault_found)
        elif kind == "messages":
            reply = self.answering(replace(asked, cached=self._cache.take(body)))
        elif kind == "batches":
            reply = Reply(document(self.batches.take(body, self.url)))
        else:
            reply = Reply(document({"input_tokens": tokens_of(body)}))
        return replace(reply, headers={**left, **reply.headers})


def refusal(status: int, kind: str, text: str) -> Reply:
    """An error of the API's form; its words are ours, and never a request's."""
    return Reply(document(error_of(kind, text)), status)


def _found(value: dict[str, Any] | None) -> Reply:
    if value is None:
        return refusal(404, "not_found_error", "no such thing")
    return Reply(document(value))


def _unnamed(headers: Mapping[str, str]) -> Reply | None:
    """What is wrong with who asks: nobody's key is known here, but some key is asked for."""
    named = {name.lower(): value for name, value in headers.items()}
    bearer = named.get("authorization", "").removeprefix("Bearer ").strip()
    if not bearer and not named.get("x-api-key"):
        return refusal(401, "authentication_error", "no key")
    if named.get("anthropic-version") not in VERSIONS:
        return refusal(400, "invalid_request_error", "anthropic-version")
    return None


class _Handler(Handler):
    @property
    def ours(self) -> Stub:
        return cast("Stub", self.server)

    def got(self) -> Reply:
        """Answer."""
        return self.ours.get(self.path, dict(self.headers))

    def deleted(self) -> Reply:
        """Delete."""
        return self.ours.delete(self.path, dict(self.headers))

    def posted(self) -> Reply:
        """Read, and answer."""
        length = self.headers.get("content-length", "")
        path = self.path.partition("?")[0]
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            return refusal(411, "invalid_request_error", "content-length")
        if int(length) > LARGEST.get(path, LARGEST[MESSAGES]):
            self.close_connection = True
            return refusal(413, "request_too_large", "body")
        return self.ours.post(path, dict(self.headers), self.rfile.read(int(length)))
