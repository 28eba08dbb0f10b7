"""A new sealing key: everything opens on, nothing opens with the old one, in no copy."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from privacy.deposit import Deposit
from privacy.errors import ConfigurationError, IncompleteError, VerificationError
from privacy.keeper.rotation import begin_rotation, finish_rotation
from privacy.keeper.state import State
from privacy.sealing import KeyPair, key_id
from privacy.vault import Vault
from tests.support.batches import batches, newest
from tests.support.holdings import (
    all_due,
    deposit,
    held,
    hold,
    labelled,
    opens_with,
    readable,
)
from tests.support.house import House, founded, opened


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A keeper with sessions and labels of two accounts."""
    with founded(tmp_path) as made:
        hold(made, "ann", "a", "b")
        hold(made, "bob", "c")
        yield made


def old_pair(house: House) -> KeyPair:
    """The current key, as a thief would have kept it."""
    return KeyPair.from_secret(house.state.sealing.secret)


def test_everything_opens_on_and_nothing_with_the_old_key(house: House, tmp_path: Path) -> None:
    """Sessions and labels, in the vault; a copy from before is the control of what opened."""
    old, before, floor = old_pair(house), readable(house), house.vault.floor.hash
    copytree(house.vault.folder, tmp_path / "copy")
    manifests = {b: (b / "manifest").read_bytes() for b in batches(house.vault)}
    sealed = {b: (b / "sealed").read_bytes() for b in batches(house.vault)}
    assert opens_with(house.vault, old, floor) == held(house) >= 3 + 1

    told = house.ask("rotate")

    assert told == {"key": key_id(house.state.sealing.public)}
    assert readable(house) == before == labelled(house)
    assert opens_with(house.vault, old, floor) == 0
    assert opens_with(house.vault, house.state.sealing, floor) == held(house)
    # What custodians signed stands byte by byte.
    assert {b: (b / "manifest").read_bytes() for b in batches(house.vault)} == manifests
    assert {b: (b / "sealed").read_bytes() for b in batches(house.vault)} == sealed
    (entry,) = house.entries("rotation")
    assert entry.body == {"old": key_id(old.public), "new": key_id(house.state.sealing.public)}
    assert opens_with(Vault.open(tmp_path / "copy"), old, floor) == held(house)


def test_an_old_copy_is_refused_by_name(house: House) -> None:
    """Put back into the vault, keys from before a rotation say KEY_RETIRED, and open nothing."""
    (batch, *_) = batches(house.vault)
    kept = (batch / "keys").read_bytes()
    house.ask("rotate")
    after = (batch / "keys").read_bytes()
    (batch / "keys").write_bytes(kept)
    with pytest.raises(VerificationError, match="KEY_RETIRED"):
        readable(house)
    (batch / "keys").write_bytes(kept.replace(kept[:16], b"0" * 16))
    with pytest.raises(VerificationError, match="KEY_UNKNOWN"):
        readable(house)
    (batch / "keys").write_bytes(after)
    assert len(readable(house)) == 3


def test_a_state_from_before_a_rotation_is_refused(tmp_path: Path) -> None:
    """What was destroyed must not come back with a copy of one file, or of the folder."""
    with founded(tmp_path) as house:
        hold(house, "ann", "a")
        kept = (tmp_path / "state" / "sealing.key").read_bytes()
        house.ask("rotate")
    good = (tmp_path / "state" / "sealing.key").read_bytes()
    (tmp_path / "state" / "sealing.key").write_bytes(kept)
    vault = Vault.open(tmp_path / "vault")
    with pytest.raises(ConfigurationError, match="STATE_"):
        State(tmp_path / "state", vault).close()
    (tmp_path / "state" / "sealing.key").write_bytes(good)
    with opened(tmp_path) as again:
        assert len(readable(again)) == 1


def test_a_rotation_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    """Both keys open in between; the next start ends it."""
    with founded(tmp_path) as house:
        hold(house, "ann", "a", "b")
        old = old_pair(house)
        begin_rotation(house.state)
        begin_rotation(house.state)
        assert len(house.entries("rotation")) == 1
        assert house.vault.keys.sealing == house.state.sealing.public.hex()
        copytree(house.vault.folder, tmp_path / "copy")
        bob = hold(house, "bob", "c")  # sealed to the new key, while the old one stands
        assert len(readable(house)) == 3
        copy, floor = Vault.open(tmp_path / "copy"), house.vault.floor.hash
        assert opens_with(copy, old, floor) == 2 + 1
        assert not set(bob) & opened_by(house, old)
    with opened(tmp_path) as again:
        assert again.state.ring.retiring is None
        assert len(readable(again)) == len(labelled(again)) == 3
        assert opens_with(again.vault, old, again.vault.floor.hash) == 0


def opened_by(house: House, pair: KeyPair) -> set[str]:
    """Keys of the sessions that somebody with a key could open."""
    return {
        session for session, blob in newest(house.vault).items() if blob.key == key_id(pair.public)
    }


def test_who_is_sealing_holds_a_rotation_up_and_loses_nothing(house: House) -> None:
    """A batch to the old key may still come: both keys stay until it has."""
    with house.vault.being_sealed():
        with pytest.raises(IncompleteError, match="SEALERS_BUSY"):
            finish(house)
        assert house.state.ring.retiring is not None
        assert len(readable(house)) == 3
    finish(house)
    assert house.state.ring.retiring is None
    assert len(readable(house)) == 3


def finish(house: House) -> None:
    """A rotation, without patience."""
    begin_rotation(house.state)
    finish_rotation(house.vault, house.state, lambda _, __: None, patience=0.0)


def test_a_batch_that_a_crash_left_behind_is_wrapped_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its custodian's next run puts it in place: it must open then."""

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Deposit, "_put_in_place", crash)
    with pytest.raises(KeyboardInterrupt):
        deposit(house, "cid", "d")
    monkeypatch.undo()
    house.ask("rotate")
    deposit(house, "cid", "e")
    house.keeper.desk.take_in()
    assert len(readable(house)) == len(all_due(house)) == 5


def test_a_changed_bucket_stops_a_rotation_with_both_keys_kept(house: House) -> None:
    """It could not be sealed anew; restored from a copy, it can."""
    (path, *_) = sorted((house.vault.folder / "labels").glob("*/*.sealed"))
    kept = path.read_bytes()
    path.write_bytes(kept[:-1])
    with pytest.raises(VerificationError, match="BUCKET_CHANGED"):
        house.ask("rotate")
    assert house.state.ring.retiring is not None
    path.write_bytes(kept)
    house.ask("rotate")
    assert house.state.ring.retiring is None
    assert len(labelled(house)) == 3


def test_a_vault_without_a_session_is_rotated_too(tmp_path: Path) -> None:
    """And every rotation has a number of its own."""
    with founded(tmp_path) as house:
        for number in range(1, 4):
            house.ask("rotate")
            assert house.vault.keys.number == number
    with opened(tmp_path) as again:
        assert again.vault.keys == again.state.public_keys
        assert again.vault.keys.number == 3
