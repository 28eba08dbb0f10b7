"""Compiled files that the keeper made: found by its workers, and by no hash."""

import gc
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from privacy.errors import RefusedError
from privacy.sandbox import interpreter
from privacy.sandbox import manifest as manifests
from privacy.sandbox.compiled import Compiled
from privacy.sandbox.launch import Zygote
from privacy.sandbox.libraries import library_mounts
from privacy.sandbox.manifest import CodeManifest, collect
from privacy.sandbox.mounts import Mount
from privacy.sandbox.tiers import Tier
from tests.support.workers.setting import HERE, SEALING, small, strongest

_LOOK = """
import sys
compiled = []
sys.addaudithook(lambda event, found: compiled.append(found[1]) if event == "compile" else None)
sys.path[:0] = sys.argv[1:]
import privacy.sealing, privacy.sandbox.life, workers.reading
print(sum(str(name).endswith(".py") for name in compiled), len(sys.modules))
"""
_MANY = 50


def looked(manifest: CodeManifest, tier: Tier, *, plain: bool = False) -> tuple[int, int]:
    """Sources that a process at a tier compiles to import a worker's modules; its modules."""
    with ExitStack() as resources:
        place = tier.launcher.place(manifest, resources)
        flags = interpreter.FLAGS if plain else interpreter.flags(place.compiled)
        folders = (str(place.folder / part) for part in ("code", "deps"))
        words = [*place.prefix, str(manifest.python), *flags, "-c", _LOOK, *folders]
        done = subprocess.run(words, env={}, capture_output=True, check=True, text=True)
    compiled, modules = done.stdout.split()
    return int(compiled), int(modules)


@pytest.fixture
def manifest(tmp_path: Path) -> CodeManifest:
    """Of a package that a test may change."""
    return collect(("privacy", copytree(HERE, tmp_path / "workers")), SEALING, ("workers.reading",))


@pytest.mark.parametrize("tier", dict.fromkeys((Tier.T1, strongest())), ids=lambda tier: tier.name)
def test_a_worker_compiles_nothing_that_was_compiled(manifest: CodeManifest, tier: Tier) -> None:
    """With mounts and without; the control compiles what every worker did."""
    compiled, modules = looked(manifest, tier)
    plain, same = looked(manifest, tier, plain=True)
    assert (compiled, modules) == (0, same)
    assert plain > _MANY


def test_a_compiled_file_of_another_source_is_not_used(manifest: CodeManifest) -> None:
    """Python holds it against the source's time and size; the source stands in the hash."""
    source = next(m.source for m in manifest.mounts if m.name == "code/workers") / "reading.py"
    before = looked(manifest, Tier.T0)
    os.utime(source, (1, 1))
    assert looked(manifest, Tier.T0)[0] == before[0] + 1


def test_a_changed_compiled_file_stops_the_next_start(manifest: CodeManifest) -> None:
    """Whoever writes into the keeper's folder is noticed as if it were a source."""
    manifest.check_unchanged()
    with Zygote(Tier.T0, manifest, "workers.reading", b""):
        pass
    kept = next(manifest.compiled.folder.rglob("reading.*.pyc"))
    kept.write_bytes(kept.read_bytes() + b"\0")
    with pytest.raises(RefusedError, match="CODE_CHANGED") as refusal:
        Zygote(Tier.T0, manifest, "workers.reading", b"")
    assert "compiled" in refusal.value.found
    assert collect(("privacy", HERE), SEALING).hash == manifest.hash


def test_a_source_that_changes_while_it_is_compiled_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what was compiled could be of another source than the one that is hashed."""
    package, listing = copytree(HERE, tmp_path / "workers"), library_mounts
    collect(("privacy", package), SEALING)  # the control

    def meanwhile(*told: Any) -> list[Mount]:  # noqa: ANN401
        found = listing(*told)
        (package / "reading.py").write_text("# another\n", encoding="utf-8")
        return found

    monkeypatch.setattr(manifests, "library_mounts", meanwhile)
    with pytest.raises(RefusedError, match="CODE_CHANGED") as refusal:
        collect(("privacy", package), SEALING)
    assert "while it was compiled" in refusal.value.found


def test_the_folder_goes_with_its_maker_and_not_with_a_child_of_it() -> None:
    """A fork that ends or forgets it leaves it alone."""
    made = Compiled.empty()
    folder = made.folder
    child = os.fork()
    if not child:
        del made
        gc.collect()
        os._exit(0 if folder.is_dir() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0
    del made
    gc.collect()
    assert not folder.exists()


def test_workers_without_a_census_of_their_modules_work_too() -> None:
    """What was not compiled beforehand is compiled when it is imported."""
    with Zygote(Tier.T0, small(), "workers.reading", b""):
        pass
