"""A ledger on a disk that fails, fills up, or loses its power at any moment."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom

import pytest

from privacy.errors import ClerestoryError, VerificationError
from privacy.ledger import Ledger
from tests.support.charging import LOSS
from tests.support.disk import (
    STRACE,
    WITHOUT,
    Call,
    Files,
    after,
    after_power_cut,
    traced,
    watched,
)
from tests.support.ledgers import ORIGIN, filled, plan

pytestmark = pytest.mark.skipif(not STRACE, reason=WITHOUT)

FITS, TRIES = 3, 5
"""How many charges the budget allows, and how many are asked for."""


def begun(folder: Path) -> Files:
    """A folder with a ledger in it, which lies on the disk."""
    folder.mkdir()
    filled(folder / "l.db", 2).close()
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def told(calls: Sequence[Call]) -> list[str]:
    """What was said, line by line."""
    return b"".join(call.data for call in calls if call.kind == "told").decode().splitlines()


def charged(lines: Sequence[str]) -> set[str]:
    """Plans whose charge was acknowledged."""
    return {plan(line.split()[1]) for line in lines if line.startswith("charged ")}


def lost(folder: Path, files: Files, acknowledged: set[str]) -> set[str]:
    """
    Acknowledged charges that a ledger made of these files does not hold.

    Opening it checks the chain; it never holds more than the budget, nor a charge twice.
    """
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    ledger = Ledger(folder / "l.db", ORIGIN)
    kept = [receipt.plan for receipt in ledger.receipts()]
    spent = ledger.spent()
    ledger.close()
    assert len(kept) == len(set(kept))
    assert spent == len(kept) * LOSS <= FITS * LOSS
    return acknowledged - set(kept)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, list[Call]]:
    """The files at first, and all that some charges asked of the disk."""
    folder = tmp_path_factory.mktemp("disk") / "watched"
    files = begun(folder)
    calls = watched(folder, [str(folder / "l.db"), str(FITS), str(TRIES)])
    assert after(files, calls) == {path.name: path.read_bytes() for path in folder.iterdir()}
    return files, calls


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, list[Call]]:
    """Likewise, of a ledger that leaves a commit's last sync out."""
    folder = tmp_path_factory.mktemp("disk") / "careless"
    files = begun(folder)
    return files, watched(folder, [str(folder / "l.db"), str(FITS), str(TRIES), "careless"])


def test_the_watched_process_did_what_it_is_watched_for(run: tuple[Files, list[Call]]) -> None:
    """Three charges, two refusals, and all their syncs: a list of nothing proves nothing."""
    _, calls = run
    assert told(calls) == [
        *(f"charged {number}" for number in range(FITS)),
        *["refused BUDGET_EXHAUSTED"] * (TRIES - FITS),
    ]
    kinds = Counter((call.kind, call.name) for call in calls)
    assert kinds["write", "l.db-wal"] >= 4 * FITS
    assert kinds["sync", "l.db-wal"] >= FITS
    # Closing folds the log into the file.
    assert kinds["sync", "l.db"] == kinds["unlink", "l.db-wal"] == 1


def test_a_copy_after_any_call_is_a_whole_ledger(
    tmp_path: Path, run: tuple[Files, list[Call]]
) -> None:
    """
    Database and log as they stood after every single call.

    A copy of the database alone is an older ledger, or in the middle of a fold refused as
    broken; it never holds a charge that was not paid, nor too many.
    """
    files, calls = run
    older = broken = 0
    for number in range(len(calls) + 1):
        shown, acknowledged = after(files, calls[:number]), charged(told(calls[:number]))
        assert lost(tmp_path, shown, acknowledged) == set(), number
        shown.pop("l.db-shm", None)
        assert lost(tmp_path, shown, acknowledged) == set(), number
        try:
            older += bool(lost(tmp_path, {"l.db": shown["l.db"]}, acknowledged))
        except VerificationError as refusal:
            assert refusal.code == "LEDGER_BROKEN"  # noqa: PT017 - it need not be raised
            broken += 1
    # The control of the log's part: without it, most copies lack what was acknowledged.
    assert older > FITS
    assert broken <= 3


