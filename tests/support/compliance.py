"""
A server that speaks the Compliance API as far as it is used, on loopback, with TLS or without.

It holds an organisation's sessions and answers as the vendor's documentation says: a list newest
first, transcripts oldest first, opaque page tokens that are bound to what they were given for,
inputs and results cut off where asked, requests held to the documented parameters.  What is to go
wrong a test says with `interfering`, which may answer in the server's place.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from clerestory.devstub.loopback import Handler, Loopback, Reply, running

KEY = "sk-ant-api01-canary-of-the-access-key"
EMAIL = "ann.canary@example.org"
LIST = "/v1/compliance/apps/sessions/local"
START = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
Json = dict[str, Any]


def at(minutes: float) -> str:
    """A time as the API writes it."""
    return f"{START + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.%fZ}"


def text(words: str, *, truncated: bool = False) -> Json:
    """A block of text."""
    return {"type": "text", "text": words, "truncated": truncated}


def used(name: str, call_id: str, **given: object) -> Json:
    """A block of a call; its input is a string."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": json.dumps(given),
            "truncated": False}  # fmt: skip


def got(name: str, call_id: str, words: str, *, error: bool = False) -> Json:
    """A block of a result."""
    return {"type": "tool_result", "tool_use_id": call_id, "name": name, "is_error": error,
            "content": [{"type": "text", "text": words}], "truncated": False}  # fmt: skip


def message(name: str, role: str, *content: Json, minutes: float = 0, **more: object) -> Json:
    """A message."""
    return {
        "type": "compliance_local_session_message",
        "id": f"clsm_{name}",
        "role": role,
        "model": "claude-opus-5-5" if role == "assistant" else None,
        "created_at": at(minutes),
        "provenance": None,
        "content": list(content),
    } | more


MARK = message("mark", "user", text("[system prompt content not shown]", truncated=True),
               provenance={"type": "synthetic_marker"})  # fmt: skip


def talk(name: str, words: str = "please fix the crash in the parser") -> list[Json]:
    """A small transcript: a mark, a request, an edit and an answer."""
    return [
        MARK | {"id": f"clsm_{name}0"},
        message(f"{name}1", "user", text(words)),
        message(f"{name}2", "assistant", text("On it."),
                used("Edit", f"toolu_{name}", file_path="parser.py", old_string="a",
                     new_string="b\nc")),
        message(f"{name}3", "user", got("Edit", f"toolu_{name}", "ok"), minutes=1),
        message(f"{name}4", "assistant", text("Fixed."), minutes=1),
    ]  # fmt: skip


@dataclass(frozen=True)
class Held:
    """A session and its messages."""

    name: str
    messages: list[Json]
    owner: str = "user_01"
    began: float = 0
    """Minutes after START."""
    ended: float = 1
    surface: str | None = "claude_code"
    more: Json = field(default_factory=dict)

    def shown(self, *, email: str | None) -> Json:
        """As the API shows it."""
        return {
            "type": "compliance_local_session",
            "id": self.name,
            "organization_uuid": "9a1e0000-0000-0000-0000-000000000000",
            "workspace_id": None,
            "user": {"id": self.owner, "email_address": email},
            "product_surface": self.surface,
            "created_at": at(self.began),
            "updated_at": at(self.ended),
        } | self.more


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def session(self) -> str:
        """Whose messages are asked for; empty for the list."""
        return unquote(self.path.removeprefix(f"{LIST}/").partition("/")[0]) if (
            self.path != LIST) else ""  # fmt: skip


Interfering = Callable[[Asked], Reply | None]


