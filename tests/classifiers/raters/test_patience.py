"""Waiting for a server that asks for it, within a bound of our own; what it says of its pace."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.formats import read_session
from classifiers.raters import Halted
from classifiers.raters.claude import patience
from classifiers.raters.claude.limits import SPEND_LIMIT, Limits, refusal_of
from classifiers.raters.claude.rater import ClaudeRater
from classifiers.rendering import render
from clerestory.devstub import Asked, Authority, Reply, Stub, authority, running
from clerestory.devstub.answers import error_of
from clerestory.devstub.script import document
from privacy.closing import Pace
from privacy.halts import Halt
from privacy.keeper.hands import Hands
from tests.support.egress import asking, session, unsealed
from tests.support.messages import MessagesServer, labelled, serving

SESSION = read_session(session())
GOOD = labelled()


@pytest.fixture(scope="module")
def ours() -> Authority:
    """Whom the plan trusts."""
    return authority()


def refused(status: int, *, after: str = "", **details: object) -> Reply:
    """An error that says when to come back, or does not."""
    headers = {"retry-after": after} if after else {}
    return Reply(document(error_of("an_error", "in words", **details)), status, headers)


SPENT = refused(429, details={"error_code": SPEND_LIMIT})


def rate(rater: ClaudeRater) -> Halt | None:
    """Why a session has no labels, if so."""
    try:
        rater.rate(SESSION, render(SESSION))
    except Halted as halted:
        return halted.code
    return None


@contextmanager
def asked_after(
    ours: Authority, replies: Sequence[Reply], patience: float = 60.0
) -> Iterator[tuple[ClaudeRater, MessagesServer]]:
    """A rater, and a server that gives these replies before it is well."""
    left = list(replies)

    def answer(asked: Asked) -> Reply:
        return left.pop(0) if left else GOOD(asked)

    with (
        serving(ours.sign(), answer) as server,
        unsealed(asking(server.url, ours.roots), patience=patience) as rater,
    ):
        yield rater, server


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every wait, which takes no time: the clock of patience is moved instead."""
    waited, shift = list[float](), [0.0]

    def sleep(seconds: float) -> None:
        if seconds:
            waited.append(seconds)
        shift[0] += seconds

    monkeypatch.setattr(patience, "sleep", sleep)
    monkeypatch.setattr(patience, "monotonic", lambda: time.monotonic() + shift[0])
    return waited


MENDED: dict[str, tuple[list[Reply], float, float]] = {
    # what comes before a good answer: replies, and between what the waits lie altogether
    "429": ([refused(429)] * 3, 0.25 + 0.5 + 1, 0.5 + 1 + 2),
    "429 with a time": ([refused(429, after="7")] * 2, 14, 15),
    "529": ([refused(529)] * 2, 0.25 + 0.5, 0.5 + 1),
    "529 with a time": ([refused(529, after="3")], 3, 3.5),
    "503": ([refused(503)], 0.25, 0.5),
    "500": ([refused(500)] * 2, 0.25 + 0.5, 0.5 + 1),
    "dropped": ([Reply(raw=b"")] * 2, 0.25 + 0.5, 0.5 + 1),
    "a time that is none": ([refused(429, after="soon")], 0.25, 0.5),
    "no time at all": ([refused(429, after="0")], 0.25, 0.5),
}


@pytest.mark.parametrize("what", MENDED)
def test_what_is_so_for_the_moment_is_waited_for(
    what: str, ours: Authority, waits: list[float]
) -> None:
    """The first wait is half a second at most, each twice the last; or what was asked for."""
    replies, least, most = MENDED[what]
    with asked_after(ours, replies) as (rater, server):
        assert rate(rater) is None
    assert len(server.asked) == len(replies) + 1
    assert len(waits) == len(replies)
    assert least <= sum(waits) <= most


