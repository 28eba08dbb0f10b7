"""
Check a bundle as a stranger would: a numbered list, each step with what was found.

 1. every file is listed, every listed file is there     10. the ledger's checkpoint is signed
 2. every checksum fits                                  11. the tables print what they may
 3. the keeper signed the checksums                      12. every watermark that is due is there
 4. the signer is who you trust                          13. what was mounted makes the plan's code
 5. the statement speaks of this plan                    14. every run was isolated and probed
 6. the codebook is the plan's                           15. the model and its SDK are the plan's
 7. the queries cost what is stated                      16. the checkpoints lie around the charge
 8. the plan keeps to its floor                          17. evidence by hardware, where demanded
 9. officers approved this very plan                     18. drift follows from the anchor set

Steps 1–3 hold every byte; a bundle that fails one of them is not looked at further.  The
statement is an audit record: steps 5 and 13–16 find where it contradicts itself, and no step can
show that the sessions were real, that the rater was right, or that the operator did not lie to
his own keeper.  Only step 17 rests on somebody else's word, where a floor demands it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import rfc8785

from . import soundness
from .approvals import is_author, lapsed
from .checkpoint import read_checkpoint
from .comparisons import COMPARISONS, comparisons
from .consistency import StepError, check_bound, checkpoints, hardware, model, mounted, runs
from .errors import ClerestoryError, ConfigurationError
from .evidence import Statement, read_statement, watermarks
from .floor import TIERS, Floor, read_floor
from .plan import Plan, read_plan
from .policy import read_policy
from .printed import printed
from .signing import fingerprint, public_raw, read_public, verify
from .stability import stability

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"


@dataclass(frozen=True, slots=True)
class Check:
    """One step of the list."""

    number: int
    title: str
    holds: bool | None
    """None: could not be established, and is said so; it fails nothing."""
    found: str


def verify_bundle(
    folder: Path, trust: str | None = None, *, root: str | None = None
) -> list[Check]:
    """
    Go through the list.

    Args:
        folder: The bundle.
        trust: Public key line of the keeper that the reader trusts, if he has one.
        root: SHA-256 of the root of evidence by hardware; AWS's, if not given.

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
    for number, (title, step) in enumerate(_steps(files, trust, root), start=1):
        try:
            holds, found = step()
        except StepError as failure:
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


def _steps(
    files: dict[str, bytes], trust: str | None, root: str | None
) -> Iterator[tuple[str, Step]]:
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
    yield "what was mounted makes the plan's code", lambda: (True, mounted(_told(files)))
    yield "every run was isolated and probed", lambda: _runs(files)
    yield "the model and its SDK are the plan's", lambda: (True, model(_told(files), _plan(files)))
    yield "the checkpoints lie around the charge", lambda: _around(files)
    yield "evidence by hardware, where the floor demands it", lambda: _hardware(files, root)
    yield "what drift could have made follows from the anchor set", lambda: _drift(files)


def _listed(files: dict[str, bytes]) -> tuple[bool, str]:
    listed = set(_read_sums(files))
    there = files.keys() - {SUMS, SIGNATURE}
    if missing := sorted(listed - there):
        raise StepError(f"missing: {', '.join(missing)}")
    if extra := sorted(there - listed):
        raise StepError(f"not listed: {', '.join(extra)}")
    return True, f"{len(listed)} files"


def _sums(files: dict[str, bytes]) -> tuple[bool, str]:
    wrong = [n for n, digest in _read_sums(files).items() if sha256(files[n]).hexdigest() != digest]
    if wrong:
        raise StepError(f"changed: {', '.join(wrong)}")
    return True, "SHA-256 of every file"


def _signed(files: dict[str, bytes]) -> tuple[bool, str]:
    signer = _signer(files)
    if signer != read_public(files["keeper.pub"].decode()):
        raise StepError("a signature by another key than keeper.pub")
    return True, fingerprint(signer)


def _trusted(files: dict[str, bytes], trust: str | None) -> tuple[bool | None, str]:
    signer = _signer(files)
    if trust is None:
        return None, f"signed by {fingerprint(signer)}; who that is was not established"
    if read_public(trust) != signer:
        raise StepError(f"signed by {fingerprint(signer)}, not by the key you trust")
    return True, fingerprint(signer)


