"""The demo: one command, the whole way, and again; and it clears nothing but an earlier demo."""

import csv
import json
from pathlib import Path

import pytest

from clerestory.demo import MARK
from tests.support.world import clerestory

OLD = "old"
"""A file of an earlier demo."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo, where there was another one."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    folder.mkdir()
    (folder / MARK).write_text("")
    (folder / OLD).write_text("an earlier demo's")
    done = clerestory("demo", folder, "--accounts", "400", "--sessions", "600")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(folder / "bundle" / "report.html")
    return folder


def test_the_demo_leaves_what_the_interface_promises(demo: Path) -> None:
    """DIR/vault, DIR/bundle with the report, DIR/truth.csv, and the page of truth."""
    for name in ("vault/floor.json", "bundle/report.html", "truth.csv", "truth.html"):
        assert (demo / name).stat().st_size > 100, name
    assert clerestory("verify", demo / "bundle").returncode == 0


def test_its_release_is_watermarked(demo: Path) -> None:
    """Made-up data, one person, a weak rater: three things a reader must see."""
    told = json.loads((demo / "bundle" / "statement.json").read_text())
    assert {"synthetic", "single-person", "low-fidelity"} <= set(told["watermarks"])
    page = (demo / "bundle" / "report.html").read_text(encoding="utf-8")
    assert "synthetic data" in page
    assert "approved by its author" in page


def test_the_truth_page_says_why_it_can_exist(demo: Path) -> None:
    """Nobody may think that such a page can be had of real sessions."""
    assert "only because the data are synthetic" in (demo / "truth.html").read_text("utf-8")
    with (demo / "truth.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 600


def test_an_earlier_demo_is_cleared(demo: Path) -> None:
    """Again is one command, too: nothing is left of what bore the demo's own mark."""
    assert not (demo / OLD).exists()
    assert (demo / MARK).exists()


def test_a_folder_that_is_no_demo_is_not_cleared(tmp_path: Path) -> None:
    """The control: without the mark, nothing is touched."""
    (tmp_path / "precious").write_text("mine")
    refused = clerestory("demo", tmp_path)
    assert refused.returncode == 2
    assert "DEMO_EXISTS" in refused.stderr
    assert (tmp_path / "precious").read_text() == "mine"