STOPPED: dict[str, tuple[Reply, Halt, int]] = {
    # what is answered for ever: (reply, halt, requests)
    "a time of days": (refused(429, after="4000000"), Halt.BUSY, 1),
    "a time of days, overloaded": (refused(529, after="4000000"), Halt.OVERLOADED, 1),
    "a limit on money": (SPENT, Halt.SPEND_LIMIT, 1),
    "no right": (refused(401), Halt.DENIED, 1),
    "no such thing": (refused(404), Halt.REJECTED, 1),
    "a failure": (refused(500), Halt.FAILED, 3),
    "broken off": (Reply(raw=b""), Halt.UNREACHABLE, 3),
}


@pytest.mark.parametrize("what", STOPPED)
def test_what_no_waiting_mends_stops(what: str, ours: Authority, waits: list[float]) -> None:
    """At once, or after the few times that a failure is tried again."""
    reply, halt, requests = STOPPED[what]
    with asked_after(ours, [reply] * 99) as (rater, server):
        assert rate(rater) is halt
    assert len(server.asked) == requests
    assert sum(waits) < 2


@pytest.mark.parametrize("status", [429, 529])
def test_patience_has_an_end(status: int, ours: Authority, waits: list[float]) -> None:
    """Whatever is asked for, the last request leaves within it; and many were sent."""
    with asked_after(ours, [refused(status)] * 999, patience=100.0) as (rater, server):
        assert rate(rater) in (Halt.BUSY, Halt.OVERLOADED)
    assert sum(waits) <= 100
    # Waits double to 30 s: .5, 1, 2, 4, 8, 16, 30, 30 are 91.5 s, or half of that: 8 to 11 of them.
    assert 8 <= len(server.asked) <= 13


def test_without_patience_nothing_is_waited_for(ours: Authority, waits: list[float]) -> None:
    """The control: so the rehearsal behaves, and tests of halts."""
    with asked_after(ours, [refused(429, after="1")], patience=0.0) as (rater, server):
        assert rate(rater) is Halt.BUSY
        assert rate(rater) is None
    assert waits == []
    assert len(server.asked) == 2


@given(st.binary())
def test_no_body_of_a_refusal_makes_anything_but_a_halt(body: bytes) -> None:
    """Only one code counts, and it is not quoted: what is no JSON or another code is busy."""
    assert refusal_of(body, Halt.BUSY) is Halt.BUSY
    assert refusal_of(SPENT.body, Halt.BUSY) is Halt.SPEND_LIMIT
    for other in (b"{}", b"[]", b"null", b'{"error": null}', b'{"error": {"details": []}}'):
        assert refusal_of(other, Halt.BUSY) is Halt.BUSY


def limits(*, seconds: float = 1.0, status: int = 200, **said: Any) -> Limits:  # noqa: ANN401
    """What is known after one answer that took so long."""
    made = Limits()
    made.send()
    made._sent -= seconds
    head = "anthropic-ratelimit-"
    made.hear(
        status, [((head + n.replace("_", "-")).encode(), v.encode()) for n, v in said.items()]
    )
    return made


def test_pace_is_one_of_four() -> None:
    """Slower where it was refused; steady near a limit, or where nobody is waited for."""
    assert Limits().pace is Pace.UNKNOWN
    assert limits().pace is Pace.FASTER
    assert limits(seconds=0.01).pace is Pace.STEADY
    assert limits(requests_limit="100", requests_remaining="10").pace is Pace.FASTER
    assert limits(requests_limit="100", requests_remaining="9").pace is Pace.STEADY
    assert limits(input_tokens_limit="100", input_tokens_remaining="9").pace is Pace.STEADY
    assert {limits(status=status).pace for status in (429, 503, 529)} == {Pace.SLOWER}


