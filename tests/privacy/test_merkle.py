"""Heads and proofs: the published examples, and every way of being wrong."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import VerificationError
from privacy.merkle import (
    Frontier,
    check_consistency,
    check_inclusion,
    head,
    leaf,
    prove_consistency,
    prove_inclusion,
)

ENTRIES = [
    bytes.fromhex(x)
    for x in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The reference tree of Certificate Transparency's own tests."""
LEAVES = [leaf(entry) for entry in ENTRIES]
ROOTS = [
    bytes.fromhex(x)
    for x in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
"""Its heads at sizes 1 to 8, as published."""
# Nodes of the reference tree that the published proofs are made of, by their first bytes.
NODE = {
    x[:4]: bytes.fromhex(x)
    for x in (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    )
}
INCLUSIONS = {
    (0, 1): "",
    (0, 8): "96a2 5f08 6b47",
    (5, 8): "bc1a ca85 d37e",
    (2, 3): "fac5",
    (1, 5): "6e34 5f08 bc1a",
}
"""(index, size) → the published proof."""
CONSISTENCIES = {
    (1, 1): "",
    (1, 8): "96a2 5f08 6b47",
    (6, 8): "0ebc ca85 d37e",
    (2, 5): "5f08 bc1a",
    (6, 7): "0ebc b086 d37e",
}
"""(older size, size) → the published proof."""
EMPTY = sha256(b"").digest()
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")

Inclusion = tuple[int, int, bytes, list[bytes], bytes]
Consistency = tuple[int, int, bytes, bytes, list[bytes]]


def nodes(names: str) -> list[bytes]:
    """A published proof."""
    return [NODE[name] for name in names.split()]


def holds_inclusion(index: int, size: int, at: bytes, proof: list[bytes], root: bytes) -> bool:
    """Whether an inclusion proof is accepted."""
    try:
        check_inclusion(index, size, at, proof, root)
    except VerificationError:
        return False
    return True


def holds_consistency(
    old: int, size: int, old_root: bytes, root: bytes, proof: list[bytes]
) -> bool:
    """Whether a consistency proof is accepted."""
    try:
        check_consistency(old, size, old_root, root, proof)
    except VerificationError:
        return False
    return True


def spoiled(proof: list[bytes], *roots: bytes) -> Iterator[list[bytes]]:
    """What the reference tests do to a proof: added to, cut, one bit turned."""
    for extra in (b"", *roots, *proof[:1]):
        yield [*proof, extra]
        yield [extra, *proof]
    if proof:
        yield proof[:-1]
        yield []
    if len(proof) > 1:
        yield [proof[0], SOME, *proof[1:]]
    for place, step in enumerate(proof):
        for bit in (0x08, 0x10):
            yield [*proof[:place], bytes([step[0] ^ bit]) + step[1:], *proof[place + 1 :]]


def wrong_inclusions(index: int, size: int, proof: list[bytes]) -> Iterator[Inclusion]:
    """The reference tests' ways of being wrong about a leaf."""
    root, at = ROOTS[size - 1], LEAVES[index]
    for place in (index - 1, index + 1, index ^ 2):
        yield place, size, at, proof, root
    for other in (size * 2, size // 2):
        yield index, other, at, proof, root
    yield index, size, b"WrongLeaf", proof, root
    for wrong in (EMPTY, SOME, b""):
        yield index, size, at, proof, wrong
    for worse in spoiled(proof, root):
        yield index, size, at, worse, root


def wrong_consistencies(old: int, size: int, proof: list[bytes]) -> Iterator[Consistency]:
    """The reference tests' ways of being wrong about an older tree."""
    first, second = ROOTS[old - 1], ROOTS[size - 1]
    for other in (old - 1, old + 1, old ^ 2):
        yield other, size, first, second, proof
    for other in (size * 2, size // 2):
        yield old, other, first, second, proof
    yield old, size, b"WrongRoot", second, proof
    yield old, size, first, b"WrongRoot", proof
    yield old, size, second, first, proof
    for worse in spoiled(proof, first, second):
        yield old, size, first, second, worse


def split_tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 word for word: split at the largest power of two below n."""
    if len(leaves) == 1:
        return leaf(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + split_tree(leaves[:k]) + split_tree(leaves[k:])).digest()


def test_a_growing_tree_is_the_tree_of_the_rfc() -> None:
    """The short way must give the same head as the definition, for every size."""
    tree = Frontier()
    for n in range(1, 70):
        leaves = [bytes([i]) for i in range(n)]
        tree.append(leaf(leaves[-1]))
        assert tree.head == head([leaf(x) for x in leaves]) == split_tree(leaves)
        assert tree.size == n


def test_the_reference_heads() -> None:
    """The tree of nothing, and the eight published ones."""
    # RFC 6962: MTH({}) = SHA-256().
    assert head([]) == EMPTY
    assert [head(LEAVES[: n + 1]) for n in range(8)] == ROOTS


def test_the_reference_proofs_are_made_and_accepted() -> None:
    """The ten published proofs, to the byte."""
    for (index, size), names in INCLUSIONS.items():
        assert prove_inclusion(index, LEAVES[:size]) == nodes(names)
        assert holds_inclusion(index, size, LEAVES[index], nodes(names), ROOTS[size - 1])
    for (old, size), names in CONSISTENCIES.items():
        assert prove_consistency(old, LEAVES[:size]) == nodes(names)
        assert holds_consistency(old, size, ROOTS[old - 1], ROOTS[size - 1], nodes(names))


def test_the_reference_ways_of_being_wrong_are_refused() -> None:
    """As the reference tests corrupt them: sizes, places, roots, and the proof itself."""
    accepted: list[object] = []
    tried = 0
    for (index, size), names in INCLUSIONS.items():
        for wrong in wrong_inclusions(index, size, nodes(names)):
            tried += 1
            accepted += [wrong] if holds_inclusion(*wrong) else []
    for (old, size), names in CONSISTENCIES.items():
        if old == size:
            continue  # says nothing, and is right whatever the size is called
        for older in wrong_consistencies(old, size, nodes(names)):
            tried += 1
            accepted += [older] if holds_consistency(*older) else []
    assert accepted == []
    assert tried > 190


def test_a_tree_of_nothing_shows_nothing() -> None:
    """Every tree goes on from the empty one: who may say 0 has shown any history at all."""
    for root in (EMPTY, ROOTS[0]):
        for proof in ([], [EMPTY]):
            assert not holds_consistency(0, 0, root, root, proof)
            assert not holds_consistency(0, 1, root, ROOTS[0], proof)
            assert not holds_inclusion(0, 0, LEAVES[0], proof, root)
    with pytest.raises(ValueError, match="go on"):
        prove_consistency(0, LEAVES)


@pytest.mark.parametrize(
    ("old", "size", "roots", "proof"),
    [
        (1, 1, (ROOTS[0], ROOTS[1]), []),
        (1, 0, (ROOTS[0], EMPTY), []),
        (2, 1, (ROOTS[1], ROOTS[0]), []),
        (1, 2, (ROOTS[0], ROOTS[1]), []),
        (1, 1, (EMPTY, ROOTS[0]), []),
        (1, 1, (EMPTY, EMPTY), [EMPTY]),
    ],
)
def test_the_edges_of_consistency(
    old: int, size: int, roots: tuple[bytes, bytes], proof: list[bytes]
) -> None:
    """One size with two roots, time travel, no proof, and a proof where none is due."""
    assert not holds_consistency(old, size, *roots, proof)
    assert holds_consistency(1, 1, ROOTS[0], ROOTS[0], [])


def test_what_does_not_exist_is_not_proved() -> None:
    """A leaf beyond the tree, or a tree longer than itself."""
    for index in (-1, 8):
        with pytest.raises(ValueError, match="no leaf"):
            prove_inclusion(index, LEAVES)
    with pytest.raises(ValueError, match="go on"):
        prove_consistency(9, LEAVES)


@given(st.data())
def test_any_leaf_of_any_tree_is_shown_and_no_changed_byte_of_it(data: st.DataObject) -> None:
    """One proof, all of its bytes: each turned bit, each other place and size, is refused."""
    leaves = [leaf(bytes([i])) for i in range(data.draw(st.integers(1, 130)))]
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = prove_inclusion(index, leaves), head(leaves)
    assert holds_inclusion(index, len(leaves), leaves[index], proof, root)

    parts = [leaves[index], root, *proof]
    changed = data.draw(st.integers(0, len(parts) - 1))
    byte, flip = data.draw(st.integers(0, 31)), data.draw(st.integers(1, 255))
    parts[changed] = (
        parts[changed][:byte] + bytes([parts[changed][byte] ^ flip]) + parts[changed][byte + 1 :]
    )
    assert not holds_inclusion(index, len(leaves), parts[0], parts[2:], parts[1])
    other = data.draw(st.integers(0, len(leaves) - 1).filter(lambda place: place != index))
    assert not holds_inclusion(other, len(leaves), leaves[index], proof, root)


@given(st.data())
def test_any_prefix_of_any_tree_is_shown_and_no_changed_byte_of_it(data: st.DataObject) -> None:
    """Likewise for an older tree: each turned bit, each other older size, is refused."""
    leaves = [leaf(bytes([i])) for i in range(data.draw(st.integers(2, 130)))]
    size, old = len(leaves), data.draw(st.integers(1, len(leaves)))
    proof = prove_consistency(old, leaves)
    parts = [head(leaves[:old]), head(leaves), *proof]
    assert holds_consistency(old, size, parts[0], parts[1], proof)

    changed = data.draw(st.integers(0, len(parts) - 1))
    byte, flip = data.draw(st.integers(0, 31)), data.draw(st.integers(1, 255))
    spoilt = [*parts]
    spoilt[changed] = (
        parts[changed][:byte] + bytes([parts[changed][byte] ^ flip]) + parts[changed][byte + 1 :]
    )
    assert not holds_consistency(old, size, spoilt[0], spoilt[1], spoilt[2:])
    other = data.draw(st.integers(0, size + 1).filter(lambda n: n != old))
    assert not holds_consistency(other, size, parts[0], parts[1], proof)


@given(st.integers(1, 64), st.integers(0, 63), st.integers(0, 63))
def test_a_rewritten_past_is_not_shown(size: int, old: int, place: int) -> None:
    """An honest proof over a tree whose past was changed leads away from the head that is out."""
    leaves = [leaf(bytes([i])) for i in range(size)]
    old, place = old % size + 1, place % (old % size + 1)
    rewritten = [*leaves]
    rewritten[place] = leaf(b"another")
    proof = prove_consistency(old, rewritten)
    assert not holds_consistency(old, size, head(leaves[:old]), head(rewritten), proof)
    assert holds_consistency(old, size, head(rewritten[:old]), head(rewritten), proof)
