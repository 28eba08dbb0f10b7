"""An ordinary user is protected as well, from a virtual environment of the host's own Python."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import privacy

NOBODY = 65534
ROOT = Path(__file__).parents[3]
PARTS = (
    "tests/__init__.py", "tests/support/__init__.py", "tests/support/processes.py",
    "tests/support/workers", "tests/promises/__init__.py", "tests/promises/test_isolation.py",
)  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_every_launcher_passes_as_nobody() -> None:
    """The file of the promise, run anew where nothing is ours: user, interpreter, folder."""
    python, drop = shutil.which("python3", path="/usr/bin"), shutil.which("setpriv")
    if not python or not drop:
        pytest.skip("apt-get install python3 util-linux")
    with TemporaryDirectory() as place:  # pytest's own are for root's eyes only
        folder = Path(place)
        folder.chmod(0o755)
        become = (drop, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        inside = _environment(folder, python)
        if subprocess.run([*become, inside, "-c", "import privacy.sealing, pytest"], check=False,
                          cwd=folder / "code", stderr=subprocess.DEVNULL).returncode:  # fmt: skip
            pytest.skip(f"as nobody, {python} cannot import what this Python has installed")
        done = subprocess.run(
            [*become, inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", PARTS[-1]],
            capture_output=True,
            text=True,
            cwd=folder / "code",
            env={"PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"},
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stdout[-3000:]
    told = re.search(r"(\d+) passed", done.stdout)
    assert told
    # Each of two launchers: seven tests, and three layers that are left out; and three more.
    if "skipped" not in done.stdout:
        assert int(told[1]) >= 20


def _environment(folder: Path, python: str) -> str:
    """A virtual environment without pip that finds our dependencies; code in a folder beside."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python3*/site-packages")
    installed = str(distribution("cryptography").locate_file(""))
    (packages / "dependencies.pth").write_text(installed + "\n", encoding="utf-8")
    code = folder / "code"
    shutil.copytree(Path(privacy.__file__).parent, code / "privacy")
    shutil.copyfile(ROOT / "pyproject.toml", code / "pyproject.toml")
    for part in PARTS:
        (code / part).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, code / part)
        else:
            shutil.copyfile(ROOT / part, code / part)
    for path in (code, *code.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return str(folder / "venv" / "bin" / Path(sys.executable).name.split(".")[0])
