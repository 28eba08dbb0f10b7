"""What tests of the ledger share: plans by name, entries that are on the list, what it cost."""

from fractions import Fraction
from hashlib import sha256
from pathlib import Path

from privacy.accountant import Accountant
from privacy.ledger import Ledger

ORIGIN = "clerestory/test"


def plan(name: object) -> str:
    """A plan's hash, from a name that a test can read."""
    return sha256(f"plan {name}".encode()).hexdigest()


def submitted(name: object, study: str = "a-study") -> dict[str, str]:
    """What a ledger says of a plan that was submitted."""
    return {"plan": plan(name), "study": study, "rho": "1/10"}


def filled(path: Path, entries: int) -> Ledger:
    """A ledger with so many plans, open."""
    ledger = Ledger(path, ORIGIN)
    for number in range(entries):
        ledger.append("plan", submitted(number))
    return ledger


def charge(ledger: Ledger, name: object, loss: Fraction, budget: Fraction) -> None:
    """Charge for a plan, as the keeper does."""
    Accountant(budget, ledger).charge(plan(name), loss)
