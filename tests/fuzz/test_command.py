"""`./run fuzz`: skipped in plain words without atheris; with it, what is found is kept and told."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz import __main__ as fuzz
from tests.support.world import ROOT

needs_atheris = pytest.mark.skipif(
    find_spec("atheris") is None, reason="to fuzz: pip install atheris"
)


def test_without_atheris_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no part of the tests: a skip that nobody sees would pass for a hunt."""
    monkeypatch.setattr(fuzz, "find_spec", lambda _: None)
    assert fuzz.main(["1"]) == 0
    assert "pip install atheris" in capsys.readouterr().out


def test_findings_stay_out_of_the_checkout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Inputs may be made of real logs, and what lies in a checkout is committed one day."""
    monkeypatch.setattr(fuzz, "find_spec", lambda _: True)
    with pytest.raises(SystemExit) as refused:
        fuzz.main(["1", "--findings", str(ROOT / "tests" / "fuzz" / "found")])
    assert refused.value.code == 2
    assert "outside the checkout" in capsys.readouterr().err
    assert not (ROOT / "tests" / "fuzz" / "found").exists()


@needs_atheris
def test_a_hunt_tells_how_far_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In numbers, so that a hunt that did not run is told from one that found nothing."""
    monkeypatch.delenv("CLERESTORY_TRANSCRIPTS", raising=False)
    code = fuzz.main(["12", "--findings", str(tmp_path)])
    told = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert code == 0, told
    assert told["executions"] >= fuzz.WRITTEN
    assert told["edges"] > 500
    assert 0 < told["peak_mib"] < fuzz.MEMORY


@needs_atheris
def test_what_breaks_a_promise_is_kept_once(tmp_path: Path) -> None:
    """The control: a reader that fails on a word is found, its shortest input kept."""
    code = """
import sys
from pathlib import Path
from tests.fuzz import hunting
from tests.fuzz.pipeline import Broken

def holds(data, folder, *, looked_at):
    if b"bad" in data:
        raise Broken("a promise")
    return "record"

hunting.holds = holds
hunt = hunting.Hunt(Path(sys.argv[1]), Path(sys.argv[1]))
for data in (b"good", b"a bad one", b"bad", b"another bad one"):
    hunt.take(data)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, env=environment)
    (found,) = tmp_path.glob("found-????????????")
    assert found.read_bytes() == b"bad"
    assert "a promise" in found.with_suffix(".txt").read_text()
    told = json.loads((tmp_path / "hunt.json").read_text())
    assert list(told["findings"].values()) == [3]
