"""
A keeper whose plans are paid for without a worker: for what happens to its books.

Everything up to the key is the keeper's own code; then, instead of a worker's tables, the entry
of a release is written.
"""

from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree

from privacy.keeper.releasing import pay
from privacy.plan import Plan
from privacy.sandbox.tiers import Tier
from privacy.signing import SigningKey
from privacy.vault import CHECKPOINT
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import House, founded

OFFICERS = ("olga", "otto")
PLAN = small_plan(SHARE)


def study(name: str, *authors: str) -> Plan:
    """A plan of its own."""
    told = replace(PLAN.study, name=name, authors=authors or PLAN.study.authors)
    return replace(PLAN, study=told)


def approved(house: House, name: str, officer: SigningKey, *authors: str) -> Plan:
    """A plan that may run."""
    bound = house.submit(study(name, *authors))
    house.approve(bound, officer)
    return bound


def paid(house: House, bound: Plan) -> str:
    """Pay for a plan as a release does; the checkpoint that its bundle would carry."""
    desk = house.keeper.desk
    desk.check_may_run(bound)
    _, after = pay(house.state, desk.floor, desk.policy, bound, Tier.T0)
    house.state.ledger.append("release", {"plan": bound.hash, "sums": "0" * 64})
    return after


class Archive:
    """Copies of a keeper's state, and of the checkpoint in its vault."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.copies = folder, 0

    def keep(self) -> int:
        """Copy all as it stands; returns the copy's number."""
        to = self._folder / "archive" / str(self.copies)
        copytree(self._folder / "state", to / "state", ignore=lambda *_: ["keeper.sock"])
        note = self._folder / "vault" / CHECKPOINT
        if note.exists():
            (to / CHECKPOINT).write_bytes(note.read_bytes())
        self.copies += 1
        return self.copies - 1

    def restore(self, number: int, *, vault: bool = False) -> None:
        """Put a copy back: the state alone, or the vault's checkpoint with it."""
        kept = self._folder / "archive" / str(number)
        rmtree(self._folder / "state")
        copytree(kept / "state", self._folder / "state")
        note = self._folder / "vault" / CHECKPOINT
        if vault:
            note.unlink(missing_ok=True)
            if (kept / CHECKPOINT).exists():
                note.write_bytes((kept / CHECKPOINT).read_bytes())


def begun(folder: Path) -> dict[str, SigningKey]:
    """A new vault with two officers; their keys by name.  Its keeper is closed again."""
    with founded(folder) as house:
        return {name: house.enrol(name) for name in OFFICERS}
