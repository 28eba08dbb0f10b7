"""
The bytes of SSH keys and signatures: what is signed, and how it is written.  No cryptography.

Two kinds of keys are read and no other: `ssh-ed25519`, and `sk-ssh-ed25519@openssh.com`, whose
private half lies in a FIDO token.  RSA, ECDSA, certificates, other hashes, reserved bytes and
unknown flags are refused, and so is a second spelling of the same bytes: one signature has one
form, the one that `ssh-keygen` writes.

A token signs SHA-256(application) ‖ flags ‖ counter ‖ SHA-256(message) [2].  It must have felt a
touch (user presence); it may have asked for a PIN (user verification).  Its counter is signed
and says nothing to us: an officer counts once, however often he signs.

[1] https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
[2] https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256, sha512
from struct import Struct
from struct import error as not_packed
from textwrap import wrap as fold

PLAIN, TOKEN = "ssh-ed25519", "sk-ssh-ed25519@openssh.com"
APPLICATION = b"ssh:"
"""What a token's key is for; another application is no key of ours."""
TOUCHED, VERIFIED = 0x01, 0x04
"""Flags of a token's signature: somebody touched it; it asked for a PIN or a finger."""
KEY_BYTES, SIGNATURE_BYTES = 32, 64

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC, _HASH = b"SSHSIG", b"sha512"
_U32 = Struct(">I")
_TAIL = Struct(">BI")
"""Flags and counter, after a token's signature."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of one of the two kinds."""

    kind: str
    raw: bytes
    """The 32 bytes of Ed25519."""

    @property
    def blob(self) -> bytes:
        """The key as SSH writes it on the wire."""
        application = string(APPLICATION) if self.kind == TOKEN else b""
        return string(self.kind.encode()) + string(self.raw) + application

    @property
    def line(self) -> str:
        """The key as it stands in a `.pub` file, without the comment."""
        return f"{self.kind} {b64encode(self.blob).decode()}"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature, read and not yet checked."""

    key: PublicKey
    namespace: str
    raw: bytes
    tail: bytes
    """Flags and counter of a token; empty for a plain key."""

    def covers(self, message: bytes) -> bytes:
        """What the raw signature must be a signature of."""
        signed = signed_bytes(message, self.namespace)
        if self.key.kind == PLAIN:
            return signed
        return sha256(APPLICATION).digest() + self.tail + sha256(signed).digest()


def read_key(line: str) -> PublicKey:
    """
    Read a line of a `.pub` file.

    Raises:
        ValueError: It is no key of the two kinds, or not in its one form.
    """
    kind, body = line.split()[:2]
    key = _read_blob(b64decode(body, validate=True))
    if f"{kind} {body}" != key.line:
        raise ValueError("another kind, or another spelling")
    return key


def read_signature(text: str) -> Signature:
    """
    Read an armoured signature.

    Raises:
        ValueError: It is no signature by a key of the two kinds, or not in its one form.
    """
    blob = b64decode("".join(text[len(_BEGIN) : -len(_END) - 1].split()), validate=True)
    if _armour(blob) != text or not blob.startswith(_MAGIC + _U32.pack(1)):
        raise ValueError("another armour or version")
    try:
        parts, rest = _strings(blob[len(_MAGIC) + 4 :], 5)
        (algorithm, raw), tail = _strings(parts[4], 2)
    except not_packed:
        raise ValueError("cut off") from None
    key, namespace, reserved, digest = _read_blob(parts[0]), *parts[1:4]
    if (rest, reserved, digest, algorithm) != (b"", b"", _HASH, key.kind.encode()):
        raise ValueError("another hash or algorithm, or something reserved")
    if len(raw) != SIGNATURE_BYTES or not _is_tail(key.kind, tail):
        raise ValueError("another length, no touch, or unknown flags")
    return Signature(key, namespace.decode(), raw, tail)


def write_signature(signature: Signature) -> str:
    """A signature in its armour."""
    parts = (
        signature.key.blob,
        signature.namespace.encode(),
        b"",
        _HASH,
        string(signature.key.kind.encode()) + string(signature.raw) + signature.tail,
    )
    return _armour(_MAGIC + _U32.pack(1) + b"".join(map(string, parts)))


def signed_bytes(message: bytes, namespace: str) -> bytes:
    """What is signed in place of a message: its hash, and what the signature is for."""
    parts = (namespace.encode(), b"", _HASH, sha512(message).digest())
    return _MAGIC + b"".join(map(string, parts))


def string(data: bytes) -> bytes:
    """Bytes with their length before them, as SSH packs them."""
    return _U32.pack(len(data)) + data


def _read_blob(blob: bytes) -> PublicKey:
    try:
        (kind, raw), rest = _strings(blob, 2)
    except not_packed:
        raise ValueError("cut off") from None
    key = PublicKey(kind.decode(), raw)
    if key.kind not in (PLAIN, TOKEN) or len(raw) != KEY_BYTES:
        raise ValueError("another kind of key")
    if rest != (string(APPLICATION) if key.kind == TOKEN else b""):
        raise ValueError("another application, or bytes that belong to nothing")
    return key


def _is_tail(kind: str, tail: bytes) -> bool:
    if kind == PLAIN:
        return tail == b""
    return len(tail) == _TAIL.size and tail[0] in (TOUCHED, TOUCHED | VERIFIED)


def _armour(blob: bytes) -> str:
    return "\n".join([_BEGIN, *fold(b64encode(blob).decode(), 70), _END, ""])


def _strings(data: bytes, count: int) -> tuple[list[bytes], bytes]:
    found = []
    for _ in range(count):
        (length,) = _U32.unpack_from(data)
        found.append(data[4 : 4 + length])
        if len(found[-1]) != length:
            raise ValueError("cut off")
        data = data[4 + length :]
    return found, data
