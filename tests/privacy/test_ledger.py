"""The ledger: what was acknowledged stays, and what stays was not changed."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privacy import ledger as ledger_module
from privacy.accountant import Accountant, Period
from privacy.checkpoint import Checkpoint
from privacy.errors import ClerestoryError, IncompleteError, RefusedError, VerificationError
from privacy.history import History
from privacy.ledger import Ledger
from privacy.merkle import head, leaf
from tests.support.ledgers import ORIGIN, charge, filled, plan, submitted

BUDGET = Fraction(10)


class Clock(datetime):
    """A clock that a test turns."""

    turned = timedelta()

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + cls.turned


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    """The ledger's clock, in the test's hands."""
    monkeypatch.setattr(ledger_module, "datetime", Clock)
    monkeypatch.setattr(Clock, "turned", timedelta())
    return Clock


def change(path: Path, seq: int, line: bytes) -> None:
    """What somebody with the file in his hands can do, and with the triggers gone."""
    with sqlite3.connect(path) as database:
        database.execute("DROP TRIGGER IF EXISTS no_update")
        database.execute("UPDATE entry SET line = ? WHERE seq = ?", (line, seq))
    database.close()


def write_and_fail(ledger: Ledger, error: Exception) -> None:
    """Write a charge, and have the block end early."""
    with ledger.exclusive():
        ledger.write("charge", {"plan": plan("lost"), "rho": "1"})
        raise error


def test_entries_can_be_added_but_neither_changed_nor_removed(tmp_path: Path) -> None:
    """Append-only holds in the database itself, whatever code asks."""
    ledger = filled(tmp_path / "l.db", 1)
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
        filled(path, 4).close()
    with sqlite3.connect(path) as database:
        seq = data.draw(st.integers(0, 3))
        (line,) = database.execute("SELECT line FROM entry WHERE seq = ?", (seq,)).fetchone()
    database.close()
    place = data.draw(st.integers(0, len(line) - 1))
    changed = bytearray(line)
    changed[place] ^= data.draw(st.integers(1, 255))
    change(path, seq, bytes(changed))
    try:
        with pytest.raises(VerificationError, match="LEDGER_BROKEN"):
            Ledger(path, ORIGIN)
    finally:
        change(path, seq, line)
    Ledger(path, ORIGIN).close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entry WHERE seq = 1",
        "DELETE FROM entry WHERE seq = 0",
        "UPDATE entry SET kind = 'charge' WHERE seq = 1",
        "UPDATE entry SET hash = 'x' WHERE seq = 2",
        "UPDATE entry SET seq = 7 WHERE seq = 2",
    ],
)
def test_a_missing_or_misplaced_entry_is_found(tmp_path: Path, statement: str) -> None:
    """Cutting out the middle breaks the chain; so do columns that say another thing."""
    path = tmp_path / "l.db"
    filled(path, 3).close()
    Ledger(path, ORIGIN).close()
    with sqlite3.connect(path) as database:
        for trigger in ("no_delete", "no_update"):
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(statement)
    database.close()
    with pytest.raises(VerificationError, match="LEDGER_BROKEN"):
        Ledger(path, ORIGIN)


@pytest.mark.parametrize("data", [b"x" * 4096, b"SQLite format 3\0" + b"\xff" * 4080], ids=range(2))
def test_a_file_that_is_no_ledger_is_refused_in_our_words(tmp_path: Path, data: bytes) -> None:
    """SQLite's own words about a damaged file help nobody."""
    (tmp_path / "l.db").write_bytes(data)
    with pytest.raises(ClerestoryError, match=r"LEDGER_(BROKEN|CLOSED)"):
        Ledger(tmp_path / "l.db", ORIGIN)
    with pytest.raises(IncompleteError, match="LEDGER_CLOSED"):
        Ledger(tmp_path / "nowhere" / "l.db", ORIGIN)
    (tmp_path / "l.db").unlink()
    filled(tmp_path / "l.db", 1).close()


