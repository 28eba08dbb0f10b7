"""The offline rater against reference labels of real sessions.  Skipped where there are none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.offline import REQUIRED, measure, shared
from classifiers.formats import read_session
from classifiers.raters.offline.work import SOURCES
from classifiers.sessions import UnreadableError
from classifiers.structure import all_calls
from clerestory.fidelity import FIDELITY
from tests.support.corpus import real_logs

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What the benchmark finds now."""
    logs, labels = real_logs(), shared("gold/dev.csv", "CLERESTORY_GOLD")
    if not labels.is_file():
        pytest.skip("no reference labels: set CLERESTORY_GOLD to their file")
    return measure(logs, labels)


def test_what_reports_quote_is_what_is_measured(measured: dict[str, Any]) -> None:
    """The file that fidelity notes read cannot go stale: here it is reckoned again."""
    assert json.loads(FIDELITY.read_text(encoding="utf-8")) == json.loads(json.dumps(measured))


def test_work_mode_agrees_as_required_also_where_weights_are_blind(
    measured: dict[str, Any],
) -> None:
    """κ of at least .45, on all sessions and with each repository left out of the choosing."""
    rows = {row["instrument"]: row for row in measured["instruments"]}
    assert rows["work_mode"]["kappa"] >= REQUIRED["work_mode"]
    assert measured["left_out"]["kappa"] >= REQUIRED["work_mode"]


def test_the_weights_in_use_are_those_that_are_chosen(measured: dict[str, Any]) -> None:
    """No weight was touched up by hand after the choosing."""
    assert measured["left_out"]["chosen"] == SOURCES


def test_code_was_written_where_a_patch_says_so() -> None:
    """
    Of Claude Code's logs at least 98 in 100 agree with the patches that its own results hold.

    Read here with nothing of ours: a result's `structuredPatch`, or the content of a new file.  One
    log may differ: an edit whose result has lost its patch counts by what was asked for.
    """
    same = []
    for path in real_logs().glob("claude_code*/**/*.jsonl"):
        try:
            session = read_session(path.read_bytes())
        except UnreadableError:
            continue
        if session.format == "claude_code":
            ours = any(call.lines_added for call in all_calls(session))
            same.append(ours == any(_added(path)))
    assert len(same) > 100
    assert sum(same) >= 0.98 * len(same)


def _added(path: Path) -> Iterator[bool]:
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        told = record.get("toolUseResult") if isinstance(record, dict) else None
        for result in told if isinstance(told, list) else [told]:
            if isinstance(result, dict) and isinstance(result.get("structuredPatch"), list):
                yield any(
                    change.startswith("+")
                    for part in result["structuredPatch"]
                    for change in part.get("lines", ())
                )
                yield result.get("type") == "create" and bool(result.get("content"))
