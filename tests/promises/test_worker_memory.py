"""Promise: what is in a worker's memory stays there: no other process reads it, no core has it."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from privacy.errors import IncompleteError
from privacy.sandbox import limits
from privacy.sandbox.launch import Worker, Zygote
from privacy.sandbox.tiers import Tier
from privacy.sealing import run_info, seal
from tests.support.processes import descendants, may_read, readable_address
from tests.support.workers.setting import sealed_tiers, small

NOBODY = 65534
SAME_USER = NOBODY if os.geteuid() == 0 else os.geteuid()
"""Whom a sealed worker runs as: root is given up."""


@contextmanager
def hanging(tier: Tier) -> Iterator[tuple[Worker, int]]:
    """A worker that waits with its key, and its process."""
    with Zygote(tier, small(), "workers.misbehaving", b"hang:x") as zygote:
        others = descendants(zygote._process.pid)
        with zygote.start() as worker:
            (process,) = descendants(zygote._process.pid) - others
            yield worker, process
            worker.close(0.0)


@sealed_tiers
def test_a_process_of_the_same_user_cannot_read_it(tier: Tier) -> None:
    """The worker's user is the reader's; only the seal makes the difference."""
    with subprocess.Popen(
        ["sleep", "60"],
        **({"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}),  # type: ignore[call-overload]
    ) as plain:
        # The control: an ordinary process of that user is read.
        readable = may_read(plain.pid, readable_address(plain.pid), SAME_USER)
        plain.kill()
    if not readable:
        pytest.skip("this host forbids everybody: sysctl -w kernel.yama.ptrace_scope=0")
    with hanging(tier) as (_, process):
        try:
            address = readable_address(process)  # for root
        except PermissionError:
            address = 0x400000
        assert not may_read(process, address, SAME_USER)


def test_a_worker_without_a_seal_can_be_read() -> None:
    """The control at the same place: a worker of T0, by its own user."""
    with hanging(Tier.T0) as (_, process):
        assert may_read(process, readable_address(process), os.geteuid())


@contextmanager
def cores_allowed() -> Iterator[None]:
    """As a keeper that was started where crashes are looked into."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("this host writes no cores: raise the hard limit, ulimit -Hc unlimited")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def most_core(process: int) -> str:
    """The limit on core files of a process."""
    lines = Path(f"/proc/{process}/limits").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("Max core file size"))
    return line.removeprefix("Max core file size").split()[0]


@sealed_tiers
def test_a_crash_leaves_no_core(tier: Tier) -> None:
    """A core file would hold a session; the worker may not write one, and the kernel agrees."""
    with cores_allowed(), hanging(tier) as (_, process):
        assert most_core(process) == "0"
    with Zygote(tier, small(), "workers.misbehaving", b"crash:x") as zygote:
        assert zygote.start().close() == -11  # SIGSEGV


def test_where_cores_are_allowed_a_crash_leaves_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a worker of T0 has the keeper's limit, and a process like it dumps."""
    monkeypatch.chdir(tmp_path)
    crash = [sys.executable, "-c", "import ctypes; ctypes.string_at(0)"]
    with cores_allowed():
        with hanging(Tier.T0) as (_, process):
            assert most_core(process) != "0"
        control = os.posix_spawn(crash[0], crash, {})
        assert os.WCOREDUMP(os.waitpid(control, 0)[1])


def locked_kb(process: int) -> int:
    """How much of a process the kernel keeps out of swap."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmLck"))
    return int(line.split()[1])


@sealed_tiers
def test_where_it_may_a_worker_keeps_its_memory_out_of_swap(tier: Tier) -> None:
    """Under a limit nothing is locked (the control); without one all that it touches is."""
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if before[1] != resource.RLIM_INFINITY:
        with hanging(tier) as (_, process):
            assert locked_kb(process) == 0
        pytest.skip("the limit on locked memory is on: ulimit -l unlimited")
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (8 * 2**20, before[1]))
        with hanging(tier) as (_, process):
            assert locked_kb(process) == 0
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (before[1], before[1]))
        with hanging(tier) as (_, process):
            assert locked_kb(process) > 10_000
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, before)


@pytest.mark.skipif(os.geteuid() != 0, reason="root locks memory whatever the limit")
def test_locking_memory_is_the_call_that_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """For machines whose limit cannot be lifted: the kernel counts this process's memory."""

    def locked_after_call() -> bool:
        child = os.fork()
        if child == 0:
            code = 2
            try:
                limits.lock_memory()
                code = int(locked_kb(os.getpid()) > 10_000)
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1

    monkeypatch.setattr(limits, "may_lock_memory", lambda: False)
    assert not locked_after_call()
    monkeypatch.setattr(limits, "may_lock_memory", lambda: True)
    assert locked_after_call()


@sealed_tiers
def test_a_workers_key_opens_its_own_batch_only(tier: Tier) -> None:
    """Whoever had all of one worker's memory would have nothing of the next one's sessions."""
    info = run_info("plan")
    text = b'{"text": "two words"}'
    with Zygote(tier, small(), "workers.reading", b"plan") as zygote:
        with zygote.start() as first:
            theirs = first.public_key
        with zygote.start() as second:
            second.channel.send(seal(text, {}, public=theirs, info=info).encode())
            with pytest.raises(IncompleteError, match="CHANNEL_CLOSED"):
                second.channel.receive(4)
        with zygote.start() as third:  # the control: what is sealed to it, it opens
            third.channel.send(seal(text, {}, public=third.public_key, info=info).encode())
            assert third.channel.receive(4) == (2).to_bytes(4)
