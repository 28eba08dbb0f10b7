"""Sums that were made elsewhere: the integers of one process, each bucket once, or nothing."""

from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates import worker
from aggregates.tally import Tally, pack_sums, unpack_sums
from aggregates.twin import draw
from privacy.errors import RefusedError
from privacy.labels import bucket_of
from privacy.plan import Plan
from privacy.queries import Value
from privacy.sealing import KeyPair, SealedBlob, run_info, seal
from privacy.tasks import Task, sums_info
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    ADJUSTED,
    BOOK,
    DESIGNED,
    MEAN,
    OWN_K,
    RATE,
    REST,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
    bucket,
    pseudonym,
    record,
    small_plan,
)
from tests.aggregates.test_worker import Pipe

MADE = small_plan(
    SHARE, RATE, MEAN, SIZES, TOTAL, TRENDS, OWN_K, ADJUSTED, REST, ACCOUNT_SIZES, DESIGNED
)
"""Every kind of query: counts, sums, squares, histograms, totals, pairs, accounts, other k."""
SMALL = small_plan(SHARE, TOTAL)
NODE, LAST = KeyPair.generate(), KeyPair.generate()


def one_process(made: Plan, buckets: list[bytes]) -> dict[str, list[int]]:
    """The sums as a worker beside the keeper makes them."""
    tally = Tally(made, BOOK)
    for one in buckets:
        tally.add_bucket(one)
    return tally.sums


def handed(bucket: bytes, number: str, task: Task, made: Plan = MADE) -> SealedBlob:
    """A bucket, wrapped for a task to the worker on a node."""
    info = task.info(made.hash)
    return seal(bucket, {"bucket": number}, public=NODE.public, info=info)


def told(key: KeyPair, *frames: bytes, made: Plan = MADE) -> bytes:
    """What a prepared worker with a key answers."""
    worker.prepare(made.canonical)
    pipe = Pipe(*frames, b"")
    worker.run(pipe, key)
    (sent,) = pipe.sent
    return sent


def test_sums_of_buckets_are_the_sums_of_one_process() -> None:
    """Bit for bit, for every kind of query, and whatever the order of buckets."""
    buckets = draw(900, 2_000, seed=None, codebook=BOOK).buckets(5)
    due = {str(number): f"{number:064x}" for number in range(5)}
    tally = Tally(MADE, BOOK, due)
    for number in (3, 0, 4, 2, 1):
        assert tally.digest(str(number)) == due[str(number)]
        tally.add_sums(pack_sums(MADE, buckets[number], BOOK))
    tally.check_complete()

    assert tally.sums == one_process(MADE, buckets)
    assert {query.value for query in MADE.queries} == {*get_args(Value)}
    assert all(any(vector) for vector in tally.sums.values())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 4))
def test_any_split_of_accounts_sums_to_the_same(accounts: list[int], parts: int) -> None:
    """However accounts fall into buckets, empty ones among them."""
    split = [
        bucket(record(a, {"work_mode": "fix"}) for a in accounts if lies(a, parts) == part)
        for part in range(parts)
    ]
    tally = Tally(SMALL, BOOK)
    for one in split:
        tally.add_sums(pack_sums(SMALL, one, BOOK))

    assert tally.sums == one_process(SMALL, split)


def lies(account: int, parts: int) -> int:
    """In which of so many buckets an account lies."""
    return bucket_of(pseudonym(account), parts)


def test_a_length_that_the_plan_decides() -> None:
    """What crosses a network in sealed form says nothing by its size."""
    few, many = bucket([]), draw(300, 600, seed=None, codebook=BOOK).buckets(1)[0]
    assert len(pack_sums(MADE, few, BOOK)) == len(pack_sums(MADE, many, BOOK))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: packed + b"\0",
        lambda packed: b"",
        lambda packed: b"\2" + packed[1:],
    ],
    ids=["short", "long", "empty", "mark"],
)
def test_what_is_no_sums_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    """Too short, too long, or with a mark that is none; whole, it is taken."""
    packed = pack_sums(MADE, bucket([record(1, {})]), BOOK)
    unpack_sums(MADE, packed)
    with pytest.raises(RefusedError, match="SUMS_BROKEN"):
        unpack_sums(MADE, spoil(packed))


