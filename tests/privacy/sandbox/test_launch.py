"""Workers start, work behind the seal, and say nothing but frames and a number."""

import json
import os
import tempfile
import time
from pathlib import Path
from struct import pack

import pytest

from privacy.errors import ClerestoryError, IncompleteError
from privacy.sandbox.endings import Ending
from privacy.sandbox.launch import Worker, start
from privacy.sandbox.probes import PROBES
from privacy.sandbox.tiers import Tier
from privacy.sealing import run_info, seal
from tests.support.processes import descendants
from tests.support.workers.setting import large, sealed_tiers, small

CANARY = "zephyrquince"
MISBEHAVING = "workers.misbehaving"


def misbehave(tier: Tier, wish: str) -> Worker:
    """A worker that was told to do something that it must not."""
    return start(tier, small(), MISBEHAVING, f"{wish}:{CANARY}".encode())


@sealed_tiers
def test_numpy_and_opendp_work_behind_the_seal(tier: Tier) -> None:
    """The aggregate worker's libraries need no call that the last filter kills."""
    # Each residue of 8 stands 1,000 times; sigma is under 3, so 100 away is 33 deviations:
    # a false alarm has a chance below 8 * 2 * exp(-33**2 / 2) < 1e-200.
    data = b"".join(pack(">q", number) for number in range(8000))
    with start(tier, large(), "workers.counting", b"plan") as worker:
        worker.channel.send(sealed(worker, data))
        answer = json.loads(worker.channel.receive(2**16))
        assert worker.close() == Ending.ENDED
    assert len(answer["noisy"]) == 8
    assert all(abs(value - 1000) < 100 for value in answer["noisy"])


@sealed_tiers
def test_opening_parsing_and_matching_work_behind_the_seal(tier: Tier) -> None:
    """The classify worker's libraries do, too, on a session of some megabytes."""
    session = json.dumps({"text": f"{CANARY} größe 東京 " * 100_000}).encode()
    with start(tier, small(), "workers.reading", b"plan") as worker:
        for _ in range(3):
            worker.channel.send(sealed(worker, session))
            assert worker.channel.receive(4) == (300_000).to_bytes(4)
        worker.channel.send(b"")
        assert worker.close() == Ending.ENDED


@sealed_tiers
@pytest.mark.parametrize("wish", ["talk", "dump", "raise", "exit", "exit_hard", "connect"])
def test_nothing_but_frames_comes_out(
    tier: Tier, wish: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Printing, warning, raising, dying: the canary is in no pipe, error or exit code."""
    heard, found = b"", ""
    with misbehave(tier, wish) as worker:
        try:
            heard = worker.channel.receive(2**16)
        except ClerestoryError as error:
            found = str(error.to_json())
        ended = worker.close()
    # How it ended is not told: only the kernel's own signal is, 31 being SIGSYS.
    assert ended == (-31 if wish == "connect" else Ending.ENDED)
    assert heard == (b"survived" if wish in ("talk", "dump") else b"")
    assert CANARY not in found
    assert CANARY not in "".join(capfd.readouterr())


@sealed_tiers
@pytest.mark.parametrize("wish", ["raise_before", "exit_before"])
def test_a_module_that_refuses_its_plan_ends_in_a_number(tier: Tier, wish: str) -> None:
    """What `prepare` raised stays inside."""
    with pytest.raises(IncompleteError) as error:
        misbehave(tier, wish)
    assert error.value.code == "WORKER_NOT_PREPARED"
    assert CANARY not in str(error.value.to_json())


@sealed_tiers
def test_a_second_thread_is_not_sealed(tier: Tier) -> None:
    """Landlock binds one thread; another would be a way out."""
    with pytest.raises(IncompleteError) as error:
        misbehave(tier, "thread")
    assert error.value.code == "WORKER_NOT_SEALED"


@sealed_tiers
def test_looking_at_a_path_is_refused_quietly(tier: Tier) -> None:
    """A session that makes Python look for a codec must not end its whole batch."""
    with misbehave(tier, "open") as worker:
        assert worker.channel.receive(16) == b"survived"


@sealed_tiers
def test_a_worker_that_does_not_end_is_ended(tier: Tier) -> None:
    """Closing takes as long as it was given, and leaves no process, not even a zombie."""
    before = descendants(os.getpid())
    worker = misbehave(tier, "hang")
    assert descendants(os.getpid()) - before
    begun = time.perf_counter()
    assert worker.close(0.2) == -9
    assert time.perf_counter() - begun < 5.0
    assert descendants(os.getpid()) <= before
    assert worker.close() == -9


@sealed_tiers
def test_starting_leaves_nothing_behind(
    tier: Tier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptor, no folder, no child."""
    before, children = descriptors(), descendants(os.getpid())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with misbehave(tier, "nothing") as worker:
        assert set(worker.probes) == {probe.name for probe in PROBES}
        assert len(worker.public_key) == 1216
        assert worker.tier is tier
    assert descriptors() == before
    assert list(tmp_path.iterdir()) == []
    assert descendants(os.getpid()) <= children


@sealed_tiers
def test_a_module_that_is_not_mounted_is_not_found(tier: Tier) -> None:
    """The tests' own package lies beside `privacy`, and is not in the manifest."""
    with pytest.raises(IncompleteError) as error:
        start(tier, small(), "tests.support.workers.reading", b"")
    assert error.value.code == "WORKER_NOT_PREPARED"


def test_every_worker_has_a_key_of_its_own() -> None:
    """A key that was used twice would open two runs."""
    keys = set()
    for _ in range(2):
        with misbehave(Tier.T0, "nothing") as worker:
            keys.add(worker.public_key)
    assert len(keys) == 2


def sealed(worker: Worker, data: bytes) -> bytes:
    """Data sealed to a worker's key, in the context of its run."""
    return seal(data, {}, public=worker.public_key, info=run_info("plan")).encode()


def descriptors() -> list[str]:
    """What this process has open."""
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())
