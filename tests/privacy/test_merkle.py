"""Heads and notes: the published examples, and every way of being wrong."""

from hashlib import sha256

import pytest

from privacy.errors import VerificationError
from privacy.merkle import Checkpoint, head, leaf, read_checkpoint
from privacy.signing import SigningKey

LEAVES = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243")]
"""The first six leaves of the reference tree of Certificate Transparency's own tests."""


def split_tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 word for word: split at the largest power of two below n."""
    if len(leaves) == 1:
        return leaf(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + split_tree(leaves[:k]) + split_tree(leaves[k:])).digest()


def test_pairing_from_the_left_is_the_tree_of_the_rfc() -> None:
    """The short way must give the same head as the definition, for every size."""
    for n in range(1, 40):
        leaves = [bytes([i]) for i in range(n)]
        assert head([leaf(x) for x in leaves]) == split_tree(leaves)


def test_known_heads() -> None:
    """The empty tree and the one-leaf tree have well-known heads."""
    # RFC 6962: MTH({}) = SHA-256(); MTH({d}) = SHA-256(0x00 || d), here with d empty.
    assert head([]).hex().startswith("e3b0c44298fc1c14")
    assert head([leaf(b"")]).hex().startswith("6e340b9cffb37a98")
    # The head over three leaves, as published with the reference tree.
    three = head([leaf(x) for x in LEAVES[:3]]).hex()
    assert three.startswith("aeb6bcfe274b70a1")


def test_a_checkpoint_reads_back_with_its_key_only() -> None:
    """Readers are witnesses: they must be able to tell their checkpoint from a forged one."""
    key, other = SigningKey.generate(), SigningKey.generate()
    checkpoint = Checkpoint("clerestory/x", 3, head([leaf(x) for x in LEAVES[:3]]))
    note = checkpoint.sign(key)

    assert read_checkpoint(note, key.public_raw) == checkpoint
    with pytest.raises(VerificationError):
        read_checkpoint(note, other.public_raw)


@pytest.mark.parametrize("place", range(0, 150, 7))
def test_a_changed_note_is_refused(place: int) -> None:
    """Origin, size, head and signature are all covered."""
    key = SigningKey.generate()
    note = Checkpoint("clerestory/x", 12, head([leaf(b"x")])).sign(key)
    place %= len(note) - 1
    changed = note[:place] + ("0" if note[place] != "0" else "1") + note[place + 1 :]
    with pytest.raises(VerificationError):
        read_checkpoint(changed, key.public_raw)