class Compliance(Loopback):
    """A running server; `requests` holds what was asked for, in order."""

    def __init__(self, pem: bytes | None, held: list[Held], interfering: Interfering) -> None:
        super().__init__(_Handler, pem)
        self.held, self.interfering = held, interfering
        self.at_most = 10**6
        """The largest page, whatever the limit: pages may end early."""
        self.requests: list[Asked] = []
        self._tokens: dict[str, tuple[str, int]] = {}

    def answer(self, asked: Asked) -> Reply:
        """As the API would."""
        if asked.headers.get("x-api-key") != KEY:
            return refusal(401, "authentication_error")
        if asked.path == LIST:
            return self._list(asked)
        name, _, rest = asked.path.removeprefix(f"{LIST}/").partition("/")
        held = next((each for each in self.held if each.name == unquote(name)), None)
        if rest != "messages" or held is None:
            return refusal(404, "not_found_error")
        return self._messages(asked, held)

    def _list(self, asked: Asked) -> Reply:
        query = dict(asked.query)
        if set(query) - {"created_at.gte", "created_at.lt", "updated_at.gte", "limit", "page"}:
            return refusal(400, "invalid_request_error")
        shown = [each.shown(email=EMAIL) for each in self.held]
        since, until = query.pop("created_at.gte", ""), query.pop("created_at.lt", "")
        active = query.pop("updated_at.gte", "")
        if any(bound and not bound.endswith("Z") for bound in (since, until, active)):
            return refusal(400, "invalid_request_error")
        kept = [
            each
            for each in shown
            if _time(each["created_at"]) >= _time(since or at(-(10**6)))
            and _time(each["created_at"]) < _time(until or at(10**7))
            and _time(each["updated_at"]) >= _time(active or at(-(10**6)))
        ]
        kept.sort(key=lambda each: _time(each["created_at"]), reverse=True)
        return self._page(query, 500, f"list {since} {until} {active}", kept, {})

    def _messages(self, asked: Asked, held: Held) -> Reply:
        query, shown = dict(asked.query), json.loads(json.dumps(held.messages))
        caps = [query.pop(f"tool_{each}_max_bytes", "10000") for each in ("use_input", "result")]
        if "0" in caps or set(query) - {"limit", "page", "order"}:
            return refusal(400, "invalid_request_error")
        for block in (block for each in shown for block in each["content"]):
            if block["type"] == "tool_use":
                _cut(block, block, "input", int(caps[0]))
            for part in block["content"] if block["type"] == "tool_result" else []:
                _cut(block, part, "text", int(caps[1]))
        return self._page(query, 1000, held.name, shown, {"session": held.shown(email=None)})

    def _page(
        self, query: dict[str, str], most: int, place: str, items: list[Json], more: Json
    ) -> Reply:
        limit, token = int(query.get("limit", "100")), query.get("page")
        if not 1 <= limit <= most:
            return refusal(400, "invalid_request_error")
        bound, start = self._tokens.get(token, ("", 0)) if token else (place, 0)
        if bound != place:
            return refusal(400, "invalid_request_error")
        end = start + min(limit, self.at_most)
        following = None
        if end < len(items):
            following = f"page_{secrets.token_urlsafe(12)}"
            self._tokens[following] = (place, end)
        return document({**more, "data": items[start:end], "next_page": following})


def document(value: object) -> Reply:
    """An answer that is some JSON."""
    return Reply(json.dumps(value).encode())


def refusal(status: int, kind: str = "api_error", **headers: str) -> Reply:
    """An error as the API writes it; its words hold the key, so that a leak would be seen."""
    body = {"error": {"type": kind, "message": f"no: {KEY} {EMAIL}"}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(json.dumps(body).encode(), status, named)


@contextmanager
def serving(
    *held: Held, pem: bytes | None = None, interfering: Interfering = lambda _: None
) -> Iterator[Compliance]:
    """A server of some sessions for as long as the block runs."""
    with running(Compliance(pem, list(held), interfering)) as server:
        yield server


def grown(held: Held, *messages: Json, ended: float) -> Held:
    """A session that went on."""
    return replace(held, messages=[*held.messages, *messages], ended=ended)


def _time(stated: str) -> datetime:
    return datetime.fromisoformat(stated)


def _cut(block: Json, part: Json, key: str, most: int) -> None:
    most = 2**20 if most == -1 else most
    if len(part[key].encode()) > most:
        part[key] = part[key].encode()[:most].decode(errors="ignore") + "…[truncated]"
        block["truncated"] = True


class _Handler(Handler):
    @property
    def ours(self) -> Compliance:
        return cast("Compliance", self.server)

    def got(self) -> Reply:
        """Answer, or let the test answer."""
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(split.path, dict(parse_qsl(split.query, keep_blank_values=True)), headers)
        self.ours.requests.append(asked)
        return self.ours.interfering(asked) or self.ours.answer(asked)
