"""Batches to workers: how they are made, and what becomes of one that ends a worker."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.codebook import codebook
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import IncompleteError
from privacy.keeper import workers
from privacy.keeper.crew import MOST_BYTES, MOST_SESSIONS, Crew, batches
from privacy.keeper.due import Due
from privacy.keeper.workers import LocalWorkers
from privacy.labels import LabelRecord
from privacy.packs import Place
from privacy.sandbox.launch import Zygote
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import founded
from tests.support.workers.setting import small, strongest

PLAN = small_plan(SHARE)


def weighed(name: int, size: int) -> Due:
    """A session of a size."""
    place = Place(slot=0, start=0, size=size)
    return Due(f"{name:032x}", b"", "", "", source="", folder="", place=place)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 2 * MOST_BYTES) | st.integers(1, 9_000)),
        max_size=300,
    )
)
def test_batches_are_bounded_and_lose_nobody(sessions: list[tuple[int, int]]) -> None:
    """In order, few and small enough, no session twice; a large one is alone."""
    due = [weighed(name, size) for name, size in sessions]
    made = list(batches(due))
    assert [one for batch in made for one in batch] == due
    for batch in made:
        assert 1 <= len(batch) <= MOST_SESSIONS
        assert len({one.session for one in batch}) == len(batch)
        assert len(batch) == 1 or sum(one.place.size for one in batch) <= MOST_BYTES


@contextmanager
def crewed(tmp_path: Path, *texts: bytes) -> Iterator[tuple[Crew, list[Due]]]:
    """A crew of brittle workers, and sealed sessions."""
    with (
        founded(tmp_path) as house,
        closing(Custodian(tmp_path / "vault.custodian")) as hand,
        Zygote(strongest(), small(), "workers.brittle", PLAN.hash.encode()) as zygote,
    ):
        log, floor = house.keeper.desk.labelling(PLAN).log, house.vault.floor.hash
        hired = LocalWorkers(zygote, house.state, PLAN, floor, log)
        crew = Crew(hired, house.state, codebook(), log)
        for number, text in enumerate(texts):
            with Deposit(hand, Target.of(house.vault)) as deposit:
                deposit.seal("ann", f"s{number}", "2025-11", text)
        found = house.keeper.desk.labelling(PLAN).due().values()
        due = {one.session: one for bucket in found for one in bucket}
        keys = (hand.session("ann", f"s{number}").hex() for number in range(len(texts)))
        yield crew, [due[key] for key in keys]


def statuses(crew: Crew, due: list[Due]) -> dict[str, str]:
    """Session → the status of its record, after one batch."""
    fields = [field.name for field in codebook().fields]
    labels = codebook().field("status").labels
    return {
        one.session: labels[LabelRecord.decode(record, codebook()).labels[fields.index("status")]]
        for one, record in crew.label(due)[0]
    }


def test_one_that_ends_workers_costs_the_others_nothing(tmp_path: Path) -> None:
    """The batch is asked again one by one; who ends two workers alone is unreadable."""
    with crewed(tmp_path, b"good", b"POISON", b"good", b"POISON") as (crew, due):
        found = statuses(crew, due)
        expected = ["rated", "unreadable", "rated", "unreadable"]
        assert [found[one.session] for one in due] == expected
        assert statuses(crew, [due[0], due[2]]) == {
            due[0].session: "rated",
            due[2].session: "rated",
        }
        # The same labels alone as in a batch, which is what a proof of privacy needs.
        assert {key: value for one in due for key, value in statuses(crew, [one]).items()} == found


def test_as_few_workers_as_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is one worker; a poisoned one of three costs 1 + 1 + 2 + 1."""
    started = [0]
    start = Zygote.start

    def counted(zygote: Zygote, control: socket.socket | None = None) -> object:
        started[0] += 1
        return start(zygote, control=control)

    monkeypatch.setattr(Zygote, "start", counted)
    with crewed(tmp_path, b"good", b"POISON", b"good") as (crew, due):
        statuses(crew, [due[0], due[2]])
        assert started == [1]
        statuses(crew, due)
        assert started == [1 + 5]


def test_a_slow_worker_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline says something about the machine, not about a session: no label follows."""
    monkeypatch.setattr(workers, "SESSION_SECONDS", 0.2)
    with (
        crewed(tmp_path, b"SLOW") as (crew, due),
        pytest.raises(IncompleteError, match="CHANNEL_TIMEOUT"),
    ):
        crew.label(due)


def test_a_zygote_that_ends_stops_the_run(tmp_path: Path) -> None:
    """Nobody is called unreadable because the machine took the zygote."""
    with crewed(tmp_path, b"good") as (crew, due):
        assert set(statuses(crew, due).values()) == {"rated"}
        assert isinstance(crew.workers, LocalWorkers)
        crew.workers.zygote._process.kill()
        crew.workers.zygote._process.wait()
        with pytest.raises(IncompleteError, match=r"ZYGOTE_GONE|WORKER_KILLED"):
            crew.label(due)
