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
    return files, watched(folder, [str(folder / "l.db"), str(FITS), str(TRIES), "full"])


def test_the_watched_process_did_what_it_is_watched_for(run: tuple[Files, list[Call]]) -> None:
    """Three charges, two refusals, and all their syncs: a list of nothing proves nothing."""
    _, calls = run
    assert told(calls) == [
        *(f"charged {number}" for number in range(FITS)),
        *["refused BUDGET_EXHAUSTED"] * (TRIES - FITS),
    ]
    kinds = Counter(call.kind for call in calls)
    assert kinds["write"] >= 10 * FITS
    assert kinds["sync"] >= 3 * FITS
    assert kinds["unlink"] == FITS
    assert kinds["sync folder"] >= 2 * FITS


def test_a_copy_after_any_call_is_a_whole_ledger(
    tmp_path: Path, run: tuple[Files, list[Call]]
) -> None:
    """
    Database and journal as they stood after every single call.

    A copy of the database alone, without the journal that lies beside it in the middle of a
    commit, may be refused as broken; it never holds an unpaid release or too many charges.
    """
    files, calls = run
    refused = 0
    for number in range(len(calls) + 1):
        shown, acknowledged = after(files, calls[:number]), charged(told(calls[:number]))
        assert lost(tmp_path, shown, acknowledged) == set(), number
        try:
            assert lost(tmp_path, {"l.db": shown["l.db"]}, acknowledged) == set(), number
        except VerificationError as refusal:
            refused += refusal.code == "LEDGER_BROKEN"
            assert "l.db-journal" in shown
    assert refused < len(calls) / 2


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
            assert lost(tmp_path, left, acknowledged) == set(), number


def test_without_the_last_sync_a_power_cut_does_lose_a_charge(
    tmp_path: Path, careless: tuple[Files, list[Call]]
) -> None:
    """The control: SQLite's own default forgets to make the journal's removal lasting."""
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


def failing(run: tuple[Files, list[Call]]) -> list[tuple[str, str, int, bool]]:
    """
    Every call of two charges that can fail: which, how, the how manieth, whether it is noticed.

    SQLite passes over a failed sync of the folder when it makes its journal.  Nothing is lost by
    that alone: it would take a power cut in the same commit, too.
    """
    _, calls = run
    ends = [number for number, call in enumerate(calls) if call.kind == "told"]
    seen: Counter[str] = Counter()
    cases, made = [], False
    for call in calls[: ends[1]]:
        seen[call.system] += 1
        made = made or call.kind == "create"
        errors = {"pwrite64": ("EIO", "ENOSPC"), "openat": (), "write": ()}.get(
            call.system, ("EIO",)
        )
        passed_over = call.kind == "sync folder" and made
        cases += [(call.system, error, seen[call.system], not passed_over) for error in errors]
        made = made and not passed_over
    return cases


def test_every_failed_write_and_sync_is_refused_and_closes_the_ledger(
    tmp_path: Path, run: tuple[Files, list[Call]]
) -> None:
    """
    EIO and ENOSPC at each n-th write, EIO at each n-th sync and removal, of two charges.

    Nothing is acknowledged that failed, and nothing after it; what was acknowledged before is
    there; opened anew, the ledger charges again, within what is left.
    """
    cases = failing(run)
    for system, error, number, noticed in cases:
        folder = tmp_path / f"{system}-{error}-{number}"
        begun(folder)
        inject = f"inject={system}:error={error}:when={number}"
        options = ["-o", os.devnull, "-e", f"trace={system}", "-e", inject]
        lines = traced([str(folder / "l.db"), str(FITS), "2"], options).splitlines()
        # Once it failed, all that follows is refused: two charges were asked for.
        closed = [["refused LEDGER_CLOSED"] * 2, ["charged 0", "refused LEDGER_CLOSED"]]
        assert lines in (closed if noticed else [["charged 0", "charged 1"]]), inject
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert lost(folder, files, charged(lines)) == set(), inject
        ledger = Ledger(folder / "l.db", ORIGIN)
        ledger.append("charge", {"plan": plan("after"), "rho": str(LOSS)})
        ledger.close()
    tried = Counter((system, error) for system, error, *_ in cases)
    assert tried["pwrite64", "EIO"] == tried["pwrite64", "ENOSPC"] >= 20
    assert tried["fdatasync", "EIO"] + tried["fsync", "EIO"] >= 8
    assert tried["unlink", "EIO"] == 2
    assert len([case for case in cases if not case[-1]]) == 2


def test_a_full_disk_at_the_beginning_is_said_in_our_words(tmp_path: Path) -> None:
    """A keeper that cannot open its ledger says so, and what to do."""
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full, a disk that is always full, is missing")
    with pytest.raises(ClerestoryError, match="LEDGER_CLOSED") as refusal:
        Ledger(Path("/dev/full"), ORIGIN)
    assert refusal.value.remedy
    filled(tmp_path / "l.db", 1).close()
