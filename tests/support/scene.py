"""A house with a custodian, an approved plan and one session that was taken in."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from privacy.custodian import Custodian
from privacy.declared import split
from privacy.errors import VerificationError
from privacy.plan import Plan
from privacy.sealing import KeyPair, floor_info, run_info
from tests.privacy.keeper.test_labelling import PLAN, Edge
from tests.support.house import House, founded

WORKER = KeyPair.generate()
Scene = tuple[House, Edge, Plan]


def approved(made: House) -> Plan:
    """The plan, bound and signed."""
    olga = made.enrol("olga")
    bound = made.submit(PLAN)
    made.approve(bound, olga)
    return bound


@contextmanager
def sealed_house(folder: Path) -> Iterator[Scene]:
    """A house with a custodian, an approved plan and one session that was taken in."""
    with founded(folder) as made:
        bound = approved(made)
        with closing(Custodian(folder / "vault.custodian")) as hand:
            edge = Edge(made, hand)
            edge.seal("ann", "s1")
            made.ask("take-in")
            yield made, edge, bound


def opened_sessions(made: House, bound: Plan) -> set[str]:
    """What a run reads and gives a worker: what is due, each with its key wrapped anew."""
    of, found = made.keeper.desk.labelling(bound), set()
    for due_now in of.due().values():
        for one in due_now:
            rest, job = floor_info(made.vault.floor.hash, "session"), run_info(bound.hash)
            blob = made.state.corpus.read(one).rewrap(
                made.state.sealing, WORKER.public, at_rest=rest, in_run=job
            )
            assert split(blob.open(WORKER.open(blob.wrapped, info=job)))[1].startswith(b"{")
            found.add(one.session)
    return found


def refused(made: House, bound: Plan, code: str) -> VerificationError:
    """What is said instead: rule, place and remedy."""
    with pytest.raises(VerificationError, match=code) as refusal:
        opened_sessions(made, bound)
    error = refusal.value
    assert str(made.folder) not in str(error)
    assert error.rule
    assert error.remedy
    return error
