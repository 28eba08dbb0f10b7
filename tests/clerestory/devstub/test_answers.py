"""Every way of answering, as the vendor's SDK takes it."""

import json
import time
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerestory.devstub.answers import MESSAGES, drawn, tokens_of
from clerestory.devstub.script import BROKEN, ERRORS, WAYS, Manner, Script, exceptions
from privacy.errors import ConfigurationError
from tests.clerestory.devstub.asked import FORM, asking, request


def said(message: anthropic.types.Message) -> dict[str, str]:
    """The answer in a message's one text."""
    (text,) = (block.text for block in message.content if block.type == "text")
    found: dict[str, str] = json.loads(text)
    return found


def is_of_the_form(answer: dict[str, str]) -> bool:
    """Whether a session's answer is one that was asked for."""
    wanted: dict[str, Any] = FORM["properties"]  # type: ignore[assignment]
    return set(answer) == set(wanted) and all(
        answer[name] in wanted[name]["enum"] for name in wanted
    )


def test_a_good_answer_is_of_the_form_and_of_the_model_that_were_asked_for() -> None:
    """The control of everything below: codes of the request's own schema, and usage by the rule."""
    with asking() as client:
        answer = client.messages.create(**request("é" * 6))
        raw = client.messages.with_raw_response.create(**request())
    assert is_of_the_form(said(answer))
    assert answer.model == "claude-haiku-5-5"
    assert answer.stop_reason == "end_turn"
    # Twelve bytes are three tokens of four; {"mood":"a","size":"0"} are 23 characters, so six.
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 6)
    left = [raw.headers[f"anthropic-ratelimit-requests-{name}"] for name in ("limit", "remaining")]
    assert left == ["1000000", "999998"]
    assert raw.headers["request-id"].startswith("req_")


def test_the_same_text_is_answered_alike_and_a_fence_is_no_text() -> None:
    """In whatever order sessions come; another seed answers otherwise."""
    one, two = request(f"{'a' * 32}\nhello"), request(f"{'0' * 32}\nhello")
    assert drawn(one) == drawn(two)
    texts = [request(f"session {number}") for number in range(40)]
    # 30 answers are possible; that forty texts or two seeds agree throughout: 30⁻³⁹ at most.
    assert len({drawn(each) for each in texts}) > 1
    assert [drawn(each) for each in texts] != [drawn(each, seed=1) for each in texts]


@given(st.text())
def test_a_wrong_answer_is_valid_and_wrong_throughout(text: str) -> None:
    """What no schema can notice: every label is another than the good answer's."""
    good = json.loads(drawn(request(text)))
    wrong = json.loads(drawn(request(text), step=1))
    assert is_of_the_form(good)
    assert is_of_the_form(wrong)
    assert all(good[name] != wrong[name] for name in good)


def test_what_a_model_may_say_arrives_as_a_message() -> None:
    """Refusal, cut, thinking first, words, a tool: each as the SDK's strict types allow it."""
    found = {}
    for way in MESSAGES:
        with asking(Script(way)) as client:
            found[way] = client.messages.create(**request())
    good = said(found["good"])
    assert {way: each.stop_reason for way, each in found.items()} == {
        **dict.fromkeys(("good", "wrong", "thinking", "prose"), "end_turn"),
        "refusal": "refusal", "cut": "max_tokens", "tool": "tool_use",
    }  # fmt: skip
    assert found["thinking"].content[0].type == "thinking"
    assert said(found["thinking"]) == good
    assert said(found["wrong"]) != good
    assert is_of_the_form(said(found["wrong"]))
    assert found["refusal"].content == []
    for way in ("cut", "prose"):
        with pytest.raises(json.JSONDecodeError):
            said(found[way])


