"""Promise: one run key for each charge, never again; a crash costs a charge and a key."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from privacy.errors import VerificationError
from privacy.keeper.releasing import Releasing
from privacy.sandbox.worker import Worker
from privacy.sealing import SealedBlob, floor_info, key_id, run_info
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import House, installed, opened, planted

PLAN = small_plan(SHARE)
PATIENCE = 20.0
"""seconds in which a worker whose keeper was killed has to be gone."""


def watching(seen: Path, after: Callable[[], None]) -> Callable[..., bytes]:
    """`Releasing._ask`, noting the worker's key and the buckets that were wrapped to it."""
    ask = Releasing._ask

    def asked(run: Releasing, worker: Worker, frames: Iterator[bytes]) -> bytes:
        wrapped = []
        send = worker.channel.send

        def noting(frame: bytes) -> None:
            if frame:
                wrapped.append(frame.hex())
            send(frame)

        worker.channel.send = noting  # type: ignore[method-assign]
        answer = ask(run, worker, frames)
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        told = {"key": worker.public_key.hex(), "wrapped": wrapped, "children": children}
        seen.write_text(json.dumps(told))
        after()
        return answer

    return asked


def release(folder: Path, seen: Path, after: Callable[[], None]) -> None:
    """Release the plan, watched."""
    with pytest.MonkeyPatch.context() as patch, opened(folder) as house:
        patch.setattr(Releasing, "_ask", watching(seen, after))
        house.ask("release", PLAN)


def test_a_crash_between_charge_and_release_costs_a_charge_and_a_key(tmp_path: Path) -> None:
    """The second request is charged anew, to a new worker; what the first was given is lost."""
    installed()
    with planted(tmp_path) as house:
        olga = house.enrol("olga")
        bound = house.submit(PLAN)
        house.approve(bound, olga)
    first, second = tmp_path / "first", tmp_path / "second"
    if (child := os.fork()) == 0:
        release(tmp_path, first, lambda: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    one = json.loads(first.read_text())
    assert one["children"]
    wait_until_gone(one["children"])
    with opened(tmp_path) as house:
        assert counts(house) == {"charge": 1, "key": 1, "release": 0}
        assert house.state.release(bound.hash) is None

    release(tmp_path, second, lambda: None)
    two = json.loads(second.read_text())
    assert one["key"] != two["key"]
    with opened(tmp_path) as house:
        assert counts(house) == {"charge": 2, "key": 2, "release": 1}
        for told, wrapped in ((one, one["wrapped"]), (two, two["wrapped"])):
            assert wrapped
            for data in wrapped:
                blob = SealedBlob.decode(bytes.fromhex(data))
                assert blob.key == key_id(bytes.fromhex(told["key"]))
                with pytest.raises(VerificationError, match="KEY_UNKNOWN"):
                    house.state.ring.of(blob)
                with pytest.raises(VerificationError, match="WRONG_KEY"):
                    house.state.sealing.open(blob.wrapped, info=run_info(bound.hash))
        # The control: at rest the same buckets open with the keeper's key.
        info = floor_info(house.vault.floor.hash, "labels")
        (name, number), *_ = list(house.state.labels.buckets())
        resting = house.state.labels.bucket(name, number)
        assert resting
        assert resting.open(house.state.ring.of(resting).open(resting.wrapped, info=info))
    release(tmp_path, second, lambda: None)
    with opened(tmp_path) as house:
        assert counts(house) == {"charge": 2, "key": 2, "release": 1}


def counts(house: House) -> dict[str, int]:
    """How often the ledger speaks of it."""
    return {kind: house.kinds().count(kind) for kind in ("charge", "key", "release")}


def wait_until_gone(processes: list[str]) -> None:
    """The secret of a run is in one process's memory: with it, it is gone."""
    end = time.monotonic() + PATIENCE
    while any(_lives(process) for process in processes):
        assert time.monotonic() < end, "a worker outlived its keeper"
        time.sleep(0.05)


def _lives(process: str) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")
