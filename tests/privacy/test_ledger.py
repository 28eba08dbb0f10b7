"""The ledger: what was acknowledged stays, and what stays was not changed."""

import json
import multiprocessing
import os
import signal
import sqlite3
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy.accountant import Accountant
from privacy.errors import ClerestoryError, IncompleteError, RefusedError, VerificationError
from privacy.ledger import Ledger


def charge_until_refused(path: Path, name: str, done: "multiprocessing.Queue[int]") -> None:
    """One of several racing processes."""
    ledger, made = Ledger(path, "test"), 0
    for i in range(30):
        try:
            Accountant(Fraction(1), ledger).charge(f"{name}-{i}", Fraction(1, 50))
            made += 1
        except RefusedError:
            break
    done.put(made)


def charge_forever(path: Path, acknowledged: Path) -> None:
    """Charge and, once acknowledged, say so in a file."""
    ledger = Ledger(path, "test")
    with acknowledged.open("a") as file:
        for i in range(10_000):
            Accountant(Fraction(1000), ledger).charge(f"plan-{i}", Fraction(1, 100))
            file.write(f"plan-{i}\n")
            file.flush()


def test_racing_processes_never_overspend(tmp_path: Path) -> None:
    """Reading what is left and charging happen under one lock."""
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    Ledger(tmp_path / "l.db", "test").close()
    racers = [
        context.Process(target=charge_until_refused, args=(tmp_path / "l.db", f"p{i}", done))
        for i in range(4)
    ]
    for racer in racers:
        racer.start()
    made = sum(done.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join()

    # 1 / (1/50) = 50 charges fit, and 4 · 30 were tried.
    assert made == 50
    assert len(list(Ledger(tmp_path / "l.db", "test").receipts())) == 50


def test_reading_and_writing_apart_does_overspend(tmp_path: Path) -> None:
    """The control of the race: without the lock, the same decision is made twice."""
    first, second = (Ledger(tmp_path / "l.db", "test") for _ in range(2))
    budget = Fraction(1)
    lefts = [budget - Accountant(budget, ledger).spent for ledger in (first, second)]

    for ledger, left in zip((first, second), lefts, strict=True):
        assert left == 1
        ledger.append("charge", {"plan": "x", "rho": "1"})

    assert Accountant(budget, first).spent == 2


def test_no_acknowledged_charge_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """`charge` returns only after the entry is on the disk."""
    context = multiprocessing.get_context("spawn")
    for attempt in range(3):
        told = tmp_path / f"told-{attempt}"
        told.touch()
        path = tmp_path / f"{attempt}.db"
        victim = context.Process(target=charge_forever, args=(path, told))
        victim.start()
        while victim.is_alive() and told.stat().st_size < 200 * (attempt + 1):
            time.sleep(0.005)
        os.kill(victim.pid or 0, signal.SIGKILL)
        victim.join()

        kept = {receipt.plan for receipt in Ledger(path, "test").receipts()}
        acknowledged = told.read_text().split("\n")[:-1]
        assert acknowledged
        assert kept.issuperset(acknowledged)


def test_entries_can_be_added_but_neither_changed_nor_removed(tmp_path: Path) -> None:
    """Append-only holds in the database itself, whatever code asks."""
    ledger = Ledger(tmp_path / "l.db", "test")
    ledger.append("plan", {"plan": "x"})
    with sqlite3.connect(tmp_path / "l.db") as database:
        for statement in ("UPDATE entry SET kind = 'y'", "DELETE FROM entry"):
            with pytest.raises(sqlite3.IntegrityError, match="append only"):
                database.execute(statement)
    database.close()
    assert [entry.kind for entry in ledger.entries()] == ["plan"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_changed_byte_of_any_entry_is_found(tmp_path: Path, data: st.DataObject) -> None:
    """The chain covers every byte of every line."""
    path = tmp_path / "l.db"
    if not path.exists():
        ledger = Ledger(path, "test")
        for i in range(4):
            ledger.append("plan", {"plan": f"plan {i}"})
        ledger.close()
    with sqlite3.connect(path) as database:
        database.execute("DROP TRIGGER IF EXISTS no_update")
        seq = data.draw(st.integers(0, 3))
        (line,) = database.execute("SELECT line FROM entry WHERE seq = ?", (seq,)).fetchone()
        place = data.draw(st.integers(0, len(line) - 1))
        changed = bytearray(line)
        changed[place] ^= data.draw(st.integers(1, 255))
        database.execute("UPDATE entry SET line = ? WHERE seq = ?", (bytes(changed), seq))
    database.close()
    try:
        with pytest.raises(VerificationError, match="LEDGER_BROKEN"):
            Ledger(path, "test")
    finally:
        with sqlite3.connect(path) as database:
            database.execute("DROP TRIGGER IF EXISTS no_update")
            database.execute("UPDATE entry SET line = ? WHERE seq = ?", (line, seq))
        database.close()
    Ledger(path, "test").close()


def test_a_missing_entry_is_found(tmp_path: Path) -> None:
    """Cutting out the middle breaks the chain; the whole chain holds."""
    path = tmp_path / "l.db"
    ledger = Ledger(path, "test")
    for i in range(3):
        ledger.append("plan", {"plan": str(i)})
    ledger.check()
    with sqlite3.connect(path) as database:
        database.execute("DROP TRIGGER no_delete")
        database.execute("DELETE FROM entry WHERE seq = 1")
    database.close()
    with pytest.raises(VerificationError, match="LEDGER_BROKEN"):
        ledger.check()


def test_a_failed_write_closes_the_ledger(tmp_path: Path) -> None:
    """After a write that failed nobody knows what is on the disk: nothing more is charged."""
    ledger = Ledger(tmp_path / "l.db", "test")
    ledger.append("plan", {"plan": "x"})

    with pytest.raises(IncompleteError, match="LEDGER_CLOSED"), ledger.exclusive():
        raise sqlite3.OperationalError("disk I/O error")
    with pytest.raises(ClerestoryError, match="LEDGER_CLOSED"):
        ledger.append("plan", {"plan": "y"})

    assert [e.body["plan"] for e in Ledger(tmp_path / "l.db", "test").entries()] == ["x"]


def test_entries_are_lines_of_json_with_their_time(tmp_path: Path) -> None:
    """The export is the entries themselves: one canonical JSON line each."""
    entry = Ledger(tmp_path / "l.db", "test").append("plan", {"plan": "x"})
    record = json.loads(entry.line)
    assert (record["seq"], record["kind"], record["body"]) == (0, "plan", {"plan": "x"})
    assert b"\n" not in entry.line
