"""
Replay a ledger's export as an outsider: no vault, no keeper, only files.

Checked: every entry follows from the one before; every checkpoint that anybody kept is a head
of just this history, with what was spent by then, or is named in a recovery that officers
signed; every key and every release has a charge of its own; every bundle is the one that was
released for it, and tells of every run that made its labels and of every month of labelling, by
records and readings that the ledger names; no charge went past the policy in force.  A ledger that
was rewritten or cut after a checkpoint went out cannot hold it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from clerestory.limits import check_limits, in_last_period
from privacy.anchor_readings import ANCHOR_SET, AnchorReadings, read_anchor_readings
from privacy.checkpoint import Checkpoint, read_checkpoint
from privacy.consistency import check_runs
from privacy.entries import Entry, read_entry
from privacy.errors import ConfigurationError, VerificationError
from privacy.evidence import Statement, read_statement
from privacy.floor import read_floor
from privacy.history import History
from privacy.label_sets import label_set
from privacy.loss import read_rho, write_rho
from privacy.plan import Plan, read_plan
from privacy.recovery import OFFICERS, Recovered, officers_in, recoveries, unexplained
from privacy.signing import public_raw
from privacy.stability import check_readings


@dataclass(frozen=True, slots=True)
class _Bundle:
    path: Path
    plan: Plan
    checkpoint: Checkpoint
    sums: str
    single_person: bool
    officers: frozenset[str]
    label_set: str
    readings: AnchorReadings | None
    """What it says of its rater's stability, where it says anything."""


def replay(export: Path, given: Sequence[Path], trust: str | None = None) -> dict[str, Any]:
    """
    Replay an export and hold against it what others kept.

    Args:
        export: What `clerestory ledger VAULT --export FILE` wrote.
        given: Bundles, and files with one checkpoint.
        trust: The keeper's public key; each bundle's own, if it is not given.

    Raises:
        ConfigurationError: Something that was given is not there.
        VerificationError: An entry does not follow, or something given is not of this history.
    """
    lines = _lines(export)
    history = History.of(lines)
    entries = [read_entry(line) for line in lines]
    bundles = [_bundle(path, trust) for path in given if path.is_dir()]
    notes = [_note(path, trust) for path in given if not path.is_dir()]
    needed = OFFICERS
    if not bundles or any(bundle.single_person for bundle in bundles):
        needed = 1  # the floor decides, and only a bundle has it; the officers are named below
    recovered = recoveries(history, entries, needed)
    for bundle in bundles:
        _check_held(bundle, history, recovered, entries)
    for note in notes:
        _check_checkpoint(note, history, recovered)
    _check_paid(entries)
    check_limits(entries)
    charges = [entry for entry in entries if entry.kind == "charge"]
    return {
        "entries": history.size,
        "charges": len(charges),
        "spent": f"{float(history.spent()):.6g}",
        "spent_exactly": write_rho(history.spent()),
        "studies": {name: write_rho(loss) for name, loss in sorted(history.by_study.items())},
        "period": in_last_period(entries),
        "recoveries": [_told(one) for one in recovered],
        "bundles": [{"bundle": str(each.path), "plan": each.plan.hash} for each in bundles],
        "checkpoints": len(notes),
    }


def _check_held(
    bundle: _Bundle, history: History, recovered: Sequence[Recovered], entries: Sequence[Entry]
) -> None:
    explained = _check_checkpoint(bundle.checkpoint, history, recovered)
    if explained:
        strangers = explained.officers.keys() - bundle.officers
        if strangers or bundle.plan.hash not in explained.statement.plans:
            raise _rewritten(f"a recovery, at position {explained.entry}, that is not of its vault")
        return
    plan, size = bundle.plan, bundle.checkpoint.size
    check_runs(_told_by(bundle), plan, entries[:size])
    if bundle.readings:
        check_readings(bundle.readings, bundle.label_set, entries[:size])
    paid = [entries[seq] for seq in history.numbers("charge", plan.hash) if seq < size]
    if not any(read_rho(entry.body["rho"]) >= plan.loss for entry in paid):
        raise _not_charged("a bundle whose plan has no such charge before its checkpoint.")
    released = [entries[seq].body["sums"] for seq in history.numbers("release", plan.hash)]
    if released and bundle.sums not in released:
        raise VerificationError(
            "NOT_RELEASED",
            rule="One charge buys one bundle.",
            found="a bundle that is not the one which was released for its charge.",
            remedy="do not use the bundle; ask its keeper.",
        )


