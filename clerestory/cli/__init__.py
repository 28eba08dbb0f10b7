"""
The command line.

Every module here declares commands and imports what they need inside them, so that `--help`
answers at once.  Exit codes: 0 done, 1 unexpected, 2 usage or configuration, 3 refused by a
rule, 4 verification failed, 5 incomplete and resumable, 130 interrupted.
"""

import sys

from clerestory.cli import custody, later, reading, running, studying, tools
from clerestory.cli.app import app

__all__ = ["app", "main"]

_MODULES = (custody, studying, running, reading, tools, later)
"""Importing them declares their commands; they are named here in the order of `--help`."""


def main() -> None:
    """Run the command that was asked for."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
