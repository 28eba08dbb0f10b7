"""
The ways to isolate a worker, behind one interface.

A launcher says with which words a zygote's Python is started, so that it finds exactly the
files of a manifest, and tries whether it works on this machine.  What it must achieve is not
its own judgement: every launcher's workers answer the same probes before they have a key, and
`tests/privacy/sandbox/test_conformance.py` holds all of them to the same battery.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Protocol

from privacy.errors import ConfigurationError

from . import interpreter
from .compiled import INSIDE
from .manifest import CodeManifest
from .remedies import INSTALL_BUBBLEWRAP, OTHER_KERNEL, for_bubblewrap

NAMESPACES = (
    "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534",
    "--cap-drop", "ALL", "--clearenv", "--new-session", "--die-with-parent", "--hostname",
    "worker",
)  # fmt: skip
"""bubblewrap's part of T2, besides what is mounted: no /proc, no /dev, no network."""
_TRIAL_SECONDS = 20.0
_SEAL = """
import os, sys
sys.path.insert(0, sys.argv[1])
from privacy.sandbox import seal
seal.seal_surroundings()
seal.seal_calls()
seal.seal_for_good()
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether a launcher works here, why not, and what to do."""

    works: bool
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a zygote finds its code and what was compiled of it; words before its interpreter's."""

    folder: Path
    compiled: str
    prefix: tuple[str, ...] = ()


class Launcher(Protocol):
    """One way to isolate."""

    seals: bool
    """Whether workers seal themselves."""
    namespaces: bool
    """Whether they have namespaces of their own: some probes ask for nothing else."""

    def place(self, manifest: CodeManifest, resources: ExitStack) -> Place:
        """
        Make ready to start.

        Args:
            manifest: What a worker may find.
            resources: Closed when the zygote has ended.

        Raises:
            ConfigurationError: Something that it needs is not there.
        """
        ...

    def trial(self) -> Trial:
        """Try it on this machine, with nothing at stake."""
        ...


class Bare:
    """Nothing: for synthetic data, and for the open side of the battery."""

    seals, namespaces = False, False

    def place(self, manifest: CodeManifest, resources: ExitStack) -> Place:
        """A folder of links."""
        folder = Path(resources.enter_context(TemporaryDirectory(prefix="clerestory-")))
        folder.chmod(0o755)
        manifest.link_into(folder)
        return Place(folder, str(manifest.compiled.link_into(folder)))

    def trial(self) -> Trial:
        """Always works."""
        return Trial(works=True, reason="it protects nothing")


class SelfSeal(Bare):
    """Limits, Landlock and seccomp, by the worker itself: in containers, too."""

    seals = True

    def trial(self) -> Trial:
        """Seal a child."""
        packages = str(Path(__file__).resolve().parents[2])
        python = str(interpreter.binary())
        code, said = _run([python, *interpreter.FLAGS, "-c", _SEAL, packages])
        if code == 0:
            return Trial(works=True, reason="tried")
        return Trial(works=False, reason=said or f"exit code {code}", remedy=OTHER_KERNEL)


class Bubblewrap:
    """bubblewrap's namespaces around the self-seal; the file system is the manifest."""

    seals, namespaces = True, True

    def place(self, manifest: CodeManifest, resources: ExitStack) -> Place:
        """Read-only mounts."""
        del resources
        return Place(Path("/"), INSIDE, (bubblewrap(), *NAMESPACES, *_mounts(manifest), "--"))

    def trial(self) -> Trial:
        """Start a Python that does nothing, in the same namespaces, if the seal works at all."""
        sealed = SelfSeal().trial()
        if not sealed.works:
            return sealed
        try:
            tool = bubblewrap()
        except ConfigurationError as error:
            return Trial(works=False, reason=error.found, remedy=error.remedy)
        words = [*NAMESPACES, "--ro-bind", "/", "/", str(interpreter.binary())]
        code, said = _run([tool, *words, *interpreter.FLAGS, "-c", ""])
        if code == 0:
            return Trial(works=True, reason="tried")
        reason = said or f"exit code {code}"
        return Trial(works=False, reason=reason, remedy=for_bubblewrap(said))


def bubblewrap() -> str:
    """
    The path of `bwrap`.

    Raises:
        ConfigurationError: It is not installed.
    """
    path = which("bwrap")
    if path is None:
        raise ConfigurationError(
            "BUBBLEWRAP_MISSING",
            rule="The tier T2 puts workers into namespaces with bubblewrap.",
            found="no program bwrap.",
            remedy=INSTALL_BUBBLEWRAP,
        )
    return path


def _mounts(manifest: CodeManifest) -> Iterator[str]:
    """Exactly the manifest, read-only, and then nothing more."""
    for mount in (*manifest.mounts, manifest.compiled.mount):
        for target in mount.targets:
            yield from ("--ro-bind", str(mount.source), target)
            for name in mount.masked:
                yield from ("--tmpfs", f"{target}/{name}", "--remount-ro", f"{target}/{name}")
    yield from ("--remount-ro", "/", "--chdir", "/")


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Exit code, and the last line of what was said."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, bwrap, fixed arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={},
            timeout=_TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, type(error).__name__
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return done.returncode, lines[-1][:300] if lines else ""
