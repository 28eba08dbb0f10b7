"""What labels cost is counted once, whatever is killed, and never beyond the cap."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from threading import Lock
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clerestory.founding import found
from privacy.closing import Closing
from privacy.codebook import codebook
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import IncompleteError, RefusedError
from privacy.halts import Halt, halted
from privacy.keeper.crew import Crew, batches
from privacy.keeper.journal import BESIDE, Journal, Purse, Spent
from privacy.keeper.labels_index import open_database
from privacy.keeper.workers import LocalWorkers, Said, Sent
from privacy.labels import LabelRecord
from privacy.plan import Plan
from privacy.raters import CLAUDE
from privacy.sealing import SealedBlob
from privacy.spending import CLASSES, Prices, Spending, class_of
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import TERMS, House, opened
from tests.support.killing import after_each_kill

PRICES = Prices(100_000, 500_000, 10_000, 125_000)
RATER = replace(CLAUDE, model="m", endpoint="https://example.org", roots="r")
PLAN: Plan = replace(small_plan(SHARE), rater=RATER, spending=Spending(PRICES, 20_000))
SESSIONS, TOGETHER, COST, WORST, EACH, KILLS = 6, 2, 1_000, 1_500, 1_500, 14
"""Sessions of a vault and of a batch; microdollars of a call, of the worst one, and allowed."""


@dataclass(frozen=True, slots=True)
class Answering(LocalWorkers):
    """Workers that ask nobody: who is asked writes down what he charges, and outlives a keeper."""

    file: Path = Path()

    def _ask(
        self,
        blobs: Sequence[SealedBlob],
        limit: int,
        sent: Sent,
        allowance: int,
        settle: Callable[[Closing], None] = lambda _: None,
    ) -> Said | None:
        rows, spent, halt = b"", 0, None
        for blob in blobs:
            if spent + WORST > allowance:  # as the meter of a worker
                halt = Halt.SPENT
                break
            with self.file.open("a") as file:
                file.write(json.dumps(blob.header["session"]) + "\n")
            rows, spent = rows + row(blob), spent + COST
        settle(Closing(halt, class_of(spent, allowance)))
        assert len(rows) <= limit
        return Said(rows, halt)


def row(blob: SealedBlob) -> bytes:
    """A session's key and a record."""
    told, account = blob.header, bytes.fromhex(blob.header["account"])
    record = LabelRecord.unrated(codebook(), status="rated", month=told["month"], account=account)
    return bytes.fromhex(told["session"]) + record.encode()


class Log:
    """Nobody writes down who was asked."""

    def answered(self, model: str) -> None:
        """Not even that."""


def run(
    house: House,
    file: Path,
    plan: Plan = PLAN,
    each: int = EACH,
    worker: type[Answering] = Answering,
) -> None:
    """One run over what is due, in small batches."""
    made, lock = replace(house.keeper.desk.labelling(small_plan(SHARE)), plan=plan), Lock()
    assert plan.spending
    purse = Purse(Journal(house.state.database, made.label_set), plan.spending, each, lock)
    asked: Any = (None, house.state, plan, "", Log(), None, b"", purse, file)
    crew = Crew(worker(*asked), house.state, codebook(), Log(), "m")  # type: ignore[arg-type]
    for bucket, due in sorted(made.due().items()):
        for batch in batches(due, TOGETHER):
            rows, halt, _ = crew.label(batch)
            with lock:
                made._store(bucket, rows)
            if halt:
                raise halted(halt)


def spent(house: House, plan: Plan = PLAN) -> Spent:
    """What counts."""
    made = replace(house.keeper.desk.labelling(small_plan(SHARE)), plan=plan)
    return Journal(house.state.database, made.label_set).spent()


def answered(file: Path) -> Counter[str]:
    """How often each session was answered, and charged."""
    return Counter(json.loads(line) for line in file.read_text().splitlines())


def labelled(house: House) -> set[str]:
    """Sessions with a record."""
    (name,) = {name for name, _ in house.state.labels.buckets()} or {""}
    return set(house.state.labels.labelled(name))


