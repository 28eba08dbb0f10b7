"""The form that a request asks for, as the development server finds it; and servers like others."""

import json
from typing import Any

import anthropic
import pytest

from classifiers.raters.claude.answers import asked_for
from classifiers.raters.claude.prompt import rubric, schema
from clerestory.devstub import Stub, running
from clerestory.devstub.answers import MESSAGES, called, drawn
from clerestory.devstub.contract import fault_of
from clerestory.devstub.forms import structured, tool_of, worded
from clerestory.devstub.likes import LIKES, SERVED, Local, Manners
from clerestory.devstub.loopback import Reply
from clerestory.devstub.script import document
from privacy.codebook import codebook

FORM = schema(codebook())
SYSTEM = [{"type": "text", "text": rubric(codebook())}]
TURN = {"role": "user", "content": [{"type": "text", "text": "a session"}]}


def body(answers: Any = "words", **more: object) -> dict[str, Any]:  # noqa: ANN401
    """A request as a run sends it."""
    asked = asked_for(answers, FORM)
    return {
        "model": SERVED, "max_tokens": 400, "system": SYSTEM, "messages": [TURN], **asked, **more
    }  # fmt: skip


def test_a_form_is_found_where_it_stands() -> None:
    """Each of the three ways to ask is one of these, and no other; the control asks for none."""
    assert structured(body("schema")) == FORM
    assert structured(body("tool")) is None
    found = tool_of(body("tool"))
    assert found
    assert found["input_schema"] == FORM
    assert tool_of(body("schema")) is None
    assert tool_of(body("tool", tool_choice={"type": "auto"})) is None
    assert tool_of(body("tool", tool_choice={"type": "any"})) == found
    none = {"model": "m", "messages": [TURN], "max_tokens": 9}
    assert (structured(none), tool_of(none), worded(none)) == (None, None, None)
    assert drawn(none) == "Of course."


def test_the_rubric_is_read_as_it_is_written() -> None:
    """In words the server must find every question and code, or it would label by fewer."""
    found = worded(body())
    assert found
    assert found["properties"] == FORM["properties"]
    assert worded({"system": rubric(codebook())}) == found  # as one text


def test_a_session_is_answered_alike_in_every_form() -> None:
    """So that two ways of asking can be compared without a model: the form alone differs."""
    by_schema, by_words = drawn(body("schema")), drawn(body())
    (call,) = called(body("tool"))["content"]
    assert json.loads(by_schema) == json.loads(by_words) == call["input"]
    assert json.loads(drawn(body(), 1)) != json.loads(by_words)


@pytest.mark.parametrize("way", ["good", "wrong", "thinking"])
def test_the_api_calls_the_tool_that_it_is_told_to_call(way: str) -> None:
    """A request of the API's contract, and a message with one call as the SDK reads it."""
    assert fault_of(body("tool")) == ""

    def answering(_: object) -> Reply:
        return Reply(document(MESSAGES[way](body("tool"), 0)))

    with running(Stub(None, answering)) as server:
        client = anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0)
        with client:
            message = client.messages.create(**body("tool"))
    (call,) = (block for block in message.content if block.type == "tool_use")
    assert (message.stop_reason, set(call.input)) == ("tool_use", set(FORM["properties"]))  # type: ignore[call-overload]


def test_an_answer_that_has_no_room_says_so() -> None:
    """As the API cuts at `max_tokens`; with room the same answer is whole: the control."""
    cut = MESSAGES["good"](body(max_tokens=2), 0)
    assert (cut["stop_reason"], len(cut["content"][0]["text"])) == ("max_tokens", 8)
    whole = MESSAGES["good"](body(), 0)
    assert whole["stop_reason"] == "end_turn"
    assert whole["content"][0]["text"].startswith(cut["content"][0]["text"])


def asked(name: str, request: dict[str, Any], path: str = "", window: int = 0) -> Reply:
    """What a server like another says to a request."""
    with running(Local(Manners(LIKES[name], window))) as server:
        headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
        return server.post(f"/v1/messages{path}", headers, json.dumps(request).encode())


def said(name: str, request: dict[str, Any], window: int = 32_768) -> dict[str, Any]:
    """The same, as JSON of a message."""
    reply = asked(name, request, window=window)
    assert reply.status == 200
    assert not any("ratelimit" in header for header in reply.headers)
    message: dict[str, Any] = json.loads(reply.body)
    return message


USAGE = {"input_tokens", "output_tokens"}
KINDS = {
    # server: kinds of block and the end, by schema and by tool; what is told of tokens
    "vllm": (["thinking", "text"], "end_turn", ["thinking", "tool_use"], "end_turn", USAGE),
    "ollama": (["text"], "end_turn", ["text"], "end_turn", USAGE),
    "llama.cpp": (
        ["thinking", "text"], "end_turn", ["thinking", "tool_use"], "tool_use",
        {*USAGE, "cache_read_input_tokens"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_server_answers_in_its_own_way(name: str) -> None:
    """Blocks, ends and usage as its source has them; none says why it stopped in a sequence."""
    by_schema, by_tool = said(name, body("schema")), said(name, body("tool"))
    assert (
        [block["type"] for block in by_schema["content"]], by_schema["stop_reason"],
        [block["type"] for block in by_tool["content"]], by_tool["stop_reason"],
        set(by_tool["usage"]),
    ) == KINDS[name]  # fmt: skip
    assert by_schema["model"] == by_tool["model"] == SERVED
    assert "stop_sequence" not in by_schema


def test_a_server_lacks_what_it_lacks() -> None:
    """Paths, models and room: each refuses in its own words, and one does not refuse."""
    request = {"model": SERVED, "messages": [TURN]}
    counted = {name: asked(name, request, "/count_tokens").status for name in LIKES}
    assert counted == {"vllm": 200, "ollama": 404, "llama.cpp": 200}
    assert {asked(name, {}, "/batches").status for name in LIKES} == {404}
    other = {name: asked(name, body(model="stub-other")).status for name in LIKES}
    assert other == {"vllm": 404, "ollama": 404, "llama.cpp": 200}
    assert json.loads(asked("llama.cpp", body(model="stub-other")).body)["model"] == SERVED
    tight = {name: asked(name, body(), window=100).status for name in LIKES}
    assert tight == {"vllm": 400, "ollama": 200, "llama.cpp": 400}
    assert said("ollama", body(), window=100)["usage"]["input_tokens"] == 100
    assert "error" in json.loads(asked("llama.cpp", body(), window=100).body)
