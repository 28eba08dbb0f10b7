"""The keeper's folder: found again whole, or refused; never begun anew over a loss."""

import os
from pathlib import Path

import pytest

from clerestory.founding import found
from clerestory.synthesis import synthesize_labels
from privacy.errors import (
    ClerestoryError,
    ConfigurationError,
    RefusedError,
    VerificationError,
)
from privacy.floor import read_floor
from privacy.keeper.state import State
from privacy.plan import Binding
from privacy.sealing import KeyPair, SealedBlob, seal
from privacy.vault import FLOOR, HANDOVER, KEEPER, Vault, replace_file
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import TERMS

PLAN = small_plan(SHARE).bind(Binding("v", "f" * 64, "p" * 64, "c" * 64))


def vault(folder: Path) -> Vault:
    """A vault that no keeper has adopted."""
    found(folder, folder.with_name(folder.name + ".custodian"), TERMS)
    return Vault.open(folder)


def _blob(state: State, data: bytes) -> SealedBlob:
    return seal(data, {"set": "set"}, public=state.sealing.public, info=b"")


def test_a_bucket_counts_only_as_the_keeper_wrote_it(tmp_path: Path) -> None:
    """Anybody can seal to a public key, and put back what was there before."""
    of = vault(tmp_path / "vault")
    state = State(tmp_path / "state", of)
    state.labels.put("set", 0, _blob(state, b"one"), [("s1", "d1")])
    (path,) = of.label_folder("set").iterdir()
    older = path.read_bytes()
    state.labels.put("set", 0, _blob(state, b"two"), [("s2", "d2")])
    (path,) = of.label_folder("set").iterdir()
    good = path.read_bytes()
    for data in (older, _blob(state, b"two").encode(), good[:-1], b""):
        path.write_bytes(data)
        with pytest.raises(VerificationError, match="BUCKET_CHANGED"):
            state.labels.bucket("set", 0)
    path.unlink()
    with pytest.raises(VerificationError, match="BUCKET_CHANGED"):
        state.labels.bucket("set", 0)
    path.write_bytes(good)
    assert state.labels.bucket("set", 0) == SealedBlob.decode(good)
    state.close()


def refused(folder: Path, of: Vault) -> ClerestoryError:
    """What is said when this state is opened for that vault."""
    with pytest.raises((ConfigurationError, RefusedError)) as refusal:
        State(folder, of).close()
    assert refusal.value.remedy
    return refusal.value


def test_a_restart_finds_everything(tmp_path: Path) -> None:
    """Keys, ledger, plans, labels' index and releases are files, not memory."""
    of, folder = vault(tmp_path / "vault"), tmp_path / "state"
    first = State(folder, of)
    first.ledger.append("plan", {"plan": PLAN.hash, "study": "s", "rho": "1/10"})
    first.save_plan(PLAN)
    old, new = (_blob(first, data) for data in (b"old", b"new"))
    first.labels.put("set", 3, old, [("s1", "old"), ("s2", "d2")])
    first.labels.put("set", 3, new, [("s1", "d1")])
    first.save_release(PLAN.hash, {"a.csv": b"1", "SHA256SUMS": b"2", "SHA256SUMS.sig": b"3"})
    keys, secret = first.public_keys, first.sealing.secret
    first.close()

    again = State(folder, of)
    assert again.public_keys == keys == of.keys
    assert again.sealing.secret == secret
    assert [entry.kind for entry in again.ledger.entries()] == ["plan"]
    assert again.plans() == [PLAN]
    assert again.labels.labelled("set") == {"s1": "d1", "s2": "d2"}
    assert again.labels.labelled("other") == {}
    assert again.labels.bucket("set", 3) == new
    assert (again.labels.bucket("set", 4), again.labels.bucket("other", 3)) == (None, None)
    assert again.release(PLAN.hash) == {"a.csv": b"1", "SHA256SUMS": b"2", "SHA256SUMS.sig": b"3"}
    assert again.release("0" * 64) is None
    again.close()


def test_a_release_without_its_signature_is_none(tmp_path: Path) -> None:
    """The signature is written last: a crash leaves no half bundle to hand out."""
    state = State(tmp_path / "state", vault(tmp_path / "vault"))
    files = {"SHA256SUMS.sig": b"3", "a.csv": b"1", "SHA256SUMS": b"2"}
    state.save_release("p", files)
    assert state.release("p") == files
    (tmp_path / "state" / "releases" / "p" / "SHA256SUMS.sig").unlink()
    assert state.release("p") is None
    state.close()


