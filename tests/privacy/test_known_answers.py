"""
HPKE as others compute it, and our container as it was once written.

Covered: our library's HPKE in base mode with HKDF-SHA256, on the published vectors of RFC 9180
for AES-256-GCM and on those of its post-quantum extension for our hybrid KEM; and our very suite,
hybrid KEM with AES-256-GCM, for which nothing is published, on the published shared secret by
the steps of RFC 9180, which are held to the vectors first.  Published messages carry associated
data, which our way of using HPKE never has: they go through the library's own test entry.

The sender draws his own randomness, so no published message can be made again; what `wrap` makes
is opened by those steps alone, with ML-KEM, X25519 and SHA-3 and without the library's HPKE.

Not covered: ML-KEM-768, X25519 and AES-GCM themselves, which are the library's own tests'
business; messages after the first, other modes, KDFs and exports, none of which we use.
"""

import hmac
import json
from hashlib import sha3_256, sha256, shake_256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

from privacy.batches import Manifest, Row, by_fingerprint
from privacy.errors import VerificationError
from privacy.packs import KEYS, SEALED, Pack, Place
from privacy.sealing import KeyPair, SealedBlob, floor_info, wrap

VECTORS = Path(__file__).parent / "vectors"
HPKE: dict[str, dict[str, Any]] = json.loads((VECTORS / "hpke.json").read_text())
CONTAINER: dict[str, str] = json.loads((VECTORS / "container.json").read_text())
AEADS = {2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}


def part(vector: str, name: str) -> bytes:
    """Bytes of a vector."""
    return bytes.fromhex(HPKE[vector][name])


def hybrid_pair() -> KeyPair:
    """The vector's private key: a seed of 32 bytes, stretched to the 96 that we keep."""
    return KeyPair.from_secret(shake_256(part("hybrid", "skRm")).digest(96))


def shared_by_hand(secret: bytes, public: bytes, enc: bytes) -> bytes:
    """The hybrid KEM's shared secret: SHA3-256 over both parts', as X-Wing is written down."""
    from_lattice = MLKEM768PrivateKey.from_seed_bytes(secret[:64]).decapsulate(enc[:1088])
    theirs = X25519PublicKey.from_public_bytes(enc[1088:])
    from_curve = X25519PrivateKey.from_private_bytes(secret[64:]).exchange(theirs)
    return sha3_256(from_lattice + from_curve + enc[1088:] + public[1184:] + b"\\.//^\\").digest()


def schedule(vector: str, aead: int) -> tuple[bytes, bytes]:
    """Key and nonce of a vector's shared secret, under any AEAD."""
    ids = HPKE[vector]["kem_id"], HPKE[vector]["kdf_id"], aead
    return schedule_of(ids, part(vector, "shared_secret"), part(vector, "info"))


