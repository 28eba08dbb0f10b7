"""
The vault: a folder that may be copied, watched and lost without anybody learning a thing.

    floor.json      terms of collection        keeper.json     the keeper's public keys
    policy.toml     what is allowed today      sessions/       batches of sealed sessions
                                               labels/         sealed label buckets

Everything in sessions/ and labels/ is sealed to the keeper.  Files are replaced whole, and a
batch appears whole: a reader sees the old bytes or the new ones, never a mixture.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

import rfc8785

from .errors import ConfigurationError, IncompleteError, VerificationError
from .floor import Floor, read_floor
from .sealing import PUBLIC_BYTES
from .signing import SigningKey, public_raw, read_public, verify

FLOOR, POLICY, KEEPER, SOCKET = "floor.json", "policy.toml", "keeper.json", "keeper.socket"
CHECKPOINT = "ledger.checkpoint"
"""The newest signed head of the ledger: a copy outside the keeper's state."""
MANIFEST = "manifest"
"""In the folder of a batch: what its custodian signed."""
HANDOVER = "handover.key"
"""Secret key of a synthetic vault on its way to its keeper; never of a real one."""


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """What the keeper lets everybody know, signed by itself."""

    sealing: str
    """Public sealing key, hexadecimal."""
    signing: str
    """Public signing key: `ssh-ed25519 AAAA…`.  It stays; the sealing key is rotated."""
    number: int
    """How often the sealing key was rotated: an older one is never taken again."""
    signature: str
    """The signing key's, over all of this and the floor."""

    @classmethod
    def signed(cls, sealing: bytes, number: int, floor: str, signing: SigningKey) -> "PublicKeys":
        """What a keeper says of itself under a floor, given by its SHA-256."""
        bare = cls(sealing.hex(), signing.public, number, "")
        signature = signing.sign(bare._message(floor), "clerestory-keeper")
        return replace(bare, signature=signature)

    @property
    def sealing_bytes(self) -> bytes:
        """The sealing key's bytes."""
        return bytes.fromhex(self.sealing)

    def check(self, floor: str) -> None:
        """
        Hold the keys against the signature that the keeper put under them.

        Raises:
            VerificationError: The signing key named here did not sign this, under this floor.
        """
        if verify(self._message(floor), self.signature, "clerestory-keeper") != self.signing:
            raise VerificationError(
                "SIGNATURE_INVALID",
                rule="A keeper signs the sealing key that it publishes.",
                found="a keeper.json whose signature is by another key than it names.",
                remedy="do not seal into this vault until it is explained.",
            )

    def _message(self, floor: str) -> bytes:
        return rfc8785.dumps({**asdict(replace(self, signature="")), "floor": floor})


@dataclass(frozen=True, slots=True)
class Vault:
    """One vault's folder."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> "Vault":
        """
        A vault that exists.

        Raises:
            ConfigurationError: There is no vault in this folder.
        """
        if not (folder / FLOOR).is_file():
            raise ConfigurationError(
                "NO_VAULT",
                rule="A vault is a folder that `clerestory init` made.",
                found="a folder without floor.json, or no folder.",
                remedy="check the path, or make a vault with `clerestory init VAULT`.",
            )
        return cls(folder)

    @property
    def floor(self) -> Floor:
        """The terms under which this vault's sessions were collected."""
        return read_floor((self.folder / FLOOR).read_bytes())

    @property
    def has_keeper(self) -> bool:
        """Whether a keeper has adopted the vault."""
        return (self.folder / KEEPER).is_file()

    @property
    def keys(self) -> PublicKeys:
        """
        The keeper's public keys.

        Raises:
            ConfigurationError: No keeper has adopted the vault yet.
            VerificationError: They are not what their keeper signed.
        """
        try:
            data = json.loads((self.folder / KEEPER).read_bytes())
            keys = PublicKeys(**data)
            whole = len(keys.sealing_bytes) == PUBLIC_BYTES and type(keys.number) is int
            if whole and read_public(keys.signing) == keys.signing:
                keys.check(self.floor.hash)
                return keys
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass
        raise ConfigurationError(
            "NO_KEEPER",
            rule="Sessions are sealed to the keeper that will hold their key.",
            found="a vault without the public keys of a keeper.",
            remedy="start one: `clerestory keeper VAULT --state DIR`.",
        )

    def publish_keys(self, keys: PublicKeys) -> None:
        """Write the keeper's public keys into the vault."""
        replace_file(self.folder / KEEPER, rfc8785.dumps(asdict(keys)))

    @property
    def sessions(self) -> Path:
        """Folder of the batches of sealed sessions."""
        return self.folder / "sessions"

    def batch(self, source: str, number: int) -> Path:
        """Folder of a custodian's batch, by the public key that signs it."""
        return self.sessions / f"{_short(source)}-{number:08d}"

    def open_batch(self, source: str) -> Path:
        """Folder in which a custodian fills a batch; nobody else looks into it."""
        return self.sessions / f".{_short(source)}"

    @contextmanager
    def being_sealed(self) -> Iterator[None]:
        """
        For who seals: while the block runs, no key is destroyed that it may be sealing to.

        The keeper's key has to be read inside the block.
        """
        with self._lock(LOCK_SH):
            yield

    @contextmanager
    def no_sealers(self, patience: float) -> Iterator[None]:
        """
        For the keeper: while the block runs nobody seals; who begins later reads the newest key.

        Raises:
            IncompleteError: Somebody still seals after `patience` seconds.
        """
        end = time.monotonic() + patience
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(self._lock(LOCK_EX | LOCK_NB))
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise _sealers_busy() from None
                    time.sleep(0.05)
            yield

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        # The folder itself is the lock: whoever may read it may hold it, whoever made it.
        self.sessions.mkdir(exist_ok=True)
        descriptor = os.open(self.sessions, os.O_RDONLY | os.O_DIRECTORY)
        try:
            flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def make_room(self, folder: Path) -> None:
        """
        Make the folder of a batch, open to those to whom the one above is.

        Custodian and keeper may be two users of one group: both replace files there.
        """
        folder.mkdir()
        folder.chmod(folder.parent.stat().st_mode & 0o7777)

    def label_folder(self, label_set: str) -> Path:
        """Where the sealed buckets of a label set lie."""
        return self.folder / "labels" / label_set[:32]


def _sealers_busy() -> IncompleteError:
    return IncompleteError(
        "SEALERS_BUSY",
        rule="A key is destroyed when nobody can be sealing to it any more.",
        found="somebody who seals into this vault; both keys are kept.",
        remedy="let `clerestory seal` end, then ask again.",
    )


def _short(source: str) -> str:
    return sha256(public_raw(source)).hexdigest()[:16]


def replace_file(path: Path, data: bytes) -> None:
    """
    Put a file in place whole, and on the disk before this returns.

    The file beside it has a name that nobody can guess and is made here or not at all: a link
    that somebody put there would lead the write elsewhere.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{token_hex(8)}")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
    try:
        with open(os.open(beside, flags, 0o644), "wb") as file:  # noqa: PTH123 - with its flags
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names in a folder are on the disk before this returns."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
