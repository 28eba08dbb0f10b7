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
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

import rfc8785

from .errors import ConfigurationError
from .floor import Floor, read_floor
from .sealing import PUBLIC_BYTES
from .signing import public_raw, read_public

FLOOR, POLICY, KEEPER, SOCKET = "floor.json", "policy.toml", "keeper.json", "keeper.socket"
CHECKPOINT = "ledger.checkpoint"
"""The newest signed head of the ledger: a copy outside the keeper's state."""
MANIFEST = "manifest"
"""In the folder of a batch: what its custodian signed."""
HANDOVER = "handover.key"
"""Secret key of a synthetic vault on its way to its keeper; never of a real one."""


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """What the keeper lets everybody know."""

    sealing: str
    """Public sealing key, hexadecimal."""
    signing: str
    """Public signing key: `ssh-ed25519 AAAA…`."""

    @property
    def sealing_bytes(self) -> bytes:
        """The sealing key's bytes."""
        return bytes.fromhex(self.sealing)


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
        """
        try:
            data = json.loads((self.folder / KEEPER).read_bytes())
            keys = PublicKeys(data["sealing"], data["signing"])
            if len(keys.sealing_bytes) == PUBLIC_BYTES and read_public(keys.signing):
                return keys
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
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

    def label_folder(self, label_set: str) -> Path:
        """Where the sealed buckets of a label set lie."""
        return self.folder / "labels" / label_set[:32]


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
