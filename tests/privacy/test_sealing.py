"""Sealing: opens with the right key in the right context, and not otherwise."""

from dataclasses import replace

import pytest
import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import VerificationError
from privacy.sealing import (
    LARGEST,
    WRAPPED_BYTES,
    KeyPair,
    SealedBlob,
    floor_info,
    key_id,
    padded_length,
    run_info,
    seal,
    wrap,
)

KEEPER, WORKER, STRANGER = (KeyPair.generate() for _ in range(3))
AT_REST, IN_RUN = floor_info("f" * 64, "session"), run_info("p" * 64)


def sealed(data: bytes = b"what was said") -> SealedBlob:
    """A blob for the keeper."""
    return seal(data, {"month": "2026-01"}, public=KEEPER.public, info=AT_REST)


def opened(data: bytes) -> bytes:
    """What the keeper gets out of a blob's bytes."""
    blob = SealedBlob.decode(data)
    if blob.key != key_id(KEEPER.public):
        raise VerificationError("KEY_UNKNOWN", rule="", found="", remedy="")
    return blob.open(KEEPER.open(blob.wrapped, info=AT_REST))


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=5000))
def test_what_was_sealed_comes_out(data: bytes) -> None:
    """Padding is invisible from within."""
    blob = SealedBlob.decode(sealed(data).encode())
    assert blob.open(KEEPER.open(blob.wrapped, info=AT_REST)) == data
    assert blob.header == {"month": "2026-01"}


def test_another_key_or_another_floor_opens_nothing() -> None:
    """A floor cannot be loosened after the fact: its hash is in HPKE's info."""
    blob = sealed()
    assert KEEPER.open(blob.wrapped, info=AT_REST)
    for key, info in (
        (STRANGER, AT_REST),
        (KEEPER, floor_info("e" * 64, "session")),
        (KEEPER, floor_info("f" * 64, "labels")),
        (KEEPER, IN_RUN),
    ):
        with pytest.raises(VerificationError, match="WRONG_KEY"):
            key.open(blob.wrapped, info=info)


def test_a_rewrapped_blob_opens_for_the_worker_and_for_this_plan_only() -> None:
    """One run key per charge: another plan's worker can do nothing with it."""
    blob = sealed().rewrap(KEEPER, WORKER.public, at_rest=AT_REST, in_run=IN_RUN)
    assert blob.open(WORKER.open(blob.wrapped, info=IN_RUN)) == b"what was said"
    for key, info in ((KEEPER, AT_REST), (WORKER, run_info("q" * 64)), (STRANGER, IN_RUN)):
        with pytest.raises(VerificationError, match="WRONG_KEY"):
            key.open(blob.wrapped, info=info)
    for mistaken in (blob, replace(sealed(), key="0" * 16)):
        with pytest.raises(VerificationError, match="WRONG_KEY"):
            mistaken.rewrap(KEEPER, WORKER.public, at_rest=AT_REST, in_run=IN_RUN)


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_no_flipped_byte_goes_unnoticed(place: int, flip: int) -> None:
    """Header, wrapped key and content are all authenticated."""
    data = bytearray(sealed().encode())
    data[place % len(data)] ^= flip
    with pytest.raises(VerificationError):
        opened(bytes(data))


@given(cut=st.integers(0, 2000))
@settings(max_examples=40, deadline=None)
def test_a_truncated_blob_is_refused(cut: int) -> None:
    """A vault that was cut off says so."""
    data = sealed(b"x" * 500).encode()
    assert opened(data) == b"x" * 500
    with pytest.raises(VerificationError):
        opened(data[: cut % len(data)])


def test_a_header_cannot_be_swapped() -> None:
    """Else a session could be moved to another account."""
    one, other = sealed(), seal(b"x", {"month": "2026-02"}, public=KEEPER.public, info=AT_REST)
    forged = replace(one, header_bytes=other.header_bytes)
    with pytest.raises(VerificationError, match="VAULT_DAMAGED"):
        forged.open(KEEPER.open(forged.wrapped, info=AT_REST))


