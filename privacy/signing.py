"""
Sign bytes and check signatures, in a form that `ssh-keygen` reads.

Signatures are SSHSIG with Ed25519 keys and fixed namespaces, so that an officer signs with a
key he has, also one in a FIDO token, and a reader checks with a tool he has.  A namespace keeps
a signature made for one purpose from passing for another.  `sshsig` holds the form.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_private_key,
)

from .errors import ConfigurationError, VerificationError
from .sshsig import (
    PLAIN,
    PublicKey,
    Signature,
    read_key,
    read_signature,
    signed_bytes,
    write_signature,
)

Namespace = Literal[
    "clerestory-plan",
    "clerestory-return",
    "clerestory-rejection",
    "clerestory-withdrawal",
    "clerestory-revocation",
    "clerestory-policy",
    "clerestory-bundle",
    "clerestory-recovery",
    "clerestory-request",
    "clerestory-keeper",
    "clerestory-erasure",
    "clerestory-order",
    "clerestory-node",
]
"""What a signature may be for: one act each."""


class SigningKey:
    """An Ed25519 private key in OpenSSH's form."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "SigningKey":
        """A fresh key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path, passphrase: bytes | None = None) -> "SigningKey":
        """
        Read a key as `ssh-keygen -t ed25519` or `clerestory keys new` writes it.

        Raises:
            ConfigurationError: There is none, it needs a passphrase, or it is of another kind.
        """
        try:
            return cls.parse(path.read_bytes(), passphrase)
        except OSError:
            raise _no_key("no OpenSSH private key that can be read.") from None

    @classmethod
    def parse(cls, data: bytes, passphrase: bytes | None = None) -> "SigningKey":
        """
        A key from its file's bytes.

        Raises:
            ConfigurationError: They are none, need a passphrase, or are of another kind.
        """
        try:
            key = load_ssh_private_key(data, passphrase)
        except (ValueError, TypeError):
            raise _no_key("no OpenSSH private key that opens (with this passphrase).") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise _no_key("a private key of another kind than Ed25519.")
        return cls(key)

    @property
    def private(self) -> bytes:
        """The private key's file, not encrypted.  It belongs to one process and its disk."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())

    def write(self, path: Path) -> None:
        """Write private and public key (`path`, `path`.pub), readable by the owner alone."""
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(self.private)
        path.with_name(path.name + ".pub").write_text(self.public + "\n", encoding="ascii")

    @property
    def public(self) -> str:
        """The public key as one line: `ssh-ed25519 AAAA…`."""
        return PublicKey(PLAIN, self.public_raw).line

    @property
    def public_raw(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    def sign_raw(self, message: bytes) -> bytes:
        """A bare Ed25519 signature: 64 bytes.  For notes and sealed sessions, not for people."""
        return self._key.sign(message)

    def sign(self, message: bytes, namespace: Namespace) -> str:
        """An armoured SSH signature over a message."""
        raw = self._key.sign(signed_bytes(message, namespace))
        return write_signature(Signature(PublicKey(PLAIN, self.public_raw), namespace, raw, b""))


def verify(message: bytes, signature: str, namespace: Namespace) -> str:
    """
    Check a signature and say whose key made it.

    Returns:
        The signer's public key as one line.  Whose key that is, the caller must know.

    Raises:
        VerificationError: The signature is not of this message, namespace and form.
    """
    try:
        read = read_signature(signature)
    except ValueError:
        raise _bad(
            "something that is no SSH signature with an Ed25519 key, made with a touch if the "
            "key lies in a token."
        ) from None
    if read.namespace != namespace:
        raise _bad(f"a signature made for another purpose than {namespace}.")
    verify_raw(read.key.raw, read.raw, read.covers(message))
    return read.key.line


def verify_raw(public: bytes, signature: bytes, message: bytes) -> None:
    """
    Check a bare Ed25519 signature.

    Raises:
        VerificationError: It is not this key's signature of this message.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise _bad("a signature that does not fit what was signed.") from None


def read_public(line: str) -> str:
    """
    Bring a line of a `.pub` file into its short form, without the comment.

    Raises:
        ConfigurationError: It is no Ed25519 public key, plain or of a token.
    """
    return _read(line).line


def is_token(public: str) -> bool:
    """Whether a public key's private half lies in a FIDO token."""
    return _read(public).kind != PLAIN


def public_raw(public: str) -> bytes:
    """
    The 32 bytes of a plain public key's line.

    Raises:
        ConfigurationError: It is none; a token makes no bare signatures.
    """
    key = _read(public)
    if key.kind != PLAIN:
        raise _no_key("the key of a token, where a bare signature is made.")
    return key.raw


def fingerprint(public: str) -> str:
    """A public key's fingerprint, as `ssh-keygen -l` prints it."""
    digest = b64encode(sha256(_read(public).blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def _read(line: str) -> PublicKey:
    try:
        return read_key(line)
    except ValueError:
        raise _no_key(f"a line that is no public key of the kind {PLAIN} or sk-{PLAIN}.") from None


def _bad(found: str) -> VerificationError:
    return VerificationError(
        "SIGNATURE_INVALID",
        rule="A signature covers every byte of what it signs.",
        found=found,
        remedy="get the file again from where it was published; do not use this copy.",
    )


def _no_key(found: str) -> ConfigurationError:
    return ConfigurationError(
        "KEY_UNREADABLE",
        rule="Keys are Ed25519 keys in OpenSSH's form.",
        found=found,
        remedy="make one with `clerestory keys new FILE` or `ssh-keygen -t ed25519`.",
    )
