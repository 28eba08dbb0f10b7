"""
Two small files that show something about a ledger to who has not got it.

An inclusion proof is C2SP's `tlog-proof` [1] with the entry itself as its extra data; a
consistency proof has the lines that a witness is sent [2].  Both end with the checkpoint that
they lead to, and hold with the keeper's public key alone.

[1] https://c2sp.org/tlog-proof
[2] https://c2sp.org/tlog-witness
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence

from .checkpoint import Checkpoint, read_checkpoint
from .entries import Entry, read_entry
from .errors import VerificationError
from .history import History
from .merkle import (
    check_consistency,
    check_inclusion,
    leaf,
    prove_consistency,
    prove_inclusion,
)

INCLUSION = "c2sp.org/tlog-proof@v1"
CONSISTENCY = "old "


def write_inclusion(history: History, entry: Entry, note: str) -> str:
    """The proof that an entry stands in a ledger with the head of a signed note."""
    extra = b64encode(entry.line).decode()
    head = [INCLUSION, f"extra {extra}", f"index {entry.seq}"]
    return _lines(head, prove_inclusion(entry.seq, history.leaves), note)


def read_inclusion(text: str, public: bytes) -> tuple[Entry, Checkpoint]:
    """
    Check an inclusion proof with the keeper's key.

    Returns:
        The entry, and the checkpoint of the ledger that it stands in.

    Raises:
        VerificationError: It does not show it.
    """
    head, proof, checkpoint = _parts(text, 3, public)
    try:
        line = b64decode(head[1].removeprefix("extra "), validate=True)
        index, entry = int(head[2].removeprefix("index ")), read_entry(line)
        canonical = [INCLUSION, f"extra {b64encode(line).decode()}", f"index {entry.seq}"]
        if head != canonical or index != entry.seq:
            raise ValueError  # noqa: TRY301 - one refusal for every way of not being a proof
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _unreadable() from None
    check_inclusion(index, checkpoint.size, leaf(line), proof, checkpoint.head)
    return entry, checkpoint


def write_consistency(history: History, old: int, note: str) -> str:
    """The proof that a ledger goes on from its first `old` entries."""
    return _lines([f"{CONSISTENCY}{old}"], prove_consistency(old, history.leaves), note)


def read_consistency(text: str, old: Checkpoint, public: bytes) -> Checkpoint:
    """
    Check a consistency proof from an older checkpoint, with the keeper's key.

    Returns:
        The newer checkpoint.

    Raises:
        VerificationError: It does not show it.
    """
    head, proof, checkpoint = _parts(text, 1, public)
    if head != [f"{CONSISTENCY}{old.size}"] or old.origin != checkpoint.origin:
        raise _unreadable()
    check_consistency(old.size, checkpoint.size, old.head, checkpoint.head, proof)
    return checkpoint


def _lines(head: Sequence[str], proof: Sequence[bytes], note: str) -> str:
    return "\n".join([*head, *(b64encode(step).decode() for step in proof), "", note])


def _parts(text: str, heads: int, public: bytes) -> tuple[list[str], list[bytes], Checkpoint]:
    above, _, note = text.partition("\n\n")
    lines = above.split("\n")
    try:
        proof = [b64decode(line, validate=True) for line in lines[heads:]]
        canonical = [b64encode(step).decode() for step in proof] == lines[heads:]
    except ValueError:
        canonical = False
    if not canonical:
        raise _unreadable()
    return lines[:heads], proof, read_checkpoint(note, public)


def _unreadable() -> VerificationError:
    return VerificationError(
        "PROOF_UNREADABLE",
        rule="A proof is what `clerestory ledger VAULT --export FILE` wrote beside the export.",
        found="another form, or a proof from another checkpoint.",
        remedy="get the proof again, and the checkpoint that it starts from.",
    )
