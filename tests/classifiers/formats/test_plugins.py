"""A format of somebody else's: one function, loaded at the edge, sealed in the generic form."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from classifiers.formats import plugins, read_session
from classifiers.formats.plugins import installed
from privacy.errors import ConfigurationError
from tests.classifiers.formats import made
from tests.classifiers.formats.made import lines, sealed
from tests.classifiers.formats.test_codex import SESSION
from tests.classifiers.logs import log, person, said
from tests.support.world import ROOT

NIGHT = [
    {"moon": "n-1"},
    {"who": "user", "words": "shine"},
    {"who": "assistant", "words": "I shine."},
    {"moon": "n-2"},
    {"who": "user", "words": "set"},
]
GREEDY = """
def sessions(records):
    for record in records:
        if record.get("moon") == "crash" or record.get("type") == "crash":
            raise ValueError(record)
        yield {"session_id": "mine", "messages": [{"role": "user", "content": str(record)}]}
        yield {"no": "session"}
        yield 7
"""


def example(wanted: str) -> str:
    """An indented block of the module's own description, as code."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", plugins.__doc__ or "", re.MULTILINE)
    return dedent(next(block for block in blocks if wanted in block)).strip() + "\n"


def install(site: Path, monkeypatch: pytest.MonkeyPatch, points: str, **modules: str) -> None:
    """An installed distribution of some modules and entry points."""
    about = site / "moonlog-1.dist-info"
    about.mkdir(parents=True)
    for name, code in modules.items():
        (site / f"{name}.py").write_text(code)
        monkeypatch.delitem(sys.modules, name, raising=False)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: moonlog\nVersion: 1\n")
    (about / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(site))


def test_the_example_in_the_description_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown there is a whole format: its file is foreign without it, and read with it."""
    folder = tmp_path / "logs"
    folder.mkdir()
    data = lines(*NIGHT)
    assert set(sealed(folder, here=data)[1].files.values()) == {"NOT_A_SESSION_LOG"}
    point = example("entry-points").replace('[project.entry-points."', "[").replace('"]', "]")
    install(tmp_path / "site", monkeypatch, point.replace('"', ""), moonlog=example("def sessions"))
    found, tally = sealed(folder)
    assert set(tally.files.values()) == {"READ"}
    told = {each.session: read_session(each.blob) for each in found}
    assert {name: said(session) for name, session in told.items()} == {
        "n-1": [("prompt", "shine")],
        "n-2": [("prompt", "set")],
    }
    assert {session.format for session in told.values()} == {"generic"}
    assert made.answered(told["n-1"]) == ["I shine."]


def test_the_page_of_formats_shows_the_same_example() -> None:
    """Two examples would differ in time, and one of them be wrong."""
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    assert blocks == [example("def sessions"), example("entry-points")]


@pytest.mark.parametrize("broken", ["nowhere.at.all", "json:__doc__", "json:nothing"])
def test_what_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Left out in silence, it would leave out its files; without the broken one it stands."""
    whole = f"[{plugins.GROUP}]\nc = greedy:sessions\n"
    install(tmp_path / "site", monkeypatch, f"{whole}b = {broken}\n", greedy=GREEDY)
    with pytest.raises(ConfigurationError, match=r"PLUGIN_UNLOADABLE.*'b'"):
        installed()
    install(tmp_path / "other", monkeypatch, whole, greedy=GREEDY)
    assert [each.NAME for each in installed()] == ["plug-in c"]


def test_a_function_that_wants_everything_gets_what_none_of_ours_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can shadow no format, whatever comes first in a file; its failures cost its files."""
    point = f"[{plugins.GROUP}]\ncodex_rollout = greedy:sessions\n"
    install(tmp_path / "site", monkeypatch, point, greedy=GREEDY)
    folder = tmp_path / "logs"
    folder.mkdir()
    found, tally = sealed(
        folder,
        a=lines({"type": "summary", "summary": "x"}) + log(person("claude")),
        b=lines({"moon": "first"}, *SESSION),
        c=lines({"moon": "shine"}),
        d=lines({"moon": "shine"}, {"moon": "crash"}),
        e=lines({"moon": "crash"}),
        f=b"prose\n",
    )
    assert {path.name: code for path, code in tally.files.items()} == {
        "a": "READ",
        "b": "READ",
        "c": "READ",
        "d": "FORMAT_FAILED",
        "e": "NOT_A_SESSION_LOG",  # it fails on the only record, so it knows none
        "f": "READ",
    }
    formats = sorted(read_session(each.blob).format for each in found)
    assert formats == ["claude_code", "codex_rollout", "generic"]
    assert "crash" not in repr((tally.files, tally.sessions, tally.records))


def test_the_sealed_worker_loads_none() -> None:
    """It does not even have what looks for them; the control, the edge, does."""
    watch = "import sys; import {}; print('classifiers.formats.plugins' in sys.modules)"
    told = [
        subprocess.run(
            [sys.executable, "-c", watch.format(module)], capture_output=True, text=True, check=True
        ).stdout.strip()
        for module in ("classifiers.worker", "classifiers.edge")
    ]
    assert told == ["False", "True"]
