"""Promise: no key without a charge on the disk, no charge beyond the budget, no refund."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest

from clerestory.keeping import running_keeper
from privacy.measurements import rho_of
from privacy.vault import CHECKPOINT
from tests.support.world import STUDY, World, clerestory, labels_world, must


def kinds(world: World) -> list[str]:
    """What the ledger holds, in order."""
    return [entry["kind"] for entry in world.entries()]


def test_the_charge_stands_before_the_key_and_the_release(released: World) -> None:
    """The ledger's order is the promise."""
    order = [kind for kind in kinds(released) if kind in ("approval", "charge", "key", "release")]
    assert order[:4] == ["approval", "charge", "key", "release"]


def test_the_same_plan_again_gives_the_stored_bundle(released: World, tmp_path: Path) -> None:
    """Noise drawn twice for one charge would average out; the bytes are the same ones."""
    charges = kinds(released).count("charge")
    must("release", released.vault, released.plan, "--out", tmp_path / "again")
    first = released.folder / "bundle"
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()
    }
    assert kinds(released).count("charge") == charges


def test_a_study_beyond_the_budget_is_refused_with_its_numbers(
    released: World, tmp_path: Path
) -> None:
    """Exit 3, the rule, the numbers, a remedy; the same study with less epsilon goes in."""
    for epsilon, code in (("20.0", 3), ("0.5", 0)):
        study = tmp_path / "study.toml"
        study.write_text(STUDY.read_text().replace("epsilon = 2.0", f"epsilon = {epsilon}"))
        plan = tmp_path / f"{epsilon}.json"
        must("plan", study, "--out", plan)
        done = clerestory("submit", released.vault, plan)
        assert done.returncode == code, done.stderr
        if code:
            assert "STUDY_TOO_EXPENSIVE" in done.stderr
            assert "ε = 20" in done.stderr
            assert "lower epsilon" in done.stderr


def test_what_is_spent_is_spent(tmp_path: Path) -> None:
    """Three studies of ε = 5 each: ρ adds up until one no longer fits; it is not charged."""
    with labels_world(tmp_path, accounts=300, sessions=400) as world:
        codes = []
        for name in ("one", "two", "three"):
            study, plan = tmp_path / f"{name}.toml", tmp_path / f"{name}.json"
            text = STUDY.read_text().replace("epsilon = 2.0", "epsilon = 5.0")
            study.write_text(text.replace('name = "first-look"', f'name = "{name}"'))
            must("plan", study, "--out", plan)
            must("submit", world.vault, plan)
            must("approve", world.vault, plan, "--key", world.key)
            done = clerestory("release", world.vault, plan, "--out", tmp_path / f"b-{name}")
            codes.append(done.returncode)
        charges = [Fraction(e["body"]["rho"]) for e in world.entries() if e["kind"] == "charge"]
        keys = kinds(world).count("key")
    # The budget is ρ(8) and a study costs ρ(5), both at δ = 1e-7: two of them fit, a third
    # does not.  The plan's queries share ρ(5) in whole billionths, rounded down.
    one, budget = rho_of(5.0, 1e-7), rho_of(8.0, 1e-7)
    assert 2 * one < budget < 3 * one
    assert codes == [0, 0, 3]
    assert "BUDGET_EXHAUSTED" in done.stderr
    assert len(charges) == keys == 2
    assert float(sum(charges)) == pytest.approx(float(2 * one), abs=1e-6)
    assert sum(charges) <= 2 * one


def test_a_killed_keeper_keeps_its_charge_and_releases_nothing(tmp_path: Path) -> None:
    """A crash wastes budget; it never lets out an unpaid release."""
    with labels_world(tmp_path, accounts=20_000, sessions=30_000) as world:
        vault, plan = str(world.vault), str(world.plan)
        asked = subprocess.Popen(
            [sys.executable, "-m", "clerestory", "release", vault, plan, "--out", tmp_path / "b"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        # The checkpoint is written once the charge is on the disk, and before the buckets are.
        while asked.poll() is None and not (world.vault / CHECKPOINT).exists():
            time.sleep(0.001)
        os.kill(world.keeper, signal.SIGKILL)
        _, told = asked.communicate(timeout=30)
        killed_in_time = asked.returncode != 0
    if not killed_in_time:
        pytest.skip("the release was faster than the kill: run again on a busier machine")
    assert asked.returncode == 5
    assert "KEEPER_WENT_AWAY" in told
    assert not (tmp_path / "b").exists()

    with running_keeper(world.vault, world.state):
        assert kinds(world).count("charge") == 1
        assert kinds(world).count("release") == 0
        must("release", world.vault, world.plan, "--out", tmp_path / "b")
        assert kinds(world).count("charge") == 2
