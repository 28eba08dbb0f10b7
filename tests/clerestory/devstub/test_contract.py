"""The contract: what the vendor's SDK does not name is refused, at every depth."""

import copy
from functools import cache
from typing import Any

import anthropic
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clerestory.devstub.contract import contract, fault_of
from tests.clerestory.devstub.asked import asking, request

RICH = request(
    system=[{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}}],
    thinking={"type": "disabled"},
)
"""A request with everything that a rater sends."""


@cache
def schema() -> jsonschema.Draft202012Validator:
    """The SDK's parameters as a closed JSON Schema, and what reads it: another reader than ours."""
    made = contract("messages").json_schema()
    _close(made)
    return jsonschema.Draft202012Validator(made)


def _close(part: object) -> None:
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            part["additionalProperties"] = False
        for each in part.values():
            _close(each)
    elif isinstance(part, list):
        for each in part:
            _close(each)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a request but those within an answer's form, which may be any schema."""
    if path[-1:] == ("schema",):
        return []
    found = [path] if path else []
    if isinstance(value, dict):
        found += [place for name, each in value.items() for place in places(each, (*path, name))]
    elif isinstance(value, list):
        for number, each in enumerate(value):
            found += places(each, (*path, number))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A good request with one part changed, taken away or added."""
    body = copy.deepcopy(RICH)
    *way, last = draw(st.sampled_from(places(body)))
    part: Any = body
    for step in way:
        part = part[step]
    match draw(st.sampled_from(["change", "remove", "add", "nothing"])):
        case "change":
            part[last] = draw(st.sampled_from([None, True, 3, "3", "text", [], {}, ["x"]]))
        case "remove":
            del part[last]
        case "add" if isinstance(part, dict):
            part[draw(st.sampled_from(["temperature", "top_k", "typ", "stream"]))] = 0
    return body


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_requests_are_judged_as_the_sdks_types_are_as_json_schema(body: dict[str, Any]) -> None:
    """Two readers of one contract agree on every request that is off by one thing."""
    assert (fault_of(body) == "") == schema().is_valid(body)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a parameter of yesterday": ({"temperature": 0}, "temperature"),
    "a misspelt one": ({"max_token": 1}, "max_token"),
    "a number as text": ({"max_tokens": "99"}, "max_tokens"),
    "a stream": ({"stream": True}, "stream"),
    "what is a header": ({"workspace_id": "w"}, "workspace_id"),
    "nobody's role": ({"messages": [{"role": "nobody", "content": "x"}]}, "role"),
    "more in a block": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "tone": 1}]}]},
        "tone",
    ),
    "an open form": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        "open",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_the_api_would_not_take_is_answered_400(what: str) -> None:
    """The SDK does not look: the server must, and says where."""
    change, place = FAULTS[what]
    with asking() as client:
        with pytest.raises(anthropic.BadRequestError, match=place):
            client.post("/v1/messages", body={**request(), **change}, cast_to=object)
        assert client.messages.create(**request()).content


def test_other_bodies_are_refused_as_well() -> None:
    """No object, no JSON, nothing; and the server lives on."""
    with asking() as client:
        for content in (b"[]", b"3", b"{", b"", b"[" * 100_000, b"\xff"):
            with pytest.raises(anthropic.BadRequestError):
                client.post(
                    "/v1/messages",
                    cast_to=object,
                    content=content,
                    options={"headers": {"content-type": "application/json"}},
                )
        assert client.messages.create(**request()).content


def test_count_tokens_has_its_own_contract() -> None:
    """It takes no number of tokens to answer with."""
    body = request()
    assert fault_of(body, "count_tokens").startswith("max_tokens")
    del body["max_tokens"]
    assert fault_of(body, "count_tokens") == ""
