"""What goes amiss on the way: told apart, and never taken for a transcript."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from clerestory.devstub import Reply
from privacy.errors import ClerestoryError, ConfigurationError, IncompleteError, RefusedError
from tests.clerestory.fetching.made import ONE, TWO, asked_for, kept, taken
from tests.support.compliance import (
    Asked,
    Compliance,
    Held,
    Interfering,
    Json,
    document,
    refusal,
    serving,
    talk,
)


@contextmanager
def once(server: Compliance, reply: Callable[[Asked], Reply | None]) -> Iterator[None]:
    """Interfere with the first request of which the reply is not None."""
    done = count()

    def interfering(asked: Asked) -> Reply | None:
        found = reply(asked)
        return found if found and next(done) == 0 else None

    server.interfering = interfering
    yield
    server.interfering = lambda _: None


def test_a_token_that_has_expired_begins_the_walk_anew(tmp_path: Path) -> None:
    """As the vendor asks for; what had been read of it does not come twice."""
    with serving(ONE) as server:
        server.at_most = 2
        with once(server, lambda asked: refusal(400) if "page" in asked.query else None):
            assert taken(tmp_path / "out", server) == {"FETCHED": 1}
    assert kept(tmp_path / "out")["clls_1"] == ONE.messages


def mixed(messages: list[Json], *, cut: int) -> Interfering:
    """Give two pages, whatever is asked for."""

    def interfering(asked: Asked) -> Reply | None:
        if asked.session != ONE.name:
            return None
        head = {"session": ONE.shown(email=None)}
        if "page" in asked.query:
            return document(head | {"data": messages[cut:], "next_page": None})
        return document(head | {"data": messages[:cut], "next_page": "page_2"})

    return interfering


MIXED = {
    "a message on two pages": ([*ONE.messages[:3], ONE.messages[2]], 3),
    "a message twice on a page": ([ONE.messages[0], ONE.messages[0]], 2),
    "a later page that begins earlier": (ONE.messages[::-1], 2),
}


@pytest.mark.parametrize("way", MIXED)
def test_pages_that_do_not_belong_together_are_set_aside(way: str, tmp_path: Path) -> None:
    """Tried twice, left out and said so; the others are there, and the next run tries again."""
    messages, cut = MIXED[way]
    out = tmp_path / "out"
    with serving(ONE, TWO, interfering=mixed(messages, cut=cut)) as server:
        with pytest.raises(IncompleteError, match="SESSIONS_SET_ASIDE"):
            taken(out, server)
        firsts = [each for each in server.requests if "page" not in each.query]
        assert [each.session for each in firsts if each.session] == ["clls_1", "clls_1", "clls_2"]
        assert sorted(kept(out)) == ["clls_2"]
        server.interfering = lambda _: None
        assert taken(out, server) == {"FETCHED": 1, "UNCHANGED": 1}
    assert kept(out)["clls_1"] == ONE.messages


@pytest.mark.parametrize("changed", [{"id": "clls_9"}, {"user": {"id": "user_9"}}])
def test_a_page_of_somebody_else_stops_everything(changed: Json, tmp_path: Path) -> None:
    """A transcript under another's id would weigh on the wrong account."""
    head = ONE.shown(email=None) | changed
    other = document({"session": head, "data": [], "next_page": None})
    unknown = pytest.raises(RefusedError, match="ANSWER_UNKNOWN")
    with serving(ONE, interfering=lambda a: other if a.session else None) as server, unknown:
        taken(tmp_path / "out", server)
    assert kept(tmp_path / "out") == {}


def test_a_session_that_has_gone_is_none(tmp_path: Path) -> None:
    """Retention may end between list and transcript: the list is there, so the session is not."""
    with serving(ONE, TWO) as server:
        server.interfering = lambda a: refusal(404) if a.session == "clls_1" else None
        assert taken(tmp_path / "out", server) == {"GONE": 1, "FETCHED": 1}


def test_an_api_that_goes_is_not_taken_for_sessions_that_went(tmp_path: Path) -> None:
    """While it is away every session is answered like one that has gone."""
    out, asked_so_far = tmp_path / "out", count()
    with serving(ONE, TWO) as server:
        server.interfering = lambda _: refusal(404) if next(asked_so_far) > 1 else None
        with pytest.raises(ConfigurationError, match="NO_LOCAL_SESSIONS"):
            taken(out, server)
        server.interfering = lambda _: None
        assert taken(out, server) == {"FETCHED": 1, "UNCHANGED": 1}
    assert sorted(kept(out)) == ["clls_1", "clls_2"]


def test_one_session_that_is_away_holds_up_no_other(tmp_path: Path) -> None:
    """But several in a row are the API."""
    held = [Held(f"clls_{n}", talk(str(n)), began=n) for n in range(6)]
    with serving(*held) as server:
        server.interfering = lambda a: refusal(503) if a.session == "clls_2" else None
        with pytest.raises(IncompleteError, match="SESSIONS_SET_ASIDE"):
            taken(tmp_path / "out", server)
        assert sorted(kept(tmp_path / "out")) == [f"clls_{n}" for n in (0, 1, 3, 4, 5)]
        server.interfering = lambda a: refusal(503) if a.session else None
        server.requests.clear()
        with pytest.raises(IncompleteError, match="API_AWAY"):
            taken(tmp_path / "other", server)
        assert len(set(asked_for(server))) == 3


LISTS: dict[str, tuple[Reply, type[ClerestoryError], str]] = {
    "busy": (refusal(503), IncompleteError, "API_AWAY"),
    "bad": (refusal(400), ConfigurationError, "REQUEST_NOT_TAKEN"),
    "absent": (refusal(404), ConfigurationError, "NO_LOCAL_SESSIONS"),
    "unknown key": (refusal(401), ConfigurationError, "ACCESS_KEY_REFUSED"),
    "no scope": (refusal(403), ConfigurationError, "SCOPE_MISSING"),
    "another form": (document({"sessions": []}), RefusedError, "ANSWER_UNKNOWN"),
}


@pytest.mark.parametrize("way", LISTS)
def test_without_a_list_nothing_is_complete(way: str, tmp_path: Path) -> None:
    """The next run asks for all of the window."""
    reply, kind, code = LISTS[way]
    with serving(ONE, interfering=lambda _: reply) as server:
        with pytest.raises(kind, match=code):
            taken(tmp_path / "out", server)
        server.interfering = lambda _: None
        assert taken(tmp_path / "out", server) == {"FETCHED": 1}
        assert "updated_at.gte" not in server.requests[-2].query
