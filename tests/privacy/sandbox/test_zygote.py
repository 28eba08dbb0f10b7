"""One process prepares, and every batch has a sealed one of its own that knows of no other."""

import json
import os
import shutil
import socket
import time
from pathlib import Path
from statistics import median
from threading import Thread

import pytest

from privacy.errors import IncompleteError, RefusedError
from privacy.sandbox.launch import Worker, Zygote, start
from privacy.sandbox.manifest import collect
from privacy.sandbox.tiers import Tier
from tests.support.processes import descendants
from tests.support.workers.setting import HERE, SEALING, large, sealed_tiers, small, strongest

REMEMBERING = "workers.remembering"
IDLE = "privacy.sandbox.idle"


def said(worker: Worker, frame: bytes) -> bytes:
    """What a worker found before it was told that."""
    worker.channel.send(frame)
    return worker.channel.receive(100)


@sealed_tiers
def test_what_one_batch_leaves_no_other_finds(tier: Tier) -> None:
    """Not in a worker after it, not in one beside it; in the same process it is there."""
    with Zygote(tier, small(), REMEMBERING, b"") as zygote, zygote.start() as first:
        assert said(first, b"one") == b""
        assert said(first, b"two") == b"one"  # the control
        with zygote.start() as beside:
            assert said(beside, b"three") == b""
        assert first.close() == 0
        with zygote.start() as after:
            assert said(after, b"four") == b""


@sealed_tiers
def test_no_two_workers_have_a_key_in_common(tier: Tier) -> None:
    """OpenSSL notices the fork: twenty keys of one zygote are twenty keys."""
    keys = set()
    with Zygote(tier, small(), IDLE, b"") as zygote:
        for _ in range(20):
            with zygote.start() as worker:
                keys.add(worker.public_key)
    assert len(keys) == 20


@pytest.mark.statistical
def test_forked_noise_is_drawn_anew() -> None:
    """Noise that two forks have in common would cancel: sigma 22, 64 cells, never the same."""
    # A pair of equal vectors by chance: each cell agrees with probability 1/(2·22·√π) < 0.013,
    # so 64 of them with less than 10⁻¹²⁰.
    told = []
    with Zygote(strongest(), large(), "workers.drawing", b"") as zygote:
        for _ in range(4):
            with zygote.start() as worker:
                told.append(json.loads(worker.channel.receive(2**16)))
    assert len({tuple(each["noise"]) for each in told}) == 4
    # The control: a generator that does not notice the fork says the same in all of them.
    assert len({tuple(each["copied"]) for each in told}) == 1


@sealed_tiers
def test_a_fork_is_many_times_quicker_than_a_start(tier: Tier) -> None:
    """Imports are paid once; `./run bench startup` has the figures and holds the target."""
    begun = time.perf_counter()
    with Zygote(tier, small(), IDLE, b"") as zygote:
        cold = time.perf_counter() - begun
        times = []
        for _ in range(9):
            begun = time.perf_counter()
            worker = zygote.start()
            times.append(time.perf_counter() - begun)
            worker.close()
    assert median(times) < cold / 5


@sealed_tiers
def test_several_threads_are_served_at_once(tier: Tier) -> None:
    """Each has a worker of its own, and none waits for another's end."""
    with Zygote(tier, small(), REMEMBERING, b"") as zygote:
        alive: list[Worker] = []
        threads = [Thread(target=lambda: alive.append(zygote.start())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [said(worker, b"x") for worker in alive] == [b""] * 8
        assert [worker.close() for worker in alive] == [0] * 8


@sealed_tiers
def test_what_a_zygote_was_handed_by_mistake_no_worker_has(tier: Tier) -> None:
    """A worker begins by closing all that was not meant for it."""
    read, write = os.pipe()
    os.set_inheritable(read, True)  # noqa: FBT003
    try:
        with Zygote(tier, small(), IDLE, b"") as zygote, zygote.start() as worker:
            assert worker.probes["hold_other_descriptors"] == "blocked"
    finally:
        os.close(read)
        os.close(write)


@sealed_tiers
def test_code_that_changes_under_a_zygote_is_noticed(tier: Tier, tmp_path: Path) -> None:
    """Before the start, while it prepares, or half-written: `CODE_CHANGED`, never a run of it."""
    package = Path(shutil.copytree(HERE, tmp_path / "workers"))
    manifest = collect(("privacy", package), SEALING)
    with Zygote(tier, manifest, REMEMBERING, b"") as zygote:
        (package / "remembering.py").write_text("def prep", encoding="utf-8")
        # What was imported is what was hashed; later bytes are not looked at.
        with zygote.start() as worker:
            assert said(worker, b"x") == b""
    with pytest.raises(RefusedError, match="CODE_CHANGED"):
        Zygote(tier, manifest, REMEMBERING, b"")


@sealed_tiers
@pytest.mark.parametrize("text", ["def prep", "def prepare(plan): ...\n"])
def test_code_that_changes_while_it_is_imported_is_named(
    tier: Tier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Whether the new bytes can be imported or not, the cause is told, not `NOT_PREPARED`."""
    package = Path(shutil.copytree(HERE, tmp_path / "workers"))
    manifest = collect(("privacy", package), SEALING)
    place = tier.launcher.place

    def edited(*arguments: object) -> object:
        (package / "remembering.py").write_text(text, encoding="utf-8")
        return place(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(tier.launcher), "place", lambda _, *a: edited(*a))
    with pytest.raises(RefusedError, match="CODE_CHANGED"):
        Zygote(tier, manifest, REMEMBERING, b"")


@sealed_tiers
def test_a_zygote_that_has_ended_gives_no_workers(tier: Tier) -> None:
    """And says that it was the zygote, so that nobody takes it for a session's fault."""
    with Zygote(tier, small(), IDLE, b"") as zygote:
        zygote.check_alive()
        zygote._process.kill()
        zygote._process.wait()
        with pytest.raises(IncompleteError, match=r"ZYGOTE_GONE|WORKER_KILLED"):
            zygote.start()
        with pytest.raises(IncompleteError, match="ZYGOTE_GONE"):
            zygote.check_alive()


@sealed_tiers
def test_closing_a_zygote_leaves_nothing_behind(tier: Tier, tmp_path: Path) -> None:
    """No process, no descriptor, also where a worker was not closed before it."""
    children = descendants(os.getpid())
    opened = len(list(Path("/proc/self/fd").iterdir()))
    zygote = Zygote(tier, small(), "workers.misbehaving", b"hang:x")
    worker = zygote.start()
    assert zygote.close() == 0
    assert worker.close() == -9
    assert descendants(os.getpid()) <= children
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    assert list(tmp_path.iterdir()) == []


@sealed_tiers
def test_a_control_is_for_one_worker(tier: Tier) -> None:
    """It is handed to that fork; the next has none, and the zygote kept no copy."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, Zygote(tier, small(), "workers.asking", b"") as zygote:
        ours.send(b"no")
        with theirs, zygote.start(control=theirs) as worker:
            assert worker.channel.receive(100) == b"no"
        with zygote.start() as worker:
            assert worker.channel.receive(100) == b"no control"
        assert ours.recv(100) == b"api.example:443"
        assert ours.recv(100) == b""  # nobody holds the other end any more


def test_a_worker_started_alone_takes_its_zygote_along() -> None:
    """`start` is for a run that asks once: closing it closes everything."""
    children = descendants(os.getpid())
    with start(strongest(), small(), IDLE, b"") as worker:
        assert descendants(os.getpid()) - children
    assert worker.close() == 0
    assert descendants(os.getpid()) <= children
