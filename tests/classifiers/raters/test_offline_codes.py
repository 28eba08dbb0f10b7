"""Codes of rules: from a closed list, with a reason for every label, and on no way out."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.raters.offline import judge
from classifiers.raters.offline.codes import CODES, codes_of
from classifiers.raters.offline.evidence import gather
from clerestory.synthetic import write_sessions
from privacy.codebook import codebook
from tests.classifiers.logs import agent, person, session
from tests.support.world import ROOT

from .rated import edited, ran

SEALED = """
import sys
from classifiers.raters import rater_of
from privacy.raters import OFFLINE
import classifiers.worker
assert rater_of(OFFLINE).name == "offline"
assert "classifiers.raters.offline.results" in sys.modules
sys.exit("classifiers.raters.offline.codes" in sys.modules)
"""


def test_a_label_is_explained_by_the_rules_that_fired() -> None:
    """What was asked, run and delivered stands behind the labels, and nothing else does."""
    told = codes_of(
        gather(
            session(
                person("fix the crash in the parser"),
                *edited("parser.py"),
                *ran("pytest", "3 passed"),
                *ran("git commit -m 'fix: parser'", "[main 1]", number=2),
                agent("Done, the parser is fixed."),
            )
        )
    )
    assert {"ASKED", "NAMED", "REPORTED"} <= set(told["work_mode"])
    assert {"DELIVERED", "CHECKS_PASSED"} <= set(told["success_signal"])
    assert told["failure_signal"] == ()
    assert codes_of(gather(session(person("hm"), agent("Yes?"))))["work_mode"] == ()


def test_codes_are_a_closed_list(tmp_path: Path) -> None:
    """Whatever a session says, a code is one of ours: it has no letter of the session."""
    write_sessions(tmp_path, accounts=30, sessions=60, seed=None)
    names, seen = {one.name for one in codebook().instruments}, set()
    assert set(CODES) <= names
    for path in (tmp_path / "logs").rglob("*.jsonl"):
        if "subagents" in path.parts:
            continue
        for instrument, codes in codes_of(gather(read_session(path.read_bytes()))).items():
            assert set(codes) <= set(CODES[instrument])
            seen |= {(instrument, code) for code in codes}
    assert len(seen) > len(CODES)  # the check above had something to check


def test_labels_hold_no_code() -> None:
    """The rater gives labels of the codebook; a code is none of them."""
    labels = judge(gather(session(person("fix the crash"), *edited("a.py"))))
    every = {code for codes in CODES.values() for code in codes}
    assert not every & {label for one in codebook().instruments for label in one.labels}
    assert not every & set(labels.values())


def test_nothing_but_validation_reaches_the_codes() -> None:
    """No record, table, plan, bundle or log can hold what its maker cannot import."""
    reach = set()
    for package in ("privacy", "classifiers", "aggregates", "clerestory"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                names = [each.name for each in getattr(node, "names", ())] if module else []
                plain = [each.name for each in node.names] if isinstance(node, ast.Import) else []
                if any("offline.codes" in one for one in (module, *plain)) or (
                    "offline" in (*path.parts, *module.split("."))
                    and (module == "codes" or "codes" in names)
                ):
                    reach.add(path.relative_to(ROOT).as_posix())
    assert reach == {"clerestory/validation.py"}


@pytest.mark.parametrize("loaded", [False, True], ids=["as it is", "control"])
def test_a_worker_does_not_load_them(*, loaded: bool) -> None:
    """After the worker's imports the module is not there; the check can see it where it is."""
    code = "import classifiers.raters.offline.codes\n" * loaded + SEALED
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == int(loaded)
