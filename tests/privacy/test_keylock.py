"""Secrets at rest: they open with one key, for one purpose, unchanged; or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import VerificationError
from privacy.keylock import KEY_BYTES, is_locked, key_of, lock, new_key, unlock

KEY = new_key()


@given(st.binary(max_size=300), st.text(max_size=20))
def test_a_locked_secret_opens_again(secret: bytes, context: str) -> None:
    """And twice locked it looks different: the nonce is fresh."""
    locked = lock(secret, KEY, context)
    assert is_locked(locked)
    assert unlock(locked, KEY, context) == secret
    assert lock(secret, KEY, context) != locked
    assert len(secret) < 8 or secret not in locked


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_is_found(place: int, flip: int) -> None:
    """Header, nonce, ciphertext and tag."""
    locked = bytearray(lock(b"secret" * 10, KEY, "sealing"))
    locked[place % len(locked)] ^= flip
    with pytest.raises(VerificationError, match="KEY_STAYS_LOCKED"):
        unlock(bytes(locked), KEY, "sealing")


def test_another_key_purpose_or_half_a_secret_opens_nothing() -> None:
    """A signing key must not be put in the place of a sealing key, nor carried to another vault."""
    locked = lock(b"secret", KEY, "sealing\0floor")
    for data, key, context in (
        (locked, new_key(), "sealing\0floor"),
        (locked, KEY, "signing\0floor"),
        (locked, KEY, "sealing\0another"),
        (locked[:-1], KEY, "sealing\0floor"),
        (locked[:10], KEY, "sealing\0floor"),
        (b"", KEY, "sealing\0floor"),
    ):
        with pytest.raises(VerificationError, match="KEY_STAYS_LOCKED"):
            unlock(data, key, context)
    assert unlock(locked, KEY, "sealing\0floor") == b"secret"


def test_a_passphrase_makes_the_key_that_rfc_9106_describes() -> None:
    """Held to another implementation: the reference one, as argon2-cffi 25 packs it."""
    # Its `hash_secret_raw` with t = 3, m = 65,536 KiB, p = 4 and 32 bytes, Argon2id 1.3.
    expected = "7882234210cf0b8d0abd2755aeaaa7dbfe15d4fbdc4caa1c0b5055fe7dd4899b"
    key = key_of(b"correct horse", b"sixteen-byte-slt")
    assert len(key) == KEY_BYTES
    assert key.hex() == expected
    assert key_of(b"correct horse", b"another-salt-16b") != key
    assert key_of(b"correct hors", b"sixteen-byte-slt") != key
