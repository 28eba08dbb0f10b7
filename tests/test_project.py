"""
What the project's own words say, held to its code.

Promises name tests that exist; commands in the README exist and run as they stand there; what is
packed is what is needed; one version, no file too long, no word where it must not be.
"""

import re
import shutil
import stat
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
import typer

from clerestory.cli import app
from clerestory.cli.later import PIECES
from clerestory.keeping import running_keeper
from privacy.codebook import codebook
from privacy.errors import BY_EXIT_CODE
from privacy.labels import record_width
from tests.support.world import ROOT, World, must

PACKAGES = ("privacy", "classifiers", "aggregates", "clerestory")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LONGEST_FILE = 300


def commands() -> dict[str, set[str]]:
    """Every command of the program, `keys new` among them → its options."""
    found: dict[str, set[str]] = {}

    def walk(group: object, above: str) -> None:
        for name, one in getattr(group, "commands", {}).items():
            options = {o for p in one.params for o in p.opts if o.startswith("--")}
            found[f"{above}{name}"] = options | {"--help"}
            walk(one, f"{above}{name} ")

    walk(typer.main.get_command(app), "")
    return found


def blocks(language: str, heading: str = "") -> list[str]:
    """The README's code blocks in a language, below a heading or anywhere."""
    part = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0] if heading else README
    return re.findall(rf"```{language}\n(.*?)```", part, flags=re.DOTALL)


def promised() -> list[str]:
    """The tests that the table of promises names."""
    table = SECURITY.split("## Promises\n", 1)[1].split("\n## ", 1)[0]
    rows = [row for row in table.splitlines() if row.startswith("|")][2:]
    named = [re.findall(r"`(tests/[^`]+)`", row) for row in rows]
    assert all(named), "a promise that names no test"
    return [test for tests in named for test in tests]


def test_every_promise_names_a_test_that_exists() -> None:
    """A promise without a test is a wish."""
    assert len(promised()) >= 15
    for test in promised():
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), test
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {name or 'test_'}", text, flags=re.MULTILINE), test


def test_every_promise_that_is_tested_is_made() -> None:
    """A file of tests/promises/ that nobody is told of protects nobody's trust."""
    files = {f"tests/promises/{path.name}" for path in (ROOT / "tests/promises").glob("test_*.py")}
    assert files
    assert files <= {test.partition("::")[0] for test in promised()}


def test_modules_of_promises_exist() -> None:
    """A reader who follows the table finds the code."""
    table = SECURITY.split("## Promises\n", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"`((?:privacy|classifiers|aggregates|clerestory)/[^`]*)`", table)
    assert len(named) > 15
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_the_readme_names_every_command_and_no_other() -> None:
    """What is not in the README is not found; what is only there disappoints."""
    known = commands()
    table = README.split("## Commands\n", 1)[1].split("\n## ", 1)[0]
    missing = [name for name in known if name != "keys" and not re.search(rf"\b{name}\b", table)]
    assert missing == []
    spoken = set(re.findall(r"(?:^|`)clerestory ([a-z-]+)", README, re.MULTILINE))
    assert spoken - {name.split()[0] for name in known} == set()
    absent = README.split("Not there yet, and each exits 2:", 1)[1].split(".", 1)[0]
    assert set(re.findall(r"`([a-z-]+)`", absent)) == set(PIECES)


def test_the_readme_uses_options_that_exist() -> None:
    """A renamed option would leave a line that fails for every newcomer."""
    known = commands()
    pattern = r"clerestory ((?:keys |policy |backend )?[a-z-]+)([^`\n]*)"
    used = [
        (name, option)
        for name, rest in re.findall(pattern, README)
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest)
    ]
    assert len(used) > 15
    assert [(n, o) for n, o in used if o not in known[n]] == []


def test_the_numbers_of_the_readme_are_those_of_the_code() -> None:
    """Width, bits and exit codes are stated; they change with a codebook or a new error."""
    assert f"{record_width(codebook())}-byte label records" in README
    assert f"can say {codebook().instrument_bits:.1f} bits" in SECURITY
    line = README.split("Exit codes:", 1)[1]
    assert {int(code) for code in re.findall(r"\*\*(\d+)\*\*", line)} >= {0, *BY_EXIT_CODE}


