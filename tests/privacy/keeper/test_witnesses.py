"""Who has seen a ledger's head is heard at the start, told after a charge, and never skipped."""

import shutil
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from privacy.anchors import FileAnchor, GitAnchor
from privacy.checkpoint import read_checkpoint
from privacy.errors import ClerestoryError, IncompleteError, VerificationError
from privacy.keeper.state import State
from privacy.signing import SigningKey
from privacy.vault import CHECKPOINT, Vault
from tests.support.books import Archive, approved, begun, paid
from tests.support.house import opened


def anchor(tmp_path: Path, *, required: bool = True) -> FileAnchor:
    """A file elsewhere."""
    (tmp_path / "elsewhere").mkdir(exist_ok=True)
    return FileAnchor("elsewhere", tmp_path / "elsewhere" / "notes", required)


def refused(tmp_path: Path, anchors: Sequence[FileAnchor | GitAnchor] = ()) -> str:
    """The code under which a keeper does not start."""
    with pytest.raises(ClerestoryError) as refusal, opened(tmp_path, anchors=anchors):
        pass
    return refusal.value.code


def test_every_witness_is_told_after_a_charge(tmp_path: Path) -> None:
    """Vault and anchor have the very checkpoint that the bundle carries, and what was spent."""
    keys = begun(tmp_path)
    with opened(tmp_path, anchors=[anchor(tmp_path)]) as house:
        bound = approved(house, "one", keys["olga"])
        note = paid(house, bound)
        told = house.ask("status")
        public = house.state.signing.public_raw
    assert (tmp_path / "vault" / CHECKPOINT).read_text() == note
    assert anchor(tmp_path).read()[-1] == note
    assert read_checkpoint(note, public).spent == bound.loss == Fraction(told["spent"])
    assert told["anchors"] == [{"name": "elsewhere", "required": "yes", "reached": "yes"}]


def test_an_anchor_alone_finds_a_rollback(tmp_path: Path) -> None:
    """State and vault restored together from one backup: the anchor was in neither."""
    keys, archive = begun(tmp_path), Archive(tmp_path)
    archive.keep()
    with opened(tmp_path, anchors=[anchor(tmp_path)]) as house:
        paid(house, approved(house, "one", keys["olga"]))
    newest = archive.keep()
    archive.restore(0, vault=True)
    assert refused(tmp_path, [anchor(tmp_path)]) == "LEDGER_ROLLED_BACK"
    archive.restore(newest, vault=True)
    with opened(tmp_path, anchors=[anchor(tmp_path)]) as house:
        assert Fraction(house.ask("status")["spent"]) > 0


def test_ledger_vault_and_every_anchor_rolled_back_together_is_not_found(tmp_path: Path) -> None:
    """What cannot be seen, named: hence an anchor's place matters, and readers keep bundles."""
    keys, archive = begun(tmp_path), Archive(tmp_path)
    notes = anchor(tmp_path).path
    archive.keep()
    with opened(tmp_path, anchors=[anchor(tmp_path)]) as house:
        note = paid(house, approved(house, "one", keys["olga"]))
    archive.restore(0, vault=True)
    notes.unlink()
    with opened(tmp_path, anchors=[anchor(tmp_path)]) as house:
        assert house.ask("status")["spent"] == "0"
        # One reader's bundle would be enough.
        with pytest.raises(VerificationError, match="LEDGER_ROLLED_BACK"):
            house.state.ledger.check_holds([house.state.witnesses.read(note)])


def test_an_anchor_that_cannot_be_told_stops_a_release_before_it_costs(tmp_path: Path) -> None:
    """Fail closed; and a broken disk elsewhere must not eat the budget, try by try."""
    keys = begun(tmp_path)
    with opened(tmp_path, anchors=[anchor(tmp_path)]) as house:
        bound = approved(house, "one", keys["olga"])
        shutil.rmtree(tmp_path / "elsewhere")
        for _ in range(2):
            with pytest.raises(IncompleteError, match="ANCHOR_UNREACHABLE"):
                paid(house, bound)
        assert "charge" not in house.kinds()
        assert house.ask("status")["anchors"][0]["reached"] == "no"
        anchor(tmp_path)
        paid(house, bound)
        assert house.ask("status")["anchors"][0]["reached"] == "yes"
    shutil.rmtree(tmp_path / "elsewhere")
    assert refused(tmp_path, [anchor_gone(tmp_path)]) == "ANCHOR_UNREACHABLE"


def anchor_gone(tmp_path: Path, *, required: bool = True) -> FileAnchor:
    """The same file, of whose folder nothing is left."""
    return FileAnchor("elsewhere", tmp_path / "elsewhere" / "notes", required)


def test_an_anchor_that_need_not_be_reached_is_missed_in_the_open(tmp_path: Path) -> None:
    """`required = false`: the release goes on, and `status` says who was not told."""
    keys = begun(tmp_path)
    with opened(tmp_path, anchors=[anchor_gone(tmp_path, required=False)]) as house:
        paid(house, approved(house, "one", keys["olga"]))
        told = house.ask("status")["anchors"]
    assert told == [{"name": "elsewhere", "required": "no", "reached": "no"}]


def test_what_an_anchor_holds_must_be_this_keepers(tmp_path: Path) -> None:
    """A forged note, or another vault's, is a reason to stop and look."""
    begun(tmp_path)
    with opened(tmp_path) as house:
        ours = house.state.ledger.checkpoint()
        note = ours.sign(house.state.signing)
    for wrong in (ours.sign(SigningKey.generate()), note.replace("spent 0", "spent 1")):
        anchor(tmp_path).path.write_text(f"{wrong}\n")
        assert refused(tmp_path, [anchor(tmp_path)]) in {
            "CHECKPOINT_UNREADABLE",
            "SIGNATURE_INVALID",
        }
    anchor(tmp_path).path.write_text(f"{note}\n")
    with opened(tmp_path, anchors=[anchor(tmp_path)]):
        pass
    (tmp_path / "vault" / CHECKPOINT).write_bytes(b"\xff\xfe")
    assert refused(tmp_path) == "CHECKPOINT_UNREADABLE"


def test_a_stored_bundle_is_a_witness_too(tmp_path: Path) -> None:
    """An old ledger put beside newer releases betrays itself."""
    keys, archive = begun(tmp_path), Archive(tmp_path)
    archive.keep()
    with opened(tmp_path) as house:
        bound = approved(house, "one", keys["olga"])
        house.state.save_release(bound.hash, {"checkpoint.txt": paid(house, bound).encode()})
    releases = tmp_path / "state" / "releases"
    shutil.copytree(releases, tmp_path / "kept")
    archive.restore(0, vault=True)
    State(tmp_path / "state", Vault.open(tmp_path / "vault")).close()
    shutil.copytree(tmp_path / "kept", releases)
    assert refused(tmp_path) == "LEDGER_ROLLED_BACK"


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_git_remote_finds_a_rollback(tmp_path: Path) -> None:
    """The same with a real repository: pushed at the charge, read back at the start."""
    remote = tmp_path / "remote"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    there = [GitAnchor("remote", f"file://{remote}")]
    keys, archive = begun(tmp_path), Archive(tmp_path)
    archive.keep()
    with opened(tmp_path, anchors=there) as house:
        note = paid(house, approved(house, "one", keys["olga"]))
    assert there[0].read()[-1] == note
    with opened(tmp_path, anchors=there):
        pass
    archive.restore(0, vault=True)
    assert refused(tmp_path, there) == "LEDGER_ROLLED_BACK"
