"""The vault: found or refused, and its files whole."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from privacy.errors import ConfigurationError, IncompleteError, VerificationError
from privacy.signing import SigningKey
from privacy.vault import FLOOR as FLOOR_FILE
from privacy.vault import KEEPER, PublicKeys, Vault, replace_file
from tests.privacy.test_floor import FLOOR

SIGNER = SigningKey.generate()
KEYS = PublicKeys.signed(b"\x00\xff" * 608, 3, FLOOR.hash, SIGNER)


def made(folder: Path) -> Vault:
    """A vault with a floor and nothing else."""
    replace_file(folder / FLOOR_FILE, FLOOR.canonical)
    return Vault.open(folder)


def test_a_vault_is_a_folder_with_a_floor(tmp_path: Path) -> None:
    """A wrong path is said to be one, whatever lies there."""
    (tmp_path / "file").touch()
    (tmp_path / "strange" / FLOOR_FILE).mkdir(parents=True)
    for path in (tmp_path / "nothing", tmp_path / "file", tmp_path, tmp_path / "strange"):
        with pytest.raises(ConfigurationError, match="NO_VAULT"):
            Vault.open(path)
    assert made(tmp_path / "vault").floor == FLOOR


def test_keys_are_read_back_or_there_is_no_keeper(tmp_path: Path) -> None:
    """Nothing is sealed to half a key."""
    vault = made(tmp_path)
    assert not vault.has_keeper
    with pytest.raises(ConfigurationError, match="NO_KEEPER"):
        _ = vault.keys

    vault.publish_keys(KEYS)
    assert vault.has_keeper
    assert vault.keys == KEYS
    assert len(vault.keys.sealing_bytes) == 1216

    good = json.loads((tmp_path / KEEPER).read_bytes())
    for data in (
        b"",
        b"[]",
        b"7",
        b"\xff",
        json.dumps({"sealing": good["sealing"]}).encode(),
        json.dumps({**good, "sealing": 7}).encode(),
        json.dumps({**good, "sealing": "no hexadecimal"}).encode(),
        json.dumps({**good, "sealing": "00ff"}).encode(),
        json.dumps({**good, "signing": "ssh-rsa AAAA"}).encode(),
        json.dumps({**good, "number": "3"}).encode(),
        json.dumps({**good, "number": True}).encode(),
        json.dumps({**good, "signature": 7}).encode(),
        json.dumps({**good, "more": "x"}).encode(),
    ):
        (tmp_path / KEEPER).write_bytes(data)
        with pytest.raises(ConfigurationError, match=r"NO_KEEPER|KEY_UNREADABLE"):
            _ = vault.keys


def test_a_keeper_signs_what_it_publishes(tmp_path: Path) -> None:
    """Who may write to the vault makes no key pass for the keeper's: each part is signed."""
    vault = made(tmp_path)
    other = SigningKey.generate()
    for forged in (
        replace(KEYS, sealing="ff00" * 608),
        replace(KEYS, number=4),
        replace(KEYS, signing=other.public),
        PublicKeys.signed(KEYS.sealing_bytes, 3, "0" * 64, SIGNER),
    ):
        vault.publish_keys(forged)
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            _ = vault.keys
    vault.publish_keys(KEYS)
    assert vault.keys == KEYS


def test_a_rotation_waits_for_who_seals(tmp_path: Path) -> None:
    """A key is not destroyed while somebody may be sealing to it; afterwards it may be."""
    vault = made(tmp_path)
    busy = pytest.raises(IncompleteError, match="SEALERS_BUSY")
    with vault.being_sealed(), vault.being_sealed(), busy, vault.no_sealers(0.0):
        pass
    with vault.no_sealers(0.0):
        assert (tmp_path / "sessions").is_dir()


def test_a_batchs_folder_is_as_open_as_the_one_above(tmp_path: Path) -> None:
    """Custodian and keeper may be two users: each replaces files that the other made."""
    vault = made(tmp_path)
    vault.sessions.mkdir()
    for name, mode in (("one", 0o755), ("two", 0o2770)):
        vault.sessions.chmod(mode)
        vault.make_room(vault.sessions / name)
        assert (vault.sessions / name).stat().st_mode & 0o7777 == mode


def test_places_follow_from_names(tmp_path: Path) -> None:
    """Batches lie by custodian and number, buckets by label set; what is open lies apart."""
    vault, other = made(tmp_path), SigningKey.generate().public
    first, second = (vault.batch(KEYS.signing, number) for number in (0, 10))
    assert first.name < second.name
    assert first.name[:16] == second.name[:16] != vault.batch(other, 0).name[:16]
    assert vault.open_batch(KEYS.signing).name.startswith(".")
    assert {p.parent for p in (first, vault.open_batch(other))} == {vault.sessions}
    assert vault.label_folder("f" * 64) != vault.label_folder("e" * 64)
    assert vault.label_folder("f" * 64).is_relative_to(tmp_path / "labels")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """Who has the old file open keeps reading the old bytes; a failure leaves them in place."""
    path = tmp_path / "deep" / "file"
    replace_file(path, b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file"]  # noqa: PTH208 - hidden files, too

    with pytest.raises(TypeError):
        replace_file(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"new"
