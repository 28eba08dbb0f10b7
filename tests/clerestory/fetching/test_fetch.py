"""Fetching: every session of a window, whole, once and as it came."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clerestory import fetching
from clerestory.devstub import Reply
from clerestory.fetching import SESSIONS
from clerestory.fetching.folder import NOTES
from privacy.errors import ConfigurationError, RefusedError
from tests.clerestory.fetching.made import LATER, ONE, SINCE, TWO, asked_for, kept, taken
from tests.support.compliance import (
    EMAIL,
    KEY,
    LIST,
    Asked,
    Held,
    message,
    serving,
    talk,
    text,
    used,
)


def test_both_endpoints_are_walked_to_their_end(tmp_path: Path) -> None:
    """Short pages, equal times, many sessions: everything is there, once, in the API's order."""
    held = [
        Held(f"clls_{n}", [message(f"{n}-{m}", "user", text(f"{m}")) for m in range(m)], f"u{n}")
        for n, m in enumerate((1, 2, 3, 4, 5, 9, 0))
    ]
    with serving(*held) as server:
        server.at_most = 2
        assert taken(tmp_path / "out", server) == {"FETCHED": 7}
        lists = [each for each in server.requests if each.path == LIST]
    assert {name: messages for name, messages in kept(tmp_path / "out").items() if messages} == {
        each.name: each.messages for each in held if each.messages
    }
    assert len(lists) == 4
    assert [each.query.get("page") for each in lists].count(None) == 1
    assert {each.query["limit"] for each in lists} == {"500"}
    assert {each.query["created_at.gte"] for each in lists} == {"2026-01-01T00:00:00Z"}
    transcripts = [each.query for each in server.requests if each.session]
    assert {each["limit"] for each in transcripts} == {"1000"}
    assert {each["tool_use_input_max_bytes"] for each in transcripts} == {"-1"}
    assert {each["tool_result_max_bytes"] for each in transcripts} == {"-1"}
    assert {each.headers["x-api-key"] for each in server.requests} == {KEY}


@settings(max_examples=8)
@given(st.lists(st.integers(0, 6), max_size=4), st.integers(1, 7))
def test_any_size_of_pages_gives_the_same_sessions(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most: int
) -> None:
    """What is on the disk does not depend on how the API cuts it."""
    held = [
        Held(f"clls_{n}", [message(f"{n}-{m}", "user", text(f"{m}")) for m in range(size)])
        for n, size in enumerate(sizes)
    ]
    out = tmp_path_factory.mktemp("any")
    out.chmod(0o700)
    with serving(*held) as server:
        server.at_most = most
        taken(out, server)
    assert kept(out) == {each.name: each.messages for each in held if each.messages} | {
        each.name: [] for each in held if not each.messages
    }


def test_no_address_touches_the_disk_and_no_key(tmp_path: Path) -> None:
    """The control: the list held the one and the requests the other; the marker is found."""
    marker = "a marker that a person typed"
    sent: list[bytes] = []
    with serving(replace(ONE, messages=talk("a", marker)), TWO) as server:
        answer = server.answer

        def told(asked: Asked) -> Reply:
            reply = answer(asked)
            sent.append(reply.body)
            return reply

        server.interfering = told
        taken(tmp_path / "out", server)
    disk = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    names = "".join(path.as_posix() for path in (tmp_path / "out").rglob("*"))
    assert marker.encode() in disk
    for word, control in ((EMAIL, b"".join(sent)), (KEY, repr(server.requests).encode())):
        assert word.encode() in control
        assert word.encode() not in disk + names.encode()
    assert b"email_address" not in disk
    assert b"organization" not in disk


def test_a_window_holds_what_began_in_it(tmp_path: Path) -> None:
    """From the first day on, before the last; an empty one is refused before anything is asked."""
    held = [Held(f"clls_{day}", talk(str(day)), began=day * 1440) for day in range(5)]
    with serving(*held) as server:
        taken(tmp_path / "out", server, date(2026, 2, 4), date(2026, 2, 6))
        assert sorted(kept(tmp_path / "out")) == ["clls_1", "clls_2"]
        server.requests.clear()
        for until in (SINCE, date(2025, 1, 1)):
            with pytest.raises(ConfigurationError, match="WINDOW_EMPTY"):
                taken(tmp_path / "none", server, SINCE, until)
        assert server.requests == []
    assert not (tmp_path / "none").exists()


def test_names_of_sessions_lead_nowhere(tmp_path: Path) -> None:
    """A list with a path for an id is refused; nothing is asked for under it, nothing written."""
    for name in ("../../../v1/keys", "clls_1/../../x", "%2e%2e", "a" * 100_000):
        with serving(ONE, replace(TWO, name=name)) as server:
            with pytest.raises(RefusedError, match="ANSWER_UNKNOWN"):
                taken(tmp_path / "out", server)
            assert {each.path for each in server.requests} == {LIST}
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_file()] == [NOTES]
    odd = replace(ONE, name="clls_eyJ2Ijo-x.y~z=+1:2")
    with serving(odd) as server:
        assert taken(tmp_path / "odd", server) == {"FETCHED": 1}
        assert asked_for(server) == [odd.name]


def test_a_session_that_no_one_seals_whole_is_not_fetched_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies beyond the bound would become a stub anyway; what the API cuts off is told."""
    monkeypatch.setattr(fetching, "ENOUGH", 4_000)
    long = Held("clls_1", [message(f"{n}", "user", text("x" * 400)) for n in range(100)])
    with serving(long, replace(TWO, more={"truncated": True})) as server:
        server.at_most = 2
        assert taken(tmp_path / "out", server) == {"FETCHED": 2, "TOO_LARGE": 1, "TRUNCATED": 1}
        assert len([each for each in server.requests if each.session == "clls_1"]) < 5
        assert taken(tmp_path / "out", server, until=LATER) == {"UNCHANGED": 2}


def test_text_comes_to_the_disk_as_it_was(tmp_path: Path) -> None:
    """Inputs whole, half characters, separators of lines, other scripts, odd numbers."""
    words = 'half \ud83d, \u2028 and \x85, 漢字, \0, "quoted" \\ '
    call = used("Write", "t", content="y" * 50_000) | {"extra": [1e300, -0.0, 10**30, None, True]}
    odd = Held("clls_1", [message("1", "user", text(words)), message("2", "assistant", call)])
    with serving(odd) as server:
        taken(tmp_path / "out", server)
    (path,) = (tmp_path / "out" / SESSIONS).iterdir()
    assert path.read_bytes().count(b"\n") == 1
    assert kept(tmp_path / "out")["clls_1"] == odd.messages
