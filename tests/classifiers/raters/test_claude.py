"""The rater that asks a Claude model, against a server that answers well, badly and not at all."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.formats import read_session
from classifiers.raters import Halted, Unrated, rater_of
from classifiers.raters.claude import prompt
from classifiers.raters.claude.line import SMALLEST_BODY, padded_length
from classifiers.raters.claude.prompt import AGAIN, fenced, read_answer, rubric, schema
from classifiers.raters.claude.rater import ClaudeRater
from classifiers.rendering import View, render
from classifiers.sessions import SafeText, Session
from clerestory.devstub import Answering, Asked, Authority, Reply, authority
from clerestory.devstub.contract import fault_of
from privacy.codebook import codebook
from privacy.halts import Halt, halted
from privacy.raters import CLAUDE
from tests.support.egress import MODEL, asking, session, unsealed
from tests.support.messages import (
    API_KEY,
    MessagesServer,
    codes,
    labelled,
    message,
    serving,
)

LABELS = {"work_mode": "fix", "expertise": "expert", "planning_by_user": "none"}
SESSION: Session = read_session(session())


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom the plan trusts."""
    return authority()


def rated(
    ours: Authority, tmp_path: Path, answering: Answering, *, seconds: float = 20.0
) -> tuple[dict[str, str] | str | Halt, MessagesServer]:
    """Labels, a status, or a halt; and the server with what it was asked."""
    with (
        serving(ours.sign(), answering) as server,
        unsealed(asking(server.url, ours.roots), seconds=seconds) as rater,
    ):
        return outcome(rater), server


def outcome(rater: ClaudeRater) -> dict[str, str] | str | Halt:
    """What became of one session."""
    try:
        return dict(rater.rate(SESSION, render(SESSION)))
    except Unrated as error:
        return error.status
    except Halted as error:
        return error.code


def test_labels_come_back(ours: Authority, tmp_path: Path) -> None:
    """The control of everything below."""
    labels, server = rated(ours, tmp_path, labelled(LABELS))
    assert labels == {
        **dict.fromkeys((i.name for i in codebook().instruments), "unclear"),
        **LABELS,
    }
    assert len(server.asked) == 1


def test_a_request_is_what_the_api_takes_and_no_more(ours: Authority, tmp_path: Path) -> None:
    """Rubric first and kept, session last and fenced, thinking off, no temperature, no stream."""
    _, server = rated(ours, tmp_path, labelled())
    (asked,) = server.asked
    body = asked.body
    assert set(body) == {"model", "max_tokens", "system", "messages", "thinking", "output_config"}
    assert body["model"] == MODEL
    assert body["thinking"] == {"type": "disabled"}
    assert body["max_tokens"] <= 500
    (system,) = body["system"]
    assert system["text"] == rubric(codebook())
    assert system["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in json.dumps(body["messages"])
    (turn,) = body["messages"]
    assert turn["role"] == "user"
    intro, fence, *inside, closing = asked.text.splitlines()
    assert intro.endswith(f"{fence}.")
    assert fence == closing
    assert "\n".join(inside) == "".join(render(SESSION).text)
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["Authorization"] == f"Bearer {API_KEY}"


def test_the_server_would_have_noticed() -> None:
    """A parameter that the API dropped, a misspelt one and a wrong role are faults: the control."""
    good: dict[str, Any] = {
        "model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]
    }  # fmt: skip
    assert fault_of(good) == ""
    for change in ({"temperature": 0}, {"max_token": 1}, {"max_tokens": "many"},
                   {"messages": [{"role": "nobody", "content": "x"}]}):  # fmt: skip
        assert fault_of({**good, **change})


def test_a_session_cannot_close_its_fence() -> None:
    """The fence is drawn anew for each call."""
    drawn = {fenced("x").splitlines()[1] for _ in range(100)}
    assert len(drawn) == 100
    assert {len(each) for each in drawn} == {32}


def test_the_words_of_the_rubric_are_those_of_the_version() -> None:
    """Labels of two wordings must not stand in one set: whoever changes it raises the version."""
    said = [rubric(codebook()), prompt._PLACE, AGAIN, schema(codebook())]
    digest = sha256(json.dumps(said).encode()).hexdigest()
    assert {"3": RUBRIC_OF_VERSION_3}[CLAUDE.version] == digest


RUBRIC_OF_VERSION_3 = "159761fa4c5c36199d2fe0ee87bac84784c375f109584621d56cf497a7f33c52"


def changed(**more: object) -> Answering:
    """A good answer with other parts."""
    return lambda asked: message(asked, codes(LABELS), **more)


def saying(text: str) -> Answering:
    """An answer with another text."""
    return lambda asked: message(asked, text)


THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}
TEXT = {"type": "text", "text": codes(LABELS)}

