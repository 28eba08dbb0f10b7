"""A format of somebody else's: loaded at the edge, sealed in a form that the worker reads."""

import sys
from pathlib import Path

import pytest

from classifiers.formats import plugins, read_session
from classifiers.formats.plugins import installed
from tests.classifiers.formats.made import lines, sealed
from tests.classifiers.logs import said

CODE = """
from classifiers.formats.portions import Part, Portion, within

NAME = "moonlog"

def claims(record):
    return "moon" in record

def split(found):
    for record in found:
        if record["moon"] == "crash":
            raise ValueError(record)
        message = {"role": "user", "content": record["moon"]}
        document = {"session_id": record["name"]} if record["moon"] != "own" else {"mine": 1}
        yield Portion(record["name"], [Part(message)], within("messages", document))
"""


@pytest.fixture
def moonlog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution with one format that works and one that cannot be loaded."""
    site = tmp_path / "site"
    about = site / "moonlog-1.dist-info"
    about.mkdir(parents=True)
    (site / "moonlog.py").write_text(CODE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: moonlog\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        f"[{plugins.GROUP}]\nbroken = nowhere.at.all\nempty = json\nmoonlog = moonlog\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "moonlog", raising=False)


@pytest.mark.usefixtures("moonlog")
def test_an_installed_format_is_found_and_a_broken_one_left_out() -> None:
    """An entry point that cannot be loaded stops nothing."""
    assert [each.NAME for each in installed()] == ["moonlog"]


def test_what_a_plug_in_writes_is_read_without_it(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The sealed worker has our formats only, so the generic form has to carry it."""
    folder = tmp_path / "logs"
    folder.mkdir()
    data = lines({"name": "n", "moon": "shine"})
    assert set(sealed(folder, here=data)[1].files.values()) == {"NOT_A_SESSION_LOG"}
    request.getfixturevalue("moonlog")
    (one,), _ = sealed(folder)
    found = read_session(one.blob)
    assert (found.format, said(found)) == ("generic", [("prompt", "shine")])


@pytest.mark.usefixtures("moonlog")
def test_what_the_worker_could_not_read_is_left_out_and_a_failure_costs_one_file(
    tmp_path: Path,
) -> None:
    """A plug-in's error may quote the file, so only a code is told."""
    folder = tmp_path / "logs"
    folder.mkdir()
    found, tally = sealed(
        folder,
        a=lines({"name": "n", "moon": "own"}),
        b=lines({"name": "m", "moon": "crash"}),
        c=lines({"name": "o", "moon": "shine"}),
    )
    assert [each.session for each in found] == ["o"]
    assert {path.name: code for path, code in tally.files.items()} == {
        "a": "READ",
        "b": "FORMAT_FAILED",
        "c": "READ",
    }
    assert tally.records["NOT_MOUNTED"] == 1