def test_where_a_limit_is_used_up_the_next_call_waits_for_its_end() -> None:
    """Until the time that was told, at most a minute; nonsense is no time."""
    soon = datetime.fromtimestamp(time.time() + 20, UTC).isoformat()
    far = "2999-01-01T00:00:00Z"
    used_up: dict[str, Any] = {"requests_limit": "5", "requests_remaining": "0"}
    assert 15 < limits(**used_up, requests_reset=soon).rest <= 20
    assert limits(**used_up, requests_reset=far).rest == 60
    assert limits(**used_up, requests_reset="tomorrow").rest == 0
    assert limits(requests_limit="5", requests_remaining="1", requests_reset=far).rest == 0


@given(st.dictionaries(st.sampled_from(
    [b"retry-after", b"Anthropic-RateLimit-Requests-Limit", b"anthropic-ratelimit-requests-reset",
     b"anthropic-ratelimit-requests-remaining"]), st.binary(max_size=30)))  # fmt: skip
def test_no_header_breaks_what_reads_it(headers: dict[bytes, bytes]) -> None:
    """Whatever a server says, waits are bounded and pace is one of four."""
    made = Limits()
    made.send()
    made.hear(429, headers.items())
    assert 0 <= made.rest <= 60
    assert made.told is None or 0 <= made.told < 10**15
    assert made.pace is Pace.SLOWER


def labelled_by(
    hands: Hands, rater_of: Callable[[], Any], sessions: int, batch: int
) -> tuple[int, int]:
    """Label by batches, each with a rater of its own; labelled sessions, most hands at once."""
    left, done, most, lock = [sessions // batch], [0], [0], Lock()

    def work() -> None:
        while True:
            with hands.turn() as turn, rater_of() as rater:
                with lock:
                    if not left[0]:
                        return
                    left[0] -= 1
                    most[0] = max(most[0], hands.allowed)
                answers = [rate(rater) for _ in range(batch)]
                turn.pace = rater.pace
            with lock:
                done[0] += answers.count(None)

    threads = [Thread(target=work) for _ in range(hands.most)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done[0], most[0]


def raters(stack: ExitStack, server: Stub, ours: Authority, spare: int) -> Callable[[], Any]:
    """Gives raters that were made before, each to one at a time."""
    named = asking(server.url, ours.roots)
    free = [stack.enter_context(unsealed(named, patience=60.0)) for _ in range(spare)]

    @contextmanager
    def one() -> Iterator[ClaudeRater]:
        rater = free.pop()
        rater._line.limits = Limits()
        try:
            yield rater
        finally:
            free.append(rater)

    return one


class Counting(Stub):
    """Counts refusals."""

    refusals = 0

    def post(self, path: str, headers: Any, data: bytes) -> Reply:  # noqa: ANN401
        reply = super().post(path, headers, data)
        self.refusals += reply.status == 429
        return reply


def test_a_server_that_allows_little_is_not_hammered(ours: Authority) -> None:
    """
    Ten requests in each "minute" of a second: all are answered, few are refused.

    Thirty sessions fill three minutes at least, and there is nobody left to refuse once the third
    is full.  In each of the others a hand is refused once at most, then waits for the next: twice
    eight hands.  A client that comes back at once would be refused hundreds of times a second.
    """
    with ExitStack() as stack:
        server = stack.enter_context(
            running(Counting(ours.sign(), GOOD, per_minute=10, minute=1.0))
        )
        hands = Hands(4, 8)
        done, _ = labelled_by(hands, raters(stack, server, ours, 8), 30, 5)
    assert done == 30
    assert 0 < server.refusals <= 2 * 8


def test_a_slow_server_that_allows_much_gets_many_hands(ours: Authority) -> None:
    """Answers take a while and limits are far: from two hands to all eight."""

    def slow(asked: Asked) -> Reply:
        time.sleep(0.15)
        return GOOD(asked)

    with ExitStack() as stack:
        server = stack.enter_context(running(Stub(ours.sign(), slow)))
        done, most = labelled_by(Hands(2, 8), raters(stack, server, ours, 8), 48, 2)
    assert done == 48
    assert most == 8
