"""
Promise: a worker reaches nothing but its two pipes, and gets no key before that is shown.

The battery that every launcher must pass.  `tests/privacy/sandbox/test_unprivileged.py` runs this
very file as an ordinary user, from a virtual environment of the host's own Python.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

import privacy
from privacy.errors import RefusedError
from privacy.sandbox import interpreter
from privacy.sandbox.battery import battery
from privacy.sandbox.channel import Channel
from privacy.sandbox.launch import Worker, Zygote, start
from privacy.sandbox.life import GO
from privacy.sandbox.seal import LAYERS
from privacy.sandbox.tiers import Tier
from privacy.sealing import run_info, seal
from tests.support.processes import descendants, running
from tests.support.workers.setting import sealed_tiers, small, tier_works

IDLE = "privacy.sandbox.idle"
ROOT_ONLY = {"make_packet_socket", "mount_file_system", "change_root", "become_root"}
"""Attempts for which an ordinary user has no right in the first place."""
OFTEN_FORBIDDEN = {
    "trace_victim", "read_victim_memory", "read_victim_memory_file", "take_victim_descriptor",
    "enter_user_namespace", "set_up_io_uring", "load_bpf", "use_keyring", "handle_page_faults",
    "watch_performance", "gain_privileges", "dump_core", "make_vsock", "map_writable_code",
    "map_code",
}  # fmt: skip
"""Attempts that a host, or the container we run in, may forbid everybody."""


@sealed_tiers
def test_every_escape_is_blocked_inside_and_open_outside(tier: Tier) -> None:
    """The same attempts, twice: only the seal may make the difference."""
    rows = battery(tier, small())
    assert len(rows) >= 33
    assert {row["name"] for row in rows if row["sealed"] != "blocked"} == set()
    closed_outside = {row["name"] for row in rows if row["plain"] == "blocked"}
    excused = OFTEN_FORBIDDEN | (ROOT_ONLY if os.geteuid() else set())
    assert closed_outside <= excused


@pytest.mark.parametrize(
    ("tier", "layer", "noticed"),
    [
        (Tier.T2, "limits", {"dump_core", "grow_file", "be_read"}),
        (Tier.T2, "landlock", {"read_own_code"}),
        (Tier.T2, "seccomp", {"be_readable_again", "make_socket_pair"}),
        (Tier.T1, "limits", {"dump_core", "grow_file", "be_read"}),
        (Tier.T1, "landlock", {"read_own_code"}),
        (Tier.T1, "seccomp", {"be_readable_again", "make_socket_pair", "send_udp"}),
    ],
)
def test_a_missing_layer_is_noticed_and_no_key_is_given(
    monkeypatch: pytest.MonkeyPatch, tier: Tier, layer: str, noticed: set[str]
) -> None:
    """Seccomp would hide that another layer is missing, so each is asked for by itself."""
    assert layer in LAYERS
    if not tier_works(tier):
        pytest.skip(f"{tier.name} does not work here")
    frames: list[bytes] = []
    send = Channel.send

    def watched(end: Channel, frame: bytes) -> None:
        frames.append(frame)
        send(end, frame)

    monkeypatch.setattr(Channel, "send", watched)
    with Zygote(tier, small(), IDLE, b"", unsafe_skip=frozenset({layer})) as zygote:
        with pytest.raises(RefusedError) as refusal:
            zygote.start()
        assert GO not in frames
        # The control: a keeper that did not look would have given the go and heard of a key.
        with zygote.start(expect_blocked=False) as worker:
            assert len(worker.public_key) == 1216
        assert GO in frames
    assert refusal.value.code == "PROBE_OPEN"
    openings = set(refusal.value.found.removeprefix("open: ").rstrip(".").split(", "))
    assert noticed <= openings


@sealed_tiers
def test_a_sealed_worker_works(tier: Tier) -> None:
    """What is locked up and cannot work would pass every other test here."""
    with start(tier, small(), "workers.reading", b"plan") as worker:
        info = run_info("plan")
        text = b'{"text": "three small words"}'
        worker.channel.send(seal(text, {}, public=worker.public_key, info=info).encode())
        assert worker.channel.receive(4) == (3).to_bytes(4)


@sealed_tiers
def test_a_descriptor_too_many_is_noticed(tier: Tier) -> None:
    """An open socket that was handed down by mistake is a way out that no layer closes."""
    with (
        Path(os.devnull).open("rb") as leak,
        pytest.raises(RefusedError, match="hold_other_descriptors"),
    ):
        start(tier, small(), IDLE, b"", unsafe_leak=(leak.fileno(),))
    start(tier, small(), IDLE, b"").close()


def test_the_working_directory_cannot_lend_a_module(tmp_path: Path) -> None:
    """A file privacy.py in the folder where one stands is not imported; without -I it is."""
    (tmp_path / "privacy.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
    boot = Path(privacy.__file__).parent / "sandbox" / "boot.py"

    def run(*command: str) -> int:
        return subprocess.run(
            [str(interpreter.binary()), *command],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=20,
        ).returncode

    # With an empty standard input there is no setup frame: the zygote was NOT_STARTED, 70.
    assert run(*interpreter.FLAGS, str(boot), IDLE) == 70
    assert run("-c", "import privacy") == 99


@sealed_tiers
def test_a_worker_dies_with_its_keeper(tier: Tier, tmp_path: Path) -> None:
    """A keeper that was killed leaves no worker with a key behind, even one that never reads."""
    script = (
        "import sys, time\n"
        "from privacy.sandbox.launch import start\n"
        "from privacy.sandbox.tiers import Tier\n"
        "from tests.support.workers.setting import small\n"
        f"worker = start(Tier.{tier.name}, small(), 'workers.misbehaving', b'hang:x')\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        cwd=Path(privacy.__file__).parents[1],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as keeper:
        assert keeper.stdout is not None
        try:
            assert keeper.stdout.readline() == b"ready\n"
            born = descendants(keeper.pid)
            assert born
        finally:
            keeper.kill()
    assert gone(born)


@sealed_tiers
def test_a_worker_dies_with_its_zygote(tier: Tier) -> None:
    """Nobody is left to wait for one whose zygote was killed; and its end is told."""
    zygote = Zygote(tier, small(), "workers.misbehaving", b"hang:x")
    worker = zygote.start()
    born = family(zygote)
    # The zygote and the worker; at T2 there are bubblewrap and its first process inside, too.
    assert len(born) == (4 if tier is Tier.T2 else 2)
    assert zygote.close(0.0) <= 0
    assert worker.close() == -9
    assert gone(born)


@sealed_tiers
def test_a_worker_dies_with_the_thread_that_started_it(tier: Tier) -> None:
    """A keeper's thread that raised must not leave its workers to the next one."""
    kept: list[tuple[Zygote, Worker, set[int]]] = []

    def run() -> None:
        zygote = Zygote(tier, small(), "workers.misbehaving", b"hang:x")
        kept.append((zygote, zygote.start(), family(zygote)))

    thread = Thread(target=run)
    thread.start()
    thread.join()
    ((zygote, worker, born),) = kept
    assert len(born) >= 2
    assert gone(born)
    worker.close()
    zygote.close()


