"""
Merkle tree heads and the signed notes that carry them.

The tree is RFC 6962's [1], so that anyone can check a head from the exported entries; a
checkpoint is a C2SP signed note [2] over (origin, size, head) with an Ed25519 signature.

[1] RFC 6962, section 2.1.
[2] https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from .errors import VerificationError
from .signing import SigningKey, verify_raw

_DASH = "\N{EM DASH}"
_ED25519 = b"\x01"


def leaf(entry: bytes) -> bytes:
    """Hash of one entry."""
    return sha256(b"\0" + entry).digest()


def head(leaves: Sequence[bytes]) -> bytes:
    """Hash of a tree over leaf hashes; the empty tree's is SHA-256 of nothing."""
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        # An odd last node moves up as it is: with RFC 6962's split at the largest power of
        # two below n, that gives the same tree as pairing from the left.
        pairs = [
            sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How long a log was, and what stood in it."""

    origin: str
    """Which log: the vault's name."""
    size: int
    head: bytes

    @property
    def text(self) -> str:
        """The note's text, which is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.head).decode()}\n"

    def sign(self, key: SigningKey) -> str:
        """The signed note."""
        signature = _key_hash(self.origin, key.public_raw) + key.sign_raw(self.text.encode())
        return f"{self.text}\n{_DASH} {self.origin} {b64encode(signature).decode()}\n"


def read_checkpoint(note: str, public: bytes) -> Checkpoint:
    """
    Read a signed note with the log's public key.

    Raises:
        VerificationError: It is no such note, or not signed by that key.
    """
    try:
        text, signatures = note.split("\n\n", 1)
        origin, size, root = text.split("\n")
        dash, name, encoded = signatures.strip().split(" ")
        checkpoint = Checkpoint(origin, int(size), b64decode(root, validate=True))
        signature = b64decode(encoded, validate=True)
        if (dash, name, signature[:4]) != (_DASH, origin, _key_hash(origin, public)):
            raise ValueError  # noqa: TRY301 - one refusal for every way of not being a note
    except ValueError:
        raise VerificationError(
            "CHECKPOINT_UNREADABLE",
            rule="A checkpoint is a note signed by the keeper's key.",
            found="another form, or another key.",
            remedy="get the bundle or the ledger export again from its keeper.",
        ) from None
    verify_raw(public, signature[4:], checkpoint.text.encode())
    return checkpoint


def _key_hash(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]
