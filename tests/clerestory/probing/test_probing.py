"""Servers that are like vLLM, Ollama and llama.cpp, one that is the API, and worse ones: probed."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clerestory.devstub import Answering, Asked, Reply, Stub, authority, running
from clerestory.devstub.answers import MESSAGES, message_of
from clerestory.devstub.likes import LIKES, SERVED, Local, Manners
from clerestory.probing import Findings, asking, check_fit, probe, words
from privacy.errors import IncompleteError, RefusedError
from privacy.raters import Rater
from tests.support import egress

OURS = authority()
ROOM = 32_768


def probed(url: str, model: str = SERVED, roots: str = "") -> Findings:
    """What is found out."""
    with asking(egress.asking(url, roots, model), b"none", seconds=20.0) as server:
        return probe(server, lambda _, __: None)


def probed_like(name: str, model: str = SERVED, window: int = ROOM) -> Findings:
    """The same, of a server that is like another."""
    with running(Local(Manners(LIKES[name], window))) as server:
        return probed(server.url, model)


def of(answering: Callable[[Asked], Reply]) -> Findings:
    """The same, of a server that answers by a function."""
    with running(Stub(None, answering)) as server:
        return probed(server.url.replace("localhost", "127.0.0.1"), "m")


def good(asked: Asked) -> dict[str, Any]:
    """What the API would say."""
    return MESSAGES["good"](asked.body, 0)


def changing(change: Callable[[Asked, dict[str, Any]], dict[str, Any]]) -> Answering:
    """A server that answers as the API does, but for a change."""
    return lambda asked: Reply(json.dumps(change(asked, good(asked))).encode())


FOUND = {
    # server: schema, tool; by schema, tool, words; count, cache, thinks; answers
    "vllm": ("enforced", "enforced", "labels", "labels", "labels", True, False, True, "schema"),
    "ollama": ("ignored", "ignored", "labels", "invalid", "labels", False, False, False, "words"),
    "llama.cpp": ("ignored", "enforced", "labels", "labels", "labels", True, True, True, "tool"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_probe_finds_what_a_server_enforces(name: str) -> None:
    """Three servers, three ways to ask; none has batches, and in clear that is said."""
    found = probed_like(name)
    assert (
        found.held["schema"], found.held["tool"],
        *(found.labels[each] for each in ("schema", "tool", "words")),
        found.counts, found.tells_cache, found.thinks, found.answers,
    ) == FOUND[name]  # fmt: skip
    assert (found.reads, found.says_cut, found.tells_usage, found.batches) == (
        "whole", True, True, False
    )  # fmt: skip
    assert found.is_fit
    check_fit(found)
    rater = egress.asking(found.endpoint, "", SERVED)
    told = found.told(rater)
    assert told["in_clear"] is True
    assert told["study"] == (
        f'[rater]\nname = "claude"\nmodel = "{SERVED}"\nendpoint = "{found.endpoint}"\n'
        f'answers = "{FOUND[name][-1]}"'
    )
    shown = words(found, rater)
    assert told["study"] in shown
    assert "in clear" in shown
    assert json.loads(json.dumps(told)) == told


def test_a_probe_of_the_api_goes_through_tls() -> None:
    """Over TLS under given roots; the study names them, and batches are there."""
    answering: Answering = changing(lambda _, said: said)
    with running(Stub(OURS.sign(), answering)) as server:
        found = probed(server.url, egress.MODEL, OURS.roots)
    assert found.held == {"schema": "enforced", "tool": "enforced"}
    assert set(found.labels.values()) == {"labels"}
    assert found.batches
    assert found.answers == "schema"
    rater: Rater = egress.asking(server.url, OURS.roots)
    assert 'roots = "roots.pem"' in found.told(rater)["study"]
    assert "in clear" not in words(found, rater)


def test_a_model_that_answers_by_another_name_is_named() -> None:
    """llama.cpp answers to any name by its own: a run would stop, so the study must say that."""
    found = probed_like("llama.cpp", "stub-other")
    assert (found.asked, found.answered) == ("stub-other", SERVED)
    rater = egress.asking(found.endpoint, "", "stub-other")
    assert f'model = "{SERVED}"' in found.told(rater)["study"]
    assert "a run would stop" in words(found, rater)
    assert found.labels["tool"] == "labels"  # by the name that answers


@pytest.mark.parametrize("name", ["vllm", "ollama"])
def test_a_model_that_is_not_there_is_an_error(name: str) -> None:
    """404 is told apart from a form that is not taken."""
    with pytest.raises(IncompleteError, match="ENDPOINT_REJECTED"):
        probed_like(name, "stub-other")


READS = {
    # server, its room in tokens: what becomes of a long text
    ("ollama", 4096): "shortened",
    ("vllm", 4096): "rejected",
    ("llama.cpp", 4096): "rejected",
    ("ollama", ROOM): "whole",
}


@pytest.mark.parametrize(("name", "window"), READS)
def test_a_server_that_has_no_room_for_a_session_is_not_fit(name: str, window: int) -> None:
    """Ollama as installed cuts silently: labels would be those of a part; others would stop."""
    found = probed_like(name, window=window)
    assert found.reads == READS[name, window]
    if found.reads == "whole":
        check_fit(found)
        return
    assert not found.is_fit
    with pytest.raises(RefusedError, match="BACKEND_NOT_FIT") as error:
        check_fit(found)
    assert READS[name, window] in error.value.found
    assert "for the study" not in words(found, egress.asking(found.endpoint, "", SERVED))


def test_json_that_is_not_held_to_its_codes_is_not_enforced() -> None:
    """A server that knows JSON and no enumerations falls into the second trap, and only there."""

    def loose(asked: Asked, said: dict[str, Any]) -> dict[str, Any]:
        blue = "blue" in json.dumps(asked.body.get("system"))
        text = {"type": "text", "text": '{"answer": "blue"}'}
        return {**said, "content": [text], "stop_reason": "end_turn"} if blue else said

    found = of(changing(loose))
    assert found.held == {"schema": "ignored", "tool": "ignored"}
    assert found.answers == "words"


def test_a_model_that_keeps_to_no_form_is_not_fit() -> None:
    """It talks: nothing is to be written into a study, and the refusal says so."""
    found = of(lambda asked: Reply(json.dumps(message_of(asked.body, "Of course.")).encode()))
    assert found.answers is None
    assert set(found.labels.values()) == {"invalid"}
    assert found.told(egress.asking(found.endpoint, "", "m"))["study"] == ""
    with pytest.raises(RefusedError, match="BACKEND_NOT_FIT"):
        check_fit(found)


def test_a_model_that_thinks_until_it_is_cut_is_not_fit() -> None:
    """Two servers do not read that thinking is off: each label would be `cut`, and why is said."""
    thought = {"type": "thinking", "thinking": "Let me see. " * 40, "signature": ""}
    found = of(
        changing(lambda _, said: {**said, "content": [thought], "stop_reason": "max_tokens"})
    )
    assert set(found.labels.values()) == {"cut"}
    assert found.thinks
    with pytest.raises(RefusedError, match="BACKEND_NOT_FIT") as error:
        check_fit(found)
    assert "thinking" in error.value.remedy


def test_a_server_that_tells_less_is_not_believed_more() -> None:
    """No usage: whether a text was read is not known, and that is what is said."""
    found = of(changing(lambda _, said: {n: v for n, v in said.items() if n != "usage"}))
    assert (found.reads, found.tells_usage, found.tells_cache) == ("not told", False, False)
    silent = of(changing(lambda _, said: {**said, "stop_reason": "end_turn"}))
    assert not silent.says_cut


NAMES = ["", None, 7, "a\x1b[31mb", "é", 'a"b', "a" * 201]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_no_study_can_hold_is_not_shown(name: object) -> None:
    """It is a server's word, and would be written to a terminal and into a file that is signed."""
    with pytest.raises(RefusedError, match="BACKEND_NAMELESS"):
        of(changing(lambda _, said: {**said, "model": name}))


