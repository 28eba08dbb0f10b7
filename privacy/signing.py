"""
Sign bytes and check signatures, in a form that `ssh-keygen` reads.

Signatures are SSHSIG [1] with Ed25519 keys and fixed namespaces, so that an officer signs with
a key he has and a reader checks with a tool he has.  A namespace keeps a signature made for
one purpose from passing for another.

[1] https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha256, sha512
from pathlib import Path
from struct import Struct
from struct import error as not_packed
from textwrap import wrap as fold
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

Namespace = Literal[
    "clerestory-plan",
    "clerestory-revocation",
    "clerestory-bundle",
    "clerestory-request",
    "clerestory-keeper",
    "clerestory-erasure",
]
"""What a signature may be for: a plan's approval, its revocation, a bundle's sums; a request to
the keeper, what the keeper says of itself, an account's erasure."""

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC, _ALGORITHM, _HASH = b"SSHSIG", b"ssh-ed25519", b"sha512"
_U32 = Struct(">I")


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
        raw = self._key.public_key().public_bytes_raw()
        return f"ssh-ed25519 {b64encode(_string(_ALGORITHM) + _string(raw)).decode()}"

    @property
    def public_raw(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    def sign_raw(self, message: bytes) -> bytes:
        """A bare Ed25519 signature: 64 bytes.  For notes and sealed sessions, not for people."""
        return self._key.sign(message)

    def sign(self, message: bytes, namespace: Namespace) -> str:
        """An armoured SSH signature over a message."""
        signature = self._key.sign(_signed(message, namespace))
        blob = (
            _MAGIC
            + _U32.pack(1)
            + _string(_public_blob(self.public))
            + _string(namespace.encode())
            + _string(b"")
            + _string(_HASH)
            + _string(_string(_ALGORITHM) + _string(signature))
        )
        return _armour(blob)


def verify(message: bytes, signature: str, namespace: Namespace) -> str:
    """
    Check a signature and say whose key made it.

    Returns:
        The signer's public key as one line.  Whose key that is, the caller must know.

    Raises:
        VerificationError: The signature is not of this message, namespace and form.
    """
    try:
        public, claimed, raw = _parse(signature)
    except (ValueError, not_packed, NotBase64, IndexError):
        raise _bad("something that is no SSH signature with an Ed25519 key.") from None
    if claimed != namespace:
        raise _bad(f"a signature made for another purpose than {namespace}.")
    verify_raw(_public_raw(public), raw, _signed(message, namespace))
    return public


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
        ConfigurationError: It is no `ssh-ed25519` public key.
    """
    parts = line.split()
    try:
        short = " ".join(parts[:2])
        if len(_public_raw(short)) == 32:
            return short
    except (ValueError, not_packed, NotBase64, IndexError):
        pass
    raise _no_key("a line that is no `ssh-ed25519` public key.")


def fingerprint(public: str) -> str:
    """A public key's fingerprint, as `ssh-keygen -l` prints it."""
    digest = b64encode(sha256(_public_blob(public)).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def public_raw(public: str) -> bytes:
    """The 32 bytes of a public key line."""
    return _public_raw(read_public(public))


def _signed(message: bytes, namespace: str) -> bytes:
    parts = (namespace.encode(), b"", _HASH, sha512(message).digest())
    return _MAGIC + b"".join(_string(part) for part in parts)


def _parse(signature: str) -> tuple[str, str, bytes]:
    blob = b64decode("".join(signature[len(_BEGIN) : -len(_END) - 1].split()), validate=True)
    # The same bytes can be written in several ways: the one that ssh-keygen writes is ours.
    if _armour(blob) != signature or not blob.startswith(_MAGIC + _U32.pack(1)):
        raise ValueError
    key, namespace, reserved, digest, inner = _strings(blob[len(_MAGIC) + 4 :], 5)
    algorithm, raw = _strings(inner, 2)
    if (reserved, digest, algorithm) != (b"", _HASH, _ALGORITHM):
        raise ValueError
    public = f"ssh-ed25519 {b64encode(key).decode()}"
    _public_raw(public)
    return public, namespace.decode(), raw


def _armour(blob: bytes) -> str:
    return "\n".join([_BEGIN, *fold(b64encode(blob).decode(), 70), _END, ""])


def _strings(data: bytes, count: int) -> list[bytes]:
    found = []
    for _ in range(count):
        (length,) = _U32.unpack_from(data)
        found.append(data[4 : 4 + length])
        if len(found[-1]) != length:
            raise ValueError
        data = data[4 + length :]
    if data:
        raise ValueError
    return found


def _public_blob(public: str) -> bytes:
    kind, body = public.split()
    if kind != "ssh-ed25519":
        raise ValueError
    return b64decode(body, validate=True)


def _public_raw(public: str) -> bytes:
    algorithm, raw = _strings(_public_blob(public), 2)
    if algorithm != _ALGORITHM or len(raw) != 32:
        raise ValueError
    return raw


def _string(data: bytes) -> bytes:
    return _U32.pack(len(data)) + data


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
