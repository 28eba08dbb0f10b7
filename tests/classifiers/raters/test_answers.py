"""The form of an answer, asked for in three ways, at servers that keep to it and that do not."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.formats import read_session
from classifiers.raters import Halted, Unrated
from classifiers.raters.claude.answers import TOOL, asked_for, is_of, said
from classifiers.raters.claude.batches import Batches
from classifiers.raters.claude.call import Call
from classifiers.raters.claude.client import client_of
from classifiers.raters.claude.prompt import questions, read_answer, schema
from classifiers.rendering import render
from clerestory.devstub import Answering, Authority, Reply, authority, running
from clerestory.devstub.answers import message_of
from clerestory.devstub.contract import fault_of
from clerestory.devstub.likes import LIKES, SERVED, Local, Manners
from privacy.codebook import codebook
from privacy.halts import Halt
from privacy.raters import Answers, is_known
from tests.support.egress import MODEL, asking, session, unsealed
from tests.support.messages import MessagesServer, codes, serving

ALL: tuple[Answers, ...] = ("schema", "tool", "words")
SESSION = read_session(session())
UNCLEAR = {each.name: "unclear" for each in codebook().instruments}


def outcome(server_url: str, roots: str, answers: Answers, model: str) -> object:
    """Labels of one session, a status, or a halt."""
    with unsealed(asking(server_url, roots, model, answers)) as rater:
        try:
            return dict(rater.rate(SESSION, render(SESSION)))
        except Unrated as error:
            return error.status
        except Halted as error:
            return error.code


def call(given: object, name: str = TOOL) -> dict[str, object]:
    """The call of a tool."""
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": given}


TEXT = {"type": "text", "text": codes()}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": ""}
CODES = json.loads(codes())


def message(content: object, stop_reason: object = "end_turn", **more: object) -> dict[str, Any]:
    """A message as a server sends it: nothing is checked."""
    body = message_of({"model": MODEL, "messages": []}, "")
    return {**body, "content": content, "stop_reason": stop_reason, **more}


READ = {
    # what a server sent: (form, content, stop reason, whether there is an answer)
    "a text": ("schema", [TEXT], "end_turn", True),
    "a text in words": ("words", [TEXT], "end_turn", True),
    "a text after a thought": ("words", [THOUGHT, TEXT], "end_turn", True),
    "a call": ("tool", [call(CODES)], "tool_use", True),
    "a call that ends a turn": ("tool", [call(CODES)], "end_turn", True),  # vLLM
    "a call after a thought and a text": ("tool", [THOUGHT, TEXT, call(CODES)], "tool_use", True),
    "two texts": ("schema", [TEXT, TEXT], "end_turn", False),
    "two calls": ("tool", [call(CODES), call(CODES)], "tool_use", False),
    "a text where a call was due": ("tool", [TEXT], "end_turn", False),
    "a call where a text was due": ("schema", [call(CODES)], "tool_use", False),
    "a text that ends otherwise": ("schema", [TEXT], "stop_sequence", False),
    "a call that ends otherwise": ("tool", [call(CODES)], "pause_turn", False),
    "an end that is not told": ("words", [TEXT], None, False),
    "no block": ("words", [], "end_turn", False),
    "null": ("words", None, "end_turn", False),  # Ollama
    "null for a call": ("tool", None, "tool_use", False),
}


@pytest.mark.parametrize("what", READ)
def test_an_answer_is_found_by_its_kind(what: str) -> None:
    """Thoughts and what is said beside a call are passed over; two answers are none."""
    answers: Any
    answers, content, stop_reason, there = READ[what]
    found = said(message(content, stop_reason), MODEL, answers)
    assert (None if found is None else json.loads(found)) == (CODES if there else None)


@pytest.mark.parametrize("answers", ALL)
def test_refusals_cuts_and_other_models_are_what_they_are_in_every_form(answers: Answers) -> None:
    """The form must not hide why there is no answer."""
    for stop_reason, status in (("refusal", "refused"), ("max_tokens", "cut")):
        with pytest.raises(Unrated, match=status):
            said(message([TEXT], stop_reason), MODEL, answers)
    with pytest.raises(Halted) as halted:
        said(message([TEXT], model="another"), MODEL, answers)
    assert halted.value.code == Halt.OTHER_MODEL
    with pytest.raises(Halted) as halted:
        said(message([TEXT], type="error"), MODEL, answers)
    assert halted.value.code == Halt.MALFORMED


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([*CODES, *CODES.values()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*CODES, "mood"]) | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
near = st.dictionaries(st.sampled_from([*CODES]), values).map(lambda given: {**CODES, **given})


@given(values | near)
def test_whatever_a_tool_is_given_labels_are_of_the_codebook_or_none(given_: object) -> None:
    """A server may hold a model to nothing: what it hands on as a call is read like any answer."""
    text = said(message([call(given_)], "tool_use"), MODEL, "tool")
    labels = read_answer(text or "", codebook())
    if labels is not None:
        assert {each.name: labels[each.name] in each.labels for each in codebook().instruments} == (
            dict.fromkeys(UNCLEAR, True)
        )
        assert set(labels) == set(UNCLEAR)
    assert read_answer(said(message([call(CODES)]), MODEL, "tool") or "", codebook()) == UNCLEAR


near_messages = st.builds(
    lambda changed: {**message([TEXT]), **changed},
    st.dictionaries(st.sampled_from(["type", "model", "stop_reason", "content"]), values),
) | st.builds(
    lambda block: message([{**TEXT, **block}]),
    st.dictionaries(st.sampled_from(["type", "text", "input"]), values),
)


@given(values | near_messages, st.sampled_from(ALL))
def test_whatever_a_server_sends_is_an_answer_a_status_or_a_halt(
    sent: object, how: Answers
) -> None:
    """Nobody has looked at a message before: no shape of it may end in another way."""
    try:
        found = said(sent, MODEL, how)
    except (Unrated, Halted):
        return
    assert found is None or read_answer(found, codebook()) in (None, UNCLEAR)


def test_what_is_sent_is_what_the_sdk_would_send() -> None:
    """A request is written by hand, once for all sessions: its value must be the SDK's own."""
    sent: list[Any] = []

    class Kept(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            sent.append((json.loads(request.read()), dict(request.headers), request.url.raw_path))
            return httpx2.Response(200, json=message([TEXT]))

    for how in ALL:
        named = asking("https://localhost:1", answers=how)
        client = client_of(named.endpoint, Kept(), 5.0)
        for asked in questions(codebook(), "separate", "full"):
            one = Call.of(asked, named)
            content: Any = [{"type": "text", "text": 'für "alle" \u2028 検査'}]
            body = json.loads(one.body(content))
            assert fault_of(body) == ""
            assert body["messages"] == [{"role": "user", "content": content}]
            assert said(dict(one.made_up), MODEL, how) is not None
            client.messages.create(**body)
            Batches(client, *[None] * 3).create(one, content)  # type: ignore[arg-type]
        theirs, ours = sent[::2], sent[1::2]
        assert [one[0] for one in ours] == [one[0] for one in theirs]
        assert [one[2] for one in ours] == [one[2] for one in theirs]
        lengths = ("content-length",)
        for our, their in zip(ours, theirs, strict=True):
            assert our[1].keys() == their[1].keys()
            assert {n for n in our[1] if our[1][n] != their[1][n]} <= {*lengths}
        sent.clear()


NAMES = {
    # the name that answers to `small-1`: whether it is that model
    "small-1": True,
    "small-1-20261007": True,
    "small-1-2026100": False,
    "small-1-latest": False,
    "small-1-coder": False,
    "small-12": False,
    "small": False,
    "SMALL-1": False,
    "small-1:latest": False,
    "": False,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_model_answers_by_its_own_name(name: str) -> None:
    """Only a date may stand behind it: local names go on where a different model begins."""
    assert is_of(name, "small-1") is NAMES[name]
    assert not is_of(None, "small-1")


def test_a_fence_counts_in_words_only() -> None:
    """Models put JSON into a fence where nothing holds them; one around the whole, and no more."""
    fenced = f"```json\n{codes()}\n```"
    for text, there in {
        fenced: True, f" {fenced}\n": True, f"```\n{codes()}\n```": True,
        f"Here it is:\n{fenced}": False, f"{fenced}\n{fenced}": False,
    }.items():  # fmt: skip
        found = said(message([{"type": "text", "text": text}]), MODEL, "words")
        assert (found == codes()) is there
    found = said(message([{"type": "text", "text": fenced}]), MODEL, "schema")
    assert found == fenced


@pytest.mark.parametrize("answers", ALL)
def test_each_form_is_one_that_the_api_takes(answers: Answers) -> None:
    """Held to the SDK's own types, as the development server does; a misspelt one is not taken."""
    body = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    form = asked_for(answers, schema(codebook()))
    assert fault_of({**body, **form}) == ""
    assert set(form) == {
        "schema": {"output_config"}, "tool": {"tools", "tool_choice"}, "words": set()
    }[answers]  # fmt: skip
    assert fault_of({**body, **form, "tool_choise": {}})


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom plans trust here."""
    return authority()


def answering(asked_as: Mapping[Answers, Reply]) -> Answering:
    """A server whose answer depends on how the form was asked for."""

    def answer(asked: Any) -> Reply:  # noqa: ANN401 - a request
        if "tools" in asked.body:
            return asked_as["tool"]
        return asked_as["schema" if "output_config" in asked.body else "words"]

    return answer


@pytest.mark.parametrize("answers", ALL)
def test_the_form_of_the_plan_is_the_one_that_is_asked_for(
    answers: Answers, ours: Authority
) -> None:
    """A plan that says `tool` is not answered by words, and no form falls back to another."""
    server: MessagesServer
    replies = {each: Reply(status=400) for each in ALL}
    body = {"model": MODEL, "messages": []}
    block = call(CODES) if answers == "tool" else TEXT
    replies[answers] = Reply(json.dumps(message_of(body, "", content=[block])).encode())
    with serving(ours.sign(), answering(replies)) as server:
        assert outcome(server.url, ours.roots, answers, MODEL) == UNCLEAR
        others = [each for each in ALL if each != answers]
        assert {outcome(server.url, ours.roots, each, MODEL) for each in others} == {Halt.REJECTED}


MADE = {
    # server and form: what becomes of a session
    ("vllm", "schema"): dict, ("vllm", "tool"): dict, ("vllm", "words"): dict,
    ("ollama", "schema"): dict, ("ollama", "tool"): "invalid", ("ollama", "words"): dict,
    ("llama.cpp", "schema"): dict, ("llama.cpp", "tool"): dict, ("llama.cpp", "words"): dict,
}  # fmt: skip


@pytest.mark.parametrize(("name", "answers"), MADE)
def test_a_session_at_servers_on_this_machine(name: str, answers: Answers) -> None:
    """In clear, through a broker: labels where the form is kept, `invalid` where it is not."""
    with running(Local(Manners(LIKES[name]))) as server:
        found = outcome(server.url, "", answers, SERVED)
        assert outcome(server.url, "", answers, SERVED) == found  # alike, asked again
    if MADE[name, answers] is dict:
        assert isinstance(found, dict)
        assert set(found) == set(UNCLEAR)
        assert set(found.values()) != {"unclear"}
    else:
        assert found == MADE[name, answers]


def test_another_model_stops_the_run_at_a_server_that_answers_to_any_name() -> None:
    """llama.cpp answers under its own name whatever it is asked for; vLLM and Ollama refuse."""
    found = {}
    for name, like in LIKES.items():
        with running(Local(Manners(like))) as server:
            found[name] = outcome(server.url, "", "words", "stub-other")
    assert found == {
        "vllm": Halt.REJECTED, "ollama": Halt.REJECTED, "llama.cpp": Halt.OTHER_MODEL
    }  # fmt: skip


def test_a_plan_in_clear_has_no_roots_and_one_of_tls_has_some(ours: Authority) -> None:
    """Else a worker that is led to TLS would trust nobody, or one in clear would seem to trust."""
    assert is_known(asking("http://127.0.0.1:9"))
    assert is_known(asking("https://localhost:9", ours.roots))
    assert not is_known(asking("http://127.0.0.1:9", ours.roots))
    assert not is_known(asking("https://localhost:9"))
