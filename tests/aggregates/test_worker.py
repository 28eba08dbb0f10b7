"""The worker says its rows or one byte, and executes just the plan that was signed."""

import json
from dataclasses import replace

import pytest

from aggregates import worker
from aggregates.release import COLUMNS
from aggregates.twin import draw
from privacy.errors import ConfigurationError, RefusedError
from privacy.plan import Plan
from privacy.sealing import KeyPair, run_info, seal
from tests.aggregates.rows import BOOK, MEAN, RATE, SHARE, small_plan

MADE = small_plan(SHARE, RATE, MEAN)
KEY = KeyPair.generate()


class Pipe:
    """Frames for a worker, and what it answered."""

    def __init__(self, *frames: bytes) -> None:
        self.frames, self.sent = [*frames], list[bytes]()

    def receive(self, limit: int) -> bytes:
        frame = self.frames.pop(0)
        assert len(frame) <= limit
        return frame

    def send(self, frame: bytes, /) -> None:
        self.sent.append(frame)


def sealed(bucket: bytes, *, plan: str = MADE.hash, key: KeyPair = KEY) -> bytes:
    """A bucket as the keeper hands it to a worker."""
    return seal(bucket, {"kind": "labels"}, public=key.public, info=run_info(plan)).encode()


def answer(*frames: bytes, made: Plan = MADE) -> bytes:
    """What a prepared worker sends back."""
    worker.prepare(made.canonical)
    pipe = Pipe(*frames)
    worker.run(pipe, KEY)
    (sent,) = pipe.sent
    return sent


def test_sealed_buckets_become_rows_and_nothing_else() -> None:
    """One answer with the columns of tables.csv, and cells enough to show that it counted."""
    buckets = draw(3000, 5100, seed=None, codebook=BOOK).buckets(3)
    sent = json.loads(answer(*(sealed(bucket) for bucket in buckets), b""))

    assert [*sent] == ["rows"]
    assert all(sorted(row) == sorted(COLUMNS) for row in sent["rows"])
    assert sum(row["state"] == "published" for row in sent["rows"]) >= 12


def test_a_worker_that_has_no_bucket_publishes_nothing() -> None:
    """An empty vault is a table of suppressed rows, not an error that would say it is empty."""
    sent = json.loads(answer(b""))

    assert {row["state"] for row in sent["rows"]} == {"suppressed"}


CANARY = b"canary-8f3a" * 40


@pytest.mark.parametrize(
    ("code", "frames"),
    [
        (b"D", [CANARY]),
        (b"D", [sealed(b"")[:-1] + b"x"]),
        (b"K", [sealed(b"", plan="another plan")]),
        (b"K", [sealed(b"", key=KeyPair.generate())]),
        (b"B", [sealed(CANARY)]),
        (b"B", [sealed(draw(50, 90, seed=None, codebook=BOOK).rows.tobytes())] * 2),
        (b"?", []),  # the pipe ends: an IndexError here
    ],
)
def test_whatever_goes_wrong_is_one_byte(code: bytes, frames: list[bytes]) -> None:
    """A message could carry data; and every code is one of the closed list."""
    sent = answer(*frames, *([b""] if frames else []))

    assert sent == code
    assert code in {*worker.CODES.values(), worker.UNEXPECTED}


def test_codes_are_one_byte_and_differ() -> None:
    """None can be taken for another, or for rows."""
    codes = [*worker.CODES.values(), worker.UNEXPECTED]

    assert len({*codes}) == len(codes)
    assert all(len(code) == 1 for code in codes)


def test_an_unprepared_worker_says_so() -> None:
    """Order is checked, not assumed."""
    worker._prepared.clear()
    pipe = Pipe(b"")
    worker.run(pipe, KEY)

    assert pipe.sent == [b"P"]


def test_a_plan_that_does_not_keep_its_promises_is_not_prepared() -> None:
    """`soundness` is asked before anything else; the plan as it was compiled is."""
    first, *others = MADE.queries
    with pytest.raises(RefusedError, match="PLAN_NOISE"):
        worker.prepare(replace(MADE, queries=(replace(first, sigma=1.0), *others)).canonical)

    worker.prepare(MADE.canonical)


def test_a_plan_that_does_not_fit_itself_is_not_prepared() -> None:
    """A label that no column has is met in the rehearsal, not inside the seal."""
    (axis, *_), first, *others = MADE.queries[0].axes, *MADE.queries
    level = replace(axis.levels[0], when={"work_mode": ("sleep",)})
    odd = replace(first, axes=(replace(axis, levels=(level, *axis.levels[1:])),))
    with pytest.raises(ConfigurationError, match="WORKER_UNFIT"):
        worker.prepare(replace(MADE, queries=(odd, *others)).canonical)


def test_a_plan_of_another_codebook_is_not_prepared() -> None:
    """Its labels would be read by the wrong positions, or answer another question."""
    worker.prepare(MADE.canonical)  # the control
    for other in (replace(MADE, codebook="0" * 64), replace(MADE, prompts="0" * 64)):
        with pytest.raises(ConfigurationError, match="CODEBOOK_CHANGED"):
            worker.prepare(other.canonical)
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE"):
        worker.prepare(b"{}")