def halves(buckets: list[bytes]) -> tuple[Task, list[bytes]]:
    """What the worker beside the keeper is told, and what workers on nodes sealed for it."""
    task = Task(LAST.public)
    blobs = [handed(one, str(number), task) for number, one in enumerate(buckets)]
    sums = [told(NODE, task.encode(), blob.encode()) for blob in blobs]
    return Task(partials={str(n): blob.digest for n, blob in enumerate(blobs)}), sums


def test_two_halves_make_a_release() -> None:
    """The node's answer opens for the last worker alone, and becomes tables there."""
    buckets = draw(3_000, 5_100, seed=None, codebook=BOOK).buckets(2)
    whole, sums = halves(buckets)
    assert told(LAST, whole.encode(), *sums).startswith(b'{"rows":[{')
    assert told(NODE, whole.encode(), *sums) == b"K"
    for sealed in sums:
        assert not any(row in sealed for row in (buckets[0][:32], buckets[1][:32]))


def test_a_bucket_counts_once_and_none_is_missing() -> None:
    """An answer that comes twice, for another bucket, or not at all ends the run."""
    whole, sums = halves(draw(300, 500, seed=None, codebook=BOOK).buckets(2))
    other, (foreign, _) = halves(draw(300, 500, seed=None, codebook=BOOK).buckets(2))
    moved = SealedBlob.decode(sums[0])
    moved = SealedBlob(b'{"bucket":"1"}', moved.wrapped, moved.key, moved.content)

    assert told(LAST, whole.encode(), *sums).startswith(b"{")  # the control
    assert told(LAST, whole.encode(), sums[0], sums[0]) == b"S"
    assert told(LAST, whole.encode(), *sums, sums[1]) == b"S"
    assert told(LAST, whole.encode(), sums[0]) == b"S"
    assert told(LAST, whole.encode()) == b"S"
    assert told(LAST, whole.encode(), sums[0], moved.encode()) == b"K"
    assert told(LAST, whole.encode(), foreign, sums[1]) == b"K"
    assert other != whole


def test_an_account_in_two_buckets_ends_the_run() -> None:
    """It would weigh twice; its first and last pseudonyms come with the sums."""
    first, second, third, fourth = (record(a, {}) for a in sorted(range(4), key=pseudonym))
    one, two, apart = bucket([first, third]), bucket([second, fourth]), bucket([fourth])
    for buckets, code in (([one, apart], b"{"), ([one, two], b"B"), ([one, one], b"B")):
        whole, sums = halves(buckets)
        assert told(LAST, whole.encode(), *sums)[:1] == code


def test_who_carries_cannot_have_the_sums_sealed_to_himself() -> None:
    """The wrapping names the recipient: told another one, a worker opens nothing."""
    mallory, task = KeyPair.generate(), Task(LAST.public)
    blob = handed(bucket([record(1, {})]), "0", task)
    info = sums_info(MADE.hash, "0", blob.digest)

    good = SealedBlob.decode(told(NODE, task.encode(), blob.encode()))
    assert good.open(LAST.open(good.wrapped, info=info))
    assert told(NODE, Task(mallory.public).encode(), blob.encode()) == b"K"
    # Nor does it release what it was given for its sums alone, or sum what it is to release.
    assert told(NODE, blob.encode()) == b"K"
    local = seal(bucket([]), {"bucket": "0"}, public=NODE.public, info=run_info(MADE.hash))
    assert told(NODE, task.encode(), local.encode()) == b"K"


def test_a_task_is_read_strictly() -> None:
    """Another form of the same words, a key that is none: one byte, and no sums."""
    task = Task(LAST.public)
    blob = handed(bucket([]), "0", task).encode()
    for frame in (task.encode() + b" ", b"CLT1{}", b"CLT1", Task(b"k" * 7).encode()):
        assert told(NODE, frame, blob) == b"T"
    assert Task.decode(task.encode()) == task
    assert Task.decode(blob) is None