def test_a_power_cut_after_any_call_loses_nothing_acknowledged(
    tmp_path: Path, run: tuple[Files, list[Call]]
) -> None:
    """
    What was not synced is there, or not, or there without what came before it.

    After each call: all of it, none of it, and three random choices.  A rewritten page is whole
    or as before, as SQLite itself asks of a disk.
    """
    files, calls = run
    for number in range(len(calls) + 1):
        acknowledged = charged(told(calls[:number]))
        for keep in choices():
            left = after_power_cut(files, calls[:number], keep)
            left.pop("l.db-shm", None)  # memory that is shared, and made anew after a crash
            assert lost(tmp_path, left, acknowledged) == set(), number


def test_without_a_sync_at_the_commit_a_power_cut_does_lose_a_charge(
    tmp_path: Path, careless: tuple[Files, list[Call]]
) -> None:
    """The control: SQLite's other way with a log does not wait for the disk at each commit."""
    files, calls = careless
    assert charged(told(calls)) == {plan(number) for number in range(FITS)}
    found = [
        number
        for number in range(len(calls) + 1)
        if lost(
            tmp_path,
            after_power_cut(files, calls[:number], lambda: False),
            charged(told(calls[:number])),
        )
    ]
    assert found


def choices() -> list[Callable[[], bool]]:
    """How a disk may decide; its noise is nobody's to repeat, so a failure names its call."""
    noise = SystemRandom()
    return [lambda: True, lambda: False, *[lambda: noise.random() < 0.5] * 3]


Case = tuple[str, str, int, int]
"""System call, error, the how manieth of its kind, how many charges were acknowledged by then."""
ERRORS = {"pwrite64": ("EIO", "ENOSPC"), "ftruncate": ("EIO",), "fdatasync": ("EIO",)}


def failing(calls: Sequence[Call]) -> list[Case]:
    """Every write, cut and sync of a file that can fail; a folder's syncs SQLite passes over."""
    seen: Counter[str] = Counter()
    cases: list[Case] = []
    acknowledged = 0
    for call in calls:
        seen[call.system] += 1
        acknowledged += call.kind == "told"
        if call.kind != "sync folder":
            cases += [
                (call.system, error, seen[call.system], acknowledged)
                for error in ERRORS.get(call.system, ())
            ]
    return cases


def test_every_failed_write_and_sync_is_refused_and_closes_the_ledger(tmp_path: Path) -> None:
    """
    EIO and ENOSPC at each n-th write, EIO at each n-th sync and cut, of two charges.

    Nothing is acknowledged that failed, and nothing after it; what was acknowledged before is
    there; opened anew, the ledger charges again, within what is left.
    """
    begun(tmp_path / "whole")
    cases = failing(watched(tmp_path / "whole", [str(tmp_path / "whole" / "l.db"), "3", "2"]))
    for system, error, number, acknowledged in cases:
        folder = tmp_path / f"{system}-{error}-{number}"
        begun(folder)
        inject = f"inject={system}:error={error}:when={number}"
        options = ["-o", os.devnull, "-e", f"trace={system}", "-e", inject]
        lines = traced([str(folder / "l.db"), str(FITS), "2"], options).splitlines()
        # Once it failed, all that follows is refused; before the first, also the opening may be;
        # after the last, there is only the log to be folded in, which the next opening does.
        expected = ["charged 0", "charged 1"][:acknowledged]
        refused = ["refused LEDGER_CLOSED"] * (2 - acknowledged)
        assert lines in [[*expected, *refused], [*expected, *refused[:1]]], inject
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert lost(folder, files, charged(lines)) == set(), inject
        ledger = Ledger(folder / "l.db", ORIGIN)
        ledger.append("charge", {"plan": plan("after"), "rho": str(LOSS)})
        ledger.close()
    tried = Counter((system, error) for system, error, *_ in cases)
    assert tried["pwrite64", "EIO"] == tried["pwrite64", "ENOSPC"] >= 10
    assert tried["fdatasync", "EIO"] >= 4
    assert {case[-1] for case in cases} == {0, 1, 2}


def test_a_full_disk_at_the_beginning_is_said_in_our_words(tmp_path: Path) -> None:
    """A keeper that cannot open its ledger says so, and what to do."""
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full, a disk that is always full, is missing")
    with pytest.raises(ClerestoryError, match="LEDGER_CLOSED") as refusal:
        Ledger(Path("/dev/full"), ORIGIN)
    assert refusal.value.remedy
    filled(tmp_path / "l.db", 1).close()
