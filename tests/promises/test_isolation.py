"""Promise: a worker reaches nothing but its two pipes, and gets no key before that is shown."""

import json
import os
import shutil
import subprocess
import sys
import time
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import privacy
from privacy.errors import RefusedError
from privacy.sandbox import interpreter
from privacy.sandbox.attempts import hold_other_descriptors, see_environment
from privacy.sandbox.battery import battery
from privacy.sandbox.launch import start
from privacy.sandbox.lure import lure
from privacy.sandbox.probes import PROBES, read_report, run_probes
from privacy.sandbox.seal import LAYERS
from privacy.sandbox.tiers import Tier
from tests.support.processes import descendants, running
from tests.support.workers.setting import SEALING, sealed_tiers, small, tier_works

IDLE = "privacy.sandbox.idle"
NOBODY = 65534
CANNOT_IMPORT = 3
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_is_protected_as_well() -> None:
    """As nobody, from a copy of the code that everybody may read, with the host's own Python."""
    python, drop = shutil.which("python3", path="/usr/bin"), shutil.which("setpriv")
    if not python or not drop:
        pytest.skip("apt-get install python3 util-linux")
    packages = Path(privacy.__file__).parent
    dependencies = str(distribution("cryptography").locate_file(""))
    script = (
        "import json, sys; sys.path[:0] = sys.argv[1:]\n"
        "try: import privacy.sealing\n"
        f"except ImportError: sys.exit({CANNOT_IMPORT})\n"
        "from privacy.sandbox.battery import battery\n"
        "from privacy.sandbox.manifest import collect\n"
        "from privacy.sandbox.tiers import survey\n"
        f"manifest = collect(('privacy',), {SEALING})\n"
        "tiers = [f.tier for f in survey() if f.works and f.tier.seals]\n"
        "print(json.dumps({tier.name: battery(tier, manifest) for tier in tiers}))\n"
    )
    with TemporaryDirectory() as folder:  # pytest's own are for root's eyes only
        Path(folder).chmod(0o755)
        shutil.copytree(packages, Path(folder, "privacy"))
        done = subprocess.run(
            [
                *(drop, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
                *(python, "-I", "-B", "-c", script, folder, dependencies),
            ],
            capture_output=True,
            cwd="/",
            check=False,
            timeout=60,
        )
    if done.returncode == CANNOT_IMPORT:
        pytest.skip(f"as nobody, {python} cannot import from {dependencies}")
    assert done.returncode == 0, done.stderr.decode()
    answers = json.loads(done.stdout)
    assert answers
    for rows in answers.values():
        assert {row["name"] for row in rows if row["sealed"] != "blocked"} == set()
        closed_outside = {row["name"] for row in rows if row["plain"] == "blocked"}
        assert closed_outside <= OFTEN_FORBIDDEN | ROOT_ONLY


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
def test_a_missing_layer_is_noticed_and_no_key_is_made(
    tier: Tier, layer: str, noticed: set[str]
) -> None:
    """Seccomp would hide that another layer is missing, so each is asked for by itself."""
    assert layer in LAYERS
    if not tier_works(tier):
        pytest.skip(f"{tier.name} does not work here")
    with pytest.raises(RefusedError) as refusal:
        start(tier, small(), IDLE, b"", unsafe_skip=frozenset({layer}))
    assert refusal.value.code == "PROBE_OPEN"
    openings = set(refusal.value.found.removeprefix("open: ").rstrip(".").split(", "))
    assert noticed <= openings


def test_missing_namespaces_are_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program called bwrap that isolates nothing does not make a T2."""
    impostor = tmp_path / "bwrap"
    manifest = small()
    manifest.link_into(tmp_path)
    impostor.write_text(
        f'#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\n'
        f"python=$1; shift\n"
        f'flags=; while [ "${{1#/}}" = "$1" ]; do flags="$flags $1"; shift; done\n'
        f"entry={tmp_path}$1; shift\nexec $python $flags $entry $1\n",
        encoding="utf-8",
    )
    impostor.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(RefusedError) as refusal:
        start(Tier.T2, manifest, IDLE, b"")
    assert refusal.value.code == "PROBE_OPEN"
    assert "see_host_files" in refusal.value.found
    assert "reach_host_network" in refusal.value.found


@sealed_tiers
def test_a_descriptor_too_many_is_noticed(tier: Tier) -> None:
    """An open socket that was handed down by mistake is a way out that no layer closes."""
    with (
        Path(os.devnull).open("rb") as leak,
        pytest.raises(RefusedError, match="hold_other_descriptors"),
    ):
        start(tier, small(), IDLE, b"", unsafe_leak=(leak.fileno(),))
    start(tier, small(), IDLE, b"").close()


def test_what_was_inherited_is_seen_where_it_is() -> None:
    """The two probes about it are open in a process like this one."""
    inherited = [p for p in PROBES if p.attempt in (hold_other_descriptors, see_environment)]
    with lure() as bait:
        assert run_probes(bait.target, inherited) == b"oo"


def test_a_report_that_is_no_report_is_refused() -> None:
    """Too short, too long, or in other letters; and the right one is read."""
    assert set(read_report(b"b" * len(PROBES)).values()) == {"blocked"}
    for report in (b"", b"b" * (len(PROBES) - 1), b"b" * (len(PROBES) + 1), b"x" * len(PROBES)):
        with pytest.raises(RefusedError, match="PROBE_REPORT"):
            read_report(report)


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


def test_the_battery_is_in_order() -> None:
    """`boot` asks the first probes before the filter and the rest behind it; names are keys."""
    early = [probe.before_filter for probe in PROBES]
    assert early == sorted(early, reverse=True)
    assert len({probe.name for probe in PROBES}) == len(PROBES)


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
    deadline = time.monotonic() + 10
    while alive := born & running():
        assert time.monotonic() < deadline, f"{len(alive)} still run"
        time.sleep(0.01)


def test_what_is_mounted_is_what_is_hashed() -> None:
    """At T2 a worker finds every file of the manifest, no other, and no folder to write to."""
    if not tier_works(Tier.T2):
        pytest.skip("T2 does not work here")
    manifest = small()
    with start(Tier.T2, manifest, "workers.looking", b"") as worker:
        seen = json.loads(worker.channel.receive(2**24))
    listed = {
        target + name.removeprefix(mount.name)
        for mount in manifest.mounts
        for target in mount.targets
        for name, _ in mount.files()
    }
    # Compiled files lie in mounted folders; no worker's Python looks at them.
    found = {file for file in seen["files"] if "/__pycache__/" not in file}
    assert found == listed
    assert len(found) > 900
    assert seen["writable"] == []