@pytest.mark.parametrize("way", ERRORS)
def test_errors_are_the_apis(way: str) -> None:
    """By status and by name; only `…-after` says when to come back."""
    with (
        asking(Script(way), Manner(retry_after=7)) as client,
        pytest.raises(anthropic.APIStatusError) as refused,
    ):
        client.messages.create(**request())
    assert refused.value.status_code == ERRORS[way][0]
    assert refused.value.type == ERRORS[way][1]
    after = refused.value.response.headers.get("retry-after")
    assert after == ("7" if way.endswith("-after") else None)


def test_an_sdk_that_tries_again_is_answered() -> None:
    """429 with a time, then 529, then well: what retries are for."""
    script = Script(at={1: "429-after", 2: "529"})
    with asking(script, Manner(retry_after=0), retries=2) as client:
        assert is_of_the_form(said(client.messages.create(**request())))


@pytest.mark.parametrize("way", ["drop", "torn"])
def test_a_broken_connection_is_no_answer(way: str) -> None:
    """Closed before the first byte, or within the body; the next call is answered."""
    with asking(Script(at={1: way})) as client:
        with pytest.raises(anthropic.APIConnectionError):
            client.messages.create(**request())
        assert is_of_the_form(said(client.messages.create(**request())))


def test_a_slow_body_outlasts_patience_and_not_the_server() -> None:
    """A byte now and then; the server's end waits for none of them."""
    began = time.monotonic()
    with (
        asking(Script("slow"), Manner(pause=60)) as client,
        pytest.raises(anthropic.APITimeoutError),
    ):
        client.messages.create(**request(), timeout=0.3)
    assert time.monotonic() - began < 5
    with asking(Script("slow"), Manner(pause=0.0001)) as client:
        assert is_of_the_form(said(client.messages.create(**request())))


def test_a_minute_has_so_many_requests() -> None:
    """What is left is told with every answer; beyond it, 429 and a time within the minute."""
    with asking(per_minute=2) as client:
        left = [
            client.messages.with_raw_response.create(**request()).headers[
                "anthropic-ratelimit-requests-remaining"
            ]
            for _ in range(2)
        ]
        with pytest.raises(anthropic.RateLimitError) as late:
            client.messages.create(**request())
    assert left == ["1", "0"]
    assert 1 <= int(late.value.response.headers["retry-after"]) <= 60


def test_tokens_are_counted_as_usage_counts_them() -> None:
    """Before and after: what a cost is foretold by is what it is reckoned by."""
    system = [{"type": "text", "text": "rules " * 50, "cache_control": {"type": "ephemeral"}}]
    body = request("hello " * 100, system=system)
    with asking() as client:
        counted = client.messages.count_tokens(
            **{name: value for name, value in body.items() if name != "max_tokens"}
        )
        used = client.messages.create(**body).usage
    # Fifty times six bytes and a hundred times six, by four.
    assert counted.input_tokens == used.input_tokens == tokens_of(body) == 225


def test_who_brings_no_key_or_speaks_another_version_is_refused() -> None:
    """As the API does; any key will do, the control is every test above."""
    with asking() as client:
        nobody: Any = {"Authorization": anthropic.Omit()}
        with pytest.raises(anthropic.AuthenticationError):
            client.messages.create(**request(), extra_headers=nobody)
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**request(), extra_headers={"anthropic-version": "2020-01-01"})
        with pytest.raises(anthropic.NotFoundError):
            client.post("/v1/complete", body={}, cast_to=object)


def test_exceptions_are_read_and_one_stands_over_many() -> None:
    """By number, by every n-th, and as usual."""
    script = Script("cut", exceptions(["4=529"], WAYS), exceptions(["2=refusal"], WAYS))
    assert [script.next() for _ in range(5)] == ["cut", "refusal", "cut", "529", "cut"]
    for bad in ("", "x", "0=529", "-1=529", "3=", "3=nonsense", "²=529", "1=2=529"):
        with pytest.raises(ConfigurationError, match="N=WAY"):
            exceptions([bad], WAYS)
    assert set(WAYS) == {*MESSAGES, *ERRORS, *BROKEN}