def _statement(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, told = _plan(files), _told(files)
    if files["plan.json"] != plan.canonical:
        raise StepError("a plan that is not in canonical form")
    check_bound(told, plan)
    return True, f"{told.kind} of plan {plan.hash[:16]}, tier {told.tier}, custody {told.custody}"


def _codebook(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, canonical = _plan(files), rfc8785.dumps(json.loads(files["codebook.json"]))
    if sha256(canonical).hexdigest() != plan.codebook:
        raise StepError("another codebook than the plan's")
    return True, plan.codebook[:16]


def _cost(files: dict[str, bytes]) -> tuple[bool, str]:
    plan = _plan(files)
    for _, _, found in soundness.findings(plan):
        raise StepError(found)
    privacy = plan.privacy
    return True, f"ρ = {float(plan.loss):.5g}, ε = {privacy.epsilon:g} at δ = {privacy.delta:g}"


def _floor(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, floor, told = _plan(files), _floor_of(files), _told(files)
    if plan.binding is None or plan.binding.floor != floor.hash:
        raise StepError("another floor than the plan is bound to")
    if plan.loss > floor.budget or plan.privacy.minimum_accounts < floor.minimum_accounts:
        raise StepError("a plan beyond the floor's budget or below its minimum of accounts")
    if not floor.allows_tier(told.tier):
        raise StepError(f"isolation {told.tier} where the floor demands {floor.tier}")
    return True, f"at least {floor.minimum_accounts} accounts, tier {floor.tier} or better"


def _approved(files: dict[str, bytes]) -> tuple[bool, str]:
    plan = _plan(files)
    floor, told = _floor_of(files), _told(files)
    policy = read_policy(files["policy.toml"].decode(), floor)
    if plan.binding is None or policy.hash != plan.binding.policy:
        raise StepError("another policy than the plan is bound to")
    names = sorted(name for name in files if name.startswith("approval-"))
    signers = {verify(plan.canonical, files[n].decode(), "clerestory-plan") for n in names}
    officers = [person for person in policy.officer if person.key in signers]
    if TIERS.index(told.tier) < TIERS.index(policy.tier):
        raise StepError(f"isolation {told.tier} where the policy demands {policy.tier}")
    if plan.privacy.minimum_accounts < policy.minimum_accounts:
        raise StepError("a plan below the policy's minimum of accounts")
    if not floor.single_person and any(is_author(officer, plan) for officer in officers):
        raise StepError("an approval by an author of the study")
    if len(officers) < policy.approvals or len(officers) != len(signers):
        raise StepError(f"{len(officers)} officers' approvals where {policy.approvals} are due")
    if {one["fingerprint"] for one in told.approvals} != set(map(fingerprint, signers)):
        raise StepError("other approvals than the statement tells of")
    if late := lapsed(told.approvals, policy, datetime.fromisoformat(told.charged)):
        raise StepError(f"approvals that did not stand at the charge: {', '.join(late)}")
    return True, f"approved by {', '.join(officer.name for officer in officers)}"


def _checkpoint(files: dict[str, bytes]) -> tuple[bool, str]:
    note = files["checkpoint.txt"].decode()
    if _told(files).checkpoint_after != note:
        raise StepError("another checkpoint than the statement's")
    checkpoint = read_checkpoint(note, public_raw(_signer(files)))
    return True, f"{checkpoint.origin}, {checkpoint.size} entries"


def _watermarks(files: dict[str, bytes]) -> tuple[bool, str]:
    told = _told(files)
    due = set(watermarks(_plan(files), _floor_of(files), told.tier, planted=told.planted))
    if missing := sorted(due - set(told.watermarks)):
        raise StepError(f"missing: {', '.join(missing)}")
    return True, ", ".join(told.watermarks) or "none is due"


def _tables(files: dict[str, bytes]) -> tuple[bool, str]:
    plan, tables = _plan(files), files["tables.csv"]
    found = printed(plan, tables)
    if files[COMPARISONS] != comparisons(plan, tables):
        raise StepError("comparisons that do not follow from the tables")
    return True, f"{found}; the comparisons follow from them"


def _runs(files: dict[str, bytes]) -> tuple[bool, str]:
    floor, told, nodes = _floor_of(files), _told(files), frozenset[str]()
    if any(run.node for run in told.runs):
        policy = read_policy(files["policy.toml"].decode(), floor)
        nodes = frozenset(fingerprint(node.key) for node in policy.node)
    return True, runs(told, _plan(files), floor, nodes)


def _around(files: dict[str, bytes]) -> tuple[bool, str]:
    return True, checkpoints(_told(files), _floor_of(files), public_raw(_signer(files)))


def _drift(files: dict[str, bytes]) -> tuple[bool, str]:
    return True, stability(_told(files), _plan(files), files)


def _hardware(files: dict[str, bytes], root: str | None) -> tuple[bool, str]:
    return True, hardware(_told(files), _floor_of(files), root)


def _told(files: dict[str, bytes]) -> Statement:
    return read_statement(files["statement.json"])


def _floor_of(files: dict[str, bytes]) -> Floor:
    return read_floor(files["floor.json"])


def _plan(files: dict[str, bytes]) -> Plan:
    return read_plan(files["plan.json"])


def _signer(files: dict[str, bytes]) -> str:
    return verify(files[SUMS], files[SIGNATURE].decode(), "clerestory-bundle")


def _read_sums(files: dict[str, bytes]) -> dict[str, str]:
    lines = files[SUMS].decode().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