BROKEN = {
    "busy": (Reply(status=429), "ENDPOINT_BUSY"),
    "denied": (Reply(status=401), "ENDPOINT_DENIED"),
    "no such path": (Reply(b"404 page not found", 404), "ENDPOINT_REJECTED"),
    "another service": (Reply(b"<html>", headers={"content-type": "text/html"}),
                        "ENDPOINT_MALFORMED"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_where_nobody_answers_there_is_nothing_to_find(what: str) -> None:
    """The same errors as in a run, from the same code."""
    reply, code = BROKEN[what]
    with pytest.raises(IncompleteError, match=code):
        of(lambda _: reply)


def test_a_probe_ends_where_nobody_listens_or_the_certificate_is_anothers() -> None:
    """Unreachable and not trusted are told apart."""
    with running(Stub(OURS.sign(), changing(lambda _, said: said))) as server:
        with pytest.raises(IncompleteError, match="ENDPOINT_NOT_TRUSTED"):
            probed(server.url, "m", authority().roots)
        gone = server.server_port
    with pytest.raises(IncompleteError, match="ENDPOINT_UNREACHABLE"):
        probed(f"http://127.0.0.1:{gone}")


def test_nothing_of_a_person_is_asked_and_everything_is_what_a_run_asks() -> None:
    """What goes out is ours: two traps, a made-up session, lines that are made up."""
    heard: list[Asked] = []

    def keep(asked: Asked) -> Reply:
        heard.append(asked)
        return Reply(json.dumps(good(asked)).encode())

    found = of(keep)
    assert found.is_fit
    said = "".join(json.dumps(asked.body["messages"]) for asked in heard)
    assert len(heard) == 14 - 1  # a name; 2 traps of 2 forms; 3 sessions; 2 texts; 2 twice; 1 cut
    assert {length & (length - 1) for length in (asked.length for asked in heard)} == {0}
    assert "Please fix the failing test" in said  # the warm-up session, made up by us
    assert replace(found, endpoint="") == replace(of(keep), endpoint="")
