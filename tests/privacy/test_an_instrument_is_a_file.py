"""Adding an instrument is adding a file: everything else follows from it."""

import json
import shutil
import subprocess
import sys
from math import log2
from pathlib import Path

import pytest

from tests.support.world import ROOT

INSTRUMENT = """
name = "mood"
version = 1
kind = "nominal"
ask = "separate"
merge = "last"
question = "In which mood did the person leave?"

[[label]]
name = "glad"
code = "g"
definition = "Thanks, or a joke."

[[label]]
name = "cross"
code = "c"
definition = "Harsh words."

[[label]]
name = "unclear"
code = "?"
definition = "The session does not tell."
"""
STUDY = """
[study]
name = "moods"
purpose = "In which mood people leave"
authors = ["researcher@example.org"]

[population]
months = ["2025-10", "2025-12"]

[privacy]
epsilon = 1.0
delta = 1e-7
minimum_accounts = 50

[[table]]
name = "moods"
share_of = "mood"
"""
TELL = """
import json, sys
from privacy.codebook import codebook
from privacy.labels import LabelRecord, row_width

from aggregates import Study, plan
from classifiers.raters.claude.prompt import questions, rubric, schema
from classifiers.worker import classify
from clerestory.devstub.answers import drawn
from tests.classifiers.logs import agent, log, person
from tests.support.pages import instruments

book = codebook()
names = [one.name for one in book.instruments]
calls = questions(book, "combined", "full")
made = plan(Study.parse(sys.argv[1])) if "mood" in names else None
record = classify(log(person("Mend it."), agent("Done.")), month="2026-01", account=bytes(16))
labels = dict(zip((f.name for f in book.fields), record.labels))
print(json.dumps({
    "names": names,
    "bits": book.instrument_bits,
    "width": row_width(book),
    "hash": book.hash,
    "calls": [[one.name for one in call.instruments] for call in calls],
    "asked": ["## mood" in rubric(call) for call in calls],
    "enumerated": schema(calls[-1])["properties"].get("mood"),
    "page": "## mood" in instruments() and "In which mood did the person leave?" in instruments(),
    "cells": [cell for q in made.queries for cell in map(list, q.cells)] if made else [],
    "plan_bits": made.forecast.bits_per_session if made else 0,
    "label": book.field("mood").labels[labels["mood"]] if "mood" in names else "",
    "decodes": LabelRecord.decode(record.encode(), book) == record,
}))
"""


def told(root: Path) -> dict[str, object]:
    """What an installation whose packages lie in a folder says of itself."""
    words = [sys.executable, "-c", TELL, STUDY]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our packages, and one file more."""
    root = tmp_path_factory.mktemp("grown")
    for package in ("privacy", "classifiers", "aggregates", "clerestory", "tests"):
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for needed in ("docs", "studies"):
        (root / needed).symlink_to(ROOT / needed)
    (root / "privacy" / "instruments" / "mood.toml").write_text(INSTRUMENT, encoding="utf-8")
    return root


def test_record_tables_questions_bits_and_page_follow(grown: Path) -> None:
    """The control is the same, asked of our own: nothing of it is there without the file."""
    before, after = told(ROOT), told(grown)

    assert [name for name in after["names"] if name not in before["names"]] == ["mood"]  # type: ignore[attr-defined, operator]
    assert after["bits"] == pytest.approx(before["bits"] + log2(3))  # type: ignore[operator]
    assert after["width"] == before["width"] + 1  # type: ignore[operator]
    assert after["hash"] != before["hash"]
    assert after["calls"] == [*before["calls"], ["mood"]]  # type: ignore[misc]
    assert (before["asked"], after["asked"]) == ([False], [False, True])
    assert after["enumerated"] == {"type": "string", "enum": ["g", "c", "?"]}
    assert (before["page"], after["page"]) == (False, True)
    assert [cell[-1] for cell in after["cells"]] == ["glad", "cross", "unclear"]  # type: ignore[attr-defined]
    assert after["plan_bits"] == pytest.approx(after["bits"], abs=0.001)  # as plans round it
    # A rater that does not know the question abstains.
    assert after["label"] == "unclear"
    assert after["decodes"]
    assert before["decodes"]
