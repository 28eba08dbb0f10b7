"""Packs: sessions one behind the other, their keys apart."""

import os
from dataclasses import replace
from os import urandom
from pathlib import Path

import pytest

from privacy import packs
from privacy.errors import VerificationError
from privacy.packs import KEYS, SEALED, SLOT_BYTES, Pack, PackWriter, Place
from privacy.sealing import KeyPair, SealedBlob, floor_info, key_id, seal

KEEPER, NEXT = KeyPair.generate(), KeyPair.generate()
INFO = floor_info("f" * 64, "session")
WORDS = [b"", b"one", urandom(20_000), urandom(70_000)]


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Pack, list[Place]]:
    """A pack of four sessions."""
    writer, places, start = PackWriter(tmp_path), [], 0
    for slot, words in enumerate(WORDS):
        blob = seal(words, {"month": "2026-01"}, public=KEEPER.public, info=INFO)
        size = writer.append(blob)
        places.append(Place(slot, start, size))
        start += size
    writer.close(len(WORDS), start)
    return Pack(tmp_path), places


def opened(blob: SealedBlob, pair: KeyPair = KEEPER) -> bytes:
    """What the keeper reads."""
    return blob.open(pair.open(blob.wrapped, info=INFO))


def test_what_was_packed_is_read(filled: tuple[Pack, list[Place]]) -> None:
    """Each session at its place, under the key it was wrapped to."""
    pack, places = filled
    assert [opened(pack.read(place)) for place in places] == WORDS
    assert {pack.read(place).key for place in places} == {key_id(KEEPER.public)}
    assert pack.has(4, sum(place.size for place in places))


def test_a_new_key_changes_the_keys_alone(filled: tuple[Pack, list[Place]]) -> None:
    """Rotation reads no ciphertext and leaves every digest; done twice, it is done once."""
    pack, places = filled
    before = [pack.read(place) for place in places]
    sealed = (pack.folder / SEALED).read_bytes()

    def change(key: str, wrapped: bytes) -> tuple[str, bytes]:
        if key != key_id(KEEPER.public):
            return key, wrapped
        blob = replace(before[0], wrapped=wrapped)
        again = blob.rewrap(KEEPER, NEXT.public, at_rest=INFO, in_run=INFO)
        return again.key, again.wrapped

    pack.erase(places[1:2])
    for _ in range(2):
        pack.rewrap(change)
        for slot in (0, 2, 3):
            again = pack.read(places[slot])
            assert (again.key, again.digest) == (key_id(NEXT.public), before[slot].digest)
            assert opened(again, NEXT) == WORDS[slot]
        with pytest.raises(VerificationError, match="VAULT_DAMAGED"):
            pack.read(places[1])
    assert len((pack.folder / SEALED).read_bytes()) == len(sealed)


def test_a_crash_in_the_middle_of_a_new_key_leaves_the_old_ones(
    filled: tuple[Pack, list[Place]],
) -> None:
    """The file is replaced whole, or not at all."""
    pack, places = filled
    done: list[str] = []

    def failing(key: str, wrapped: bytes) -> tuple[str, bytes]:
        if len(done) == 2:
            raise OSError("the test's own")
        done.append(key)
        return "0" * 16, wrapped

    with pytest.raises(OSError, match="own"):
        pack.rewrap(failing)
    assert [opened(pack.read(place)) for place in places] == WORDS
    pack.rewrap(lambda _, wrapped: ("0" * 16, wrapped))
    assert {pack.read(place).key for place in places} == {"0" * 16}


