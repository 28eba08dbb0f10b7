"""How things are timed, and the one line that each benchmark prints."""

import json
import os
import platform
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Median wall-clock seconds of some runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return median(found)


@dataclass(frozen=True, slots=True)
class Laps:
    """What a process of its own took, median of some runs."""

    wall_s: float
    cpu_s: float
    """User and system."""


def laps(run: Callable[[], object], times: int = 1) -> Laps:
    """Time work that is done in child processes which are waited for."""
    walls, processors = [], []
    for _ in range(times):
        before, start = os.times(), time.perf_counter()
        run()
        walls.append(time.perf_counter() - start)
        after = os.times()
        spent = after.children_user + after.children_system
        processors.append(spent - before.children_user - before.children_system)
    return Laps(median(walls), median(processors))


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processors that a process has taken since it began, user and system."""

    own: float
    below: float
    """Of its children, and of theirs, as far as they have ended and were waited for."""

    def __sub__(self, before: "Spent") -> "Spent":
        return Spent(self.own - before.own, self.below - before.below)


def spent(pid: int) -> Spent:
    """What a process has taken so far [proc_pid_stat(5)]: fields 14 to 17, behind its name."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, below_user, below_system = (int(word) for word in words[11:15])
    tick = os.sysconf("SC_CLK_TCK")
    return Spent((user + system) / tick, (below_user + below_system) / tick)


def own_peak_mb() -> float:
    """
    Most memory that this process has held since it began.

    Not `getrusage`: its figure outlives `exec`, so that a child begins with its parent's.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def load() -> float:
    """How many processes wanted to run during the last minute: figures under load are none."""
    return os.getloadavg()[0]


WORKERS = {"OPENBLAS_NUM_THREADS": "1"}
"""Environment that `privacy.sandbox.boot` gives a worker, for one that is measured without it."""

Figure = float | str | None
"""What is told; None where something could not be measured here."""


def tell(name: str, **figures: Figure | Mapping[str, Figure]) -> None:
    """Print the line: figures to four significant digits."""
    rounded = {key: _rounded(value) for key, value in figures.items()}
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    print(json.dumps({"bench": name, **rounded, "machine": machine}), flush=True)


def _rounded(value: Figure | Mapping[str, Figure]) -> object:
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def peak_mb() -> float:
    """Largest memory of this process and of its largest child so far, in megabytes."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
