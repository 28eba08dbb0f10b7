"""
How strongly a worker is isolated, and what this machine can do of it.

T2 is bubblewrap's namespaces around the self-seal, T1 the self-seal alone, T0 nothing.  What a
machine can do is tried, not looked up; where a tier fails, the reason comes with its remedy.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from shutil import which

from privacy.errors import ClerestoryError, ConfigurationError

from . import interpreter


class Tier(Enum):
    """An isolation tier; the value is what statements and bundles call it."""

    T2 = "os:ns+landlock+seccomp"
    T1 = "os:landlock+seccomp"
    T0 = "none"

    @property
    def seals(self) -> bool:
        """Whether the worker seals itself."""
        return self is not Tier.T0


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a tier works here."""

    tier: Tier
    works: bool
    reason: str
    remedy: str


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


def best_tier() -> Tier:
    """The strongest tier that works here."""
    return next(finding.tier for finding in survey() if finding.works)


def survey() -> tuple[Finding, ...]:
    """Every tier, strongest first, with the reason where it does not work."""
    sealed = _try_seal()
    if not sealed.works:
        namespaces = Finding(Tier.T2, works=False, reason=sealed.reason, remedy=sealed.remedy)
    else:
        namespaces = _try_namespaces()
    return (
        namespaces,
        sealed,
        Finding(Tier.T0, works=True, reason="it protects nothing", remedy=""),
    )


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
            remedy="apt-get install bubblewrap",
        )
    return path


def _try_namespaces() -> Finding:
    try:
        tool = bubblewrap()
    except ClerestoryError as error:
        return Finding(Tier.T2, works=False, reason=error.found, remedy=error.remedy)
    python = str(interpreter.binary())
    code, said = _run(
        [tool, *NAMESPACES, "--ro-bind", "/", "/", python, *interpreter.FLAGS, "-c", ""]
    )
    if code == 0:
        return Finding(Tier.T2, works=True, reason="tried", remedy="")
    return Finding(Tier.T2, works=False, reason=said or f"exit code {code}", remedy=_remedy(said))


def _remedy(said: str) -> str:
    if "Unknown option" in said:
        return "install bubblewrap 0.8 or later"
    if "uid map" in said or "RTM_NEWADDR" in said:
        return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile"
    if "namespace" in said:
        return (
            "allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 on the host; "
            "in a container, run it with a seccomp profile that allows them"
        )
    return "run `bwrap --unshare-all --ro-bind / / true` and see what it says"


def _try_seal() -> Finding:
    packages = str(Path(__file__).resolve().parents[2])
    python = str(interpreter.binary())
    code, said = _run([python, *interpreter.FLAGS, "-c", _SEAL, packages])
    if code == 0:
        return Finding(Tier.T1, works=True, reason="tried", remedy="")
    return Finding(
        Tier.T1,
        works=False,
        reason=said or f"exit code {code}",
        remedy="run Linux 5.13 or later on x86_64 or aarch64 with Landlock switched on",
    )


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
    return done.returncode, lines[-1][:200] if lines else ""
