"""Commands of machines beside the keeper's: what they refuse before they begin."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clerestory.cli import app, beyond

HERE = find_spec("ray") is not None


def courier(folder: Path, address: str = "127.0.0.1:1") -> tuple[int, str]:
    """Exit code and words of a courier for a cluster that is not there."""
    words = ["courier", address, "--socket", str(folder / "c.sock")]
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.stderr


def test_without_the_extra_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is opened or started before that."""
    monkeypatch.setattr(beyond, "find_spec", lambda _: None)
    code, said = courier(tmp_path)
    assert code == 2
    assert "RAY_MISSING" in said
    assert "pip install 'clerestory[ray]'" in said
    assert not (tmp_path / "c.sock").exists()


@pytest.mark.skipif(not HERE, reason="ray is not installed: pip install 'clerestory[ray]'")
@pytest.mark.parametrize("mode", [None, "disabled", ""])
def test_a_cluster_that_asks_nobody_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    """Who can reach such a cluster runs code on all of it."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    code, said = courier(tmp_path)
    assert (code, "CLUSTER_OPEN" in said) == (2, True)
    assert not (tmp_path / "c.sock").exists()


@pytest.mark.skipif(not HERE, reason="ray is not installed: pip install 'clerestory[ray]'")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "nowhere", "127.0.0.1:x", ""])
def test_a_cluster_that_is_not_there_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A wrong port, or what is no address; Ray by itself would go on trying for minutes."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    code, said = courier(tmp_path, address)
    assert (code, "CLUSTER_UNREACHABLE" in said) == (2, True)
    assert not (tmp_path / "c.sock").exists()