def test_a_state_and_a_vault_belong_together(tmp_path: Path) -> None:
    """Sessions of one vault are never opened with, or charged to, another's."""
    one, two = vault(tmp_path / "one"), vault(tmp_path / "two")
    State(tmp_path / "s1", one).close()
    State(tmp_path / "s2", two).close()
    assert refused(tmp_path / "s1", two).code == "STATE_OF_ANOTHER_VAULT"
    assert refused(tmp_path / "s2", one).code == "STATE_OF_ANOTHER_VAULT"
    State(tmp_path / "s1", one).close()


def test_a_lost_state_is_no_fresh_start(tmp_path: Path) -> None:
    """Else a budget could be reset by losing the folder that remembers it."""
    of = vault(tmp_path / "vault")
    State(tmp_path / "state", of).close()
    assert refused(tmp_path / "empty", of).code == "STATE_LOST"
    assert not (tmp_path / "empty" / "sealing.key").exists()
    State(tmp_path / "state", of).close()


@pytest.mark.parametrize("name", ["ledger.db", "signing.key", "sealing.key"])
def test_a_state_that_lost_a_part_is_lost(tmp_path: Path, name: str) -> None:
    """The ledger above all: keys without it are a budget that was never spent."""
    of, folder = vault(tmp_path / "vault"), tmp_path / "state"
    first = State(folder, of)
    first.ledger.append("charge", {"plan": PLAN.hash, "rho": "1/10"})
    first.close()
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for path in folder.glob(f"{name}*"):
        path.unlink()
    assert refused(folder, of).code == "STATE_LOST"
    assert not (folder / name).exists()

    for known, data in kept.items():
        (folder / known).write_bytes(data)
    again = State(folder, of)
    assert len(list(again.ledger.receipts())) == 1
    again.close()


@pytest.mark.parametrize("data", [b"", b"x", bytes(95), bytes(97)], ids=len)
def test_a_damaged_key_is_refused(tmp_path: Path, data: bytes) -> None:
    """In our words: an exception of a library could quote the key."""
    of, folder = vault(tmp_path / "vault"), tmp_path / "state"
    State(folder, of).close()
    good = (folder / "sealing.key").read_bytes()
    (folder / "sealing.key").write_bytes(data)
    assert refused(folder, of).code in ("STATE_LOST", "STATE_OF_ANOTHER_VAULT")
    (folder / "sealing.key").write_bytes(good)
    State(folder, of).close()


def test_keys_are_never_readable_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a moment, whatever the umask, and in a folder that was there before."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    seen: set[tuple[str, int]] = set()
    fsync = os.fsync

    def looking(descriptor: int) -> None:
        seen.update((path.name, path.stat().st_mode & 0o777) for path in folder.iterdir())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", looking)
    before = os.umask(0)
    try:
        State(folder, vault(tmp_path / "vault")).close()
    finally:
        os.umask(before)
    secrets = {(name, mode) for name, mode in seen if ".key" in name and ".pub" not in name}
    assert {mode for _, mode in secrets} == {0o600}
    assert {(folder / f"{name}.key").stat().st_mode & 0o777 for name in ("sealing", "signing")} == {
        0o600
    }


def test_a_new_folder_is_the_keepers_alone(tmp_path: Path) -> None:
    """Nobody else lists its plans and releases."""
    State(tmp_path / "state", vault(tmp_path / "vault")).close()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_key_is_handed_over_in_a_synthetic_vault_only(tmp_path: Path) -> None:
    """In a vault of real sessions a secret key beside them means: disclosed."""
    synthesize_labels(tmp_path / "made", accounts=60, sessions=80, seed=1)
    made = Vault.open(tmp_path / "made")
    secret = (made.folder / HANDOVER).read_bytes()
    assert (made.folder / HANDOVER).stat().st_mode & 0o777 == 0o600
    state = State(tmp_path / "s1", made)
    assert state.sealing.secret == secret
    assert not (made.folder / HANDOVER).exists()
    state.close()

    real = tmp_path / "real"
    found(real, tmp_path / "c", TERMS)
    text = (real / FLOOR).read_bytes().replace(b'"synthetic":true', b'"synthetic":false')
    replace_file(real / FLOOR, text)
    assert not read_floor(text).synthetic
    (real / HANDOVER).write_bytes(KeyPair.generate().secret)
    assert refused(tmp_path / "s2", Vault.open(real)).code == "HANDOVER_REFUSED"
    assert not (tmp_path / "s2" / "sealing.key").exists()
    assert not (real / KEEPER).exists()

    (real / HANDOVER).unlink()
    State(tmp_path / "s2", Vault.open(real)).close()
    assert (real / KEEPER).exists()