def test_links_lead_somewhere() -> None:
    """A page that was renamed takes its readers with it, or this test notices."""
    broken = []
    links = 0
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                links += 1
                broken += [] if (page.parent / target).exists() else [(page.name, target)]
    assert links > 30
    assert broken == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A newcomer's folder: a checkout's studies, logs of two people, `clerestory` on the path."""
    must("synthesize", tmp_path / "made", "--accounts", "2", "--sessions", "6")
    for name, logs in zip(("kim", "lee"), sorted((tmp_path / "made/logs").iterdir()), strict=True):
        shutil.copytree(logs, tmp_path / "logs" / name)
    shutil.copytree(tmp_path / "logs" / "kim", tmp_path / ".claude" / "projects")
    (tmp_path / "accounts.csv").write_text(blocks("csv")[0], encoding="utf-8")
    (tmp_path / "studies").symlink_to(ROOT / "studies")
    program = tmp_path / "bin" / "clerestory"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m clerestory "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def shell(script: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run a block of the README as it stands, in the newcomer's folder."""
    path = f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(
        ["sh", "-euc", script],
        cwd=home,
        env={"HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("heading", ["Real logs, one person", "Real logs, two persons"])
def test_the_readmes_way_can_be_walked(heading: str, home: Path) -> None:
    """Every line of the recipes on real logs, in order, until the verified bundle."""
    first, second = blocks("sh", heading)
    init, keeper = first.strip().splitlines()
    named = re.fullmatch(r"clerestory keeper (\S+) --state (\S+)", keeper)
    assert named
    assert shell(init, home).returncode == 0
    with running_keeper(home / named[1], home / named[2]):
        done = shell(second, home)
    assert done.returncode == 0, done.stderr
    assert "This bundle is what its keeper signed." in done.stdout
    assert "0 of 71 rows published" in done.stdout


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
def test_a_stranger_verifies_with_two_common_tools(bundle: Path) -> None:
    """The README's three lines say yes, and no when a byte has changed."""
    (lines,) = blocks("sh", "Verifying without Clerestory")
    done = shell(lines, bundle.parent)
    assert done.returncode == 0, done.stderr
    assert 'Good "clerestory-bundle" signature' in done.stdout + done.stderr

    with (bundle / "tables.csv").open("ab") as file:
        file.write(b"\n")
    assert shell(lines, bundle.parent).returncode != 0


def test_a_bundle_reads_as_the_readme_says(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines in Python give the table that they promise."""
    (lines,) = blocks("python", "Reading a bundle")
    monkeypatch.chdir(bundle.parent)
    exec(lines, {})
    assert "accounts_at_least" in capsys.readouterr().out


def test_an_audit_holds_a_release_to_its_ledger(released: World, tmp_path: Path) -> None:
    """An export written as the README writes it holds the release, and not after a change."""
    export = tmp_path / "ledger.jsonl"
    must("ledger", released.vault, "--export", export)
    assert "its checkpoint and its charge" in must("audit", export, released.folder / "bundle")
    export.write_text(export.read_text().replace('"charge"', '"chargE"', 1))
    with pytest.raises(AssertionError, match="LEDGER_BROKEN"):
        must("audit", export, released.folder / "bundle")


@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
def test_the_wheel_holds_what_is_needed_and_no_more(tmp_path: Path) -> None:
    """Data files, studies and licence are in it; tests and benchmarks are not."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    studies = {f"clerestory/studies/{path.name}" for path in (ROOT / "studies").iterdir()}
    assert packed == ours | studies
    assert {Path(name).suffix for name in ours} >= {".py", ".toml", ".css"}
    licences = [name for name in ZipFile(wheel).namelist() if name.endswith("licenses/LICENSE")]
    assert len(licences) == 1


def test_there_is_one_version() -> None:
    """In pyproject.toml, in the lock, and on top of the changelog with its privacy first."""
    version = PROJECT["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.+?)\] - \d{4}-\d\d-\d\d\n\n### (\w+)$", changes, re.MULTILINE)
    assert newest
    assert newest.groups() == (version, "Privacy")
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (locked,) = [p["version"] for p in lock["package"] if p["name"] == PROJECT["name"]]
    assert locked == version


def test_decisions_are_numbered_listed_and_whole() -> None:
    """An index that forgets a page hides a decision."""
    folder = ROOT / "docs/decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in pages] == list(range(1, len(pages) + 1))
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert page.name in index
        heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert heads == ["Context", "Options", "Decision", "What would change our mind"]


def test_aggregates_do_not_know_what_labels_were_made_of() -> None:
    """The word for raw text does not occur there; in classifiers, it may."""
    for path in (ROOT / "aggregates").rglob("*.py"):
        assert "transcript" not in path.read_text(encoding="utf-8").lower(), path.name


def test_nothing_tells_where_it_was_written() -> None:
    """A path of the developers' machine helps nobody, and names it."""
    pattern = re.compile(r"(?<![\w.])/(?:w[o]rk|r[o]ot|srv)/[a-z]")
    assert pattern.search("cd /" + "root/somewhere")
    texts = [
        path
        for folder in (*PACKAGES, "tests", "docs", "studies", "benchmarks", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {"", ".py", ".md", ".toml"} and path.is_file()
    ]
    assert len(texts) > 150
    found = [p.name for p in [*texts, *PAGES] if pattern.search(p.read_text(encoding="utf-8"))]
    assert found == []


def test_files_stay_short() -> None:
    """What is longer than a sitting is not read."""
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert len(lengths) > 80
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_ci_runs_what_a_stranger_runs() -> None:
    """One way to test, and the README names it."""
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()[-1] == "./run test"
    assert "./run test" in README
    assert all(f"./run {task}" in README for task in ("demo", "test", "check", "bench"))