def _check_checkpoint(
    checkpoint: Checkpoint, history: History, recovered: Sequence[Recovered]
) -> Recovered | None:
    """The recovery that explains why a checkpoint is not held; None where it is held."""
    lost = history.missing([checkpoint])
    if unexplained(lost, recovered):
        raise _rewritten(f"a checkpoint over {checkpoint.size} entries")
    return next((one for one in recovered if lost and not unexplained(lost, [one])), None)


def _check_paid(entries: Iterable[Entry]) -> None:
    """Raise unless each key and each release has a charge of its own before it."""
    left: dict[str, Counter[str]] = {"key": Counter(), "release": Counter()}
    for entry in entries:
        plan = entry.body.get("plan", "")
        if entry.kind == "charge":
            for counter in left.values():
                counter[plan] += 1
        if entry.kind in left:
            left[entry.kind][plan] -= 1
            if left[entry.kind][plan] < 0:
                raise _not_charged(f"a {entry.kind} at position {entry.seq} without its charge.")


def _bundle(path: Path, trust: str | None) -> _Bundle:
    try:
        note = (path / "checkpoint.txt").read_text(encoding="utf-8")
        key = public_raw(trust or (path / "keeper.pub").read_text(encoding="utf-8"))
        policy = (path / "policy.toml").read_text(encoding="utf-8")
        plan = read_plan((path / "plan.json").read_bytes())
        floor = read_floor((path / "floor.json").read_bytes())
        anchors = path / ANCHOR_SET
        return _Bundle(
            path,
            plan,
            read_checkpoint(note, key),
            sha256((path / "SHA256SUMS").read_bytes()).hexdigest(),
            floor.single_person,
            frozenset(officers_in(policy)),
            label_set(plan, floor.hash),
            read_anchor_readings(anchors.read_bytes()) if anchors.exists() else None,
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise _not_there("a bundle without checkpoint, key, plan, floor, policy or sums.") from None


def _told_by(bundle: _Bundle) -> Statement:
    try:
        return read_statement((bundle.path / "statement.json").read_bytes())
    except OSError:
        raise _not_there("a bundle without a statement.") from None


def _note(path: Path, trust: str | None) -> Checkpoint:
    if trust is None:
        raise _not_there("a checkpoint, and no key to read it with: give the keeper's by --trust.")
    try:
        return read_checkpoint(path.read_text(encoding="utf-8"), public_raw(trust))
    except (OSError, UnicodeDecodeError):
        raise _not_there("no readable bundle or checkpoint.") from None


def _lines(export: Path) -> list[bytes]:
    try:
        return export.read_bytes().splitlines()
    except OSError:
        raise _not_there("no readable file.") from None


def _told(one: Recovered) -> dict[str, Any]:
    return {
        "entry": one.entry,
        "officers": sorted(one.officers.values()),
        "spent": one.statement.spent,
        "checkpoints": len(one.statement.checkpoints),
        "plans": list(one.statement.plans),
    }


def _rewritten(found: str) -> VerificationError:
    return VerificationError(
        "LEDGER_REWRITTEN",
        rule="A ledger holds every history that was ever published from it.",
        found=f"{found}, which this export does not hold.",
        remedy="ask the keeper for the ledger from which it was given out; if entries were lost, "
        "two officers account for it with `clerestory recover`.",
    )


def _not_charged(found: str) -> VerificationError:
    return VerificationError(
        "NOT_CHARGED",
        rule="A release is charged before it is made, with what its queries cost.",
        found=found,
        remedy="do not use the bundle; ask its keeper.",
    )


def _not_there(found: str) -> ConfigurationError:
    return ConfigurationError(
        "EXPORT_UNREADABLE",
        rule="An audit reads `clerestory ledger VAULT --export FILE`, bundles and checkpoints.",
        found=found,
        remedy="check the paths.",
    )
