"""
Seal bytes so that only the holder of one key can open them, and only under one floor.

Two layers, both standard: a fresh 32-byte data key per blob encrypts the padded bytes with
AES-256-GCM, its header as associated data; HPKE [1] with the hybrid KEM ML-KEM-768 + X25519
wraps the data key.  So the keeper can re-wrap a data key to the key of a running worker
without touching, or even reading, what was sealed.

HPKE's `info` is the context in which a data key may be unwrapped: `floor_info` at rest, bound
to the floor under which the bytes were collected; `run_info` in a run, bound to the plan.
Base mode authenticates no sender: who sealed a session is the business of `signing`.

Lengths are padded by Padmé [2], so a size gives away O(log log n) bits.

[1] RFC 9180.  [2] Nikitin et al. 2019, PURBs, PoPETs 2019(4), section 4.
"""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from os import urandom
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from .errors import VerificationError

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
MAGIC = b"CLB2"
LARGEST = 64 * 2**20
"""bytes: no blob holds more; a longer session is a label value, not a blob."""
_LENGTHS = Struct(">4sIH16s")
"""Magic, length of the header, length of the wrapped key, id of the key it is wrapped to."""
_SIZE = Struct(">Q")
_MLKEM_PUBLIC, _MLKEM_SEED, _NONCE, _TAG = 1184, 64, 12, 16
PUBLIC_BYTES = _MLKEM_PUBLIC + 32
"""A public key: ML-KEM-768, then X25519."""
WRAPPED_BYTES = KEM.MLKEM768_X25519.enc_length() + 32 + 16
"""A wrapped data key: HPKE's encapsulation, the key, its tag."""
KEY_ID_BYTES = 16
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
"""RFC 8785 for a mapping of ASCII texts, at a third of the time: a test holds the two together."""


def floor_info(floor: str, kind: str) -> bytes:
    """HPKE context of bytes at rest: a kind of content and the SHA-256 of the floor."""
    return f"clerestory/seal/1/{kind}\0{floor}".encode()


def run_info(plan: str) -> bytes:
    """HPKE context of a run: the SHA-256 of the bound plan that the worker executes."""
    return f"clerestory/run/1\0{plan}".encode()


