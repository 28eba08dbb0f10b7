"""
Which workers there are, what is mounted for them, and how a bundle is made.

The composition root of the keeper: `privacy` starts workers by name and imports neither of the
packages they come from; `classifiers` and `aggregates` never meet.
"""

import csv
import json
from collections.abc import Mapping
from io import StringIO

from aggregates.answer import read_answer
from aggregates.bundle import compose, write_rows
from clerestory.pages.report import render_report
from privacy.anchor_readings import ANCHOR_SET, read_anchor_readings
from privacy.drift import drift, read_drift
from privacy.evidence import WATERMARKS, Run, read_statement
from privacy.keeper.workshop import WorkerKind, Workshop
from privacy.mounted import distributions
from privacy.plan import Plan
from privacy.sandbox.manifest import collect
from privacy.signing import fingerprint

CLASSIFY = (
    "cryptography",
    "cffi",
    "rfc8785",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
)
ASKING = (
    *CLASSIFY,
    "anthropic",
    "anyio",
    "docstring-parser",
    "h11",
    "httpcore2",
    "httpx2",
    "idna",
    "jiter",
    "opentelemetry-api",
    "sniffio",
    "truststore",
)
AGGREGATE = (*CLASSIFY, "numpy", "opendp", "Deprecated", "wrapt")
"""Distributions that are mounted beside our packages: every one by name, none by the way."""

LATE = (
    "pydantic.dataclasses", "pydantic.fields", "pydantic.type_adapter", "pydantic.types",
    "pydantic._internal._generate_schema", "pydantic._internal._validators",
    "pydantic.plugin._loader", "importlib.metadata", "importlib.readers", "zoneinfo",
)  # fmt: skip
"""What a worker imports only when it prepares: its shared libraries are mounted, too, and its
compiled files made."""


def workshop() -> Workshop:
    """The workers of this installation, and its bundler."""
    return Workshop(
        WorkerKind(
            "classifiers.worker",
            collect(
                ("privacy", "classifiers"),
                CLASSIFY,
                ("classifiers.worker", "classifiers.raters.offline", *LATE),
            ),
        ),
        WorkerKind(
            "aggregates.worker",
            collect(
                ("privacy", "aggregates"),
                AGGREGATE,
                ("aggregates.worker", "opendp.measurements", "opendp._data", *LATE),
            ),
        ),
        bundle,
        _asking,
    )


def _asking() -> WorkerKind:
    modules = ("classifiers.worker", "classifiers.raters.claude.rater", *LATE)
    code = collect(("privacy", "classifiers"), ASKING, modules)
    return WorkerKind("classifiers.worker", code, "classifiers/broker.py")


def bundle(plan: Plan, answer: bytes, extras: Mapping[str, bytes]) -> dict[str, bytes]:
    """
    All files of a bundle but the sums and their signature.

    Args:
        plan: The bound plan.
        answer: What the aggregate worker said.
        extras: Statement, floor, policy, checkpoint, key, approvals.

    Raises:
        RefusedError: The answer is not exactly the tables of the plan.
    """
    rows = read_answer(plan, answer)
    tables = write_rows(rows)
    printed = list(csv.DictReader(StringIO(tables.decode(), newline="")))
    page = render_report(plan, printed, {**facts_of(extras), **_stability(plan, tables, extras)})
    return compose(plan, rows, {**extras, "report.html": page})


def facts_of(extras: Mapping[str, bytes]) -> dict[str, object]:
    """What a report tells beside its tables, from the files of its bundle."""
    told = read_statement(extras["statement.json"])
    return {
        "tier": told.tier,
        "custody": told.custody,
        "watermarks": [WATERMARKS[code] for code in told.watermarks],
        "checkpoint": extras["checkpoint.txt"].decode(),
        "signer": fingerprint(extras["keeper.pub"].decode().strip()),
        "floor": json.loads(extras["floor.json"]),
        "approvals": told.approvals,
        "code": told.code,
        "previous_release": told.previous,
        "runs": [_shown(run) for run in told.runs],
        "mounted": {
            name: _listed(distributions(told.parts[code])) for name, code in told.workers.items()
        },
        "host": _listed(told.runs[-1].host),
    }


def _stability(plan: Plan, tables: bytes, extras: Mapping[str, bytes]) -> dict[str, object]:
    """What the anchor set says of the rater, where it was read."""
    if ANCHOR_SET not in extras:
        return {}
    told = read_anchor_readings(extras[ANCHOR_SET])
    return {"anchors": told, "drift": read_drift(drift(plan, tables, told))}


def _shown(run: Run) -> dict[str, str]:
    """A run in a row of a table."""
    holes = sum(answer == "open" for answer in run.probes.values())
    return {
        "run": run.worker,
        "machine": run.node,  # empty: the keeper's own
        "isolation": run.tier,
        "probes": f"{len(run.probes)}, {holes or 'none'} open" if run.probes else "none",
        "model": f"asked {run.asked}, answered {run.answered or 'none'}" if run.asked else "none",
        "code": run.code[:16],
    }


def _listed(named: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items())
