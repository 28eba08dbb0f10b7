"""Promise: a worker imports what is on a list, and what is installed is pinned by hash."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from privacy.sandbox import interpreter
from privacy.sandbox.mounts import CODE, DEPENDENCIES
from tests.aggregates.rows import MEAN, RATE, SHARE, small_plan
from tests.support.house import installed
from tests.support.world import ROOT

SHARED = {
    "privacy", "cryptography", "_openssl", "cffi", "_cffi_backend", "rfc8785", "pydantic",
    "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection",
}  # fmt: skip
"""`_openssl` is what cryptography calls a part of itself."""
ALLOWED = {
    "classify": {*SHARED, "classifiers"},
    "aggregate": {*SHARED, "aggregates", "numpy", "opendp", "deprecated", "wrapt"},
}
"""Worker → top-level modules besides the standard library that it may have after `prepare`."""
_LOOK = """
import importlib, json, sys
code, deps, module, plan = sys.argv[1:]
sys.path[:0] = [code, deps]
worker = importlib.import_module(module)
worker.prepare(open(plan, "rb").read())
known = {*sys.stdlib_module_names, "__main__"}
tops = {name.partition(".")[0] for name in sys.modules} - known
print(json.dumps(sorted(name for name in tops if not name.startswith("_sysconfigdata_"))))
"""


def imported(kind: str, plan: bytes, folder: Path) -> set[str]:
    """Top-level modules of a worker that has prepared, on exactly what would be mounted."""
    worker = getattr(installed(), kind)
    worker.code.link_into(folder)
    (folder / "plan.json").write_bytes(plan)
    done = subprocess.run(
        [
            str(interpreter.binary()),
            *interpreter.FLAGS,
            *("-c", _LOOK, folder / CODE, folder / DEPENDENCIES),
            *(worker.module, folder / "plan.json"),
        ],
        env={},
        capture_output=True,
        check=True,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("kind", ALLOWED)
def test_a_worker_imports_what_is_on_its_list(kind: str, tmp_path: Path) -> None:
    """A new dependency is a decision, not an accident; each worker has less than the other's."""
    found = imported(kind, small_plan(SHARE, RATE, MEAN).canonical, tmp_path)
    assert {"privacy", "pydantic", "cryptography"} <= found
    assert found <= ALLOWED[kind]
    never = {"classify": {"opendp", "numpy"}, "aggregate": {"anthropic", "httpx2"}}[kind]
    assert not found & {"pandas", *never}


@pytest.mark.parametrize("kind", ALLOWED)
def test_what_is_mounted_holds_nothing_else(kind: str) -> None:
    """What is not there cannot be imported later, by a path that the first look did not take."""
    parts = getattr(installed(), kind).code.parts
    ours = {name.removeprefix("code/") for name in parts if name.startswith("code/")}
    assert ours == ALLOWED[kind] & {"privacy", "classifiers", "aggregates"}
    mounted = {name.removeprefix("deps/").split("-")[0] for name in parts if "METADATA" in name}
    assert mounted
    never = {"classify": {"opendp", "numpy"}, "aggregate": {"anthropic", "httpx2"}}[kind]
    assert not mounted & {"pandas", *never}


def pinned() -> dict[str, tuple[str, int]]:
    """Package of the lock → its version, and how many hashes it has."""
    found: dict[str, tuple[str, int]] = {}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            name, _, rest = line.partition("==")
            version = rest.split(" ", 1)[0].rstrip(";")
            found[name] = (version, rest.count("--hash=sha256:"))
    return found


def test_every_package_is_pinned_by_hash() -> None:
    """`pip install --require-hashes` takes what was reviewed, or nothing."""
    lock = pinned()
    assert len(lock) > 30
    assert {name for name, (version, hashes) in lock.items() if not version or not hashes} == set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    asked = [*project["dependencies"], *(one for extra in extras for one in extra)]
    for requirement in asked:
        name = requirement.split("[")[0]
        for sign in "<>=!~ ":
            name = name.split(sign)[0]
        assert name in lock, requirement
