"""
Threat: how long a release took tells how much noise it drew, and so the number without it.

A sampler that rejects takes longer now and then, and not quite independently of what it returns.
Two things are held.  Nobody sees the time of a draw: the worker draws all noise of a release after
its last bucket, and answers once.  And the time of the whole of it says little: the rank
correlation with the noise of all cells was .02 to .12 when it was measured, on the worker's own
processor time, which nobody outside has.  It is not nought, and that is not promised.
"""

import time
from collections.abc import Callable, Sequence
from math import log2
from secrets import randbelow
from typing import Any

import numpy as np
import pytest

from aggregates.worker import _measure, prepare, run
from privacy.measurements import add_noise
from privacy.sealing import KeyPair, run_info, seal
from tests.aggregates.rows import RATE, SHARE, TOTAL, bucket, record, small_plan

RELEASES, MOST = 1_500, 0.3
PLAN = small_plan(SHARE)
NOTHING = {query.name: [0] * query.summed for query in PLAN.queries}


def correlation(times: Sequence[float], amounts: Sequence[float]) -> float:
    """Spearman's: Pearson's of the ranks."""
    ranks = [np.argsort(np.argsort(each)) for each in (times, amounts)]
    return float(np.asarray(np.corrcoef(np.array(ranks)))[0, 1])


def timed(draw: Callable[[], float]) -> float:
    """How far the time of a draw goes with how much noise it says that it drew."""
    times, amounts = [], []
    for _ in range(RELEASES):
        start = time.thread_time_ns()
        amount = draw()
        times.append(float(time.thread_time_ns() - start))
        amounts.append(amount)
    return correlation(times, amounts)


@pytest.mark.statistical
def test_the_time_of_a_release_says_little_of_its_noise() -> None:
    """
    A rank correlation below .3: at .3, a time tells .07 bits of the noise of ten cells together.

    False alarm: at a true correlation of .15 the measured one has a deviation of .026, so that .3
    lies 5.8 of them away: below 10⁻⁸.  Of .42 and more, it is found as surely.
    """
    assert -0.5 * log2(1 - MOST**2) < 0.07

    def release() -> float:
        noisy, _ = _measure(PLAN, NOTHING)
        return float(sum(abs(cell) for vector in noisy.values() for cell in vector))

    assert abs(timed(release)) < MOST


@pytest.mark.statistical
def test_a_sampler_that_counts_would_be_found() -> None:
    """The control: a geometric draw by counting to it, as a textbook has it."""

    def count() -> float:
        steps = 0
        while randbelow(200):
            steps += 1
        return float(steps)

    assert timed(count) > 0.7


def test_all_noise_is_drawn_between_the_last_bucket_and_the_one_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The keeper times a whole run, of which the draws are no part it can see."""
    made = small_plan(SHARE, RATE, TOTAL)
    prepare(made.canonical)
    pair, events = KeyPair.generate(), list[str]()
    blob = seal(bucket([record(1, {})]), {}, public=pair.public, info=run_info(made.hash)).encode()
    frames = [blob, b""]

    class Keeper:
        def receive(self, limit: int) -> bytes:
            events.append("bucket")
            return frames.pop(0)[:limit]

        def send(self, frame: bytes, /) -> None:
            events.append("answer")

    def watched(vector: list[int], **given: Any) -> list[int]:  # noqa: ANN401  as it comes
        events.append("draw")
        return add_noise(vector, **given)

    monkeypatch.setattr("aggregates.worker.add_noise", watched)
    run(Keeper(), pair)
    assert events == ["bucket", "bucket", *["draw"] * len(made.queries), "answer"]