STATUSES: dict[str, tuple[Answering, str, int]] = {
    # what the model does: (answer, status, calls)
    "refuses": (changed(stop_reason="refusal"), "refused", 1),
    "is cut off": (changed(stop_reason="max_tokens"), "cut", 1),
    "has no room": (changed(stop_reason="model_context_window_exceeded"), "cut", 1),
    "says no JSON": (saying("I would say it is a fix."), "invalid", 2),
    "says nothing": (changed(content=[]), "invalid", 2),
    "says null": (changed(content=None), "invalid", 2),  # as Ollama says nothing
    "says two things": (changed(content=[TEXT, TEXT]), "invalid", 2),
    "says a list": (saying("[]"), "invalid", 2),
    "nests too deep": (saying("[" * 20_000), "invalid", 2),
    "adds a key": (saying(codes()[:-1] + ',"mood":"x"}'), "invalid", 2),
    "says a key twice": (saying(codes()[:-1] + ',"work_mode":"p"}'), "invalid", 2),
    "leaves one out": (saying('{"work_mode":"p"}'), "invalid", 2),
    "says a word": (saying(codes().replace('"work_mode":"?"', '"work_mode":"plan"')), "invalid", 2),
    "says another's code": (
        saying(codes().replace('"work_mode":"?"', '"work_mode":"5"')), "invalid", 2,
    ),
    "says a number": (saying(codes().replace('"expertise":"?"', '"expertise":5')), "invalid", 2),
    "wants a tool": (changed(stop_reason="tool_use"), "invalid", 2),
    "pauses": (changed(stop_reason="pause_turn"), "invalid", 2),
}  # fmt: skip


@pytest.mark.parametrize("what", STATUSES)
def test_what_a_model_may_say_instead_is_a_status(
    what: str, ours: Authority, tmp_path: Path
) -> None:
    """The session is counted as refused, cut or invalid, and the run goes on."""
    answering, status, calls = STATUSES[what]
    found, server = rated(ours, tmp_path, answering)
    assert (found, len(server.asked)) == (status, calls)


def test_a_second_answer_may_be_better(ours: Authority, tmp_path: Path) -> None:
    """One more try, which says what was wrong, and only one."""

    def better(asked: Asked) -> Reply:
        return message(asked, codes(LABELS) if asked.is_repair else "a fix")

    labels, server = rated(ours, tmp_path, better)
    assert isinstance(labels, dict)
    assert labels["work_mode"] == "fix"
    assert [asked.is_repair for asked in server.asked] == [False, True]
    assert server.asked[0].text.splitlines()[2:-1] == server.asked[1].text.splitlines()[2:-1]


def test_thinking_before_the_answer_is_passed_over(ours: Authority, tmp_path: Path) -> None:
    """Blocks are picked by their type, not by their place."""
    labels, _ = rated(ours, tmp_path, changed(content=[THINKING, TEXT]))
    assert isinstance(labels, dict)
    assert labels["work_mode"] == "fix"


def status(code: int, **headers: str) -> Answering:
    """An HTTP error whose words quote the session, as the API's may."""
    return lambda asked: Reply(json.dumps({"type": "error", "error": {
        "type": "some_error", "message": asked.text}}).encode(), code, headers)  # fmt: skip


def raw(data: bytes) -> Answering:
    """Bytes as they are, and the end of the connection."""
    return lambda _: Reply(raw=data)


