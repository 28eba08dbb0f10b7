"""Fetching again: what is complete is left alone, what grew or broke off is fetched."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from clerestory.fetching import SESSIONS, Api, fetch
from clerestory.fetching.folder import NOTES
from tests.clerestory.fetching.made import LATER, ONE, SINCE, TWO, asked_for, kept, now, taken
from tests.support.compliance import (
    KEY,
    Asked,
    Held,
    at,
    grown,
    message,
    serving,
    talk,
    text,
)
from tests.support.killing import after_each_kill


def test_what_is_complete_is_not_fetched_again(tmp_path: Path) -> None:
    """Not even when its file was deleted after sealing; a session that went on is, and whole."""
    out = tmp_path / "out"
    with serving(ONE, TWO) as server:
        assert taken(out, server) == {"FETCHED": 2}
        assert asked_for(server) == ["clls_1", "clls_2"]  # the oldest first
        assert taken(out, server, until=LATER) == {"UNCHANGED": 2}
        assert asked_for(server) == []
        for path in (out / SESSIONS).iterdir():
            path.unlink()
        more = message("more", "user", text("and the tests"), minutes=now())
        server.held[0] = grown(ONE, more, ended=now())
        assert taken(out, server) == {"FETCHED": 1}
        assert taken(out, server) == {"UNCHANGED": 1}
        assert asked_for(server) == ["clls_1"]
    assert kept(out) == {"clls_1": [*ONE.messages, more]}


def test_a_later_run_asks_for_what_was_active_since(tmp_path: Path) -> None:
    """A day before the last run began, since new calls are listed late; another window whole."""
    out = tmp_path / "out"
    with serving(ONE) as server:
        before = datetime.now(UTC)
        taken(out, server)
        after = datetime.now(UTC)
        assert "updated_at.gte" not in server.requests[0].query
        server.requests.clear()
        taken(out, server)
        stated = server.requests[0].query["updated_at.gte"]
        assert stated.endswith("Z")
        began = datetime.fromisoformat(stated) + timedelta(days=1)
        assert before - timedelta(seconds=1) < began <= after  # it is told in whole seconds
        server.requests.clear()
        taken(out, server, until=date(2026, 12, 1))
        assert "updated_at.gte" not in server.requests[0].query
        assert server.requests[0].query["created_at.lt"] == "2026-12-01T00:00:00Z"


def test_a_session_that_grew_while_it_was_read_is_fetched_again(tmp_path: Path) -> None:
    """What its first page says of its last call counts, not what a later one says."""
    out = tmp_path / "out"
    long = Held("clls_1", [message(f"{n}", "user", text(f"{n}"), minutes=n) for n in range(4)])
    with serving(replace(long, ended=3)) as server:
        server.at_most = 2

        def grows(asked: Asked) -> None:
            if asked.session and "page" in asked.query and server.held[0].ended == 3:
                more = message("4", "user", text("4"), minutes=now())
                server.held[0] = grown(long, more, ended=now())

        server.interfering = grows
        taken(out, server)
        assert taken(out, server) == {"FETCHED": 1}
        assert taken(out, server) == {"UNCHANGED": 1}
    assert [each["id"] for each in kept(out)["clls_1"]] == [f"clsm_{n}" for n in range(5)]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the server has threads
def test_who_is_killed_anywhere_goes_on(tmp_path: Path) -> None:
    """At each change of the disk: what lies there is whole, and the next run has everything."""
    begun = tmp_path / "begun"
    old = replace(ONE, messages=ONE.messages[:2], ended=0)
    with serving(old, TWO) as server:
        assert taken(begun, server, until=LATER) == {"FETCHED": 2}
        server.held = [ONE, TWO, Held("clls_3", talk("c"), began=2)]
        whole = {each.name: each.messages for each in server.held}
        killed = 0
        for _, out in after_each_kill(begun, lambda copy: taken(copy, server), most=12):
            killed += 1
            for name, messages in kept(out).items():
                assert messages in (whole[name], old.messages)
            taken(out, server)
            assert kept(out) == whole
            assert sorted(path.name for path in out.iterdir()) == [NOTES, SESSIONS]
            server.requests.clear()
            taken(out, server)
            assert asked_for(server) == []
    assert killed == 2 * 4 + 1  # a file, its name, the folder, the note of each; and the run's


def test_an_interruption_leaves_what_is_complete(tmp_path: Path) -> None:
    """Ctrl-C between two pages: the session before is there, this one is not."""
    held = [ONE, Held("clls_2", [message(f"{n}", "user", text("x")) for n in range(9)], began=2)]
    with serving(*held) as server:
        server.at_most = 5

        def stop(text: str, share: float) -> None:
            if share >= 0.5:
                raise KeyboardInterrupt

        with Api(server.url, KEY) as api, suppress(KeyboardInterrupt):
            fetch(tmp_path / "out", api, SINCE, None, stop)
        assert sorted(kept(tmp_path / "out")) == ["clls_1"]
        assert taken(tmp_path / "out", server) == {"FETCHED": 1, "UNCHANGED": 1}
    assert at(0) == ONE.messages[0]["created_at"]
