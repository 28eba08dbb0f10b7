"""The battery itself: its order, its report, and what it notices where a launcher lies."""

import os
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket

import pytest

from privacy.errors import RefusedError
from privacy.sandbox.attempts import (
    BEFORE_FILTER,
    BEHIND_FILTER,
    hold_other_descriptors,
    see_environment,
)
from privacy.sandbox.launch import Zygote, start
from privacy.sandbox.lure import lure
from privacy.sandbox.probes import PROBES, read_report, run_probes
from privacy.sandbox.tiers import Tier
from tests.support.workers.setting import small, strongest

IDLE = "privacy.sandbox.idle"


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


def test_the_hosts_network_is_known_by_the_lures_port() -> None:
    """Where the lure listens it is open; where that port is free it is another network."""
    network = [probe for probe in PROBES if probe.name == "reach_host_network"]
    with lure() as bait:
        assert run_probes(bait.target, network) == b"o"
        assert BEFORE_FILTER in bait.delivered()
        bait.udp.close()
        assert run_probes(bait.target, network) == b"b"


@pytest.mark.parametrize(
    ("word", "probe"), [(BEFORE_FILTER, "reach_host_network"), (BEHIND_FILTER, "send_udp")]
)
def test_what_arrived_counts_whatever_a_worker_says(word: bytes, probe: str) -> None:
    """A worker that says `blocked` is not believed where its datagram came; the control is one."""
    tier = strongest()
    with Zygote(tier, small(), IDLE, b"") as zygote:
        with zygote.start() as worker:
            assert worker.probes["send_udp"] == "blocked"
        with socket(AF_INET, SOCK_DGRAM) as outside:
            outside.sendto(word, ("127.0.0.1", zygote._lure.target.udp_port))
        if tier is Tier.T1 and probe == "reach_host_network":
            pytest.skip("only namespaces can block it")
        with pytest.raises(RefusedError, match="PROBE_OPEN") as refusal:
            zygote.start()
    assert probe in refusal.value.found


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


def test_the_battery_is_in_order() -> None:
    """`boot` asks the first probes before the filter and the rest behind it; names are keys."""
    early = [probe.before_filter for probe in PROBES]
    assert early == sorted(early, reverse=True)
    assert len({probe.name for probe in PROBES}) == len(PROBES)