GOOD_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
HALTS: dict[str, tuple[Answering, Halt]] = {
    "400": (status(400), Halt.REJECTED),
    "401": (status(401), Halt.DENIED),
    "403": (status(403), Halt.DENIED),
    "404": (status(404), Halt.REJECTED),
    "429": (status(429), Halt.BUSY),
    "429 with retry-after": (status(429, **{"retry-after": "4000000"}), Halt.BUSY),
    "500": (status(500), Halt.FAILED),
    "529": (status(529), Halt.OVERLOADED),
    "redirect": (status(307, location="https://evil.example/"), Halt.MALFORMED),
    "dropped": (raw(b""), Halt.UNREACHABLE),
    "dropped in the head": (raw(b"HTTP/1.1 200 OK\r\ncont"), Halt.UNREACHABLE),
    "dropped in the body": (
        raw(GOOD_HEAD + b"content-length: 900\r\n\r\n{"), Halt.UNREACHABLE,
    ),
    "until the end": (raw(GOOD_HEAD + b"\r\n{}"), Halt.UNREACHABLE),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), Halt.MALFORMED),
    "two lengths": (
        raw(GOOD_HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}"), Halt.MALFORMED,
    ),
    "huge head": (raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000), Halt.MALFORMED),
    "huge body": (lambda _: Reply(b" " * 2_000_000), Halt.MALFORMED),
    "compressed": (
        lambda asked: replace(message(asked, codes()), headers={"content-encoding": "gzip"}),
        Halt.MALFORMED,
    ),
    "no JSON": (lambda _: Reply(b"<html>"), Halt.MALFORMED),
    "not UTF-8": (lambda _: Reply(b'{"type": "\xff\xfe"}'), Halt.MALFORMED),
    "another type": (
        lambda asked: replace(message(asked, codes()), headers={"content-type": "text/html"}),
        Halt.MALFORMED,
    ),
    "no message": (lambda _: Reply(b"{}"), Halt.MALFORMED),
    "a list": (lambda _: Reply(b"[]"), Halt.MALFORMED),
    "content of no kind": (changed(content=7), Halt.MALFORMED),
    "another model": (changed(model="claude-opus-9"), Halt.OTHER_MODEL),
    "a model that begins alike": (changed(model=MODEL + "0"), Halt.OTHER_MODEL),
    "a model whose name goes on": (changed(model=MODEL + "-fast"), Halt.OTHER_MODEL),
    "a model with no name": (changed(model=None), Halt.OTHER_MODEL),
}  # fmt: skip


@pytest.mark.parametrize("what", HALTS)
def test_where_nobody_could_be_asked_the_run_stops(
    what: str, ours: Authority, tmp_path: Path
) -> None:
    """None of these says anything about the session, so none becomes a label."""
    answering, halt = HALTS[what]
    assert rated(ours, tmp_path, answering)[0] is halt


def test_a_dated_name_of_the_model_is_the_model(ours: Authority, tmp_path: Path) -> None:
    """The API answers an alias with the name it stands for."""
    assert isinstance(rated(ours, tmp_path, changed(model=f"{MODEL}-20261007"))[0], dict)


@pytest.mark.parametrize("pause", [30.0, 0.02], ids=["silence", "a byte now and then"])
def test_too_slow_is_too_slow(pause: float, ours: Authority, tmp_path: Path) -> None:
    """The deadline is for the whole call: a server that drips does not put it off."""

    def slow(asked: Asked) -> Reply:
        return replace(message(asked, codes() + " " * 2_000), pause=pause)

    assert rated(ours, tmp_path, slow, seconds=1.0)[0] is Halt.SLOW


def test_one_connection_serves_many_calls_and_is_replaced_when_it_was_closed(
    ours: Authority, tmp_path: Path
) -> None:
    """What a server closed meanwhile is no reason to stop; twice in a row is."""
    closing = [False]

    def answer(asked: Asked) -> Reply:
        good = message(asked, codes(LABELS))
        return replace(good, headers={"connection": "close"}) if closing[0] else good

    with (
        serving(ours.sign(), answer) as server,
        unsealed(asking(server.url, ours.roots)) as rater,
    ):
        assert all(isinstance(outcome(rater), dict) for _ in range(5))
        assert server.connections == 1
        closing[0] = True
        assert all(isinstance(outcome(rater), dict) for _ in range(3))
        assert server.connections == 3
        closing[0] = False
        assert isinstance(outcome(rater), dict)
        server.hang_up()
        assert isinstance(outcome(rater), dict)


