"""A rater sees what its view shows: nothing outside it, by text or by session."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given

from classifiers.rendering import View, line, render
from classifiers.sessions import Event, Session
from classifiers.views import TAIL_KEPT, seen
from classifiers.worker import classify
from privacy.codebook import codebook
from privacy.views import UNSEEN, VIEWS, ViewName
from tests.classifiers.courses import kinds, made
from tests.classifiers.logs import agent, call, log, person, result, session


def shown(found: Session, view: ViewName) -> str:
    """The text of a view."""
    return "".join(render(seen(found, view)).text)


def events(found: Session, view: ViewName) -> list[Event]:
    """Events of a view that show anything, a sub-agent's calls counted as none."""
    return [event for event in seen(found, view).events if line(event)]


@given(before=kinds, after=kinds, other=kinds)
def test_the_first_turn_is_the_same_whatever_came_of_it(
    before: list[str], after: list[str], other: list[str]
) -> None:
    """Nothing behind the agent's first answer reaches a rater, by text or by session."""
    opening = [person("Mend the sum."), *made([k for k in before if k in ("ask", "shell")])]
    one = session(*opening, agent("I will."), *made(after, at=100))
    two = session(*opening, call("Read", "first", file_path="a.py"), *made(other, at=200))
    assert seen(one, "first_turn") == seen(two, "first_turn")
    assert shown(one, "first_turn") == shown(two, "first_turn")
    assert "Mend the sum." in shown(one, "first_turn")
    assert shown(one, "full") != shown(two, "full")  # the control: the sessions differ


@given(before=kinds, other=kinds, after=kinds)
def test_the_tail_is_the_same_whatever_came_before_it(
    before: list[str], other: list[str], after: list[str]
) -> None:
    """As far back as it reaches, and never to what opened the session."""
    ending = [*made(["ask", *after, "long", "ask", "long", "long"], at=500), agent("The end.")]
    one = session(person("Mend the sum."), *made(before, at=100), *ending)
    two = session(person("Write a poem."), agent("Yes."), *made(other, at=200), *ending)
    assert seen(one, "tail") == seen(two, "tail")
    assert "The end." in shown(one, "tail")
    assert "Mend the sum." not in shown(one, "tail")
    assert shown(one, "full") != shown(two, "full")  # the control


@given(kinds)
def test_no_event_is_in_both_views_and_both_are_parts_of_the_session(of: list[str]) -> None:
    """Evidence that is apart is what the views are for."""
    found = session(*made(of), agent("Done."))
    opening, tail, full = (
        [line(event) for event in events(found, view)] for view in ("first_turn", "tail", "full")
    )
    assert not set(opening) & set(tail)
    assert set(opening) | set(tail) <= set(full)
    assert tail == full[len(full) - len(tail) :]
    assert sum(map(len, tail)) <= TAIL_KEPT or len(tail) == 1
    # Together they are the whole, where it is short and nothing came before the first request.
    if not found.prelude and sum(map(len, full)) <= TAIL_KEPT:
        assert [*opening, *tail] == full


def test_the_tail_reaches_back_just_so_far() -> None:
    """10,000 characters of events; the next one would be too much."""
    found = session(
        person("go"),
        agent("one more"),
        agent("x" * (TAIL_KEPT - 8)),
        person("thanks!!"),
    )
    assert len(events(found, "tail")) == 2
    assert len(events(session(person("go"), agent("a"), agent("x" * 9 * TAIL_KEPT)), "tail")) == 1
    nothing = session(
        person("go"), agent("a" * 9 * TAIL_KEPT), person("<bash-stdout>x</bash-stdout>")
    )
    assert "aaa" in shown(nothing, "tail")


def test_what_went_before_the_first_request_is_in_neither_part() -> None:
    """A summary of an earlier session tells how that one went."""
    summary = person("This session is being continued from a previous conversation: all failed.")
    found = session(summary, agent("I go on."), person("Mend it."), agent("Mended."))
    assert "all failed" in shown(found, "full")
    assert "Mend it." in shown(found, "first_turn")
    assert "Mended." in shown(found, "tail")
    for view in ("first_turn", "tail"):
        assert "all failed" not in shown(found, view)
        assert "I go on." not in shown(found, view)


