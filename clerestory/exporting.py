"""Write a ledger's export with its proofs beside it, and check those proofs without it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from privacy.checkpoint import read_checkpoint
from privacy.entries import read_entry
from privacy.errors import ConfigurationError
from privacy.history import History
from privacy.proofs import (
    CONSISTENCY,
    INCLUSION,
    read_consistency,
    read_inclusion,
    write_consistency,
    write_inclusion,
)
from privacy.signing import public_raw


def write_export(
    path: Path, told: Mapping[str, Any], *, prove: str | None, since: int | None
) -> None:
    """
    Write the entries, `.checkpoint` beside them, and the proofs that were asked for.

    Args:
        path: Where the entries go, one a line.
        told: The keeper's answer.
        prove: SHA-256 of a plan, or its beginning: `.tlog-proof` shows its newest entry.
        since: A size: `.consistency` shows that the ledger goes on from there.

    Raises:
        ConfigurationError: There is no such plan or size.
        VerificationError: The keeper's answer is no ledger.
    """
    lines = [line.encode() for line in told["entries"]]
    history, note = History.of(lines), told["checkpoint"]
    files = {"": b"".join(line + b"\n" for line in lines), ".checkpoint": note.encode()}
    if prove is not None:
        entries = [read_entry(line) for line in lines]
        about = [e for e in entries if prove and e.body.get("plan", "").startswith(prove)]
        if not about:
            raise _nothing("a plan that stands in no entry.")
        files[".tlog-proof"] = write_inclusion(history, about[-1], note).encode()
    if since is not None:
        if not 0 < since <= history.size:
            raise _nothing("a size that the ledger never had.")
        files[".consistency"] = write_consistency(history, since, note).encode()
    for suffix, data in files.items():
        Path(f"{path}{suffix}").write_bytes(data)


def is_proof(path: Path) -> bool:
    """Whether a file is one of the proofs, and no export."""
    try:
        with path.open("rb") as file:
            start = file.read(len(INCLUSION))
    except OSError:
        return False
    return start == INCLUSION.encode() or start.startswith(CONSISTENCY.encode())


def check_proof(path: Path, given: Sequence[Path], trust: str | None) -> dict[str, Any]:
    """
    Check a proof with the keeper's key, and a consistency proof with an older checkpoint.

    Raises:
        ConfigurationError: The key, or the older checkpoint, was not given.
        VerificationError: The proof does not hold.
    """
    if trust is None:
        raise _nothing("no key: a proof is checked with the keeper's, by --trust.")
    key, text = public_raw(trust), _text(path)
    if text.startswith(INCLUSION):
        entry, checkpoint = read_inclusion(text, key)
        shown = f"entry {entry.seq}, a {entry.kind}, is one of {checkpoint.size} entries"
        return {"shown": shown, "entry": entry.seq, "kind": entry.kind, "body": dict(entry.body)}
    if len(given) != 1:
        raise _nothing("not just one older checkpoint to begin from.")
    old = read_checkpoint(_text(given[0]), key)
    new = read_consistency(text, old, key)
    shown = f"the ledger of {new.size} entries goes on from that of {old.size}"
    return {"shown": shown, "old": old.size, "size": new.size}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise _nothing("no readable file.") from None


def _nothing(found: str) -> ConfigurationError:
    return ConfigurationError(
        "NOTHING_TO_PROVE",
        rule="A proof is about a plan, or a size, of the ledger, and needs its keeper's key.",
        found=found,
        remedy="look at the ledger without --prove and --since; check the paths.",
    )