def test_a_key_that_a_header_cannot_hold_is_none(ours: Authority, tmp_path: Path) -> None:
    """Nor is nothing; both stop before anything is sent."""
    with serving(ours.sign(), labelled()) as server:
        for key in ("", "a\r\nx-other: 1", "schlüssel"):
            with pytest.raises(Halted) as stop, unsealed(asking(server.url, ours.roots), key):
                pass
            assert stop.value.code is Halt.NO_KEY
        assert server.asked == []


def test_a_plan_without_roots_or_address_makes_no_rater(ours: Authority) -> None:
    """Nothing of the machine's own is trusted in their place."""
    assert isinstance(rater_of(asking("https://localhost:1", ours.roots)), ClaudeRater)
    for bad in (
        asking("https://localhost:1", "no roots"),
        asking("http://localhost:1", ours.roots),
        asking("https://localhost:1", ""),
        asking("https://localhost:1", ours.roots, model=""),
    ):
        with pytest.raises((KeyError, ValueError, Exception)) as refusal:
            rater_of(bad)
        assert type(refusal.value).__name__ in {"KeyError", "ValueError", "ConfigurationError"}


@given(st.integers(min_value=0, max_value=200_000))
def test_requests_have_few_lengths(length: int) -> None:
    """Never shorter than what is sent, and one of a handful."""
    padded = padded_length(length)
    assert padded >= max(length, SMALLEST_BODY)
    assert padded < 2 * max(length, SMALLEST_BODY)
    assert padded in {SMALLEST_BODY << step for step in range(5)}


def view(text: str) -> View:
    """A session of any text."""
    return View((SafeText(text),), len(text), len(text))


def test_bodies_are_padded_on_the_wire(ours: Authority, tmp_path: Path) -> None:
    """Sessions of very different lengths, and what is not ASCII, make few sizes of requests."""
    texts = ["x" * size for size in range(0, 25_000, 1_000)] + ["検" * 25_000, '"\\\n' * 8_000]
    with serving(ours.sign(), labelled()) as server:
        with unsealed(asking(server.url, ours.roots)) as rater:
            for text in texts:
                rater.rate(SESSION, view(text))
        sent = {asked.length for asked in server.asked}
    assert sent <= {2**15, 2**16, 2**17}
    assert len({len(asked.text) for asked in server.asked}) == len(texts) - 1


instruments = st.fixed_dictionaries(
    {i.name: st.sampled_from(i.codes) for i in codebook().instruments}
)


@settings(max_examples=60)
@given(answer=instruments)
def test_every_answer_of_codes_is_read_and_all_are_of_one_length(answer: dict[str, str]) -> None:
    """Whatever the labels are, the answer has the same length: ciphertext tells nothing of it."""
    text = json.dumps(answer)
    labels = read_answer(text, codebook())
    assert labels is not None
    for each in codebook().instruments:
        assert labels[each.name] == each.labels[each.codes.index(answer[each.name])]
    assert len(text) == len(json.dumps(dict.fromkeys(answer, "?")))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    st.one_of(
        st.text(),
        json_values.map(json.dumps),
        st.dictionaries(st.sampled_from([i.name for i in codebook().instruments]), json_values)
        .map(json.dumps),
    )
)  # fmt: skip
def test_no_other_text_is_an_answer(text: str) -> None:
    """What is not exactly one known code for each instrument is nothing, and nothing is raised."""
    assert read_answer(text, codebook()) is None


def test_a_halt_becomes_our_words() -> None:
    """Each byte has an error, exit 5; a record and other bytes are none."""
    for halt in Halt:
        error = halted(halt)
        assert error.exit_code == 5
        assert error.code == f"ENDPOINT_{halt.name}"
