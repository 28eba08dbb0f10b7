"""
Replay a ledger's export as an outsider: no vault, no keeper, only files.

Checked: every entry follows from the one before; every bundle's checkpoint is a head of just
this history; every bundle's plan was charged for before it was released, with what its queries
cost.  A ledger that was rewritten after a bundle went out cannot hold that bundle's checkpoint.
"""

import json
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

from privacy.errors import ConfigurationError, VerificationError
from privacy.ledger import Entry, check_chain, read_entry
from privacy.loss import read_rho
from privacy.merkle import head, leaf, read_checkpoint
from privacy.plan import read_plan
from privacy.signing import public_raw


def replay(export: Path, bundles: list[Path]) -> dict[str, Any]:
    """
    Replay an export and hold bundles against it.

    Raises:
        VerificationError: An entry does not follow, or a bundle is not of this history.
    """
    lines = _lines(export)
    check_chain((line, _kind(line), sha256(line).hexdigest()) for line in lines)
    entries = [read_entry(line) for line in lines]
    charges = [entry for entry in entries if entry.kind == "charge"]
    spent = sum((read_rho(entry.body["rho"]) for entry in charges), start=Fraction(0))
    return {
        "entries": len(entries),
        "charges": len(charges),
        "spent": f"{float(spent):.6g}",
        "spent_exactly": str(spent),
        "bundles": [_held(bundle, lines, charges) for bundle in bundles],
    }


def _held(bundle: Path, lines: list[bytes], charges: list[Entry]) -> dict[str, str]:
    try:
        note = (bundle / "checkpoint.txt").read_text(encoding="utf-8")
        key = public_raw((bundle / "keeper.pub").read_text(encoding="utf-8"))
        plan = read_plan((bundle / "plan.json").read_bytes())
    except (OSError, UnicodeDecodeError):
        raise _not_there("a bundle without checkpoint, key or plan.") from None
    checkpoint = read_checkpoint(note, key)
    known = lines[: checkpoint.size]
    if len(known) < checkpoint.size or head([leaf(line) for line in known]) != checkpoint.head:
        raise VerificationError(
            "LEDGER_REWRITTEN",
            rule="A ledger holds every history that was ever published from it.",
            found=f"a checkpoint over {checkpoint.size} entries that this export does not hold.",
            remedy="ask the keeper for the ledger from which the bundle was released.",
        )
    paid = [e for e in charges if e.body["plan"] == plan.hash and e.seq < checkpoint.size]
    if not any(read_rho(entry.body["rho"]) >= plan.loss for entry in paid):
        raise VerificationError(
            "NOT_CHARGED",
            rule="A release is charged before it is made, with what its queries cost.",
            found="a bundle whose plan has no such charge before its checkpoint.",
            remedy="do not use the bundle; ask its keeper.",
        )
    return {"bundle": str(bundle), "plan": plan.hash}


def _lines(export: Path) -> list[bytes]:
    try:
        return export.read_bytes().splitlines()
    except OSError:
        raise _not_there("no readable file.") from None


def _kind(line: bytes) -> str:
    try:
        return str(json.loads(line)["kind"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _not_there(found: str) -> ConfigurationError:
    return ConfigurationError(
        "EXPORT_UNREADABLE",
        rule="An audit reads `clerestory ledger VAULT --export FILE` and whole bundles.",
        found=found,
        remedy="check the paths.",
    )
