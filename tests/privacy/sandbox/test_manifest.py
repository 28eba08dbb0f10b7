"""What is mounted is what is hashed."""

import shutil
import time
from pathlib import Path

import pytest

from privacy.errors import ConfigurationError, RefusedError
from privacy.sandbox import interpreter
from privacy.sandbox.manifest import CodeManifest, collect
from tests.support.workers.setting import HERE, SEALING, large


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of a package that a test may change."""
    return Path(shutil.copytree(HERE, tmp_path / "workers"))


def taken(package: Path) -> CodeManifest:
    """A manifest with that package in it."""
    return collect(("privacy", package), SEALING)


def test_the_hash_does_not_depend_on_where_things_lie(package: Path) -> None:
    """Two machines with the same software have one hash."""
    assert taken(package).hash == collect(("privacy", HERE), SEALING).hash


def test_a_changed_added_or_removed_file_changes_hash_and_stamp(package: Path) -> None:
    """The keeper re-hashes when the stamp differs, and approvals bind the hash."""
    before = taken(package)
    before.check_unchanged()

    (package / "reading.py").write_text("# changed\n", encoding="utf-8")
    changed = taken(package)
    (package / "new.py").touch()
    added = taken(package)
    (package / "counting.py").unlink()
    removed = taken(package)

    assert len({m.hash for m in (before, changed, added, removed)}) == 4
    assert removed.fingerprint() == removed.stamp
    with pytest.raises(RefusedError) as refusal:
        before.check_unchanged()
    assert refusal.value.code == "CODE_CHANGED"


def test_compiled_files_do_not_count(package: Path) -> None:
    """They are not read either, so that running tests does not unapprove a plan."""
    before = taken(package)
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "reading.cpython-399.pyc").write_bytes(b"\0")
    assert taken(package).hash == before.hash
    before.check_unchanged()
    assert "pycache_prefix=/dev/null/none" in interpreter.FLAGS
    assert not any("compiled" in name for name in before.parts)


def test_a_link_out_of_the_code_is_refused(package: Path, tmp_path: Path) -> None:
    """It would run what was not hashed; a link that stays inside is well."""
    (package / "inside.py").symlink_to(package / "reading.py")
    taken(package)
    (tmp_path / "elsewhere.py").touch()
    (package / "outside.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(ConfigurationError) as error:
        taken(package)
    assert error.value.code == "CODE_LINK"


def test_what_is_not_listed_cannot_be_imported(package: Path) -> None:
    """A dependency that nobody listed is noticed when the manifest is made, not in a run."""
    (package / "greedy.py").write_text("import numpy\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        collect(("privacy", package), SEALING, ("workers.greedy",))
    assert error.value.code == "CODE_INCOMPLETE"
    assert "numpy" in error.value.found


@pytest.mark.parametrize("missing", [("no_such_package", "rfc8785"), ("privacy", "no-such")])
def test_what_is_not_installed_is_named(missing: tuple[str, str]) -> None:
    """The remedy is an installation."""
    with pytest.raises(ConfigurationError) as error:
        collect(missing[:1], missing[1:])
    assert error.value.code == "CODE_MISSING"


def test_libraries_are_those_that_the_kernel_maps() -> None:
    """The C library and its loader are in it; everything else of the host is not."""
    manifest = large()
    system = {mount.name for mount in manifest.mounts if mount.name.startswith("system/")}
    assert any("libc." in name for name in system)
    assert len(system) < 25
    targets = {target for mount in manifest.mounts for target in mount.targets}
    assert interpreter.loader() in targets
    assert not any("site-packages" in target for target in targets)


def test_collecting_everything_is_quick() -> None:
    """400 MB with numpy and OpenDP, hashed once a keeper's start; checked at every launch."""
    manifest = large()
    start = time.perf_counter()
    manifest.check_unchanged()
    assert time.perf_counter() - start < 1.0
