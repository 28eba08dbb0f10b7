"""A machine without bubblewrap works at the lower tier, says so, and refuses a higher floor."""

import json
from pathlib import Path

import pytest

from tests.support.world import clerestory, labels_world, must


def test_without_bubblewrap_the_keeper_works_at_t1_and_the_bundle_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same release at T1 verifies; its statement names the tier and nothing is open."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with labels_world(tmp_path, accounts=300, sessions=400) as world:
        must("release", world.vault, world.plan, "--out", tmp_path / "bundle")

    told = json.loads((tmp_path / "bundle" / "statement.json").read_text())
    assert told["tier"] == "T1"
    assert [run["worker"] for run in told["runs"]] == ["aggregate"]
    for run in told["runs"]:
        assert run["tier"] == "T1"
        assert sum(answer == "blocked" for answer in run["probes"].values()) >= 33
        assert "open" not in run["probes"].values()
    assert clerestory("verify", tmp_path / "bundle").returncode == 0


def test_a_floor_of_t2_refuses_a_machine_without_bubblewrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed: the keeper does not come up, and names what to do."""
    monkeypatch.setenv("PATH", "/nonexistent")
    must("init", tmp_path / "vault", "--tier", "T2")
    refused = clerestory("keeper", tmp_path / "vault", "--state", tmp_path / "state")
    assert refused.returncode == 3
    assert "TIER_TOO_LOW" in refused.stderr
    assert "clerestory doctor" in refused.stderr
