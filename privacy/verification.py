"""
Check a bundle as a stranger would: a numbered list, each step with what was found.

 1. every file is listed, every listed file is there     7. the queries cost what is stated
 2. every checksum fits                                   8. the plan keeps to its floor
 3. the keeper signed the checksums                       9. officers approved this very plan
 4. the signer is who you trust                          10. the ledger's checkpoint is signed
 5. the statement speaks of this plan                    11. the tables print what they may
 6. the codebook is the plan's                           12. every watermark that is due is there

Steps 1–3 hold every byte; a bundle that fails one of them is not looked at further.  What no
step can show: that the sessions were real, that the rater was right, that the operator did not
lie to his own keeper.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from math import isfinite
from pathlib import Path

import rfc8785

from . import soundness
from .errors import ClerestoryError, ConfigurationError
from .evidence import watermarks
from .floor import TIERS, read_floor
from .merkle import read_checkpoint
from .plan import QUANTILES, TRENDS, Plan, Table, read_plan
from .policy import read_policy
from .signing import fingerprint, public_raw, read_public, verify

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"
STATES = ("published", "suppressed", "not_computed")
NUMBERS = ("estimate", "raw", "low", "high", "se_noise", "se_sampling", "accounts_at_least")
"""Columns of tables.csv that a published row fills, and another leaves empty."""


@dataclass(frozen=True, slots=True)
class Check:
    """One step of the list."""

    number: int
    title: str
    holds: bool | None
    """None: could not be established, and is said so; it fails nothing."""
    found: str


class _StepError(Exception):
    """A step that does not hold; its text is what was found."""


def verify_bundle(folder: Path, trust: str | None = None) -> list[Check]:
    """
    Go through the list.

    Args:
        folder: The bundle.
        trust: Public key line of the keeper that the reader trusts, if he has one.

    Returns:
        All steps that were taken, in order; steps 1 to 3 end the list when they fail.

    Raises:
        ConfigurationError: There is no bundle in the folder.
    """
    if not (folder / SUMS).is_file():
        raise ConfigurationError(
            "NO_BUNDLE",
            rule="A bundle is a folder with SHA256SUMS in it.",
            found="a folder without that file, or no folder.",
            remedy="check the path; unpack the bundle first if it was packed.",
        )
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    checks: list[Check] = []
    for number, (title, step) in enumerate(_steps(files, trust), start=1):
        try:
            holds, found = step()
        except _StepError as failure:
            holds, found = False, str(failure)
        except ClerestoryError as error:
            holds, found = False, error.found
        except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RuntimeError):
            holds, found = False, "a file that cannot be read as what it should be"
        checks.append(Check(number, title, holds, found.rstrip(".")))
        if holds is False and number <= 3:
            break
    return checks


Step = Callable[[], tuple[bool | None, str]]


def _steps(files: dict[str, bytes], trust: str | None) -> Iterator[tuple[str, Step]]:
    yield "every file is listed, every listed file is there", lambda: _listed(files)
    yield "every checksum fits", lambda: _sums(files)
    yield "the keeper signed the checksums", lambda: _signed(files)
    yield "the signer is who you trust", lambda: _trusted(files, trust)
    yield "the statement speaks of this plan", lambda: _statement(files)
    yield "the codebook is the plan's", lambda: _codebook(files)
    yield "the queries cost what is stated, and their noise is as wide", lambda: _cost(files)
    yield "the plan keeps to the floor it was collected under", lambda: _floor(files)
    yield "officers approved this very plan", lambda: _approved(files)
    yield "the ledger's checkpoint is signed", lambda: _checkpoint(files)
    yield "the tables print what they may", lambda: _tables(files)
    yield "every watermark that is due is there", lambda: _watermarks(files)


def _listed(files: dict[str, bytes]) -> tuple[bool, str]:
    listed = set(_read_sums(files))
    there = files.keys() - {SUMS, SIGNATURE}
    if missing := sorted(listed - there):
        raise _StepError(f"missing: {', '.join(missing)}")
    if extra := sorted(there - listed):
        raise _StepError(f"not listed: {', '.join(extra)}")
    return True, f"{len(listed)} files"


def _sums(files: dict[str, bytes]) -> tuple[bool, str]:
    wrong = [n for n, digest in _read_sums(files).items() if sha256(files[n]).hexdigest() != digest]
    if wrong:
        raise _StepError(f"changed: {', '.join(wrong)}")
    return True, "SHA-256 of every file"


def _signed(files: dict[str, bytes]) -> tuple[bool, str]:
    signer = _signer(files)
    if signer != read_public(files["keeper.pub"].decode()):
        raise _StepError("a signature by another key than keeper.pub")
    return True, fingerprint(signer)


def _trusted(files: dict[str, bytes], trust: str | None) -> tuple[bool | None, str]:
    signer = _signer(files)
    if trust is None:
        return None, f"signed by {fingerprint(signer)}; who that is was not established"
    if read_public(trust) != signer:
        raise _StepError(f"signed by {fingerprint(signer)}, not by the key you trust")
    return True, fingerprint(signer)


def _statement(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, told = _plan(files), json.loads(files["statement.json"])
    if files["plan.json"] != plan.canonical or told["plan"] != plan.hash:
        raise _StepError("a statement about another plan")
    if plan.binding is None or told["code"] != plan.binding.code:
        raise _StepError("a run of other code than the plan is bound to")
    holes = [name for name, result in told["probes"].items() if result == "open"]
    if told["tier"] != "T0" and (holes or not told["probes"]):
        raise _StepError(f"a worker with ways out: {', '.join(holes) or 'nothing was probed'}")
    return True, f"plan {plan.hash[:16]}, tier {told['tier']}, custody {told['custody']}"


def _codebook(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, canonical = _plan(files), rfc8785.dumps(json.loads(files["codebook.json"]))
    if sha256(canonical).hexdigest() != plan.codebook:
        raise _StepError("another codebook than the plan's")
    return True, plan.codebook[:16]


def _cost(files: dict[str, bytes]) -> tuple[bool, str]:
    plan = _plan(files)
    for _, _, found in soundness.findings(plan):
        raise _StepError(found)
    privacy = plan.privacy
    return True, f"ρ = {float(plan.loss):.5g}, ε = {privacy.epsilon:g} at δ = {privacy.delta:g}"


def _floor(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, floor = _plan(files), read_floor(files["floor.json"])
    told = json.loads(files["statement.json"])
    if plan.binding is None or plan.binding.floor != floor.hash:
        raise _StepError("another floor than the plan is bound to")
    if plan.loss > floor.budget or plan.privacy.minimum_accounts < floor.minimum_accounts:
        raise _StepError("a plan beyond the floor's budget or below its minimum of accounts")
    if not floor.allows_tier(told["tier"]):
        raise _StepError(f"isolation {told['tier']} where the floor demands {floor.tier}")
    return True, f"at least {floor.minimum_accounts} accounts, tier {floor.tier} or better"


def _approved(files: dict[str, bytes]) -> tuple[bool, str]:
    plan = _plan(files)
    policy = read_policy(files["policy.toml"].decode(), read_floor(files["floor.json"]))
    if plan.binding is None or policy.hash != plan.binding.policy:
        raise _StepError("another policy than the plan is bound to")
    names = sorted(name for name in files if name.startswith("approval-"))
    signers = {verify(plan.canonical, files[n].decode(), "clerestory-plan") for n in names}
    officers = [person.name for person in policy.officer if person.key in signers]
    floor, tier = read_floor(files["floor.json"]), json.loads(files["statement.json"])["tier"]
    if TIERS.index(tier) < TIERS.index(policy.tier):
        raise _StepError(f"isolation {tier} where the policy demands {policy.tier}")
    if plan.privacy.minimum_accounts < policy.minimum_accounts:
        raise _StepError("a plan below the policy's minimum of accounts")
    if not floor.single_person and set(officers) & set(plan.study.authors):
        raise _StepError("an approval by an author of the study")
    if len(officers) < policy.approvals or len(officers) != len(signers):
        raise _StepError(f"{len(officers)} officers' approvals where {policy.approvals} are due")
    return True, f"approved by {', '.join(officers)}"


def _checkpoint(files: dict[str, bytes]) -> tuple[bool, str]:
    note = files["checkpoint.txt"].decode()
    if json.loads(files["statement.json"])["checkpoint_after"] != note:
        raise _StepError("another checkpoint than the statement's")
    checkpoint = read_checkpoint(note, public_raw(_signer(files)))
    return True, f"{checkpoint.origin}, {checkpoint.size} entries"


def _tables(files: dict[str, bytes]) -> tuple[bool, str]:
    plan = _plan(files)
    try:
        rows = list(csv.DictReader(StringIO(files["tables.csv"].decode(), newline="")))
    except csv.Error:
        raise _StepError("a tables.csv that is none") from None
    due = [(table.name, keys) for table in plan.tables for keys in _keys(plan, table)]
    if [(row["table"], row["keys"]) for row in rows] != due:
        raise _StepError("other rows than the cells of the plan's tables")
    for row in rows:
        if row["state"] == "published":
            numbers = [float(row[column]) for column in (*NUMBERS, "threshold")]
            if not all(map(isfinite, numbers)) or float(row["raw"]) < float(row["threshold"]):
                raise _StepError("a printed cell below its threshold, or without a number")
            if int(row["accounts_at_least"]) < plan.privacy.minimum_accounts:
                raise _StepError("a printed cell with too few accounts behind it")
        elif row["state"] not in STATES or any(row[c] for c in (*NUMBERS, "se_classifier")):
            raise _StepError("numbers in a row that is not published")
    published = sum(row["state"] == "published" for row in rows)
    return True, f"{published} of {len(rows)} rows published, the others empty"


def _keys(plan: Plan, table: Table) -> list[str]:
    """The cells of a table as tables.csv names them, in its order."""
    counts = plan.query(table.queries[0])
    if table.kind == "grand_total":
        return [""]
    cells = dict.fromkeys(cell[:-1] if table.kind == "rate" else cell for cell in counts.cells)
    names = [axis.name for axis in counts.axes]
    if table.kind in TRENDS:
        kept = [names.index(name) for name in table.by]
        names = list(table.by)
        cells = dict.fromkeys(tuple(cell[place] for place in kept) for cell in counts.cells)
    if table.kind == "quantiles":
        names.append("quantile")
        cells = dict.fromkeys((*cell, quantile) for cell in cells for quantile in QUANTILES)
    return ["; ".join(map("=".join, zip(names, cell, strict=False))) for cell in cells]


def _watermarks(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, told = _plan(files), json.loads(files["statement.json"])
    floor = read_floor(files["floor.json"])
    due = set(watermarks(plan, floor, told["tier"], planted=False))
    if missing := sorted(due - set(told["watermarks"])):
        raise _StepError(f"missing: {', '.join(missing)}")
    return True, ", ".join(told["watermarks"]) or "none is due"


def _plan(files: dict[str, bytes]) -> Plan:
    return read_plan(files["plan.json"])


def _signer(files: dict[str, bytes]) -> str:
    return verify(files[SUMS], files[SIGNATURE].decode(), "clerestory-bundle")


def _read_sums(files: dict[str, bytes]) -> dict[str, str]:
    lines = files[SUMS].decode().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