@pytest.fixture(scope="module")
def founded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault with sessions of one account, and its keeper, to be copied."""
    folder = tmp_path_factory.mktemp("spending") / "base"
    folder.mkdir()
    found(folder / "vault", folder / "vault.custodian", TERMS)
    with (
        closing(Custodian(folder / "vault.custodian")) as hand,
        opened(folder) as house,
        Deposit(hand, Target.of(house.vault)) as deposit,
    ):
        for number in range(SESSIONS):
            deposit.seal("ann", f"s{number}", "2025-11", b"text")
    (folder / "answered").touch()
    return folder


@pytest.fixture
def place(founded_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    copytree(founded_once, tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def house(place: Path) -> Iterator[House]:
    """Its keeper, opened."""
    with opened(place) as house:
        yield house


def test_each_session_is_answered_once_and_each_dollar_counted_once(
    house: House, place: Path
) -> None:
    """What is counted is what was charged, rounded up to a class: a quarter more at most."""
    run(house, place / "answered")
    charged = COST * SESSIONS

    assert set(answered(place / "answered").values()) == {1}
    assert len(labelled(house)) == SESSIONS
    assert charged <= spent(house).settled <= charged * 5 // 4 + SESSIONS
    assert (spent(house).out, spent(house).lost) == (0, 0)
    run(house, place / "answered")
    assert sum(answered(place / "answered").values()) == SESSIONS


def test_a_cap_stops_the_run_and_a_higher_one_goes_on(house: House, place: Path) -> None:
    """Labels stay, and what they cost counts under the next plan: prices are not of their name."""
    low = replace(PLAN, spending=Spending(PRICES, 3 * COST + WORST - COST))
    with pytest.raises(IncompleteError, match="ENDPOINT_SPENT"):
        run(house, place / "answered", low)
    before = labelled(house)
    assert 0 < len(before) < SESSIONS
    assert spent(house, low).total <= 3 * COST + WORST - COST
    with pytest.raises(IncompleteError, match="ENDPOINT_SPENT"):
        run(house, place / "answered", low)
    high = replace(PLAN, spending=Spending(replace(PRICES, read=1), 20_000))
    run(house, place / "answered", high)

    assert len(labelled(house)) == SESSIONS
    assert set(answered(place / "answered").values()) == {1}
    assert spent(house, high) == spent(house, low)


def test_an_allowance_that_was_too_small_is_widened(house: House, place: Path) -> None:
    """Without a cap nobody is stopped by a guess; nothing is asked twice for it."""
    run(house, place / "answered", replace(PLAN, spending=Spending(PRICES)), each=WORST // 5)

    assert len(labelled(house)) == SESSIONS
    assert set(answered(place / "answered").values()) == {1}


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": "0" * 64},
        {"codebook": "0" * 64},
        {"rater": replace(RATER, model="n")},
        {"rater": replace(RATER, mode="separate")},
    ],
    ids=["prompts", "codebook", "model", "mode"],
)
def test_what_labels_hang_on_begins_anew(house: House, place: Path, change: dict[str, Any]) -> None:
    """Resumed is by session, instruments and model: another of these, other labels and money."""
    run(house, place / "answered")
    other = replace(PLAN, **change)
    made = replace(house.keeper.desk.labelling(small_plan(SHARE)), plan=other)

    assert sum(len(due) for due in made.due().values()) == SESSIONS
    assert spent(house, other).total == 0
    same = replace(PLAN, study=replace(PLAN.study, name="another"))
    made = replace(house.keeper.desk.labelling(small_plan(SHARE)), plan=same)
    assert not made.due()
    assert spent(house, same) == spent(house)


def test_killed_anywhere_each_session_has_one_record_and_no_dollar_is_forgotten(
    place: Path,
) -> None:
    """
    After a kill and a second run: all labelled; what counts is no less than what was charged.

    Beyond that it is at most the allowance of the one batch that was out, and a class's rounding.
    Only sessions of that batch are asked twice.
    """

    def work(folder: Path) -> None:
        with opened(folder) as house:
            run(house, folder / "answered")

    lost = []
    for _, folder in after_each_kill(place, work, KILLS):
        before = sum(answered(folder / "answered").values())
        with opened(folder) as house:
            run(house, folder / "answered")
            assert len(labelled(house)) == SESSIONS
            counted = spent(house)
        asked = answered(folder / "answered")
        assert before <= SESSIONS
        assert len(asked) == SESSIONS
        assert sum(times - 1 for times in asked.values()) <= TOGETHER
        charged = COST * sum(asked.values())
        allowance = (TOGETHER + BESIDE) * EACH
        assert charged <= counted.total <= charged * 5 // 4 + allowance + SESSIONS
        assert counted.lost in (0, allowance)
        assert counted.out == 0
        lost.append(counted.lost)
    assert 0 in lost


EVENTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1_000), st.booleans()), max_size=40)


@settings(deadline=None)
@given(EVENTS, st.integers(1, 20_000))
def test_no_order_of_events_passes_the_cap(events: list[tuple[int, int, bool]], cap: int) -> None:
    """Batches that settle, that end without a word, runs that end: together never above it."""
    with closing(open_database(Path(":memory:"))) as database:
        journal = Journal(database, "labels")
        purse, codes = Purse(journal, Spending(PRICES, cap), 300, Lock()), set[str]()
        for sessions, part, dies in events:
            try:
                with purse.taken(sessions) as taken:
                    if not dies:
                        taken.settle(Closing(spent=class_of(part, taken.allowance)))
            except IncompleteError as error:
                codes.add(error.code)
                purse = Purse(journal, Spending(PRICES, cap), 300, Lock())
            assert journal.spent().total <= cap
            assert journal.spent().out == 0
        assert codes <= {"ENDPOINT_SPENT"}


def test_hands_that_find_an_allowance_too_small_together_widen_it_once() -> None:
    """Thirty-two hands that double one after another would reserve the whole cap for one batch."""
    with closing(open_database(Path(":memory:"))) as database:
        purse = Purse(Journal(database, "labels"), Spending(PRICES), EACH, Lock())
        with ExitStack() as stack:
            every = [stack.enter_context(purse.taken(1)) for _ in range(32)]
            assert {taken.allowance for taken in every} == {(1 + BESIDE) * EACH}
            widened = [taken.widen() for taken in every]
            assert all(widened)
        with purse.taken(1) as taken:
            assert taken.allowance == (1 + BESIDE) * EACH * 2


class Greedy(Answering):
    """A worker that was taken over: it wants more, whatever it is allowed."""

    def _ask(
        self,
        blobs: Sequence[SealedBlob],
        limit: int,
        sent: Sent,
        allowance: int,
        settle: Callable[[Closing], None] = lambda _: None,
    ) -> Said | None:
        settle(Closing(Halt.SPENT, CLASSES))
        return Said(b"", Halt.SPENT)


def test_a_worker_that_wants_ever_more_stops_the_run(house: House) -> None:
    """Without a cap, too: twelve doublings are 4,096, and then nothing is given out any more."""
    free = replace(PLAN, spending=Spending(PRICES))
    with pytest.raises(IncompleteError, match="ENDPOINT_SPENT"):
        run(house, Path(), free, worker=Greedy)
    allowances = [(TOGETHER + BESIDE) * EACH * 2**n for n in range(13)]
    assert spent(house, free).settled == sum(allowances)


def test_what_costs_nothing_is_never_stopped() -> None:
    """A server of one's own at no price: a cap that is reached stops what would pass it alone."""
    with closing(open_database(Path(":memory:"))) as database:
        free = Prices(0, 0, 0, 0)
        purse = Purse(Journal(database, "labels"), Spending(free, 1), 0, Lock())
        for _ in range(3):
            with purse.taken(64) as taken:
                assert taken.allowance == 0
                taken.settle(Closing())


