"""
Hold what a release says of its rater's stability against its tables, its plan and its statement.

A keeper that kept a month of labelling, or a reading, to itself is not found by a bundle alone: who
has an export of its ledger finds it (`check_readings`, which `clerestory audit` asks).
"""

import json
from collections.abc import Iterable, Mapping

from .anchor_readings import ANCHOR_SET, AnchorReadings, read_anchor_readings
from .consistency import StepError
from .drift import DRIFT, FLAGGED, drift, read_drift
from .entries import Entry
from .errors import VerificationError
from .evidence import Statement
from .label_sets import label_set
from .plan import Plan
from .raters import asks


def stability(told: Statement, plan: Plan, files: Mapping[str, bytes]) -> str:
    """
    Check anchor-set.json and drift.csv.

    Raises:
        StepError: They are not there where they are due, or contradict something.
        VerificationError: The readings are none.
    """
    there = {ANCHOR_SET, DRIFT} & files.keys()
    if not asks(plan.rater.name):
        if there:
            raise StepError("readings of the anchor set by a rater that asks nobody")
        return f"the rater {plan.rater.name} {plan.rater.version} asks no model: none is possible"
    if not there and not any(run.worker == "classify" for run in told.runs):
        return "labels that no rater gave"
    if there != {ANCHOR_SET, DRIFT}:
        raise StepError("labels by a model, and not what the anchor set says of it")
    read = read_anchor_readings(files[ANCHOR_SET])
    known = _columns(files["codebook.json"])
    if fault := read.faults(label_set(plan, told.floor), known):
        raise StepError(fault)
    if files[DRIFT] != drift(plan, files["tables.csv"], read):
        raise StepError("a drift.csv that does not follow from tables and anchor set")
    flagged = sum(row["verdict"] in FLAGGED for row in read_drift(files[DRIFT]))
    return (
        f"{_told(read)}; {flagged} trend(s) that drift could explain, or of which it is not known"
    )


def check_readings(read: AnchorReadings, label_set: str, entries: Iterable[Entry]) -> None:
    """
    Hold what a release says of its rater's stability against the ledger as it was then.

    Args:
        read: Its anchor-set.json.
        label_set: Name of its labels.
        entries: Those of the ledger, up to the release's checkpoint.

    Raises:
        VerificationError: A reading that the ledger does not name, or other months of labelling.
    """
    months, named = set[str](), set[tuple[str, str]]()
    for entry in entries:
        if entry.kind == "labels" and entry.body["set"] == label_set:
            months.add(f"{entry.time:%Y-%m}")
        if entry.kind == "anchor-reading":
            named.add((entry.body["set"], entry.body["digest"]))
    told = {(one.label_set, one.digest) for one in (*read.readings, *read.others)}
    if months != set(read.labelled) or not told <= named:
        raise VerificationError(
            "READINGS_NOT_OF_LEDGER",
            rule="A release tells of every month in which its rater labelled, by the readings that "
            "the ledger names.",
            found="a bundle with other months, or with a reading that the ledger does not name.",
            remedy="do not rely on its trends; ask its keeper.",
        )


def _told(read: AnchorReadings) -> str:
    months = ", ".join(read.labelled)
    if read.missing:
        return f"labelled in {months}, the anchor set not read in {', '.join(read.missing)}"
    return f"labelled in {months}, {len(read.sessions)} anchor sessions read in each"


def _columns(codebook: bytes) -> dict[str, tuple[str, ...]]:
    """Column → labels, as the bundle's own codebook has them."""
    told = json.loads(codebook)
    columns = {one["name"]: tuple(one["labels"]) for one in told["instruments"]}
    return columns | {one["name"]: tuple(one["labels"]) for one in told["contexts"]}
