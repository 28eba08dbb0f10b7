"""
Lock a few secret bytes under a key-encryption key, and make such a key from a passphrase.

AES-256-GCM with a fresh nonce; what the secret is for, and under which floor, is associated
data, so that one locked secret cannot be put in another's place or carried to another vault.

A passphrase becomes a key by Argon2id with the parameters of the second option that RFC 9106
recommends [1]: three passes over 64 MiB in four lanes.  The first option asks for 2 GiB, which
a keeper beside its workers may not have.

[1] RFC 9106, section 4, "Parameter Choice".
"""

from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from .errors import VerificationError

KEY_BYTES = 32
SALT_BYTES = 16
"""128 bits, as [1] asks for."""
MAGIC = b"CLK1"
_NONCE = 12
_PASSES, _LANES, _MEMORY = 3, 4, 64 * 1024
"""Passes, lanes, KiB."""


def new_key() -> bytes:
    """A fresh key-encryption key from the operating system's randomness."""
    return urandom(KEY_BYTES)


def key_of(passphrase: bytes, salt: bytes) -> bytes:
    """The key that a passphrase and a salt make: about half a second of work, on purpose."""
    derivation = Argon2id(
        salt=salt, length=KEY_BYTES, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY
    )
    return derivation.derive(passphrase)


def is_locked(data: bytes) -> bool:
    """Whether bytes have the form of a locked secret."""
    return data.startswith(MAGIC)


def lock(secret: bytes, key: bytes, context: str) -> bytes:
    """
    Encrypt a secret.

    Args:
        secret: What nobody may read at rest.
        key: The key-encryption key, `KEY_BYTES` long.
        context: What the secret is for; it opens under the same words only.
    """
    nonce = urandom(_NONCE)
    return MAGIC + nonce + AESGCM(key).encrypt(nonce, secret, MAGIC + context.encode())


def unlock(data: bytes, key: bytes, context: str) -> bytes:
    """
    Decrypt a secret.

    Raises:
        VerificationError: Another key, another context, or changed bytes.
    """
    nonce, ciphertext = data[len(MAGIC) :][:_NONCE], data[len(MAGIC) + _NONCE :]
    try:
        if is_locked(data):
            return AESGCM(key).decrypt(nonce, ciphertext, MAGIC + context.encode())
    except (InvalidTag, ValueError):
        pass
    raise VerificationError(
        "KEY_STAYS_LOCKED",
        rule="A locked key opens with the passphrase or the command that locked it.",
        found="a key file that does not open with what was given, or was changed.",
        remedy="give the right passphrase or command; or restore the state folder whole.",
    ) from None
