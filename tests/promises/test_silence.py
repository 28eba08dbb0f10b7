"""Promise: neither the place of a row, nor its time, nor how a worker ended tells of a session."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from classifiers import worker as classify_worker
from clerestory.workshop import workshop
from privacy.codebook import codebook
from privacy.errors import IncompleteError
from privacy.labels import row_width, unpack_bucket
from privacy.sandbox.endings import Ending
from privacy.sandbox.launch import Zygote
from privacy.sandbox.tiers import Tier
from privacy.sealing import KeyPair, run_info, seal
from tests.classifiers.test_worker import GOOD, bound_plan
from tests.support.workers.setting import sealed_tiers, small, strongest

SESSIONS, RUNS = 4, 600
EXPECTED = RUNS / SESSIONS
TOLERANCE = 80
"""Rows of one session at one place: Hoeffding gives 2·exp(−2·80²/600) < 1.1e-9 for each of the
16 counts, so a false alarm has a chance below 2e-8."""
PLAN = bound_plan()


class Batch:
    """The keeper's side of one batch."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames: Iterator[bytes] = iter([*frames, b""])
        self.sent: list[bytes] = []

    def receive(self, limit: int) -> bytes:
        """The next session."""
        frame = next(self._frames)
        assert len(frame) <= limit
        # Nothing is said before the last session was read.
        assert self.sent == []
        return frame

    def send(self, frame: bytes) -> None:
        """Keep the answer."""
        self.sent.append(frame)


def session(place: int, public: bytes) -> bytes:
    """A sealed session, the same but for its key."""
    header = {"account": "00" * 16, "month": "2026-02", "session": bytes([place] * 16).hex()}
    return seal(GOOD, header, public=public, info=run_info(PLAN.hash)).encode()


def places(answers: list[list[int]]) -> Counter[tuple[int, int]]:
    """How often which session stood at which place."""
    return Counter((which, at) for answer in answers for at, which in enumerate(answer))


def suspicious(counts: Counter[tuple[int, int]]) -> bool:
    """Whether place says something about session."""
    every = ((which, at) for which in range(SESSIONS) for at in range(SESSIONS))
    return any(abs(counts[pair] - EXPECTED) > TOLERANCE for pair in every)


def answers() -> list[list[int]]:
    """Many batches of the same sessions: which stood where."""
    pair = KeyPair.generate()
    frames = [session(place, pair.public) for place in range(SESSIONS)]
    found = []
    for _ in range(RUNS):
        batch = Batch(frames)
        classify_worker.run(batch, pair)
        (answer,) = batch.sent
        assert len(answer) == SESSIONS * row_width(codebook())
        found.append([key[0] for key, _ in unpack_bucket(answer, codebook())])
    return found


@pytest.mark.statistical
def test_place_says_nothing_of_a_session() -> None:
    """False alarm: below 2e-8, see TOLERANCE; and every session is there each time."""
    classify_worker.prepare(PLAN.canonical)
    found = answers()
    assert all(sorted(answer) == [*range(SESSIONS)] for answer in found)
    assert not suspicious(places(found))


def test_an_order_that_was_kept_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without shuffling, and with one row that tends to come first."""
    classify_worker.prepare(PLAN.canonical)
    monkeypatch.setattr(classify_worker, "SystemRandom", lambda: Idle())
    assert suspicious(places(answers()))
    half = [[0, 1, 2, 3] if turn % 2 else [3, 2, 1, 0] for turn in range(RUNS)]
    assert suspicious(places(half))


class Idle:
    """A generator that leaves things as they are."""

    def shuffle(self, rows: list[bytes]) -> None:
        """Do nothing."""


def test_a_sealed_worker_is_silent_until_the_batch_is_over() -> None:
    """Time says nothing of one session: the answer comes after the last, in one frame."""
    kind = workshop().classify
    with (
        Zygote(strongest(), kind.code, kind.module, PLAN.canonical) as zygote,
        zygote.start() as worker,
    ):
        for place in range(SESSIONS):
            worker.channel.send(session(place, worker.public_key))
        worker.channel.timeout = 1.0
        with pytest.raises(IncompleteError, match="CHANNEL_TIMEOUT"):
            worker.channel.receive(2**16)
        worker.channel.timeout = 60.0
        worker.channel.send(b"")
        answer = worker.channel.receive(SESSIONS * row_width(codebook()))
        assert {row[0] for row, _ in unpack_bucket(answer, codebook())} == {*range(SESSIONS)}


@sealed_tiers
def test_how_a_worker_ended_is_one_code(tier: Tier) -> None:
    """Done, raised, left by its own door with a number: outside it is the same."""
    endings = {}
    for wish in ("nothing", "raise", "exit", "exit_hard", "open"):
        with Zygote(tier, small(), "workers.misbehaving", f"{wish}:7".encode()) as zygote:
            endings[wish] = zygote.start().close()
    assert set(endings.values()) == {Ending.ENDED}
    # The control: before there is a key, the step that failed is told.
    told = partial(Zygote, tier, small(), "workers.misbehaving", b"raise_before:7")
    with pytest.raises(IncompleteError, match="WORKER_NOT_PREPARED"):
        told()
