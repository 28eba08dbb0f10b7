"""Many processes at one ledger, and processes that are killed: the short form of the benchmark."""

from pathlib import Path

from tests.support.racing import kill, naive_race, race

PROCESSES = 8


def test_racing_processes_never_overspend(tmp_path: Path) -> None:
    """Reading what is left and charging happen under one lock; none that was told is missing."""
    outcome = race(tmp_path, PROCESSES, fits=200)
    assert (outcome.charges, outcome.overspends, outcome.lost) == (200, 0, 0)


def test_processes_that_look_first_and_write_then_do_overspend(tmp_path: Path) -> None:
    """
    The control of the race: same processes, no lock.

    Each of 10 rounds overspends unless all eight see the last charge before they look; one
    round that does is enough.  On a slow machine it was every one of 50.
    """
    over = []
    for attempt in range(10):
        (tmp_path / str(attempt)).mkdir()
        over.append(naive_race(tmp_path / str(attempt), PROCESSES, fits=100))
        if over[-1]:
            break
    assert max(over) > 0


def test_no_acknowledged_charge_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """`charge` returns only after the entry is on the disk; the next process goes on from it."""
    outcome = kill(tmp_path, kills=15, each=5)
    assert outcome.lost == 0
    assert outcome.charges >= 15