def test_a_line_that_changes_under_an_open_ledger_is_found(tmp_path: Path) -> None:
    """What was read once is known by its hash; it is not read again as something else."""
    ledger = filled(tmp_path / "l.db", 3)
    (line,) = [entry.line for entry in ledger.entries(plan=plan(1))]
    change(tmp_path / "l.db", 1, line.replace(b"1/10", b"1/99"))
    assert [entry.seq for entry in ledger.entries(plan=plan(2))] == [2]
    with pytest.raises(VerificationError, match="LEDGER_BROKEN"):
        list(ledger.entries())


def test_a_ledger_that_is_rolled_back_while_it_is_open_is_found(tmp_path: Path) -> None:
    """Its newest entry has to be there before another is added."""
    path = tmp_path / "l.db"
    filled(path, 2).close()
    older = path.read_bytes()
    ledger = Ledger(path, ORIGIN)
    ledger.append("plan", submitted(2))
    path.write_bytes(older)
    with pytest.raises(ClerestoryError, match=r"LEDGER_(ROLLED_BACK|BROKEN|CLOSED)"):
        charge(ledger, "x", Fraction(1), BUDGET)
    assert [entry.kind for entry in Ledger(path, ORIGIN).entries()] == ["plan"] * 2


def test_another_process_is_seen_at_once(tmp_path: Path) -> None:
    """The memory of one handle never decides on less than the file holds."""
    one, two = (Ledger(tmp_path / "l.db", ORIGIN) for _ in range(2))
    for number in range(10):
        charge((one, two)[number % 2], number, Fraction(1), BUDGET)
    for ledger in (one, two):
        assert ledger.spent() == 10
        with pytest.raises(RefusedError, match="BUDGET_EXHAUSTED"):
            charge(ledger, "more", Fraction(1, 1000), BUDGET)
    assert one.checkpoint() == two.checkpoint()


def test_reading_and_writing_apart_does_overspend(tmp_path: Path) -> None:
    """The control of every race: without the lock, the same decision is made twice."""
    first, second = (Ledger(tmp_path / "l.db", ORIGIN) for _ in range(2))
    lefts = [1 - ledger.spent() for ledger in (first, second)]
    for ledger, left in zip((first, second), lefts, strict=True):
        assert left == 1
        ledger.append("charge", {"plan": plan("x"), "rho": "1"})
    assert first.spent() == 2


