"""
Merkle trees over a log's entries, and the two proofs that a reader checks by himself.

The tree is RFC 6962's [1], so that anyone can work out a head from exported entries.  An
inclusion proof shows that one entry stands in a tree of which only the head is known; a
consistency proof, that a tree goes on where an older one ended.  Both are checked as RFC 9162
says [2].  An older tree of no entries is refused: everything would go on from it.

[1] RFC 6962, sections 2.1, 2.1.1 and 2.1.2.
[2] RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from collections.abc import Sequence
from hashlib import sha256

from .errors import VerificationError

HASH_SIZE = 32


def leaf(entry: bytes) -> bytes:
    """Hash of one entry."""
    return sha256(b"\0" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: enough for its head, and no more than 64 hashes."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        """Heads of the complete trees that it is made of, the largest first."""

    def append(self, leaf: bytes) -> None:
        """Add one leaf's hash on the right."""
        grown, node = self.size, leaf
        while grown & 1:
            node = _node(self._peaks.pop(), node)
            grown >>= 1
        self._peaks.append(node)
        self.size += 1

    @property
    def head(self) -> bytes:
        """Hash of the tree; the empty tree's is SHA-256 of nothing."""
        if not self._peaks:
            return sha256(b"").digest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _node(peak, node)
        return node


def head(leaves: Sequence[bytes]) -> bytes:
    """Hash of a tree over leaf hashes."""
    tree = Frontier()
    for each in leaves:
        tree.append(each)
    return tree.head


def prove_inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """What, with the leaf at a place, gives the tree's head: RFC 6962's PATH."""
    size = len(leaves)
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}.")
    if size == 1:
        return []
    left = _split(size)
    if index < left:
        return [*prove_inclusion(index, leaves[:left]), head(leaves[left:])]
    return [*prove_inclusion(index - left, leaves[left:]), head(leaves[:left])]


def prove_consistency(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    """What shows that a tree begins with its first `old` leaves: RFC 6962's PROOF."""
    if not 0 < old <= len(leaves):
        raise ValueError(f"A tree of {len(leaves)} leaves does not go on from one of {old}.")
    return _subproof(old, leaves, whole=True)


def check_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """
    Check that a leaf stands at a place of a tree.

    Raises:
        VerificationError: It does not, or this does not show it.
    """
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        raise _invalid()
    place, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise _invalid()
        if place & 1 or place == last:
            node = _node(step, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = _node(node, step)
        place, last = place >> 1, last >> 1
    if last != 0 or node != root:
        raise _invalid()


def check_consistency(
    old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """
    Check that a tree of `size` leaves begins with the tree of its first `old`.

    Raises:
        VerificationError: It does not, or this does not show it.
    """
    if not 0 < old <= size or not _hashes(old_root, root, *proof):
        raise _invalid()
    if old == size:
        if proof or old_root != root:
            raise _invalid()
        return
    # A complete older tree is a node of the newer one, and so need not be in the proof.
    steps = [old_root, *proof] if old & (old - 1) == 0 else [*proof]
    if not steps:
        raise _invalid()
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_node = node = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise _invalid()
        if place & 1 or place == last:
            old_node, node = _node(step, old_node), _node(step, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = _node(node, step)
        place, last = place >> 1, last >> 1
    if last != 0 or old_node != old_root or node != root:
        raise _invalid()


def _split(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


def _subproof(old: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    size = len(leaves)
    if old == size:
        return [] if whole else [head(leaves)]
    left = _split(size)
    if old <= left:
        return [*_subproof(old, leaves[:left], whole=whole), head(leaves[left:])]
    return [*_subproof(old - left, leaves[left:], whole=False), head(leaves[:left])]


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)


def _invalid() -> VerificationError:
    return VerificationError(
        "PROOF_INVALID",
        rule="A proof leads from what it is about to the head that was signed.",
        found="one that leads elsewhere.",
        remedy="get the proof again from the ledger's keeper; until then nothing is shown.",
    )
