"""
What the server says: a message of the form that was asked for, or one that is amiss.

An answer is drawn from the request's own JSON Schema by a hash of what was said, so that the same
text is answered alike in every order; lines of random letters, as a fence is, do not count.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from clerestory.devstub.forms import Form, structured, tool_of, worded

Json = dict[str, Any]
_FENCE = re.compile(r"\b[0-9a-f]{32}\b")
BYTES_PER_TOKEN = 4


def tokens_of(body: Mapping[str, Any]) -> int:
    """Tokens of a request: a fourth of its texts' bytes in UTF-8, rounded up."""
    size = sum(len(text.encode()) for part in ("system", "messages") for text in texts_of(
        body.get(part, "")))  # fmt: skip
    return -(-size // BYTES_PER_TOKEN)


def message_of(body: Mapping[str, Any], text: str, **changed: object) -> Json:
    """A whole message of the model that was asked for, with other parts where they are given."""
    usage = {"input_tokens": tokens_of(body), "output_tokens": -(-len(text) // BYTES_PER_TOKEN)}
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
        **changed,
    }


def error_of(kind: str, text: str, **details: object) -> Json:
    """An error as the API writes it."""
    return {"type": "error", "error": {"type": kind, "message": text, **details}}


def drawn(body: Mapping[str, Any], seed: int = 0, step: int = 0, form: Form | None = None) -> str:
    """
    An answer of the form that was asked for; without a form, two words.

    Args:
        body: The request.
        seed: Another one, other answers.
        step: How far each choice is moved on in its enumeration: with 1, none stays as it was.
        form: Another form than the request's own.
    """
    form = form or structured(body) or worded(body)
    if form is None:
        return "Of course."
    said = _FENCE.sub("", "\n".join(texts_of(body["messages"])))
    key = f"{seed}\n{said}".encode()

    def choose(place: str, among: int) -> int:
        digest = sha256(place.encode() + b"\0" + key).digest()
        return (int.from_bytes(digest[:8]) + step) % among

    return json.dumps(_value(form, "", choose), separators=(",", ":"))


def called(body: Mapping[str, Any], seed: int = 0, step: int = 0) -> Json:
    """The parts of a message that calls the tool that it must call; none if there is no such."""
    tool = tool_of(body)
    if tool is None:
        return {}
    given = json.loads(drawn(body, seed, step, tool["input_schema"]))
    name = f"toolu_{secrets.token_hex(12)}"
    block = {"type": "tool_use", "id": name, "name": tool["name"], "input": given}
    return {"content": [block], "stop_reason": "tool_use"}


def cut_of(body: Mapping[str, Any], text: str) -> Json:
    """The parts of a message whose text had no room; none if it had."""
    most = body["max_tokens"] * BYTES_PER_TOKEN
    if len(text) <= most:
        return {}
    return {"content": [{"type": "text", "text": text[:most]}], "stop_reason": "max_tokens"}


def _value(form: Mapping[str, Any], place: str, choose: Callable[[str, int], int]) -> object:
    if "const" in form:
        return form["const"]
    if enum := form.get("enum"):
        return enum[choose(place, len(enum))]
    match form.get("type"):
        case "object":
            return {
                name: _value(each, f"{place}/{name}", choose)
                for name, each in form.get("properties", {}).items()
            }
        case "boolean":
            return choose(place, 2) == 1
        case "integer" | "number":
            return choose(place, 10)
        case "array":
            return []
        case "string":
            return "text"
    return None


def texts_of(value: object) -> Iterator[str]:
    """All texts of a prompt, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)
    elif isinstance(value, dict):
        for name in ("text", "content"):
            yield from texts_of(value.get(name))


def _model_says(**changed: object) -> Callable[[Mapping[str, Any], int], Json]:
    def says(body: Mapping[str, Any], seed: int) -> Json:
        text = drawn(body, seed)
        return message_of(body, text, **{**cut_of(body, text), **called(body, seed), **changed})

    return says


def _thinking(body: Mapping[str, Any], seed: int) -> Json:
    thought = {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"}
    said = message_of(body, drawn(body, seed), **called(body, seed))
    return {**said, "content": [thought, *said["content"]]}


def _cut(body: Mapping[str, Any], seed: int) -> Json:
    text = drawn(body, seed)
    return message_of(body, text[: len(text) // 2], stop_reason="max_tokens")


MESSAGES: Mapping[str, Callable[[Mapping[str, Any], int], Json]] = {
    "good": _model_says(),
    "wrong": lambda body, seed: message_of(body, drawn(body, seed, 1), **called(body, seed, 1)),
    "thinking": _thinking,
    "refusal": _model_says(content=[], stop_reason="refusal"),
    "cut": _cut,
    "prose": lambda body, _: message_of(body, "I would rather say it in words."),
    "tool": _model_says(stop_reason="tool_use"),
}
"""What a model may say: every one is a message, and counts as an answer."""