def test_a_session_without_an_answer_or_a_request_has_one_part() -> None:
    """Logs break off, and some begin in the middle."""
    silent = session(person("Hello?"), person("Anybody?"))
    assert (shown(silent, "tail"), "Anybody?" in shown(silent, "first_turn")) == ("", True)
    headless = session(agent("I begin."), call("Read", file_path="a.py"), result("x"))
    assert (shown(headless, "first_turn"), "I begin." in shown(headless, "tail")) == ("", True)


def test_a_view_holds_no_sub_agent_no_time_and_no_count_of_what_it_leaves_out() -> None:
    """The offline rater reads sub-agents: in a part it would see what a model is not shown."""
    side = {"isSidechain": True, "agentId": "a1"}
    found = session(
        person("Look."),
        call("Task", prompt="look"),
        result("seen", extra={"agentId": "a1"}),
        person("look", **side),
        agent("A secret finding.", **side),
    )
    found = replace(found, subagents=(session(person("alone"), agent("Another secret.")),))
    assert len(list(found.all_sessions)) == 3  # the control
    for view in ("first_turn", "tail"):
        part = seen(found, view)
        assert len(list(part.all_sessions)) == 1
        assert (part.started_at, part.ended_at, part.models, part.model_calls) == (
            *(None, None),
            *((), 0),
        )


class Spy:
    """Remembers what it was shown, and claims that all is well."""

    name, version = "spy", "1"
    fidelity: Literal["low", "validated"] = "low"

    def __init__(self) -> None:
        self.saw: list[tuple[str, str]] = []

    def rate(self, session: Session, view: View) -> Mapping[str, str]:
        """One label for each question that matters here."""
        said = "\n".join(line(event) for event in session.events)
        self.saw.append(("".join(view.text), said))
        return {"outcome": "succeeded", "success_signal": "5", "expertise": "expert"}


TALK = [person("Mend the sum."), agent("Mended: secret."), person("Thanks a lot!"), agent("Bye.")]


@pytest.mark.parametrize("view", VIEWS)
def test_the_worker_shows_a_rater_the_view_and_counts_the_whole(view: ViewName) -> None:
    """Labels are of the view; measures, and all that stands beside, of the session."""
    spy = Spy()
    book = codebook()
    record_, whole = (
        classify(log(*TALK), month="2026-02", account=bytes(16), rater=spy, view=each)
        for each in (view, "full")
    )
    told, all_ = (
        {f.name: f.labels[at] for f, at in zip(book.fields, r.labels, strict=True)}
        for r in (record_, whole)
    )
    for text in spy.saw[0]:
        assert ("Mend the sum." in text) == (view != "tail")
        assert ("secret" in text) == (view != "first_turn")
    assert record_.measures == whole.measures
    hidden = UNSEEN[view]
    assert {name: told[name] for name in hidden} == dict.fromkeys(hidden, "unclear")
    assert {k: v for k, v in told.items() if k not in hidden} == {
        k: v for k, v in all_.items() if k not in hidden
    }
    assert all_["outcome"] == "succeeded"


def test_the_share_that_was_cut_is_the_views() -> None:
    """Of a session whose answer is cut, the request is whole; in parts, so is the answer."""
    long = log(person("Mend the sum."), agent("x" * 100_000))
    cut = []
    for view in VIEWS:
        record_ = classify(long, month="2026-02", account=bytes(16), rater=Spy(), view=view)
        labels = {
            field.name: field.labels[at]
            for field, at in zip(codebook().fields, record_.labels, strict=True)
        }
        cut.append((labels["share_cut"], labels["length_band"]))
    assert cut == [("90", "gt100k"), ("0", "gt100k"), ("0", "gt100k"), ("90", "gt100k")]


def test_views_hide_instruments_that_there_are() -> None:
    """A misspelt name would hide nothing."""
    assert set(UNSEEN) == set(VIEWS)
    names = {instrument.name for instrument in codebook().instruments}
    assert {name for hidden in UNSEEN.values() for name in hidden} <= names
