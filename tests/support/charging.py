"""
Processes that charge: to be raced, killed, starved of disk, and looked at.

Each says what was acknowledged by one line on standard output, written after `charge` returned.
"""

import os
import sqlite3
import sys
from fractions import Fraction
from multiprocessing.synchronize import Barrier
from pathlib import Path

from privacy.errors import IncompleteError, RefusedError
from privacy.ledger import Ledger
from tests.support.ledgers import ORIGIN, charge

LOSS = Fraction(1, 7)
"""What every charge here costs: no sum of them is a float."""


def acknowledge(name: str, to: int = 1) -> None:
    """One line, one write: what is said last was whole."""
    os.write(to, f"{name}\n".encode())


def charge_until_refused(path: Path, name: str, fits: int, start: Barrier, told: Path) -> None:
    """One racer: it stops when the budget is spent, of which `fits` charges are all."""
    ledger, number = Ledger(path, ORIGIN), 0
    to = os.open(told, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    start.wait()
    while True:
        try:
            charge(ledger, f"{name}-{number}", LOSS, fits * LOSS)
        except RefusedError:
            return
        acknowledge(f"{name}-{number}", to)
        number += 1


def insert_until_refused(path: Path, fits: int, start: Barrier) -> None:
    """The control: looks first, then writes, as one would without thinking of others."""
    database = sqlite3.connect(path, timeout=60, isolation_level=None)
    database.execute("PRAGMA synchronous=FULL")
    start.wait()
    while True:
        (spent,) = database.execute("SELECT count(*) FROM charge").fetchone()
        if spent >= fits:
            return
        database.execute("INSERT INTO charge VALUES (1)")


def charge_forever(path: Path, name: str, told: Path) -> None:
    """One that will be killed."""
    ledger, number = Ledger(path, ORIGIN), 0
    to = os.open(told, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    while True:
        charge(ledger, f"{name}-{number}", LOSS, Fraction(10**9))
        acknowledge(f"{name}-{number}", to)
        number += 1


def charge_some(path: Path, fits: int, tries: int, *, careless: bool) -> None:
    """
    One whose every system call is looked at, or fails.

    Args:
        path: The ledger, which is there.
        fits: How many charges the budget allows.
        tries: How many are asked for.
        careless: Do not wait for the disk at a commit, to show that it is missed.
    """
    try:
        ledger = Ledger(path, ORIGIN)
    except IncompleteError as refusal:
        acknowledge(f"refused {refusal.code}")
        return
    if careless:
        ledger._database.execute("PRAGMA synchronous=NORMAL")
    for number in range(tries):
        try:
            charge(ledger, number, LOSS, fits * LOSS)
        except (RefusedError, IncompleteError) as refusal:
            acknowledge(f"refused {refusal.code}")
        else:
            acknowledge(f"charged {number}")


if __name__ == "__main__":
    charge_some(
        Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), careless="careless" in sys.argv
    )
