"""
Charges under a race, under kills, and their price at the end of a long ledger.

100,000 charges of eight processes, and as many of a naive control; 1,000 processes killed in
the middle; then the time of one charge after all of them, against a bare insert into the same
kind of file.  What is counted as wrong is counted from what each process was told.
"""

import os
import sqlite3
import time
from fractions import Fraction
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from benchmarks.measuring import tell
from privacy.ledger import Ledger
from tests.support.ledgers import ORIGIN, charge
from tests.support.racing import kill, naive_race, race

CHARGES = int(os.environ.get("CLERESTORY_BENCH_CHARGES", "100000"))
KILLS = int(os.environ.get("CLERESTORY_BENCH_KILLS", "1000"))
PROCESSES = 8
TIMED = 500


def main() -> None:
    """Measure and tell."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        start = time.perf_counter()
        raced = race(folder, PROCESSES, CHARGES)
        racing = time.perf_counter() - start
        control = naive_race(folder, PROCESSES, min(CHARGES, 2_000))
        killed = kill(folder, KILLS)
        start = time.perf_counter()
        ledger = Ledger(folder / "race.db", ORIGIN)
        opening = time.perf_counter() - start
        charged, inserted = _prices(ledger, folder)
        start = time.perf_counter()
        ledger.checkpoint()
        checkpoint = time.perf_counter() - start
    tell(
        "ledger",
        charges=raced.charges,
        overspends=raced.overspends,
        lost=raced.lost + killed.lost,
        control_overspends=control,
        kills=KILLS,
        p50_ms=median(charged) * 1e3,
        p95_ms=quantiles(charged, n=20)[-1] * 1e3,
        bare_insert_p50_ms=median(inserted) * 1e3,
        ratio=median(charged) / median(inserted),
        charges_per_s=raced.charges / racing,
        open_s=opening,
        checkpoint_ms=checkpoint * 1e3,
    )


def _prices(ledger: Ledger, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds of a charge, and of a bare insert that waits for the disk, turn by turn."""
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE entry (line BLOB)")
    charged, inserted = [], []
    for number in range(TIMED):
        start = time.perf_counter()
        charge(ledger, f"timed-{number}", Fraction(1, 7), Fraction(10**9))
        middle = time.perf_counter()
        bare.execute("INSERT INTO entry VALUES (?)", (b"x" * 300,))
        charged.append(middle - start)
        inserted.append(time.perf_counter() - middle)
    return charged, inserted
