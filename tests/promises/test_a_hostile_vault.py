"""Promise: who may write to the vault, and no more, neither reads, spends nor forges with it."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from classifiers.formats import claude_code_tools
from clerestory.cli import app, running
from clerestory.founding import found
from privacy.custodian import Custodian, Target
from privacy.errors import ClerestoryError, ConfigurationError, RefusedError, VerificationError
from privacy.keeper import client
from privacy.keeper.desk import Desk
from privacy.keeper.state import State
from privacy.policy import read_policy
from privacy.sandbox.tiers import Tier
from privacy.sealing import KeyPair
from privacy.signing import SigningKey
from privacy.vault import CHECKPOINT, POLICY, PublicKeys, Vault, replace_file
from tests.support.house import TERMS, installed
from tests.support.ledgers import plan, submitted
from tests.support.world import World


def adopted(folder: Path) -> tuple[Vault, State]:
    """A vault with the open state of its keeper."""
    found(folder / "vault", folder / "custodian", TERMS)
    vault = Vault.open(folder / "vault")
    return vault, State(folder / "state", vault)


def test_another_keepers_key_is_not_sealed_to(tmp_path: Path) -> None:
    """Else whoever swaps keeper.json reads every session from then on."""
    vault, state = adopted(tmp_path)
    with closing(Custodian(tmp_path / "custodian")) as hand:
        hand.check_target(Target.of(vault))
        hand.check_target(Target.of(vault))
    stranger, floor = KeyPair.generate().public, vault.floor.hash
    vault.publish_keys(PublicKeys.signed(stranger, 7, floor, SigningKey.generate()))
    with closing(Custodian(tmp_path / "custodian")) as hand:
        with pytest.raises(RefusedError, match="KEEPER_CHANGED"):
            hand.check_target(Target.of(vault))
        with pytest.raises(RefusedError, match="KEEPER_CHANGED"):
            hand.check_target(replace(Target.of(vault), floor="0" * 64))
    state.close()


def test_a_planted_link_leads_no_write_elsewhere(tmp_path: Path) -> None:
    """The file beside the one that is replaced has a name that nobody can guess."""
    victim, target = tmp_path / "victim", tmp_path / "policy.toml"
    victim.write_text("mine")
    for name in ("policy.toml.new", ".policy.toml"):
        (tmp_path / name).symlink_to(victim)
    target.symlink_to(victim)
    replace_file(target, b"new")
    assert (target.read_bytes(), target.is_symlink()) == (b"new", False)
    assert victim.read_text() == "mine"


def test_a_copied_state_cannot_spend_beside_the_first(tmp_path: Path) -> None:
    """The lock of the state would be copied with it; the vault is one."""
    vault, state = adopted(tmp_path)
    copytree(tmp_path / "state", tmp_path / "copy")
    with pytest.raises(ConfigurationError, match="KEEPER_RUNS_ALREADY"):
        State(tmp_path / "copy", vault)
    state.close()
    State(tmp_path / "copy", vault).close()


def test_a_shorter_ledger_than_was_given_out_is_refused(tmp_path: Path) -> None:
    """A restored backup gives no budget back: the vault's checkpoint remembers."""
    vault, state = adopted(tmp_path)
    state.ledger.append("plan", submitted("p"))
    copytree(tmp_path / "state", tmp_path / "backup")
    state.ledger.append("charge", {"plan": plan("p"), "rho": "1/10"})
    note = state.ledger.checkpoint().sign(state.signing)
    replace_file(vault.folder / CHECKPOINT, note.encode())
    state.close()

    with pytest.raises(VerificationError, match="LEDGER_ROLLED_BACK"):
        State(tmp_path / "backup", vault)
    again = State(tmp_path / "state", vault)
    assert len(list(again.ledger.receipts())) == 1
    again.close()


def test_a_stranger_at_the_socket_is_not_asked(
    released: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault says where the socket lies; the kernel says whose it is."""
    vault = Vault.open(released.vault)
    assert client.ask(vault, "status")["plans"]
    monkeypatch.setattr(client, "user_of", lambda _: 12_345)
    with pytest.raises(ClerestoryError, match="KEEPER_NOT_PINNED"):
        client.ask(vault, "status")
    # Pinned, it would have to prove that it runs under the user that the kernel shows.
    refused = pytest.raises(ClerestoryError, match="NOT_THE_KEEPER")
    with client.asking_as(client.Asker(trust=vault.keys.signing)), refused:
        client.ask(vault, "status")


def test_the_policys_tier_is_demanded_too(tmp_path: Path) -> None:
    """A policy that asks for more isolation than the floor is not decoration."""
    found(tmp_path / "vault", tmp_path / "custodian", TERMS)
    path = tmp_path / "vault" / POLICY
    text = path.read_text().replace(f'tier = "{TERMS.tier}"', 'tier = "T2"')
    path.write_text(text)
    vault = Vault.open(tmp_path / "vault")
    assert read_policy(text, vault.floor).tier == "T2"
    state = State(tmp_path / "state", vault)
    workshop = installed()
    with pytest.raises(RefusedError, match="TIER_TOO_LOW"):
        Desk(vault, state, workshop, Tier.T1)
    assert Desk(vault, state, workshop, Tier.T2).policy.tier == "T2"
    state.close()


@pytest.mark.parametrize(
    "command",
    ["git " + "-a " * 60_000, "git commit " * 20_000 + "--dry-run", "npm run " + "-a " * 60_000],
    ids=["git", "commit", "npm"],
)
def test_nobodys_words_stall_a_run(command: str) -> None:
    """A pattern that is quadratic over a person's words would stop all studies of a month."""
    start = time.perf_counter()
    for pattern in (claude_code_tools._COMMIT, claude_code_tools._TESTS):
        pattern.search(command)
    # Quadratic, 80 kB took 8.7 s and 180 kB five times that; bounded, it is far below one.
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("name", ["../stolen", "/stolen", ".bashrc", "a/b"])
def test_a_false_keeper_writes_no_file_of_its_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A bundle is flat; the control is a plain name."""
    for file, code in ((name, 4), ("tables.csv", 0)):
        told = {"plan": "0" * 64, "standing": "released", "files": {file: "bWluZQ=="}}
        monkeypatch.setattr(running, "ask_about", lambda *_, told=told: told)
        arguments = ["release", "vault", "plan.json", "--out", str(tmp_path / "bundle")]
        assert CliRunner().invoke(app, arguments).exit_code == code
        assert not (tmp_path / "stolen").exists()
        assert (tmp_path / "bundle").exists() == (code == 0)
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["tables.csv"]