def family(zygote: Zygote) -> set[int]:
    """The process that was started, and all that came of it."""
    pid = zygote._process.pid
    return {pid, *descendants(pid)}


def gone(processes: set[int]) -> bool:
    """Whether all of them end within some seconds."""
    deadline = time.monotonic() + 10
    while processes & running():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_what_is_mounted_is_what_is_hashed() -> None:
    """At T2 a worker finds every file of the manifest, no other, and no folder to write to."""
    if not tier_works(Tier.T2):
        pytest.skip("T2 does not work here")
    manifest = small()
    with start(Tier.T2, manifest, "workers.looking", b"") as worker:
        seen = json.loads(worker.channel.receive(2**24))
    listed = {
        target + name.removeprefix(mount.name)
        for mount in (*manifest.mounts, manifest.compiled.mount)
        for target in mount.targets
        for name, _ in mount.files()
    }
    assert any(file.startswith("/compiled/code/privacy/sealing.") for file in listed)
    # Compiled files that others made lie in mounted folders; no worker's Python looks at them.
    found = {file for file in seen["files"] if "/__pycache__/" not in file}
    assert found == listed
    assert {f"/code/privacy/{name}" for name in ("sealing.py", "sandbox/boot.py")} <= found
    assert str(manifest.python) in found
    assert seen["writable"] == []
