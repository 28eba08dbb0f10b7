"""Confusion tables for tests: files beside a study, and the plans that hold them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aggregates.plan import plan
from aggregates.study import Study
from privacy.codebook import codebook
from privacy.confusion import ANSWERS
from privacy.plan import Plan
from tests.aggregates.rows import HEAD

MODES = codebook().field("work_mode").labels
RATED = '[rater]\nname = "offline"\nvalidation = "confusion.json"\n'
CORRECTED = """
[[table]]
name = "verified"
rate_of = "verified_success"
by = ["expertise"]
statistics = ["corrected"]

[[table]]
name = "modes"
share_of = "work_mode"
statistics = ["corrected"]
leave_out = { work_mode = ["unclear"] }
"""
GOOD = ((80, 20, 0), (30, 270, 0), (0, 0, 5))
"""Se = 80.5/101, Sp = 270.5/301, with Jeffreys' halves."""
BAD = ((50, 50, 0), (50, 50, 0), (0, 0, 0))
"""J near 0: says yes and no as a coin does."""


def told(
    counts: Sequence[Sequence[int]],
    of: str = "verified_success",
    labels: Sequence[str] = ANSWERS,
    **group: str,
) -> dict[str, Any]:
    """One table of a file."""
    return {
        "of": of, "group": group, "labels": [*labels], "counts": [[*row] for row in counts]
    }  # fmt: skip


def of_modes(right: int = 50, wrong: int = 2) -> dict[str, Any]:
    """A rater of modes that is mostly right."""
    counts = [[right if a == b else wrong for b in MODES] for a in MODES]
    return told(counts, "work_mode", MODES)


def file_of(*tables: Mapping[str, Any], **changes: Any) -> str:  # noqa: ANN401  any key
    """A file of confusion tables, a table a line."""
    head = {
        "format": "clerestory/confusion/1",
        "rater": {"name": "offline", "version": "2", "model": ""},
        "codebook": codebook().hash,
        "reference": "two readers, of made-up sessions",
        "same_population": True,
        **changes,
    }
    begin = json.dumps(head, indent=0).removesuffix("\n}")
    lines = ",\n".join(map(json.dumps, tables))
    return f'{begin},\n"tables": [\n{lines}\n]\n}}'


def study_of(folder: Path, text: str, *tables: str) -> Study:
    """A study beside such a file."""
    (folder / "confusion.json").write_text(text, encoding="utf-8")
    study = folder / "study.toml"
    study.write_text(HEAD + RATED + "".join(tables or (CORRECTED,)), encoding="utf-8")
    return Study.read(study)


def plan_of(folder: Path, *tables: Mapping[str, Any], **changes: Any) -> Plan:  # noqa: ANN401
    """The compiled plan of a study that asks for corrected numbers."""
    return plan(study_of(folder, file_of(*tables, **changes)))