def schedule_of(ids: tuple[int, int, int], shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Key and nonce by RFC 9180, section 5.1, in base mode."""
    suite = b"HPKE" + b"".join(number.to_bytes(2) for number in ids)

    def extract(salt: bytes, label: bytes, material: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")

    def expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
        told = length.to_bytes(2) + b"HPKE-v1" + suite + label + info
        return hmac.digest(secret, told + b"\x01", "sha256")[:length]

    hashes = extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    context, secret = b"\0" + hashes, extract(shared, b"secret", b"")
    return expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)


@pytest.mark.parametrize("vector", ["rfc9180", "hybrid"])
def test_published_messages_open(vector: str) -> None:
    """With the published key, info and associated data; with another of any of them they do not."""
    one, message = HPKE[vector], HPKE[vector]["encryption"]
    assert (one["mode"], one["kdf_id"]) == (0, 1)
    key: X25519PrivateKey | MLKEM768X25519PrivateKey
    if vector == "rfc9180":
        suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEADS[one["aead_id"]])
        key = X25519PrivateKey.from_private_bytes(part(vector, "skRm"))
        assert key.public_key().public_bytes_raw() == part(vector, "pkRm")
    else:
        suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEADS[one["aead_id"]])
        secret, pair = shake_256(part(vector, "skRm")).digest(96), hybrid_pair()
        assert pair.public == part(vector, "pkRm")
        key = MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(secret[:64]),
            X25519PrivateKey.from_private_bytes(secret[64:]),
        )
    enc, info = part(vector, "enc"), part(vector, "info")
    ct, aad = bytes.fromhex(message["ct"]), bytes.fromhex(message["aad"])
    opened = openssl.hpke._decrypt_with_aad(suite, enc + ct, key, info, aad)
    assert opened == bytes.fromhex(message["pt"])
    for changed in (
        (enc + ct[:-1] + bytes([ct[-1] ^ 1]), info, aad),
        (bytes([enc[0] ^ 1]) + enc[1:] + ct, info, aad),
        (enc + ct, info + b"\0", aad),
        (enc + ct, info, b""),
    ):
        with pytest.raises(InvalidTag):
            openssl.hpke._decrypt_with_aad(suite, changed[0], key, *changed[1:])


@pytest.mark.parametrize("vector", ["rfc9180", "hybrid"])
def test_the_steps_of_the_rfc_give_the_published_key(vector: str) -> None:
    """The control of the next test: our reading of the key schedule is everybody's."""
    assert schedule(vector, HPKE[vector]["aead_id"]) == (
        part(vector, "key"),
        part(vector, "base_nonce"),
    )
    assert schedule(vector, 1) != schedule(vector, 2)


def test_our_suite_unwraps_what_the_rfc_says() -> None:
    """Hybrid KEM, HKDF-SHA256, AES-256-GCM, no associated data: `KeyPair.open` as it is used."""
    key, nonce = schedule("hybrid", 2)
    data_key, info = bytes(range(32)), part("hybrid", "info")
    wrapped = part("hybrid", "enc") + AESGCM(key).encrypt(nonce, data_key, b"")
    assert hybrid_pair().open(wrapped, info=info) == data_key
    for other in (schedule("hybrid", 1), (key, bytes(12)), (sha256(key).digest(), nonce)):
        wrong = part("hybrid", "enc") + AESGCM(other[0]).encrypt(other[1], data_key, b"")
        with pytest.raises(VerificationError, match="WRONG_KEY"):
            hybrid_pair().open(wrong, info=info)


def test_what_we_wrap_opens_by_the_steps_alone() -> None:
    """Without the library's HPKE; the steps give the published shared secret first."""
    secret, public = shake_256(part("hybrid", "skRm")).digest(96), part("hybrid", "pkRm")
    enc = part("hybrid", "enc")
    assert shared_by_hand(secret, public, enc) == part("hybrid", "shared_secret")

    data_key, info = bytes(range(32)), b"a context"
    wrapped = wrap(public, data_key, info=info)
    shared = shared_by_hand(secret, public, wrapped[:1120])
    key, nonce = schedule_of((0x647A, 1, 2), shared, info)
    assert AESGCM(key).decrypt(nonce, wrapped[1120:], b"") == data_key
    with pytest.raises(InvalidTag):
        AESGCM(schedule_of((0x647A, 1, 2), shared, b"another")[0]).decrypt(
            nonce, wrapped[1120:], b""
        )


def test_what_was_sealed_once_opens_for_ever() -> None:
    """Bytes, not code, are the format; with any one bit flipped they do not open."""
    data, pair = bytes.fromhex(CONTAINER["blob"]), KeyPair.from_secret(_bytes("secret"))
    info = floor_info(CONTAINER["floor"], "session")

    def opened(given: bytes) -> str:
        blob = SealedBlob.decode(given)
        again = blob.rewrap(pair, pair.public, at_rest=info, in_run=info)
        return again.open(pair.open(again.wrapped, info=info)).decode()

    assert opened(data) == CONTAINER["text"]
    assert SealedBlob.decode(data).encode() == data
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(VerificationError):
            opened(bytes(flipped))


def test_a_batch_that_was_written_once_is_read_for_ever(tmp_path: Path) -> None:
    """Manifest, pack and keys; what they say agrees."""
    for name in (SEALED, KEYS):
        (tmp_path / name).write_bytes(_bytes(name))
    manifest = Manifest.decode(CONTAINER["manifest"].encode())
    manifest.check_source(by_fingerprint([CONTAINER["source"]]))
    (row,) = manifest.rows
    assert isinstance(row, Row)
    blob = Pack(tmp_path).read(Place(0, 0, row.size))
    assert Pack(tmp_path).has(1, row.size)
    assert blob.digest == row.digest
    assert blob.encode().hex() == CONTAINER["blob"]
    with pytest.raises(VerificationError):
        Manifest.decode(CONTAINER["manifest"].replace("2026-01", "2026-02").encode())


def _bytes(name: str) -> bytes:
    return bytes.fromhex(CONTAINER[name])
