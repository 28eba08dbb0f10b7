"""
The signed notes that carry a ledger's head out of the keeper's hands.

A checkpoint is a C2SP signed note [1] over (origin, size, head) with an Ed25519 signature, and
one extension line: the exact ρ that had been charged.  Whoever restores an old ledger thus
knows from any newer note how much was spent, although the entries are lost.  C2SP advises
against extension lines because a log's monitor cannot audit them; `audit` does audit this one.
Notes without the line, as version 0.1 wrote them, read as before.

[1] https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256

from .errors import ClerestoryError, VerificationError
from .loss import read_rho, write_rho
from .merkle import HASH_SIZE
from .signing import SigningKey, verify_raw

SPENT = "spent "
"""How the extension line begins."""
MOST_SIGNATURES = 16
"""A note may carry signatures of others, too: witnesses, older and newer keys."""
_DASH = "\N{EM DASH}"
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How long a log was, what stood in it, and what it had charged."""

    origin: str
    """Which log: the vault's name."""
    size: int
    head: bytes
    spent: Fraction | None = None
    """ρ charged by then; None in the notes of version 0.1."""

    @property
    def text(self) -> str:
        """The note's text, which is signed."""
        extension = "" if self.spent is None else f"{SPENT}{write_rho(self.spent)}\n"
        return f"{self.origin}\n{self.size}\n{b64encode(self.head).decode()}\n{extension}"

    def sign(self, key: SigningKey) -> str:
        """The signed note."""
        signature = _key_hash(self.origin, key.public_raw) + key.sign_raw(self.text.encode())
        return f"{self.text}\n{_DASH} {self.origin} {b64encode(signature).decode()}\n"


def read_checkpoint(note: str, *publics: bytes) -> Checkpoint:
    """
    Read a signed note with the log's public key, or any of the keys that it has had.

    Raises:
        VerificationError: It is no such note, or not signed by such a key.
    """
    try:
        text, _, signatures = note.partition("\n\n")
        checkpoint = _read_text(text + "\n")
        lines = signatures.removesuffix("\n").split("\n")
        if not signatures.endswith("\n") or len(lines) > MOST_SIGNATURES:
            raise ValueError  # noqa: TRY301 - one refusal for every way of not being a note
        known = [
            (public, signature)
            for signature in (_read_signature(line, checkpoint.origin) for line in lines)
            for public in publics
            if signature[:4] == _key_hash(checkpoint.origin, public)
        ]
    except (ValueError, ClerestoryError):
        raise _unreadable() from None
    if not known:
        raise _unreadable()
    for public, signature in known:
        verify_raw(public, signature[4:], checkpoint.text.encode())
    return checkpoint


def _read_text(text: str) -> Checkpoint:
    origin, size, root, *extension = text.removesuffix("\n").split("\n")
    spent = read_rho(extension[0].removeprefix(SPENT)) if extension else None
    checkpoint = Checkpoint(origin, int(size), b64decode(root, validate=True), spent)
    # One checkpoint, one spelling: `007`, a second extension line or a space are refused.
    spelled = checkpoint.text == text and checkpoint.size >= 0 and origin
    if not spelled or len(checkpoint.head) != HASH_SIZE:
        raise ValueError
    return checkpoint


def _read_signature(line: str, origin: str) -> bytes:
    dash, name, encoded = line.split(" ")
    if dash != _DASH or not name:
        raise ValueError
    signature = b64decode(encoded, validate=True)
    return signature if name == origin else b""


def _key_hash(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _unreadable() -> VerificationError:
    return VerificationError(
        "CHECKPOINT_UNREADABLE",
        rule="A checkpoint is a note signed by the keeper's key.",
        found="another form, or another key.",
        remedy="get the bundle or the ledger export again from its keeper.",
    )
