"""The command `recover`: shown first, signed by two, also with ssh-keygen alone, done once."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from clerestory.cli import app
from privacy.signing import SigningKey
from tests.support.books import PLAN, Archive, approved, begun, paid
from tests.support.house import opened

RUN = CliRunner()


@pytest.fixture
def disaster(tmp_path: Path) -> dict[str, SigningKey]:
    """A vault whose state was restored from before a release; officers' keys as files."""
    keys, archive = begun(tmp_path), Archive(tmp_path)
    for name, key in keys.items():
        key.write(tmp_path / name)
    with opened(tmp_path) as house:
        bound = approved(house, "lost", keys["olga"])
    archive.keep()
    with opened(tmp_path) as house:
        note = paid(house, bound)
    (tmp_path / "note").write_text(note)
    archive.restore(0)
    return keys


def recover(tmp_path: Path, *more: str | Path) -> Result:
    """The command, as its user gives it."""
    words = ["recover", tmp_path / "vault", "--state", tmp_path / "state", *more, "--json"]
    return RUN.invoke(app, [str(word) for word in words])


def test_it_is_shown_before_it_is_signed(tmp_path: Path, disaster: dict[str, SigningKey]) -> None:
    """Without a key nothing is written, however often it is asked."""
    assert disaster
    for _ in range(2):
        told = json.loads(recover(tmp_path).stdout)
        assert told["recovered"] is False
        assert told["spent"] == str(PLAN.loss)
        assert len(told["plans"]) == told["checkpoints"] == 1
    said = RUN.invoke(
        app, ["recover", str(tmp_path / "vault"), "--state", str(tmp_path / "state")]
    ).stdout
    assert "would count as spent" in said
    assert "two officers" in said


def test_two_keys_recover_once(tmp_path: Path, disaster: dict[str, SigningKey]) -> None:
    """Then the keeper starts, and there is nothing more to account for."""
    assert disaster
    keys = ("--key", tmp_path / "olga", "--key", tmp_path / "otto")
    one = recover(tmp_path, *keys[:2])
    assert (one.exit_code, json.loads(one.stderr)["code"]) == (3, "RECOVERY_NOT_SIGNED")
    done = recover(tmp_path, "--checkpoint", tmp_path / "note", *keys)
    assert json.loads(done.stdout)["recovered"] is True
    again = recover(tmp_path, *keys)
    assert (again.exit_code, json.loads(again.stderr)["code"]) == (3, "NOTHING_TO_RECOVER")
    with opened(tmp_path) as house:
        assert house.ask("status")["spent"] == str(PLAN.loss)


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
def test_officers_sign_elsewhere_with_a_common_tool(
    tmp_path: Path, disaster: dict[str, SigningKey]
) -> None:
    """The statement goes to their machines, two signatures come back: no key has to travel."""
    statement = tmp_path / "statement.json"
    assert recover(tmp_path, "--statement", statement).exit_code == 0
    given: list[str | Path] = []
    for name in disaster:
        copy = tmp_path / f"{name}.json"
        copy.write_bytes(statement.read_bytes())
        subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-n", "clerestory-recovery", "-f", tmp_path / name, copy],
            check=True,
            capture_output=True,
        )
        given += ["--signature", Path(f"{copy}.sig")]
    assert json.loads(recover(tmp_path, *given).stdout)["recovered"] is True
    with opened(tmp_path):
        pass


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("nothing", "CHECKPOINT_MISSING"), ("folder", "CHECKPOINT_MISSING"), ("olga", "CHECKPOINT_")],
)
def test_what_is_no_checkpoint_is_said(
    tmp_path: Path, disaster: dict[str, SigningKey], wrong: str, code: str
) -> None:
    """Wrong input ends in our words, and writes nothing."""
    assert disaster
    (tmp_path / "folder").mkdir()
    done = recover(tmp_path, "--checkpoint", tmp_path / wrong)
    assert done.exit_code in (2, 4)
    assert json.loads(done.stderr)["code"].startswith(code)
    assert json.loads(recover(tmp_path).stdout)["checkpoints"] == 1
