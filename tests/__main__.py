"""Run every check, stop at nothing, list what failed: `./run check`."""

import subprocess
import sys
import time
from pathlib import Path

CHECKS = (
    "ruff format --check .",
    "ruff check .",
    "mypy",
    "lint-imports",
    "pytest --cov --cov-report=term-missing:skip-covered",
)
"""Commands of this environment."""


def main() -> int:
    """Run the checks in order; returns how many failed."""
    tools, failed = Path(sys.executable).parent, []
    for check in CHECKS:
        print(f"\n=> {check}", flush=True)
        start, (tool, *arguments) = time.monotonic(), check.split()
        done = subprocess.run([tools / tool, *arguments], check=False)
        print(f"   {time.monotonic() - start:.0f} s", flush=True)
        if done.returncode != 0:
            failed.append(check)
    print("\nAll good." if not failed else f"\nFailed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
