"""
Hold a statement against itself, its plan, its floor and its ledger.

Each function looks at one thing, returns what it found in words, and raises where parts of the
statement do not agree.  A keeper that lies consistently is believed; one that was careless, or
whose files were edited by somebody else, is not.
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from hashlib import sha256

from .checkpoint import Checkpoint, read_checkpoint
from .entries import Entry
from .errors import VerificationError
from .evidence import ANOTHER, Run, Statement
from .floor import TIERS, Floor
from .hardware import check_hardware
from .label_sets import label_sets
from .mounted import both_hash, code_hash, distributions
from .plan import Plan

FEWEST_PROBES = 33
"""A battery with fewer attempts than this shows too little."""
SDK = "anthropic"
"""Distribution through which a rater speaks with a model."""
_SUMS = re.compile(r"(?:[0-9a-f]{64})?")


class StepError(Exception):
    """A step that does not hold; its text is what was found."""


def check_bound(told: Statement, plan: Plan) -> None:
    """Raise unless a statement speaks of a plan, and of what that is bound to."""
    if told.plan != plan.hash or plan.binding is None:
        raise StepError("a statement about another plan")
    pairs = {
        "floor": (told.floor, plan.binding.floor),
        "policy": (told.policy, plan.binding.policy),
        "code": (told.code, plan.binding.code),
        "codebook": (told.codebook, plan.codebook),
        "prompts": (told.prompts, plan.prompts),
    }
    if other := [name for name, (here, there) in pairs.items() if here != there]:
        raise StepError(f"a run under another {', '.join(other)} than the plan is bound to")


def mounted(told: Statement) -> str:
    """What was mounted, part by part, adds up to what the plan is bound to."""
    if wrong := [code for code, parts in told.parts.items() if code_hash(parts) != code]:
        raise StepError(f"parts that do not make the code {', '.join(c[:16] for c in wrong)}")
    if told.workers.keys() != {"classify", "aggregate"}:
        raise StepError("other workers than the two that there are")
    if both_hash(told.workers["classify"], told.workers["aggregate"]) != told.code:
        raise StepError("workers that do not make the plan's code")
    named = {*told.workers.values(), *(run.code for run in told.runs)}
    if named != told.parts.keys():
        raise StepError("code that ran and is not told of, or is told of and did not run")
    return ", ".join(
        f"{len(told.parts[code])} parts for {name}" for name, code in sorted(told.workers.items())
    )


def runs(told: Statement, plan: Plan, floor: Floor, enrolled: frozenset[str] = frozenset()) -> str:
    """
    Every run that a release needs is told of, as isolated as is claimed and demanded.

    Args:
        told: The statement.
        plan: Its plan.
        floor: The vault's.
        enrolled: Fingerprints of the nodes that the plan's policy names.
    """
    last = next(reversed(told.runs), None)
    if last is None or last.worker != "aggregate" or last.plan != plan.hash or last.node:
        raise StepError("no run that made the tables")
    if last.code != told.workers.get("aggregate"):
        raise StepError("tables made by other code than the plan is bound to")
    labelling = [run for run in told.runs if run.worker == "classify"]
    summing = [run for run in told.runs[:-1] if run.worker == "aggregate"]
    if any(not run.node for run in summing):
        raise StepError("more than one run that made the tables")
    if any((run.plan, run.code) != (last.plan, last.code) for run in summing):
        raise StepError("sums made on a node for another plan, or by other code")
    if not labelling and not told.planted:
        raise StepError("no run that made the labels")
    # Labels may be older than the plan's policy, and the node that made them gone from it.
    if strange := {run.node for run in summing} - enrolled:
        raise StepError(f"sums by a node that the policy does not name: {', '.join(strange)}")
    for run in told.runs:
        _check_probed(run)
        if not floor.allows_tier(run.tier):
            raise StepError(f"a run at {run.tier} where the floor demands {floor.tier}")
    if told.tier != min((run.tier for run in told.runs), key=TIERS.index):
        raise StepError(f"a claim of {told.tier} over runs that were isolated otherwise")
    probed = {(run.tier, frozenset(run.probes)) for run in told.runs}
    if len(probed) > len({run.tier for run in told.runs}):
        raise StepError("runs of one tier that were probed differently")
    if told.custody != "same-user" and any(run.custody == "same-user" for run in told.runs):
        raise StepError("a claim of separate users over a node that had none")
    counted = f"{len(labelling)} run(s) of classify" if labelling else "planted labels"
    found = f"{counted}, one of aggregate, {len(last.probes)} probes before each key"
    nodes = sorted({run.node for run in told.runs} - {""})
    return f"{found}; on the nodes {', '.join(nodes)}, too" if nodes else found


def model(told: Statement, plan: Plan) -> str:
    """Who labelled is whom the plan names, and what spoke for him was mounted."""
    asked = {rater.model for rater in (plan.rater, *(one.rater for one in plan.readings))} - {""}
    labelling = [run for run in told.runs if run.worker == "classify"]
    if any(run.asked not in (asked or {""}) for run in labelling):
        raise StepError("another model was asked than the plan's")
    answered = {run.answered for run in labelling} - {""}
    if not asked:
        if answered:
            raise StepError("a model answered, and the plan names none")
        return f"the rater {plan.rater.name} {plan.rater.version} asks no model"
    if answered - asked or any(run.answered not in ("", run.asked) for run in labelling):
        raise StepError(f"{ANOTHER} model answered than the plan's")
    # A sample may be of nobody, and its run is told of nonetheless.
    if labelling and not told.planted and not asked <= {run.asked for run in labelling}:
        raise StepError("a model of the plan that no run asked")
    versions = [distributions(told.parts[run.code]).get(SDK) for run in labelling]
    if None in versions:
        raise StepError(f"a model was asked, and {SDK} was not mounted")
    if labelling and not answered:
        raise StepError("no model said that it answered")
    spoken = sorted({f"{SDK} {version}" for version in versions})
    named, said = (", ".join(sorted(models)) for models in (asked, answered))
    return f"asked {named}, answered {said or 'nobody'}, by {', '.join(spoken)}"


def check_runs(told: Statement, plan: Plan, entries: Iterable[Entry]) -> None:
    """
    Hold the runs that a release tells of against the ledger as it was then.

    A bundle alone cannot tell whether all of its readings were made: a repetition's run may be
    word for word the first one's.  The ledger names each under the labels that it made.

    Args:
        told: The release's statement.
        plan: Its plan.
        entries: Those of the ledger, up to the release's checkpoint.

    Raises:
        VerificationError: A reading that was never made, a run that the ledger does not name, or
            one that the release keeps to itself.
    """
    sets = set(label_sets(plan, told.floor))
    made, named = set[str](), set[str]()
    for entry in entries:
        if entry.kind == "labels":
            made.add(entry.body["set"])
        if entry.kind == "run" and entry.body["set"] in sets:
            named.add(entry.body["digest"])
    labelling = (run for run in told.runs if run.worker == "classify")
    known = {sha256(run.canonical).hexdigest() for run in labelling}
    if known != named or not (told.planted or sets <= made):
        raise VerificationError(
            "RUNS_NOT_OF_LEDGER",
            rule="A release tells of every run that made its labels, those of second readings too, "
            "as the ledger names them.",
            found="a bundle with other runs, or with a reading that the ledger does not know.",
            remedy="do not rely on its labels; ask its keeper.",
        )


def checkpoints(told: Statement, floor: Floor, signer: bytes) -> str:
    """Both checkpoints are the keeper's, of this vault's ledger, with a charge between them."""
    before = _read(told.checkpoint_before, signer)
    after = _read(told.checkpoint_after, signer)
    if {before.origin, after.origin} != {f"clerestory/{floor.vault}"}:
        raise StepError("a checkpoint of another vault's ledger")
    # Between them lie the charge and the key that was given for it, at least.
    if after.size - before.size < 2:
        raise StepError("checkpoints with no room for a charge between them")
    if not _SUMS.fullmatch(told.previous):
        raise StepError("a release before this one that is none")
    follows = f"follows the release {told.previous[:16]}" if told.previous else "the first release"
    return f"entries {before.size} to {after.size}; {follows}"


def hardware(told: Statement, floor: Floor, root: str | None = None) -> str:
    """Every worker brought the evidence that the floor demands, for its own key and plan."""
    if not floor.hardware:
        return "none is demanded"
    from .nitro import read_document  # late: needs a library that is not always there

    for run in told.runs:
        document = b64decode(run.document, validate=True)
        # Its own time, which the hypervisor signed: the certificates have long run out.
        time = read_document(document).time if document else None
        check_hardware(floor.hardware, document, plan=run.plan, key=run.key, at=time, root=root)
    return f"{len(told.runs)} documents of AWS Nitro, {', '.join(sorted(floor.hardware))}"


def _check_probed(run: Run) -> None:
    if run.tier == "T0":
        return
    if holes := [name for name, answer in run.probes.items() if answer == "open"]:
        raise StepError(f"a worker with ways out: {', '.join(holes)}")
    if len(run.probes) < FEWEST_PROBES or not set(run.probes.values()) <= {"blocked", "absent"}:
        raise StepError(f"a {run.worker} worker of which too little was probed")


def _read(note: str, signer: bytes) -> Checkpoint:
    try:
        return read_checkpoint(note, signer)
    except VerificationError as error:
        raise StepError(error.found) from None
