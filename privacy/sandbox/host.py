"""What this machine says of itself: in the statement of a run, where it is a claim and no more."""

import platform
import subprocess
from collections.abc import Mapping
from functools import cache

from privacy.errors import ConfigurationError

from . import landlock
from .launchers import bubblewrap

_SECONDS = 10.0


@cache
def host() -> Mapping[str, str]:
    """
    Interpreter, kernel, and the layers that a sandbox is made of, each in a word or two.

    Asked once: it stands in the record of every worker, and they come by the batch.
    """
    name, date = platform.python_build()
    return {
        "python": platform.python_version(),
        "python build": f"{name} {date}, {platform.python_compiler()}",
        "system": f"{platform.system()} {platform.machine()}",
        "kernel": platform.release(),
        "landlock": str(_landlock()),
        "bubblewrap": _bubblewrap(),
    }


def _landlock() -> int:
    try:
        return landlock.abi()
    except (ConfigurationError, OSError):
        return 0


def _bubblewrap() -> str:
    try:
        command = [bubblewrap(), "--version"]
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, capture_output=True, env={}, timeout=_SECONDS, check=False
        )
    except (ConfigurationError, OSError, subprocess.TimeoutExpired):
        return "none"
    words = done.stdout.decode(errors="replace").split()
    return words[-1][:32] if words else "none"
