"""Questions asked apart and sessions in parts: which calls are made, and what becomes of them."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from classifiers.chunks import CHUNK_BYTES
from classifiers.formats import read_session
from classifiers.raters import Unrated
from classifiers.raters.claude.prompt import questions
from classifiers.rendering import render
from classifiers.sessions import Session
from clerestory.devstub import Answering, Asked, Authority, Reply, authority
from privacy.codebook import codebook
from privacy.raters import Rater
from privacy.views import UNSEEN
from tests.classifiers.logs import agent, log, person
from tests.support.egress import asking, session, unsealed
from tests.support.messages import MessagesServer, message, serving

SESSION: Session = read_session(session())
LONG: Session = read_session(
    log(
        *(
            person(f"step {n}") if n % 2 == 0 else agent("x" * (CHUNK_BYTES - 1_000))
            for n in range(6)
        )
    )
)
NAMES = [one.name for one in codebook().instruments]


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom the plan trusts."""
    return authority()


def named_in(asked: Asked) -> list[str]:
    """What a request asks for."""
    form = asked.body["output_config"]["format"]["schema"]
    return list(form["properties"])


def said(*labels: str, name: str = "outcome") -> Answering:
    """Answer each part in turn for one instrument; `unclear` to all else."""
    numbers = count()
    by_name = {
        one.name: dict(zip(one.labels, one.codes, strict=True)) for one in codebook().instruments
    }

    def answering(asked: Asked) -> Reply:
        told = {each: by_name[each]["unclear"] for each in named_in(asked)}
        if name in told:
            told[name] = by_name[name][labels[next(numbers) % len(labels)]]
        return message(asked, json.dumps(told))

    return answering


def rate(
    ours: Authority, found: Session, answering: Answering, change: Callable[[Rater], Rater]
) -> tuple[dict[str, str] | str, MessagesServer]:
    """Labels or a status, and the server with what it was asked."""
    with serving(ours.sign(), answering) as server:
        rater = change(asking(server.url, ours.roots))
        with unsealed(rater) as made:
            try:
                return dict(made.rate(found, render(found, rater.view))), server
            except Unrated as outcome:
                return outcome.status, server


def test_asked_apart_each_question_has_its_own_call(ours: Authority) -> None:
    """One instrument in each rubric and form; the same session; the labels of one call."""
    apart, server = rate(ours, SESSION, said("partial"), lambda r: replace(r, mode="separate"))
    together, one = rate(ours, SESSION, said("partial"), lambda r: r)

    assert [named_in(asked) for asked in server.asked] == [[name] for name in NAMES]
    assert [named_in(asked) for asked in one.asked] == [NAMES]
    assert apart == together == {**dict.fromkeys(NAMES, "unclear"), "outcome": "partial"}
    for asked in server.asked:
        rubric = asked.body["system"][0]
        assert [f"## {name}\n" in rubric["text"] for name in NAMES].count(True) == 1
        assert rubric["cache_control"] == {"type": "ephemeral"}


def test_an_instrument_that_wants_to_be_alone_is() -> None:
    """Whatever the plan's mode: a question must not be swayed by the others' answers."""
    first, *rest = codebook().instruments
    book = replace(codebook(), instruments=(replace(first, ask="separate"), *rest))

    calls = questions(book, "combined", "full")
    assert [[one.name for one in call.instruments] for call in calls] == [NAMES[1:], NAMES[:1]]
    assert len(questions(codebook(), "combined", "full")) == 1


def test_what_a_view_hides_is_not_asked(ours: Authority) -> None:
    """A model that is asked for what it cannot see guesses, and is paid for it."""
    labels, server = rate(ours, SESSION, said("failed"), lambda r: replace(r, view="first_turn"))

    hidden = set(UNSEEN["first_turn"])
    assert [set(named_in(asked)) for asked in server.asked] == [set(NAMES) - hidden]
    assert isinstance(labels, dict)
    assert {labels[name] for name in hidden} == {"unclear"}


def test_a_long_session_is_asked_about_part_by_part(ours: Authority) -> None:
    """In order, each told its place; the outcome is the last one's that tells."""
    labels, server = rate(
        ours, LONG, said("succeeded", "failed", "no_goal"), lambda r: replace(r, view="whole")
    )
    parts = len(render(LONG, "whole").chunks)

    assert parts == len(server.asked) == 3
    assert [f"This is part {n} of {parts} of a long session" in asked.text
            for n, asked in enumerate(server.asked, 1)] == [True] * parts  # fmt: skip
    assert isinstance(labels, dict)
    assert labels["outcome"] == "failed"
    _, alone = rate(ours, SESSION, said("failed"), lambda r: replace(r, view="whole"))
    assert ["This is part" in asked.text for asked in alone.asked] == [False]


def fails_at(number: int, changed: dict[str, object]) -> Answering:
    """Answers in form but for the n-th."""
    numbers, well = count(1), said("succeeded")

    def answering(asked: Asked) -> Reply:
        if next(numbers) == number:
            return message(asked, "", **changed)
        return well(asked)

    return answering


@pytest.mark.parametrize(("stop", "status"), [("refusal", "refused"), ("max_tokens", "cut")])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_part_without_labels_leaves_the_session_none(
    ours: Authority, number: int, stop: str, status: str
) -> None:
    """The others' labels would pass for those of the whole; nothing further is paid for."""
    answering = fails_at(number, {"stop_reason": stop})
    found, server = rate(ours, LONG, answering, lambda r: replace(r, view="whole"))

    assert found == status
    assert len(server.asked) == number


def test_each_answer_has_its_own_second_try(ours: Authority) -> None:
    """A part that was answered badly once is asked again, and it alone."""
    answering = fails_at(2, {})
    labels, server = rate(ours, LONG, answering, lambda r: replace(r, view="whole"))

    assert isinstance(labels, dict)
    assert labels["outcome"] == "succeeded"
    assert [asked.is_repair for asked in server.asked] == [False, False, True, False]
    texts = Counter(asked.text.splitlines()[0] for asked in server.asked)
    assert max(texts.values()) == 2
