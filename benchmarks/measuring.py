"""How things are timed, and the one line that each benchmark prints."""

import json
import platform
import resource
import time
from collections.abc import Callable, Mapping
from statistics import median


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """Median wall-clock seconds of some runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return median(found)


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