class KeyPair:
    """A hybrid private key, and what can be done with it."""

    def __init__(self, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> None:
        self._mlkem, self._x25519 = mlkem, x25519
        self._key = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.id = key_id(self.public)

    @classmethod
    def generate(cls) -> "KeyPair":
        """A fresh pair from the operating system's randomness."""
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def from_secret(cls, secret: bytes) -> "KeyPair":
        """The pair whose `secret` this is (64 bytes of ML-KEM seed, 32 of X25519)."""
        return cls(
            MLKEM768PrivateKey.from_seed_bytes(secret[:_MLKEM_SEED]),
            X25519PrivateKey.from_private_bytes(secret[_MLKEM_SEED:]),
        )

    @property
    def secret(self) -> bytes:
        """The private key's 96 bytes.  They belong in one file of one process."""
        return self._mlkem.private_bytes_raw() + self._x25519.private_bytes_raw()

    @property
    def public(self) -> bytes:
        """The public key's 1,216 bytes: ML-KEM-768, then X25519."""
        mlkem, x25519 = self._mlkem.public_key(), self._x25519.public_key()
        return mlkem.public_bytes_raw() + x25519.public_bytes_raw()

    def open(self, wrapped: bytes, *, info: bytes) -> bytes:
        """
        Unwrap a data key.

        Raises:
            VerificationError: It was wrapped to another key, or for another context.
        """
        try:
            return SUITE.decrypt(wrapped, self._key, info)
        except (InvalidTag, ValueError):
            raise _wrong_key() from None


@lru_cache(maxsize=8)
def key_id(public: bytes) -> str:
    """Short name of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(public).hexdigest()[:KEY_ID_BYTES]


def wrap(public: bytes, key: bytes, *, info: bytes) -> bytes:
    """Wrap a data key to a public key for one context."""
    return SUITE.encrypt(key, _recipient(public), info)


@lru_cache(maxsize=8)
def _recipient(public: bytes) -> MLKEM768X25519PublicKey:
    # Kept: a run seals every session to one key, and reading it is a sixth of wrapping to it.
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
        X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
    )


def padded_length(length: int) -> int:
    """Padmé [2]: round up so that only the top bits of a length are visible."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    kept = exponent.bit_length()
    mask = (1 << (exponent - kept)) - 1 if exponent > kept else 0
    return (length + mask) & ~mask


def encoded_length(header: int, data: int) -> int:
    """Bytes of an encoded blob with a header and data of so many bytes."""
    padded = padded_length(_SIZE.size + data)
    return _LENGTHS.size + header + WRAPPED_BYTES + _NONCE + padded + _TAG


@dataclass(frozen=True, slots=True)
class SealedBlob:
    """Sealed bytes with a header in clear."""

    header_bytes: bytes
    """Canonical JSON; authenticated with the content."""
    wrapped: bytes
    """The data key, wrapped to the keeper at rest or to a worker in a run."""
    key: str
    """Id of the public key to which it is wrapped now.  With `wrapped`, it is all that changes
    when a keeper takes a new key; a wrong one opens nothing."""
    content: bytes | memoryview
    """Nonce and ciphertext; of a blob that was decoded, a view of its bytes."""

    @property
    def header(self) -> dict[str, str]:
        """
        What stands in clear: never anything that a person wrote.

        Raises:
            VerificationError: It is no mapping of texts.
        """
        try:
            header = json.loads(self.header_bytes)
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict) or not all(isinstance(v, str) for v in header.values()):
            raise _broken("a blob with another header than a mapping of texts.")
        return header

    @property
    def digest(self) -> str:
        """
        What a source signs: SHA-256 over header and ciphertext, hexadecimal.

        The header holds floor, first key, source, account, session and month.  The wrapped key
        is left out, so that a keeper can take a new key without the source.
        """
        parts = sha256(self.header_bytes).digest() + sha256(self.content).digest()
        return sha256(parts).hexdigest()

    @classmethod
    def decode(cls, data: bytes) -> "SealedBlob":
        """
        Split a blob into its parts; nothing is opened yet.

        Raises:
            VerificationError: The bytes are no blob, or not all of one.
        """
        start = _LENGTHS.size
        if len(data) < start:
            raise _broken("fewer bytes than a blob's first line.")
        magic, header, wrapped, key = _LENGTHS.unpack_from(data)
        content = start + header + wrapped
        if magic != MAGIC or not key.isalnum() or len(data) < content + _NONCE + _TAG:
            raise _broken("a blob that is cut off, or something else in its place.")
        parts = data[start : start + header], data[start + header : content]
        return cls(*parts, key.decode("ascii", "replace"), memoryview(data)[content:])

    def encode(self) -> bytes:
        """The blob as it lies in a file or crosses a pipe."""
        sizes = len(self.header_bytes), len(self.wrapped)
        lengths = _LENGTHS.pack(MAGIC, *sizes, self.key.encode())
        return lengths + self.header_bytes + self.wrapped + self.content

    def open(self, key: bytes) -> bytes:
        """
        Decrypt with the data key and take the padding off.

        Raises:
            VerificationError: Header or content are not what was sealed.
        """
        return bytes(self.view(key))

    def view(self, key: bytes) -> memoryview:
        """
        What `open` returns, seen where it was decrypted: a bucket is tens of megabytes.

        Raises:
            VerificationError: Header or content are not what was sealed.
        """
        nonce, ciphertext = self.content[:_NONCE], memoryview(self.content)[_NONCE:]
        try:
            padded = AESGCM(key).decrypt(nonce, ciphertext, self.header_bytes)
        except InvalidTag:
            raise _broken("a blob whose header or content was changed.") from None
        length = _SIZE.size + int.from_bytes(padded[: _SIZE.size])
        if len(padded) < _SIZE.size or len(padded) != padded_length(length):
            raise _broken("a blob that was padded in another way than ours.")
        return memoryview(padded)[_SIZE.size : length]

    def rewrap(
        self, mine: KeyPair, theirs: bytes, *, at_rest: bytes, in_run: bytes
    ) -> "SealedBlob":
        """
        The same content for another reader; the content is not opened.

        Raises:
            VerificationError: It is wrapped to another key than mine, or for another context.
        """
        if self.key != mine.id:
            raise _wrong_key()
        key = mine.open(self.wrapped, info=at_rest)
        return replace(self, wrapped=wrap(theirs, key, info=in_run), key=key_id(theirs))


def seal(
    data: bytes, header: dict[str, str], *, public: bytes, info: bytes, before: bytes = b""
) -> SealedBlob:
    """
    Seal bytes to a public key.

    Args:
        data: At most `LARGEST` bytes.
        header: What may stand in clear; authenticated.
        public: The reader's public key.
        info: Context without which the data key cannot be unwrapped.
        before: A line that is sealed in front of the data.
    """
    if len(data) > LARGEST:
        raise ValueError(f"a blob holds {LARGEST} bytes at most")
    key, nonce = urandom(32), urandom(_NONCE)
    length = _SIZE.size + len(before) + len(data)
    size = padded_length(length)
    padded = b"".join((_SIZE.pack(len(before) + len(data)), before, data, bytes(size - length)))
    clear = _CANONICAL(header).encode()
    # Into its place: the largest session lies in memory three times at most, not five.
    content = bytearray(_NONCE + size + _TAG)
    content[:_NONCE] = nonce
    AESGCM(key).encrypt_into(nonce, padded, clear, memoryview(content)[_NONCE:])
    del padded
    return SealedBlob(clear, wrap(public, key, info=info), key_id(public), bytes(content))


def _wrong_key() -> VerificationError:
    return VerificationError(
        "WRONG_KEY",
        rule="Sealed bytes open with the keeper's key and under their floor or plan only.",
        found="a data key wrapped to another key, or for another floor or plan.",
        remedy="start the keeper with the state folder that belongs to this vault.",
    )


def _broken(found: str) -> VerificationError:
    return VerificationError(
        "VAULT_DAMAGED",
        rule="A sealed blob is read whole and unchanged, or not at all.",
        found=found,
        remedy="restore the file from a copy of the vault, or seal its source again.",
    )
