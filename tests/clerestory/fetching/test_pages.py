"""Pages: only known fields are taken, and a walk finds every item once and ends."""

import json
from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerestory.fetching import pages
from clerestory.fetching.pages import MessagesPage, SessionsPage, read_page, walk
from privacy.errors import RefusedError
from tests.support.compliance import EMAIL, Held, Json, talk

HELD = Held("clls_01-A_b", talk("a"))


def page_of_messages(**changed: object) -> Json:
    """A good page."""
    return {"session": HELD.shown(email=EMAIL), "data": talk("a"), "next_page": None} | changed


def page_of_sessions(**changed: object) -> Json:
    """A good page with a session; what is changed is changed in the session."""
    return {"data": [HELD.shown(email=EMAIL) | changed], "next_page": None}


def test_only_what_is_known_is_kept() -> None:
    """No address, organisation or workspace, nothing new; what is in a message stays as it came."""
    odd = talk("a")
    odd[1]["content"] = [{"type": "hologram", "depth": [1, {"x": None}], "text": "half \ud83d"}]
    document = page_of_messages(data=[each | {"sent_by": EMAIL} for each in odd], total=17)
    document["session"]["user"]["full_name"] = "canary"
    assert "canary" in json.dumps(document)
    kept = read_page(MessagesPage, document).model_dump()
    assert kept["data"] == odd
    assert set(kept) == {"session", "data", "next_page"}
    assert kept["session"] == {
        "type": "compliance_local_session",
        "id": HELD.name,
        "user": {"id": "user_01"},
        "product_surface": "claude_code",
        "created_at": HELD.shown(email=None)["created_at"],
        "updated_at": HELD.shown(email=None)["updated_at"],
        "truncated": False,
    }
    assert "canary" not in json.dumps(kept)


WRONG_SESSIONS: dict[str, tuple[Json, str]] = {
    "no id": ({"id": None}, "data.id"),
    "an empty id": ({"id": ""}, "data.id"),
    "a path": ({"id": "../x"}, "data.id"),
    "a path within": ({"id": "clls/../../keys"}, "data.id"),
    "dots": ({"id": ".."}, "data.id"),
    "encoded": ({"id": "%2e%2e%2fx"}, "data.id"),
    "a query": ({"id": "a?page=1"}, "data.id"),
    "a fragment": ({"id": "a#b"}, "data.id"),
    "a line": ({"id": "a\n"}, "data.id"),
    "a null byte": ({"id": "a\0"}, "data.id"),
    "other letters": ({"id": "clls_ä"}, "data.id"),
    "huge": ({"id": "a" * 501}, "data.id"),
    "a number": ({"id": 7}, "data.id"),
    "another type": ({"type": "compliance_remote_session"}, "data.type"),
    "nobody's": ({"user": None}, "data.user"),
    "no owner's id": ({"user": {"email_address": EMAIL}}, "data.user.id"),
    "an owner without a name": ({"user": {"id": ""}}, "data.user.id"),
    "no time": ({"updated_at": "soon"}, "data.updated_at"),
    "a time without a zone": ({"created_at": "2026-02-03T04:05:06"}, "data.created_at"),
    "a flag in words": ({"truncated": "yes"}, "data.truncated"),
}


@pytest.mark.parametrize("way", WRONG_SESSIONS)
def test_a_session_of_another_form_is_refused(way: str) -> None:
    """Its field is named, its value is not; an id becomes part of a path, so its form is narrow."""
    read_page(SessionsPage, page_of_sessions())
    changed, field = WRONG_SESSIONS[way]
    with pytest.raises(RefusedError) as error:
        read_page(SessionsPage, page_of_sessions(**changed))
    assert error.value.code == "ANSWER_UNKNOWN"
    assert error.value.found == f"a page without a usable `{field}`."


