"""Commands that are forked from a prepared process: each is what it would be by itself."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import LONGEST
from tests.support.world import ROOT, alone, clerestory


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("nonsense",), 2),
        (("verify", "nowhere"), 2),
        (("plan", str(ROOT / "studies" / "first-look.toml"), "--out", "plan.json"), 0),
    ],
)
def test_a_forked_command_is_what_it_is_alone(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    """Exit code, both outputs and the file that it wrote, in the folder where it was asked."""
    found = list[object]()
    for run in (clerestory, alone):
        folder = tmp_path / run.__name__
        folder.mkdir()
        done = run(*arguments, cwd=folder)
        assert done.returncode == code
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        found.append((done.stdout, done.stderr, files))
    assert found[0] == found[1]


def test_environment_and_neighbours_are_a_commands_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one changed the next does not see, and six at once do not mix their words."""
    wide = clerestory("--help").stdout
    with monkeypatch.context() as changed:
        changed.setenv("COLUMNS", "50")
        narrow = clerestory("--help").stdout
    assert max(map(len, narrow.splitlines())) <= 50 < max(map(len, wide.splitlines()))
    assert clerestory("--help").stdout == wide
    names = [f"nonsense{number}" for number in range(6)]
    with ThreadPoolExecutor(6) as hands:
        told = list(hands.map(lambda name: clerestory(name, cwd=tmp_path), names))
    assert all(name in done.stderr for name, done in zip(names, told, strict=True))


def test_the_longest_files_are_there() -> None:
    """A name that leads nowhere would put nothing first, unnoticed."""
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []
    assert len(set(LONGEST)) == len(LONGEST) > 0
