"""
Requests are held to the SDK's own types, closed at every depth.

What the SDK does not name is refused as the API refuses it, so that a misspelt or retired
parameter is found here and not by the vendor.  Three rules are not in the types: the names of a
batch's lines, which are unique; an answer's form, whose objects must be closed; and headers.
The first fault is told by its place, and to nobody but who asked.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_HEADERS = frozenset({"user_profile_id", "workspace_id"})
"""Parameters of the SDK that travel in headers: none of them may stand in a body."""


@cache
def contract(kind: str) -> TypeAdapter[Any]:
    """The SDK's parameters of a request: `messages`, `count_tokens` or `batches`."""
    from anthropic.types.message_count_tokens_params import MessageCountTokensParams
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
    from anthropic.types.messages.batch_create_params import BatchCreateParams

    return TypeAdapter(
        {
            "messages": MessageCreateParamsNonStreaming,
            "count_tokens": MessageCountTokensParams,
            "batches": BatchCreateParams,
        }[kind]
    )


def fault_of(body: object, kind: str = "messages", text: bytes = b"") -> str:
    """
    What the API would not take, by its place; empty if nothing.

    Args:
        body: The request.
        kind: What is asked for.
        text: The request as it was sent, where that is at hand.
    """
    try:
        _reader(kind).validate_json(text or json.dumps(body), strict=True, extra="forbid")
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        worst = max(faults, key=lambda fault: len(fault["loc"]))  # of a union: what fits the most
        place = ".".join(part for part in map(str, worst["loc"]) if "[" not in part)
        return f"{place or 'body'}: {worst['type']}"
    if not isinstance(body, Mapping):
        return "body: dict_type"
    if found := next((name for name in body if name in _HEADERS), ""):
        return f"{found}: extra_forbidden"
    return _names(body) if kind == "batches" else _form(body)


@cache
def _reader(kind: str) -> SchemaValidator:
    return SchemaValidator(_listed(contract(kind).core_schema))


def _listed(schema: Any) -> Any:  # noqa: ANN401 - a schema within a schema
    """A schema that wants lists where the SDK takes whatever can be walked through."""
    if isinstance(schema, list):
        return [_listed(each) for each in schema]
    if isinstance(schema, tuple):
        return tuple(_listed(each) for each in schema)
    if not isinstance(schema, dict):
        return schema
    made = {name: _listed(each) for name, each in schema.items()}
    return {**made, "type": "list"} if made.get("type") == "generator" else made


def _names(body: Mapping[str, Any]) -> str:
    names = [each["custom_id"] for each in body["requests"]]
    if not names or not all(_NAME.fullmatch(name) for name in names):
        return "requests.custom_id: pattern"
    if len(set(names)) != len(names):
        return "requests.custom_id: unique"
    return next((fault for each in body["requests"] if (fault := _form(each["params"]))), "")


def _form(body: Mapping[str, Any]) -> str:
    if body.get("stream", False) is not False:  # 0 is as good as false to pydantic
        return "stream: literal_error"
    form = (body.get("output_config") or {}).get("format") or {}
    return "" if _closed(form.get("schema", {})) else "output_config.format.schema: open"


def _closed(form: object) -> bool:
    """Whether every object of a JSON Schema says that it has no further properties."""
    if isinstance(form, list):
        return all(_closed(each) for each in form)
    if not isinstance(form, dict):
        return True
    if form.get("type") == "object" and form.get("additionalProperties") is not False:
        return False
    return all(_closed(each) for each in form.values())
