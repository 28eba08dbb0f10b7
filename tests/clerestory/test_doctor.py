"""`doctor` tells the truth about the machine, with the command that would change it."""

import json
import shutil
from pathlib import Path

import pytest

from clerestory import doctor
from privacy.sandbox.tiers import Tier, survey
from tests.support.world import must


def test_the_table_shows_tiers_attempts_and_what_holds() -> None:
    """What was tried stands there; and with --json the same for a program."""
    shown, told = must("doctor"), json.loads(must("doctor", "--json"))
    works = {finding.tier.name: finding.works for finding in survey()}
    assert {row["tier"]: row["works"] for row in told["tiers"]} == works
    assert works[told["tier"]]
    assert len(told["probes"]) >= 33
    for tier in Tier:
        assert f"{tier.name} {tier.value}" in shown
    for probe in told["probes"]:
        assert set(probe) == {"name", "sealed", "plain"}
        assert probe["name"] in shown
    assert f"tier {told['tier']}: " in shown


def test_a_refused_namespace_is_shown_with_its_switch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on Ubuntu, where AppArmor keeps user namespaces from bubblewrap."""
    said = "bwrap: setting up uid map: Permission denied"
    shell = shutil.which("sh")
    (tmp_path / "bwrap").write_text(f'#!{shell}\necho "{said}" >&2\nexit 1\n', encoding="utf-8")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = doctor.examine()
    assert told["tier"] != "T2"
    shown = doctor.table(told)
    assert said in shown
    assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in shown
    assert "profile bwrap /usr/bin/bwrap" in shown


def test_swap_without_locked_memory_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three machines: without swap, with swap and a limit, with swap and none."""
    swaps = tmp_path / "swaps"
    monkeypatch.setattr(doctor, "_SWAPS", swaps)
    found = []
    for lines, locks in ((1, False), (2, False), (2, True)):
        swaps.write_text("Filename Type Size Used Priority\n" * lines, encoding="ascii")
        monkeypatch.setattr(doctor, "may_lock_memory", lambda locks=locks: locks)
        found.append(doctor.may_be_swapped())
    assert found == [False, True, False]
    swaps.unlink()
    assert not doctor.may_be_swapped()