WRONG_PAGES: dict[str, Json] = {
    "no list": {"data": {"0": 1}},
    "no messages": {"data": None},
    "words for messages": {"data": ["a", "b"]},
    "no session": {"session": None},
    "a token that is a number": {"next_page": 5},
    "an empty token": {"next_page": ""},
    "content in words": {"data": [talk("a")[1] | {"content": "plain"}]},
    "blocks in words": {"data": [talk("a")[1] | {"content": ["plain"]}]},
    "a provenance in words": {"data": [talk("a")[1] | {"provenance": "canary"}]},
}


@pytest.mark.parametrize("way", WRONG_PAGES)
def test_a_page_of_another_form_is_refused(way: str) -> None:
    """Rather than to take a page that may lack what has moved elsewhere."""
    with pytest.raises(RefusedError, match="ANSWER_UNKNOWN"):
        read_page(MessagesPage, page_of_messages(**WRONG_PAGES[way]))


@pytest.mark.parametrize("missing", ["session", "data", "next_page"])
def test_a_page_says_whether_another_follows(missing: str) -> None:
    """One that says nothing of it may be the last, or the API has changed: that is not guessed."""
    document = page_of_messages()
    del document[missing]
    with pytest.raises(RefusedError, match=f"`{missing}`"):
        read_page(MessagesPage, document)


@given(st.lists(st.integers(1, 5)), st.data())
def test_any_split_into_pages_gives_the_same_items(sizes: list[int], data: st.DataObject) -> None:
    """Full, short and empty pages: a walk gives all items, in order, each once."""
    items = [f"clsm_{number}" for number in range(sum(sizes))]
    tokens = data.draw(
        st.lists(
            st.text(min_size=1, alphabet=st.characters(codec="utf-8")),
            min_size=len(sizes),
            max_size=len(sizes),
            unique=True,
        )
    )
    cuts: dict[str | None, tuple[list[str], str | None]] = {}
    start, token = 0, None
    for size, following in zip(sizes, tokens, strict=True):
        cuts[token] = (items[start : start + size - 1], following)  # some of them are empty
        start, token = start + size - 1, following
    cuts[token] = (items[start:], None)
    message = talk("a")[1]

    def ask(token: str | None) -> MessagesPage:
        part, following = cuts[token]
        return read_page(
            MessagesPage,
            page_of_messages(data=[message | {"id": name} for name in part], next_page=following),
        )

    assert [each.id for page in walk(ask) for each in page.data] == items


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("canary"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def places(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Ways to everything in a document."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [above, *(place for key, each in inner for place in places(each, (*above, key)))]


@given(st.data())
def test_any_other_value_anywhere_is_taken_or_refused(data: st.DataObject) -> None:
    """By a typed error that quotes nothing; what is taken can be written, and read again."""
    of_messages = data.draw(st.booleans())
    kind: Any = MessagesPage if of_messages else SessionsPage
    document = deepcopy(page_of_messages() if of_messages else page_of_sessions())
    way = data.draw(st.sampled_from(places(document)[1:]))
    inner: Any = document
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = data.draw(JSON)
    told, kept = "", "{}"
    try:
        kept = json.dumps(read_page(kind, document).model_dump())
    except RefusedError as error:
        told = str(error)
    assert "canary" not in told
    assert told or json.dumps(read_page(kind, json.loads(kept)).model_dump()) == kept


def endless(tokens: Iterator[str]) -> MessagesPage:
    """A page that always names another."""
    return read_page(MessagesPage, page_of_messages(next_page=next(tokens)))


def test_pages_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens that go in a circle are found at once; ever new ones at the bound."""
    circle = iter(["a", "b", "c", "a", "b"])
    walked = walk(lambda _: endless(circle))
    for _ in range(4):
        next(walked)
    with pytest.raises(RefusedError, match="no end"):
        next(walked)
    monkeypatch.setattr(pages, "MOST_PAGES", 50)
    ever = (str(number) for number in count())
    with pytest.raises(RefusedError, match="more than 50 pages"):
        list(walk(lambda _: endless(ever)))
