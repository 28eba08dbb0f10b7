"""How things are timed, and the one line that each benchmark prints."""

import json
import platform
import resource
import time
from collections.abc import Callable
from statistics import median


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Median wall-clock seconds of some runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return median(found)


def tell(name: str, **figures: float | str) -> None:
    """Print the line: figures to four significant digits."""
    rounded = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in figures.items()}
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    print(json.dumps({"bench": name, **rounded, "machine": machine}), flush=True)


def peak_mb() -> float:
    """Largest memory of this process and of its largest child so far, in megabytes."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
