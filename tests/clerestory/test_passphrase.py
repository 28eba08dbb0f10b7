"""A keeper's passphrase: from a file, a descriptor or a terminal; never from anywhere else."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from clerestory.passphrase import passphrase_for
from privacy.errors import ConfigurationError
from privacy.keeper.configuration import CONFIGURATION
from privacy.keeper.keyring import WRAPPED
from tests.support.world import ROOT, must


def locked(folder: Path) -> Path:
    """A state folder whose keys are behind a passphrase."""
    folder.mkdir(mode=0o700)
    (folder / CONFIGURATION).write_text('[key]\nhow = "passphrase"\n')
    return folder


def words(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    """A file with a passphrase."""
    path = folder / "words"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Its last line end is no part of it; a file that others may read is no secret."""
    assert passphrase_for(tmp_path, words(tmp_path, b"correct horse\n")) == b"correct horse"
    for data, mode in ((b"horse", 0o640), (b"horse", 0o604), (b"", 0o600), (b"x" * 5000, 0o600)):
        with pytest.raises(ConfigurationError, match="PASSPHRASE_UNUSABLE"):
            passphrase_for(tmp_path, words(tmp_path, data, mode))
    with pytest.raises(ConfigurationError, match="PASSPHRASE_UNUSABLE"):
        passphrase_for(tmp_path, tmp_path / "missing")


def test_a_descriptor_will_do(tmp_path: Path) -> None:
    """`--passphrase-file /dev/fd/N`: nothing lies on the disk."""
    reading, writing = os.pipe()
    os.write(writing, b"correct horse\n")
    os.close(writing)
    assert passphrase_for(tmp_path, Path(f"/dev/fd/{reading}")) == b"correct horse"
    os.close(reading)


def keeper(folder: Path, *more: str) -> "subprocess.Popen[str]":
    """A keeper as its owner starts it."""
    state = ("--state", str(folder / "state"))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "clerestory", "keeper", str(folder / "vault"), *state, *more],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_keeper_starts_with_its_passphrase_and_not_without(tmp_path: Path) -> None:
    """No prompt without a terminal; the wrong words open nothing; the right ones do, again."""
    must("init", tmp_path / "vault", "--synthetic", "--tier", "T0")
    state = locked(tmp_path / "state")
    path = words(tmp_path, b"correct horse")
    _, told = keeper(tmp_path).communicate(timeout=60)
    assert "PASSPHRASE_MISSING" in told
    for _ in range(2):
        process = keeper(tmp_path, "--passphrase-file", str(path))
        assert process.stderr
        assert "ready" in process.stderr.readline()
        process.terminate()
        process.communicate(timeout=20)
    assert (state / WRAPPED).exists()
    assert b"PRIVATE KEY" not in (state / "signing.key").read_bytes()
    words(tmp_path, b"incorrect horse")
    done = keeper(tmp_path, "--passphrase-file", str(path))
    _, told = done.communicate(timeout=60)
    assert (done.returncode, "KEY_STAYS_LOCKED" in told) == (4, True)
    assert "horse" not in told


def test_a_person_at_a_terminal_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice when it is new, since nobody could find out later what was mistyped."""
    state = locked(tmp_path / "state")
    main, side = pty.openpty()
    with os.fdopen(side) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        for said, outcome in ((["a", "a"], b"a"), (["a", "b"], None)):
            answers = iter(said)
            monkeypatch.setattr("clerestory.passphrase.getpass", lambda _, a=answers: next(a))
            if outcome is None:
                with pytest.raises(ConfigurationError, match="PASSPHRASE_UNUSABLE"):
                    passphrase_for(state, None)
            else:
                assert passphrase_for(state, None) == outcome
        (state / WRAPPED).touch()
        monkeypatch.setattr("clerestory.passphrase.getpass", lambda _: "once")
        assert passphrase_for(state, None) == b"once"
        (state / CONFIGURATION).unlink()
        assert passphrase_for(state, None) is None
    os.close(main)
