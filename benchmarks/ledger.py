"""A charge, against a bare insert into the same kind of file."""

import sqlite3
import time
from fractions import Fraction
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from benchmarks.measuring import tell
from privacy.accountant import Accountant
from privacy.ledger import Ledger

CHARGES = 300


def main() -> None:
    """Measure and tell."""
    with TemporaryDirectory() as place:
        ledger = Ledger(Path(place) / "ledger.db", "bench")
        accountant = Accountant(Fraction(10**6), ledger)
        bare = sqlite3.connect(Path(place) / "bare.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE entry (line BLOB)")
        charged, inserted = [], []
        for number in range(CHARGES):
            start = time.perf_counter()
            accountant.charge(f"plan-{number}", Fraction(1, 7))
            middle = time.perf_counter()
            bare.execute("INSERT INTO entry VALUES (?)", (b"x" * 300,))
            charged.append(middle - start)
            inserted.append(time.perf_counter() - middle)
    tell(
        "ledger",
        charges=CHARGES,
        p50_ms=median(charged) * 1e3,
        p95_ms=quantiles(charged, n=20)[-1] * 1e3,
        bare_insert_p50_ms=median(inserted) * 1e3,
        ratio=median(charged) / median(inserted),
    )