def test_lengths_are_padded_by_padme() -> None:
    """Sizes 8,200 and 8,400 look alike; no length grows by more than 12 %."""
    # Padmé: E = ⌊log₂ L⌋, S = ⌊log₂ E⌋ + 1, the low E − S bits are rounded up.
    # L = 9: E = 3, S = 2, one bit is rounded: 10.  L = 8,200: E = 13, S = 4, nine bits: 8,704.
    assert padded_length(9) == 10
    assert padded_length(8_200) == padded_length(8_400) == 8_704
    for length in (2, 3, 100, 1000, 12_345, 1_000_000, LARGEST):
        assert length <= padded_length(length) <= length * 1.12
    assert len(sealed(b"x" * 8_200).content) == len(sealed(b"x" * 8_400).content)
    assert len(sealed(b"x" * 8_200).content) != len(sealed(b"x" * 9_400).content)


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_a_size_shows_its_padme_class_and_no_more(one: int, other: int) -> None:
    """Two lengths look alike exactly when Padmé rounds them to one; longer never looks shorter."""
    padded = padded_length(one), padded_length(other)
    assert one <= padded[0] <= one * (1 + 1 / 8) + 1
    assert padded_length(padded[0]) == padded[0]
    assert (one < other) <= (padded[0] <= padded[1])
    # At most ⌊log₂ E⌋ + 1 leading bits are told, E = ⌊log₂ L⌋: the rest is zero.
    if padded[0] >= 2:
        exponent = padded[0].bit_length() - 1
        assert padded[0] % (1 << max(0, exponent - exponent.bit_length())) == 0


def test_few_classes_hold_all_lengths() -> None:
    """Of 67,108,865 lengths up to the cap a size parts 493 classes: nine bits of twenty-six."""
    # Between 2ᴱ and 2ᴱ⁺¹ lie 2ˢ classes, S = min(E, ⌊log₂ E⌋ + 1): E = 1: 2, 2 and 3: 4 each,
    # 4 to 7: 8 each, 8 to 15: 16 each, 16 to 25: 32 each; and 0, 1 and 2²⁶ itself.
    classes, length = {0}, 0
    while length < LARGEST:
        length = padded_length(length + 1)
        classes.add(length)
    expected = 2 + 2 * 4 + 4 * 8 + 8 * 16 + 10 * 32 + 3
    assert len(classes) == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_nothing_else_of_a_blob_depends_on_its_length(one: int, other: int) -> None:
    """Header, wrapped key and frame have one size; the content's is the padded one."""
    first, second = sealed(bytes(one)), sealed(bytes(other))
    assert len(first.wrapped) == len(second.wrapped) == WRAPPED_BYTES
    assert len(first.header_bytes) == len(second.header_bytes)
    same = padded_length(one + 8) == padded_length(other + 8)
    assert (len(first.encode()) == len(second.encode())) == same


def padded_as(padded: bytes) -> SealedBlob:
    """A blob around other padded bytes than `seal` makes: whoever seals can do so."""
    key, blob = bytes(32), sealed()
    content = bytes(12) + AESGCM(key).encrypt(bytes(12), padded, blob.header_bytes)
    return replace(blob, wrapped=wrap(KEEPER.public, key, info=AT_REST), content=content)


@pytest.mark.parametrize(
    "padded",
    [b"", bytes(7), b"\xff" * 8, (9).to_bytes(8) + b"x" * 8, (8).to_bytes(8) + b"x" * 80],
    ids=["nothing", "no length", "endless", "shorter", "longer"],
)
def test_a_blob_with_another_padding_is_refused(padded: bytes) -> None:
    """A size that says more than Padmé would, or a length that is not there."""
    with pytest.raises(VerificationError, match="VAULT_DAMAGED"):
        opened(padded_as(padded).encode())
    assert opened(padded_as((8).to_bytes(8) + b"x" * 8).encode()) == b"x" * 8


@given(st.dictionaries(st.text(st.characters(codec="ascii")), st.text()))
def test_headers_are_canonical(header: dict[str, str]) -> None:
    """Written by hand for speed; RFC 8785 says the same."""
    expected = rfc8785.dumps(dict(header))
    assert seal(b"", header, public=KEEPER.public, info=AT_REST).header_bytes == expected


def test_a_secret_makes_the_same_pair_again() -> None:
    """The keeper comes back with the keys it had."""
    assert KeyPair.from_secret(KEEPER.secret).public == KEEPER.public != WORKER.public


def test_nothing_beyond_the_cap_is_sealed() -> None:
    """64 MiB: longer sessions are a label value."""
    with pytest.raises(ValueError, match="at most"):
        seal(bytes(LARGEST + 1), {}, public=KEEPER.public, info=AT_REST)