def test_what_is_paid_is_fetched_with_nothing_left() -> None:
    """Answers that were counted when they were asked for must not rot behind a cap."""
    with closing(open_database(Path(":memory:"))) as database:
        purse = Purse(Journal(database, "labels"), Spending(PRICES, 900), 300, Lock())
        with purse.taken(0) as taken:
            taken.settle(Closing(spent=class_of(900, taken.allowance)))
        with purse.taken(2, is_paid=True) as taken:
            assert taken.allowance == 0
            taken.settle(Closing())
        with pytest.raises(IncompleteError, match="ENDPOINT_SPENT"), purse.taken(2):
            pass


def test_a_batch_is_settled_once() -> None:
    """A second word about the same money is refused, and the first stands."""
    with closing(open_database(Path(":memory:"))) as database:
        journal = Journal(database, "labels")
        number = journal.reserve(100)
        with pytest.raises(RefusedError, match="SPENDING_UNKNOWN"):
            journal.settle(number, 101)
        journal.settle(number, 40)
        with pytest.raises(RefusedError, match="SPENDING_UNKNOWN"):
            journal.settle(number, 10)
        with pytest.raises(RefusedError, match="SPENDING_UNKNOWN"):
            journal.lose(number)
        with pytest.raises(RefusedError, match="SPENDING_UNKNOWN"):
            Journal(database, "others").settle(number, 1)
        assert journal.spent() == Spent(40, 0, 0)
