"""What is changed between the look at a file and its use is found, or is of no use any more."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privacy.errors import RefusedError
from privacy.sandbox import zygote
from privacy.sandbox.launch import start
from privacy.sandbox.manifest import CodeManifest, collect
from privacy.sandbox.tiers import Tier
from tests.support.workers.setting import HERE, SEALING, sealed_tiers

MODULE = "workers.reading"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of a worker's package, to be changed while it starts."""
    return Path(shutil.copytree(HERE, tmp_path / "workers"))


@pytest.fixture
def code(package: Path) -> CodeManifest:
    """What is mounted, with that package in it."""
    return collect(("privacy", package), SEALING)


def after(monkeypatch: pytest.MonkeyPatch, moment: str, act: Callable[[], object]) -> None:
    """Do something right after one step of a worker's start."""
    step = getattr(zygote, moment)

    def both(*arguments: Any) -> Any:  # noqa: ANN401
        result = step(*arguments)
        act()
        return result

    monkeypatch.setattr(zygote, moment, both)


def refused(tier: Tier, code: CodeManifest) -> RefusedError:
    """How a start is turned down; there is no worker that could be given anything."""
    with pytest.raises(RefusedError) as refusal:
        start(tier, code, MODULE, b"plan")
    return refusal.value


@sealed_tiers
def test_code_that_is_changed_while_a_worker_starts_gets_no_key(
    tier: Tier, package: Path, code: CodeManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the process was started, before it has read everything; changed back or not."""
    with start(tier, code, MODULE, b"plan") as worker:
        assert worker.public_key
    file = package / "reading.py"
    good, times = file.read_bytes(), file.stat()

    def edit() -> None:
        file.write_bytes(good.replace(b"def ", b"def\t", 1))

    def edit_and_hide() -> None:
        edit()
        file.write_bytes(good)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    for act in (edit_and_hide, edit):
        with monkeypatch.context() as context:
            after(context, "_spawn", act)
            error = refused(tier, code)
        assert error.code == "CODE_CHANGED"
        assert "code/workers" in error.found
        assert "while a worker read it" in error.found
        file.write_bytes(good)
    with start(tier, code, MODULE, b"plan") as worker:
        assert worker.public_key


def test_code_with_its_old_times_is_seen_to_be_changed(package: Path, code: CodeManifest) -> None:
    """Length and time of contents can be set; that of the inode cannot."""
    file = package / "reading.py"
    good, times = file.read_bytes(), file.stat()
    file.write_bytes(good.replace(b"def ", b"def\t", 1))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    now = file.stat()
    assert (now.st_size, now.st_mtime_ns, now.st_ino) == (
        times.st_size,
        times.st_mtime_ns,
        times.st_ino,
    )
    with pytest.raises(RefusedError, match="CODE_CHANGED") as refusal:
        code.check_unchanged()
    assert "since it was hashed" in refusal.value.found
    file.write_bytes(good)
    code.check_unchanged()


def test_what_is_touched_and_not_changed_still_starts(package: Path, code: CodeManifest) -> None:
    """A hard link to a file, as package managers make them, changes its inode and nothing else."""
    (package.parent / "link").hardlink_to(package / "reading.py")
    assert code.fingerprint() != code.stamp
    with start(Tier.T0, code, MODULE, b"plan") as worker:
        assert worker.public_key


@sealed_tiers
def test_code_that_is_changed_behind_the_seal_is_read_by_nobody(
    tier: Tier, package: Path, code: CodeManifest
) -> None:
    """The worker has imported all that it will: it works on, and the next start is refused."""
    with start(tier, code, MODULE, b"plan") as worker:
        (package / "reading.py").write_text("raise SystemExit\n", encoding="utf-8")
        worker.channel.send(b"")
        assert worker.close() == 0
    assert refused(tier, code).code == "CODE_CHANGED"
