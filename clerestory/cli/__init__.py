"""
The command line.

Every module here declares commands and imports what they need inside them, so that `--help`
answers at once.  Exit codes: 0 done, 1 unexpected, 2 usage or configuration, 3 refused by a
rule, 4 verification failed, 5 incomplete and resumable, 130 interrupted.
"""

import os
import sys
from importlib import import_module

from clerestory.cli.app import app

__all__ = ["app", "main"]

MODULES = (
    "tools",
    "validating",
    "custody",
    "fetching",
    "studying",
    "running",
    "deciding",
    "policy",
    "reading",
    "recovering",
    "beyond",
    "backend",
    "devstub",
    "later",
)
"""Importing one declares its commands; in the order of `--help`."""

for _module in MODULES:
    import_module(f"clerestory.cli.{_module}")


def main() -> None:
    """Run the command that was asked for."""
    # Our matrices have some hundred rows: threads would cost more than they bring, and spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app(prog_name="clerestory")
    except KeyboardInterrupt:
        sys.exit(130)
