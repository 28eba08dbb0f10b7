"""
The keeper's secrets at rest: one signing key for good, and a ring of sealing keys.

The ring holds one pair, or two while it is rotated: what is sealed to either opens until the
older one is dropped, and to that one never again.  The ring is one file that is replaced
whole, so that a crash leaves the ring before or the ring after.

Where a guard keeps the key-encryption key, both files are locked under it; plain ones that lie
there from before are locked at the next start.
"""

import os
from pathlib import Path
from secrets import token_hex

from privacy.errors import ConfigurationError, VerificationError
from privacy.keeper.guards import Guard
from privacy.keylock import is_locked, lock, new_key, unlock
from privacy.sealing import KeyPair, SealedBlob, key_id
from privacy.signing import SigningKey
from privacy.vault import replace_file

SEALING, SIGNING, WRAPPED = "sealing.key", "signing.key", "wrapped.key"
SECRET_BYTES = 96
"""One sealing pair."""


class Keyring:
    """The opened secrets of one state folder."""

    def __init__(self, folder: Path, floor: str, guard: Guard | None) -> None:
        """
        Open the secrets of a folder.

        Args:
            folder: The state folder.
            floor: SHA-256 of the floor that they belong to.
            guard: Who has the key-encryption key, or None for plain files.

        Raises:
            ConfigurationError: A secret is none, or locked where none should be.
            VerificationError: A secret does not open with what the guard gave.
        """
        self._folder, self._floor = folder, floor
        for left in folder.glob(".*.key.*"):
            _wipe(left)  # a write that was broken off: it may hold a key that was dropped since
        locked = any(is_locked((folder / name).read_bytes()) for name in (SEALING, SIGNING))
        if guard and locked and not (folder / WRAPPED).exists():
            raise _damaged(f"locked keys without {WRAPPED}.")
        self._key = _key(folder, guard)
        self.signing = SigningKey.parse(self._read(SIGNING))
        ring = self._read(SEALING)
        if len(ring) not in (SECRET_BYTES, 2 * SECRET_BYTES):
            raise _damaged("a sealing key that is none.")
        try:
            self.current = KeyPair.from_secret(ring[-SECRET_BYTES:])
            self.retiring = (
                KeyPair.from_secret(ring[:SECRET_BYTES]) if len(ring) > SECRET_BYTES else None
            )
        except ValueError:
            raise _damaged("a sealing key that is none.") from None
        self.retired: frozenset[str] = frozenset()
        """Ids of keys that were rotated away, as the ledger knows them."""

    @classmethod
    def begin(cls, folder: Path, floor: str, guard: Guard | None, secret: bytes) -> None:
        """Write the first secrets of a folder; what a broken-off beginning left is overwritten."""
        for name in (SEALING, SIGNING, WRAPPED, f"{SIGNING}.pub"):
            (folder / name).unlink(missing_ok=True)
        key, signing = _key(folder, guard), SigningKey.generate()
        for name, data in ((SIGNING, signing.private), (SEALING, secret)):
            _write(folder / name, _locked(data, key, _context(name, floor)))
        replace_file(folder / f"{SIGNING}.pub", f"{signing.public}\n".encode())

    def of(self, blob: SealedBlob) -> KeyPair:
        """
        The pair to which a blob's data key is wrapped.

        Raises:
            VerificationError: It was rotated away, or never was one of this keeper's.
        """
        for pair in (self.current, self.retiring):
            if pair and key_id(pair.public) == blob.key:
                return pair
        known = blob.key in self.retired
        raise VerificationError(
            "KEY_RETIRED" if known else "KEY_UNKNOWN",
            rule="Sealed bytes open with a key that the keeper has.",
            found="bytes sealed to a key that was destroyed by a rotation: an old copy."
            if known
            else "bytes sealed to a key that was never this keeper's.",
            remedy="take the file out of the vault; its custodian seals the session again, if it "
            "may still be kept.",
        )

    def add(self) -> None:
        """Make a new current pair; the one before opens on until it is dropped."""
        if self.retiring is None:
            pair = KeyPair.generate()
            self._save(self.current.secret + pair.secret)
            self.current, self.retiring = pair, self.current

    def drop(self) -> None:
        """Destroy the older pair: what is still wrapped to it never opens again."""
        self._save(self.current.secret)
        self.retiring = None

    def _save(self, ring: bytes) -> None:
        data = _locked(ring, self._key, _context(SEALING, self._floor))
        _write(self._folder / SEALING, data)

    def _read(self, name: str) -> bytes:
        path, context = self._folder / name, _context(name, self._floor)
        data = path.read_bytes()
        if self._key is None:
            if is_locked(data):
                raise ConfigurationError(
                    "KEY_LOCKED",
                    rule="Keys open in the way in which they were locked.",
                    found="a locked key, and no [key] in keeper.toml that opens it.",
                    remedy="put the keeper.toml back under which the keys were locked.",
                )
            return data
        if is_locked(data):
            return unlock(data, self._key, context)
        _write(path, lock(data, self._key, context))
        return data


def _key(folder: Path, guard: Guard | None) -> bytes | None:
    """The key-encryption key; made, and wrapped by its guard, when there is none yet."""
    path = folder / WRAPPED
    if guard is None:
        return None
    if path.exists():
        return guard.unwrap(path.read_bytes())
    key = new_key()
    wrapped = guard.wrap(key)
    if guard.unwrap(wrapped) != key:
        raise _damaged("a guard that does not give back what it was given; nothing was locked.")
    _write(path, wrapped)
    return key


def _context(name: str, floor: str) -> str:
    return f"clerestory/keyring/1/{name}\0{floor}"


def _locked(data: bytes, key: bytes | None, context: str) -> bytes:
    return data if key is None else lock(data, key, context)


def _write(path: Path, data: bytes) -> None:
    """
    Put a secret in place whole, for its owner alone, and write over the one that was there.

    Writing over is all a program can do: a disk, a snapshot or a backup may keep copies.
    """
    beside = path.with_name(f".{path.name}.{token_hex(8)}")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    with open(os.open(beside, flags, 0o600), "wb") as file:  # noqa: PTH123 - with its mode
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        # The old bytes keep a name until they are written over: after a crash they are found.
        former = path.with_name(f".{path.name}.{token_hex(8)}")
        former.hardlink_to(path)
    else:
        former = None
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)
    if former:
        _wipe(former)


def _wipe(path: Path) -> None:
    """Write over a file that has no other name any more, and remove it."""
    if path.stat().st_nlink == 1:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    path.unlink()


def _damaged(found: str) -> ConfigurationError:
    return ConfigurationError(
        "STATE_LOST",
        rule="A vault opens with the keys and the ledger of the keeper that adopted it.",
        found=found,
        remedy="give the right folder with --state, or restore it whole from its copy.",
    )
