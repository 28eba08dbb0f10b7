"""Race and kill processes that charge, and count what went wrong: for tests, and for the bench."""

import multiprocessing
import os
import signal
import sqlite3
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import SystemRandom

from privacy.ledger import Ledger
from tests.support import charging
from tests.support.ledgers import ORIGIN, plan

PATIENCE = 3600.0
"""seconds: a race that takes longer hangs."""


def context() -> "multiprocessing.context.ForkServerContext":
    """Fresh processes, forked from one that has imported what they need and opened nothing."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.support.charging"])
    return made


@dataclass(frozen=True)
class Outcome:
    """What came of a race or a row of kills."""

    charges: int
    """In the ledger."""
    overspends: int
    """Beyond the budget."""
    lost: int
    """Acknowledged, and not in the ledger."""


def race(folder: Path, processes: int, fits: int) -> Outcome:
    """Have processes charge one ledger until each is refused."""
    path, made = folder / "race.db", context()
    Ledger(path, ORIGIN).close()
    start = made.Barrier(processes)
    tolds = [folder / f"told-{number}" for number in range(processes)]
    _join(
        [
            made.Process(
                target=charging.charge_until_refused,
                args=(path, f"racer-{number}", fits, start, told),
            )
            for number, told in enumerate(tolds)
        ]
    )
    return _outcome(path, tolds, fits)


def naive_race(folder: Path, processes: int, fits: int) -> int:
    """The control: look, then insert, without a lock; how many are beyond the budget."""
    path, made = folder / "naive.db", context()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE charge (one INTEGER)")
    database.close()
    start = made.Barrier(processes)
    _join(
        [
            made.Process(target=charging.insert_until_refused, args=(path, fits, start))
            for _ in range(processes)
        ]
    )
    with sqlite3.connect(path) as database:
        (charges,) = database.execute("SELECT count(*) FROM charge").fetchone()
    database.close()
    return int(charges) - fits


def kill(folder: Path, kills: int, each: int = 50) -> Outcome:
    """
    Kill a charging process at a random moment, again and again.

    Args:
        folder: Where the ledgers go.
        kills: How often.
        each: How many kills one ledger lives through, before a new one is begun.
    """
    made, noise = context(), SystemRandom()
    charges = lost = 0
    for number in range(kills):
        path, told = folder / f"kill-{number // each}.db", folder / f"killed-{number // each}"
        before = told.stat().st_size if told.exists() else 0
        victim = made.Process(target=charging.charge_forever, args=(path, f"v{number}", told))
        victim.start()
        deadline = time.monotonic() + 60
        # From its first acknowledged charge on, at any moment of the next few.
        while not told.exists() or told.stat().st_size == before:
            if time.monotonic() > deadline:
                raise AssertionError("the victim does not charge")
            time.sleep(0.0005)
        time.sleep(noise.uniform(0, 0.03))
        os.kill(victim.pid or 0, signal.SIGKILL)
        victim.join()
        if number % each == each - 1 or number == kills - 1:
            outcome = _outcome(path, [told], 10**9)
            charges, lost = charges + outcome.charges, lost + outcome.lost
    return Outcome(charges, 0, lost)


def _join(processes: "list[multiprocessing.context.ForkServerProcess]") -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
        if process.exitcode != 0:
            raise AssertionError(f"a racer ended with {process.exitcode}")


def _outcome(path: Path, tolds: list[Path], fits: int) -> Outcome:
    ledger = Ledger(path, ORIGIN)
    kept = [receipt.plan for receipt in ledger.receipts()]
    spent = ledger.spent()
    ledger.close()
    if spent != len(kept) * charging.LOSS or len(set(kept)) != len(kept):
        raise AssertionError("a charge stands twice, or the sum is not theirs")
    acknowledged = {
        plan(name) for told in tolds if told.exists() for name in told.read_text().splitlines()
    }
    over = max(Fraction(0), spent / charging.LOSS - fits)
    return Outcome(len(kept), int(over), len(acknowledged - set(kept)))