def test_a_failed_write_closes_the_ledger(tmp_path: Path) -> None:
    """After a write that failed nobody knows what is on the disk: nothing more is charged."""
    ledger = filled(tmp_path / "l.db", 1)

    with pytest.raises(IncompleteError, match="LEDGER_CLOSED"):
        write_and_fail(ledger, sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(ClerestoryError, match="LEDGER_CLOSED"):
        ledger.append("plan", submitted("y"))

    again = Ledger(tmp_path / "l.db", ORIGIN)
    assert [e.body["plan"] for e in again.entries()] == [plan(0)]
    again.append("plan", submitted("y"))


def test_what_was_refused_or_broken_off_leaves_no_trace(tmp_path: Path) -> None:
    """Whatever ends the block early: memory and file go back together."""
    ledger = filled(tmp_path / "l.db", 1)
    before = ledger.checkpoint()
    with pytest.raises(KeyError):
        write_and_fail(ledger, KeyError())
    assert ledger.checkpoint() == before == Ledger(tmp_path / "l.db", ORIGIN).checkpoint()
    with ledger.exclusive():
        for name in ("a", "b"):
            ledger.write("charge", {"plan": plan(name), "rho": "1"})
    assert ledger.spent() == 2
    assert ledger.checkpoint() == Ledger(tmp_path / "l.db", ORIGIN).checkpoint()


def test_entries_are_lines_of_json_with_their_time(tmp_path: Path) -> None:
    """The export is the entries themselves: one canonical JSON line each."""
    entry = Ledger(tmp_path / "l.db", ORIGIN).append("plan", submitted("x"))
    record = json.loads(entry.line)
    assert (record["seq"], record["kind"], record["body"]) == (0, "plan", submitted("x"))
    assert b"\n" not in entry.line
    assert datetime.now(UTC) - entry.time < timedelta(minutes=5)


def test_a_clock_that_is_set_back_is_held(tmp_path: Path, clock: type[Clock]) -> None:
    """Entries bear the time of the one before; a period passes only when time passes."""
    ledger = Ledger(tmp_path / "l.db", ORIGIN)
    accountant = Accountant(BUDGET, ledger, Period(Fraction(1), days=30))
    accountant.charge(plan("now"), Fraction(1))
    for turned in (-400, -31, -1, 0, 29):
        clock.turned = timedelta(days=turned)
        with pytest.raises(RefusedError, match="PERIOD_EXHAUSTED"):
            accountant.charge(plan("soon"), Fraction(1, 1000))
        times = [ledger.append("plan", submitted(turned)).time, ledger.now()]
        assert times[0] >= ledger.entries("charge").__next__().time
    clock.turned = timedelta(days=31)
    accountant.charge(plan("later"), Fraction(1))
    assert accountant.spent == 2


def test_a_reopened_ledger_remembers_its_time(tmp_path: Path, clock: type[Clock]) -> None:
    """Else a restart under an earlier clock would open the period again."""
    charge(Ledger(tmp_path / "l.db", ORIGIN), "now", Fraction(1), BUDGET)
    clock.turned = timedelta(days=-1000)
    again = Ledger(tmp_path / "l.db", ORIGIN)
    with pytest.raises(RefusedError, match="PERIOD_EXHAUSTED"):
        Accountant(BUDGET, again, Period(Fraction(1), days=30)).charge(plan("x"), Fraction(1))
    assert Accountant(BUDGET, again, Period(Fraction(2), days=30)).charge(plan("x"), Fraction(1))


@given(st.lists(st.tuples(st.integers(0, 3), st.fractions(0, 2, max_denominator=9)), max_size=12))
def test_sums_kept_are_the_sums_of_the_entries(
    charges: list[tuple[int, Fraction]],
) -> None:
    """Kept as entries come in, and the same as summed up from the beginning each time."""
    lines: list[bytes] = []
    previous, history = History().last, History()
    for number, (study, loss) in enumerate(charges):
        for kind, body in (
            ("plan", submitted(study, f"study-{study}")),
            ("charge", {"plan": plan(study), "rho": str(loss)}),
        ):
            record = {"seq": len(lines), "previous": previous, "kind": kind, "body": body}
            record["time"] = f"2026-01-{number + 1:02}T00:00:00+00:00"
            lines.append(json.dumps(record).encode())
            previous = sha256(lines[-1]).hexdigest()
            history.take(lines[-1])

    assert history.spent() == sum(loss for _, loss in charges)
    for size in range(len(lines) + 1):
        assert history.spent_at(size) == sum(loss for _, loss in charges[: size // 2])
        note = Checkpoint("x", size, head([leaf(line) for line in lines[:size]]))
        wrong = Checkpoint("x", size, note.head, history.spent_at(size) + 1)
        longer = Checkpoint("x", len(lines) + 1, note.head)
        assert history.missing([note]) == []
        assert history.missing([wrong, note, longer]) == [wrong, longer]
    for day in range(1, 14):
        since = datetime(2026, 1, day, tzinfo=UTC)
        assert history.spent(since) == sum(loss for _, loss in charges[day - 1 :])
    for study in range(4):
        mine = [loss for number, loss in charges if number == study]
        assert history.by_study.get(f"study-{study}", 0) == sum(mine)
        assert len(history.numbers("charge", plan(study))) == len(mine)
        assert len(history.numbers(plan=plan(study))) == 2 * len(mine)