@pytest.mark.parametrize("punched", [True, False], ids=["punched", "overwritten"])
def test_what_is_erased_is_neither_readable_nor_there(
    filled: tuple[Pack, list[Place]], monkeypatch: pytest.MonkeyPatch, *, punched: bool
) -> None:
    """Key and ciphertext are zeros, the disk has its room back where it can; others stand."""
    pack, places = filled
    size, before = (pack.folder / SEALED).stat().st_size, (pack.folder / SEALED).stat().st_blocks
    if not punched:
        monkeypatch.setattr(packs, "_PUNCH", 0x80)  # no such mode: the file system refuses it
    for _ in range(2):
        pack.erase(places[3:])
        with pytest.raises(VerificationError, match="VAULT_DAMAGED"):
            pack.read(places[3])
        place, data = places[3], (pack.folder / SEALED).read_bytes()
        assert not any(data[place.start : place.start + place.size])
        assert not any((pack.folder / KEYS).read_bytes()[3 * SLOT_BYTES :])
        assert [opened(pack.read(place)) for place in places[:3]] == WORDS[:3]
    assert pack.has(4, size)
    if punched:
        assert (pack.folder / SEALED).stat().st_blocks < before


@pytest.mark.parametrize("name", [KEYS, SEALED])
def test_a_cut_off_pack_is_refused(filled: tuple[Pack, list[Place]], name: str) -> None:
    """By its size before it is read, and at the place when it is."""
    pack, places = filled
    size = sum(place.size for place in places)
    data = (pack.folder / name).read_bytes()
    last = len(data) - (SLOT_BYTES if name == KEYS else places[3].size)
    for length in (0, 1, last, last + 1, len(data) - 1):
        (pack.folder / name).write_bytes(data[:length])
        assert not pack.has(4, size)
        with pytest.raises(VerificationError, match="VAULT_DAMAGED"):
            pack.read(places[3])
    (pack.folder / name).write_bytes(data + b"\0")
    assert not pack.has(4, size)
    (pack.folder / name).unlink()
    assert not pack.has(4, size)
    with pytest.raises(VerificationError, match="VAULT_DAMAGED"):
        pack.read(places[0])
    (pack.folder / name).write_bytes(data)
    assert pack.has(4, size)
    assert opened(pack.read(places[3])) == WORDS[3]


@pytest.mark.parametrize("name", [KEYS, SEALED])
def test_a_flipped_byte_anywhere_is_found(filled: tuple[Pack, list[Place]], name: str) -> None:
    """In the id, the wrapped key, the header, the ciphertext: by digest, id or cipher."""
    pack, places = filled
    place, digest = places[1], pack.read(places[1]).digest
    data = (pack.folder / name).read_bytes()
    start, size = (SLOT_BYTES, SLOT_BYTES) if name == KEYS else (place.start, place.size)

    def found(flipped: int) -> bool:
        changed = bytearray(data)
        changed[start + flipped] ^= 1
        (pack.folder / name).write_bytes(changed)
        try:
            blob = pack.read(place)
            same = (blob.digest, blob.key) == (digest, key_id(KEEPER.public))
            return not (same and opened(blob) == WORDS[1])
        except VerificationError:
            return True

    assert all(found(flipped) for flipped in range(size))
    (pack.folder / name).write_bytes(data)
    assert opened(pack.read(place)) == WORDS[1]


def test_what_lies_beyond_the_last_session_is_cut_off(tmp_path: Path) -> None:
    """Somebody pressed Ctrl-C in the middle of one: the batch holds those before it."""
    writer = PackWriter(tmp_path)
    blob = seal(b"whole", {}, public=KEEPER.public, info=INFO)
    size = writer.append(blob)
    writer.append(seal(b"half", {}, public=KEEPER.public, info=INFO))
    writer.close(1, size)
    assert Pack(tmp_path).has(1, size)
    assert opened(Pack(tmp_path).read(Place(0, 0, size))) == b"whole"
    assert {path.name for path in tmp_path.iterdir()} == {KEYS, SEALED}


@pytest.mark.parametrize(
    ("mask", "folder", "mode"),
    [
        (0o022, 0o755, 0o644),
        (0o002, 0o755, 0o644),
        (0o022, 0o775, 0o664),
        (0o077, 0o700, 0o600),
        (0o022, 0o2770, 0o664),
    ],
)
def test_who_shares_the_folder_shares_the_pack(
    tmp_path: Path, mask: int, folder: int, mode: int
) -> None:
    """A keeper under another user than the custodian's erases as one of a common group."""
    tmp_path.chmod(folder)
    before = os.umask(mask)
    try:
        PackWriter(tmp_path).close(0, 0)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}
