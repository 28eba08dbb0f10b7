"""
The two files in which a batch's sessions lie: `sealed` and `keys`.

`sealed` holds header and ciphertext of one session after the other and is never written again.
`keys` holds a slot of one width for each: the data key, wrapped to the keeper, and the id of the
key it is wrapped to.  So what may change is small and apart: a keeper that takes a new key
writes `keys` anew, and a session is erased by blanking its slot and giving its place in
`sealed` back to the disk.

Packs, and not a file a session, because making a file costs more than sealing what is in it.
"""

import ctypes
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from struct import error as not_packed
from typing import BinaryIO

from .errors import VerificationError
from .sealing import KEY_ID_BYTES, WRAPPED_BYTES, SealedBlob
from .vault import sync_folder

SEALED, KEYS = "sealed", "keys"
SLOT_BYTES = KEY_ID_BYTES + WRAPPED_BYTES
_BLANK = bytes(SLOT_BYTES)
_HEADER = Struct(">H")
"""Length of the header that follows; the ciphertext is the rest."""
_PUNCH = 0x01 | 0x02
"""FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE of fallocate(2)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session lies in its batch."""

    slot: int
    start: int
    size: int


class PackWriter:
    """A pack that is being filled, in a folder that nobody reads yet."""

    def __init__(self, folder: Path) -> None:
        self._sealed = _create(folder / SEALED)
        self._keys = _create(folder / KEYS)

    def append(self, blob: SealedBlob) -> int:
        """Add a session; returns how many bytes it takes."""
        self._keys.write(blob.key.encode("ascii") + blob.wrapped)
        self._sealed.write(_HEADER.pack(len(blob.header_bytes)) + blob.header_bytes)
        self._sealed.write(blob.content)
        return _HEADER.size + len(blob.header_bytes) + len(blob.content)

    def close(self, slots: int, size: int) -> None:
        """Cut off what is beyond so many sessions; the rest is on the disk on return."""
        with self._keys, self._sealed:
            for file, length in ((self._keys, slots * SLOT_BYTES), (self._sealed, size)):
                # Beyond: a session in whose middle somebody pressed Ctrl-C.
                file.truncate(length)
                file.flush()
                os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class Pack:
    """The pack of a batch in a vault."""

    folder: Path

    def has(self, slots: int, size: int) -> bool:
        """Whether both files are there, with room for so many slots and bytes, no more or less."""
        expected = {KEYS: slots * SLOT_BYTES, SEALED: size}
        try:
            return all((self.folder / n).stat().st_size == s for n, s in expected.items())
        except OSError:
            return False

    def read(self, place: Place) -> SealedBlob:
        """
        One session; whether it is the one that was registered, its digest says.

        Raises:
            VerificationError: There is no session at that place.
        """
        try:
            slot = _read(self.folder / KEYS, place.slot * SLOT_BYTES, SLOT_BYTES)
            entry = _read(self.folder / SEALED, place.start, place.size)
            key, start = slot[:KEY_ID_BYTES].decode("ascii"), _HEADER.size
            end = start + _HEADER.unpack_from(entry)[0]
        except (OSError, UnicodeDecodeError, not_packed):
            raise _damaged() from None
        if len(slot) != SLOT_BYTES or len(entry) != place.size or not key.isalnum():
            raise _damaged()
        return SealedBlob(entry[start:end], slot[KEY_ID_BYTES:], key, entry[end:])

    def rewrap(self, change: Callable[[str, bytes], tuple[str, bytes]]) -> None:
        """
        Write all keys anew: `keys` is replaced whole, so a crash leaves the old or the new.

        Args:
            change: (id of the key it is wrapped to, wrapped data key) → the same for another.
        """
        path = self.folder / KEYS
        beside = path.with_name(f".{KEYS}.new")
        beside.unlink(missing_ok=True)
        with path.open("rb") as old, _create(beside) as new:
            while slot := old.read(SLOT_BYTES):
                if slot != _BLANK:
                    key, wrapped = change(slot[:KEY_ID_BYTES].decode(), slot[KEY_ID_BYTES:])
                    slot = key.encode("ascii") + wrapped
                new.write(slot)
            new.flush()
            os.fsync(new.fileno())
        beside.replace(path)
        sync_folder(self.folder)

    def erase(self, places: Iterable[Place]) -> None:
        """Blank the keys of some sessions, then their ciphertexts; again is no harm."""
        gone = list(places)
        if (self.folder / KEYS).exists():
            with (self.folder / KEYS).open("r+b") as keys:
                for place in gone:
                    keys.seek(place.slot * SLOT_BYTES)
                    keys.write(_BLANK)
                keys.flush()
                os.fsync(keys.fileno())
        if (self.folder / SEALED).exists():
            with (self.folder / SEALED).open("r+b") as sealed:
                for place in gone:
                    _punch(sealed, place)
                sealed.flush()
                os.fsync(sealed.fileno())


def _create(path: Path) -> BinaryIO:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o644)
    # The keeper blanks what a custodian wrote: where they share the folder, they share the file.
    os.fchmod(descriptor, os.fstat(descriptor).st_mode | path.parent.stat().st_mode & 0o020)
    return open(descriptor, "wb", buffering=2**20)  # noqa: PTH123


def _read(path: Path, start: int, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return os.pread(descriptor, size, start)
    finally:
        os.close(descriptor)


def _punch(file: BinaryIO, place: Place) -> None:
    """Give a session's bytes back to the disk; where it cannot, overwrite them."""
    end = file.seek(0, os.SEEK_END)
    size = min(place.size, end - place.start)
    if size <= 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (file.fileno(), _PUNCH, ctypes.c_int64(place.start), ctypes.c_int64(size))
    if libc.fallocate(*arguments) != 0:
        file.seek(place.start)
        file.write(bytes(size))


def _damaged() -> VerificationError:
    return VerificationError(
        "VAULT_DAMAGED",
        rule="A sealed session is read whole and unchanged, or not at all.",
        found="a place in a batch that holds less than its manifest says, or no key.",
        remedy="restore the batch from a copy of the vault, or take its folder out and have the "
        "custodian run `clerestory seal` again.",
    )
