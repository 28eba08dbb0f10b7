"""
Servers that speak a part of the Messages API: what sets vLLM, Ollama and llama.cpp apart from it.

Read from their sources, named in docs/decisions/0073; none of the three was run.  The model behind
each is the same, and does as it is told: it keeps a form that is held against it, else a rubric's
words, else it says a sentence.  Its name begins so that no vault takes its labels for a model's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from clerestory.devstub.answers import Json, called, cut_of, drawn, error_of, message_of, tokens_of
from clerestory.devstub.authority import HOST
from clerestory.devstub.forms import structured
from clerestory.devstub.loopback import Reply
from clerestory.devstub.script import document
from clerestory.devstub.server import MESSAGES, Asked, Stub
from privacy.errors import ConfigurationError
from privacy.raters import STUB

SERVED = f"{STUB}local"
"""The one model that each of them has."""
COUNT = f"{MESSAGES}/count_tokens"


def _as_the_api(status: int, kind: str, text: str) -> Reply:
    return Reply(document(error_of(kind, text)), status)


def _as_openai(status: int, kind: str, text: str) -> Reply:
    return Reply(document({"error": {"code": status, "message": text, "type": kind}}), status)


@dataclass(frozen=True, slots=True)
class Like:
    """How a server answers what the API answers otherwise."""

    holds_schema: bool
    """Whether a model is held to the schema of structured output."""
    holds_tool: bool
    """Whether a model must call the tool that it is told to call."""
    called_ends: str
    """Why a turn ends that called a tool."""
    counts: bool
    """Whether tokens are counted without an answer."""
    thinks: bool
    """Whether a model that thinks does so though it is told not to."""
    usage: Callable[[int, int], Json]
    """What is said of tokens that were read and written."""
    takes_any_name: bool
    """Whether it answers to whatever model is asked for, under its own name."""
    window: int
    """Tokens that a model reads at most."""
    shortens: bool
    """Whether a longer prompt is silently cut, instead of refused."""
    refuse: Callable[[int, str, str], Reply]
    missing: Reply
    """What is said of a path that it does not have."""


def _plain(read: int, written: int) -> Json:
    return {"input_tokens": read, "output_tokens": written}


LIKES: Mapping[str, Like] = {
    "vllm": Like(
        holds_schema=True,
        holds_tool=True,
        called_ends="end_turn",
        counts=True,
        thinks=True,
        usage=_plain,
        takes_any_name=False,
        window=32_768,
        shortens=False,
        refuse=_as_the_api,
        missing=Reply(document({"detail": "Not Found"}), 404),
    ),
    "ollama": Like(
        holds_schema=False,
        holds_tool=False,
        called_ends="tool_use",
        counts=False,
        thinks=False,
        usage=_plain,
        takes_any_name=False,
        window=4096,
        shortens=True,
        refuse=_as_the_api,
        missing=Reply(b"404 page not found", 404, {"content-type": "text/plain"}),
    ),
    "llama.cpp": Like(
        holds_schema=False,
        holds_tool=True,
        called_ends="tool_use",
        counts=True,
        thinks=True,
        usage=lambda read, written: {"cache_read_input_tokens": 0, **_plain(read, written)},
        takes_any_name=True,
        window=32_768,
        shortens=False,
        refuse=_as_openai,
        missing=_as_openai(404, "not_found_error", "File Not Found"),
    ),
}


@dataclass(frozen=True, slots=True)
class Manners:
    """What can be chosen of such a server; by default what it does as it is installed."""

    like: Like
    window: int = 0
    """Tokens that a model reads at most; 0 for its own number."""
    seed: int = 0

    def reply(self, body: Mapping[str, Any]) -> Reply:
        """Its answer to a request that is well."""
        like, window = self.like, self.window or self.like.window
        if not like.takes_any_name and body["model"] != SERVED:
            return like.refuse(404, "not_found_error", "no such model")
        read = tokens_of(body)
        if read > window and not like.shortens:
            return like.refuse(400, "exceed_context_size_error", "the prompt is too long")
        return Reply(document(self._message(body, min(read, window))))

    def _message(self, body: Mapping[str, Any], read: int) -> Json:
        form = structured(body) if self.like.holds_schema else None
        without = {name: body[name] for name in body if name not in ("output_config", "tools")}
        call = called(body, self.seed) if self.like.holds_tool else {}
        if call:
            call["stop_reason"] = self.like.called_ends
        text = drawn(without, self.seed, form=form)
        said = message_of(body, text, **{**cut_of(body, text), **call, "model": SERVED})
        if self.like.thinks:
            thought = {"type": "thinking", "thinking": "Let me see.", "signature": ""}
            said["content"] = [thought, *said["content"]]
        said["usage"] = self.like.usage(read, said["usage"]["output_tokens"])
        del said["stop_sequence"]  # vLLM and Ollama leave out what is nothing
        return said


class Local(Stub):
    """
    A server like one of them; in clear it is found by the number of loopback.

    Args:
        manners: What it is like.
        pem: Certificate and key; in clear without.
        port: Where to listen; any free port by default.
        otherwise: What is said to a request instead, if anything.
    """

    def __init__(
        self,
        manners: Manners,
        pem: bytes | None = None,
        *,
        port: int = 0,
        otherwise: Callable[[Asked], Reply | None] = lambda _: None,
    ) -> None:
        super().__init__(
            pem, lambda asked: otherwise(asked) or manners.reply(asked.body), port=port
        )
        self.manners = manners

    @property
    def url(self) -> str:
        """As a plan names it."""
        return super().url if self.context else super().url.replace(HOST, "127.0.0.1", 1)

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """None of them has batches."""
        del path, headers
        return self.manners.like.missing

    def post(self, path: str, headers: Mapping[str, str], data: bytes) -> Reply:
        """Answer a request, if there is such a path."""
        if path != MESSAGES and not (path == COUNT and self.manners.like.counts):
            return self.manners.like.missing
        reply = super().post(path, headers, data)
        own = {name: text for name, text in reply.headers.items() if "ratelimit" not in name}
        return replace(reply, headers=own)


def like_of(name: str) -> Like:
    """
    A server by its name.

    Raises:
        ConfigurationError: There is none of that name.
    """
    if name not in LIKES:
        raise ConfigurationError(
            "LIKE_UNKNOWN",
            rule="A server is like one that is known here.",
            found="another name.",
            remedy=f"give one of: {', '.join(LIKES)}.",
        )
    return LIKES[name]
