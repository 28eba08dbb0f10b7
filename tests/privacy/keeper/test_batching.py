"""Labelling by batches, with workers and a provider that are pretended: what is kept, sent, due."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import MagicMock

import pytest

from clerestory.founding import found
from privacy.codebook import codebook
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import IncompleteError, RefusedError
from privacy.halts import Halt
from privacy.keeper import batching, labelling
from privacy.keeper.crew import Crew
from privacy.keeper.erasure import tend
from privacy.keeper.workers import PLAIN, FarWorkers, LocalWorkers, Said, Sent
from privacy.labels import LabelRecord
from privacy.plan import Plan
from privacy.raters import CLAUDE
from privacy.sealing import SealedBlob
from privacy.tickets import MOST_TRIES, RESULT_DAYS, Errand, Ticket, ticket_info
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import TERMS, House, opened
from tests.support.killing import after_each_kill

RATER = replace(CLAUDE, model="m", endpoint="https://example.org", roots="r", batches=True)
PLAN: Plan = replace(small_plan(SHARE), rater=RATER)
SESSIONS, KILLS = 5, 12


@dataclass
class Provider:
    """What a provider knows: it lies in a file, since it outlives a keeper that is killed."""

    file: Path
    unanswered: set[str] = field(default_factory=set)
    """Sessions whose questions end without an answer."""
    ended: bool = True
    halts: dict[str, Halt] = field(default_factory=dict)
    """What a worker stops with, by its errand."""
    room: int = 1000
    """Batches that it holds at once."""
    dies: set[str] = field(default_factory=set)
    """Errands on which workers end."""

    def write(self, **event: object) -> None:
        """Note what was heard."""
        with self.file.open("a") as file:
            file.write(json.dumps(event) + "\n")

    @property
    def heard(self) -> list[dict[str, Any]]:
        """All of it."""
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def sent(self) -> Counter[str]:
        """How often each session was sent in a batch."""
        return Counter(one for event in self.heard for one in event.get("batch", []))

    def asked(self) -> Counter[str]:
        """How often each was asked by itself."""
        return Counter(one for event in self.heard for one in event.get("plain", []))


@dataclass
class Pretended:
    """Workers that do as sealed ones do, and are not."""

    house: House
    provider: Provider
    lock: AbstractContextManager[object] = field(default_factory=Lock)

    def check_alive(self) -> None:
        """They are."""

    def ask(self, blobs: Sequence[SealedBlob], limit: int, sent: Sent = PLAIN) -> Said | None:
        """What a worker says."""
        work, names = sent.errand.work, [blob.header["session"] for blob in blobs]
        if work in self.provider.dies and (blobs or work != "collect"):
            return None
        if halt := self.provider.halts.get(work):
            return Said(b"", halt)
        with self.lock:
            answer = getattr(self, work)(blobs, names, sent)
        if isinstance(answer, Halt):
            return Said(b"", answer)
        assert len(answer) <= limit
        return Said(bytes(answer))

    def plain(self, blobs: Sequence[SealedBlob], names: list[str], sent: Sent) -> bytes:
        """Ask and wait."""
        self.provider.write(plain=names)
        return b"".join(map(row, blobs))

    def submit(self, blobs: Sequence[SealedBlob], names: list[str], sent: Sent) -> bytes | Halt:
        """Send a batch."""
        heard = self.provider.heard
        held = sum("name" in event for event in heard) - sum("drop" in event for event in heard)
        if held >= self.provider.room:
            return Halt.BUSY
        name = f"msgbatch_{len(heard)}"
        self.provider.write(batch=names, name=name)
        errand = sent.errand
        return Ticket((name,), bytes(32)).sealed(errand.public, errand.label_set).encode()

    def collect(self, blobs: Sequence[SealedBlob], names: list[str], sent: Sent) -> bytes | Halt:
        """Fetch what was answered."""
        (batch,) = self.opened(sent).batches
        if not self.provider.ended:
            return Halt.PENDING
        (known,) = (event["batch"] for event in self.provider.heard if event.get("name") == batch)
        there = set(known) - self.provider.unanswered
        return b"".join(row(blob) for blob in blobs if blob.header["session"] in there)

    def drop(self, blobs: Sequence[SealedBlob], names: list[str], sent: Sent) -> bytes:
        """Delete a batch."""
        self.provider.write(drop=list(self.opened(sent).batches))
        return b""

    def opened(self, sent: Sent) -> Ticket:
        """The ticket, which a real worker opens by a key of its own."""
        assert sent.ticket
        info = ticket_info(sent.errand.label_set)
        key = self.house.state.ring.of(sent.ticket).open(sent.ticket.wrapped, info=info)
        return Ticket.decode(sent.ticket.open(key))


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
    house: House, provider: Provider, patience: float = 0.0, plan: Plan = PLAN, hands: int = 1
) -> None:
    """One run."""
    made = replace(house.keeper.desk.labelling(small_plan(SHARE)), plan=plan)
    crew = Crew(Pretended(house, provider), house.state, codebook(), Log(), "m")  # type: ignore[arg-type]
    run = made._batching(crew, Lock())
    replace(run, hands=hands, patience=patience).run(lambda _, __: None)


def seal(folder: Path, numbers: Sequence[int], text: bytes = b"text") -> None:
    """Put sessions into the vault."""
    with closing(Custodian(folder / "vault.custodian")) as hand, opened(folder) as house:
        for number in numbers:
            with Deposit(hand, Target.of(house.vault)) as deposit:
                deposit.seal(f"ann{number}", f"s{number}", "2025-11", text)


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tickets of few sessions."""
    monkeypatch.setattr(batching, "MOST_SESSIONS", 2)
    monkeypatch.setattr(batching, "_FIRST_PAUSE", 0.01)


@pytest.fixture(scope="module")
def founded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault with sessions, and its keeper, to be copied."""
    folder = tmp_path_factory.mktemp("batching") / "base"
    folder.mkdir()
    found(folder / "vault", folder / "vault.custodian", TERMS)
    seal(folder, range(SESSIONS))
    return folder


@pytest.fixture
def place(founded_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    from shutil import copytree

    (tmp_path / "base.provider").touch()
    copytree(founded_once, tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def house(place: Path) -> Iterator[House]:
    """Its keeper, opened."""
    with opened(place) as house:
        yield house


@pytest.fixture
def provider(place: Path) -> Provider:
    """Who is asked."""
    file = place / "provider.log"
    file.touch()
    return Provider(file)


def labelled(house: House) -> set[str]:
    """Sessions with a record."""
    (name,) = {name for name, _ in house.state.labels.buckets()} or {""}
    return set(house.state.labels.labelled(name))


def under_way(house: House) -> set[str]:
    """Sessions of which a ticket is held."""
    rows = house.state.tickets._database.execute("SELECT session FROM under_way").fetchall()
    return {session for (session,) in rows}


def without_ticket(house: House, provider: Provider) -> set[str]:
    """Sessions of batches whose ticket was neither stored nor, once it was read, thrown away."""
    workers = Pretended(house, provider)
    held = house.state.tickets.sealed()
    sent = (Sent(Errand("drop", b"", name), ticket) for _, name, ticket in held)
    known = {batch for one in sent for batch in workers.opened(one).batches}
    known |= {batch for event in provider.heard for batch in event.get("drop", [])}
    batches = [event for event in provider.heard if "name" in event]
    return {one for event in batches if event["name"] not in known for one in event["batch"]}


@pytest.mark.parametrize("hands", [1, 4])
def test_each_is_sent_once_and_all_is_deleted(house: House, provider: Provider, hands: int) -> None:
    """The usual way, one after the other and several at once; and a second run does nothing."""
    run(house, provider, patience=5.0, hands=hands)
    assert len(labelled(house)) == SESSIONS
    assert set(provider.sent().values()) == {1}
    assert len(provider.sent()) == SESSIONS
    named = {event["name"] for event in provider.heard if "name" in event}
    assert {batch for event in provider.heard for batch in event.get("drop", [])} == named
    before = provider.heard
    run(house, provider)
    assert provider.heard == before
    assert not house.state.tickets.sealed()


def test_what_is_under_way_is_waited_for_and_not_sent_again(
    place: Path, provider: Provider
) -> None:
    """The run ends with exit 5 and says until when; the next keeper goes on with the tickets.

    Also under another plan that asks for the same labels: one with a higher cap, say.
    """
    provider.ended = False
    with opened(place) as house:
        with pytest.raises(IncompleteError, match="ENDPOINT_PENDING") as stopped:
            run(house, provider)
        assert stopped.value.exit_code == 5
        assert "UTC" in stopped.value.found
        with pytest.raises(IncompleteError, match="ENDPOINT_PENDING"):
            run(house, provider)
        assert len(under_way(house)) == SESSIONS
    provider.ended = True
    with opened(place) as house:
        run(house, provider, plan=replace(PLAN, study=replace(PLAN.study, purpose="another")))
        assert len(labelled(house)) == SESSIONS
    assert set(provider.sent().values()) == {1}
    assert not provider.asked()


def test_unanswered_sessions_are_sent_again_and_then_asked(
    house: House, provider: Provider
) -> None:
    """Two batches, then a call: a session that batches never answer does not go on for ever."""
    unlucky = next(iter(house.state.corpus.due("", ("2025-11",)))).session
    provider.unanswered = {unlucky}
    run(house, provider, patience=5.0)
    assert len(labelled(house)) == SESSIONS
    assert provider.sent()[unlucky] == MOST_TRIES
    assert provider.asked() == {unlucky: 1}
    assert {n for one, n in provider.sent().items() if one != unlucky} == {1}


def test_a_newer_version_is_sent_anew(place: Path, provider: Provider) -> None:
    """Its names are others, so the old answer could not be its own; the rest is collected."""
    provider.ended = False
    with opened(place) as house, pytest.raises(IncompleteError, match="ENDPOINT_PENDING"):
        run(house, provider)
    seal(place, [0], b"longer text")
    provider.ended = True
    with opened(place) as house:
        run(house, provider, patience=5.0)
        assert len(labelled(house)) == SESSIONS
    assert sorted(provider.sent().values()) == [1, 1, 1, 1, 2]


def test_erasure_takes_a_session_off_its_ticket(place: Path, provider: Provider) -> None:
    """No key of it stays behind; the batch is fetched for the others, and deleted."""
    provider.ended = False
    with opened(place) as house:
        with pytest.raises(IncompleteError, match="ENDPOINT_PENDING"):
            run(house, provider)
        gone = house.state.corpus.due("", ("2025-11",))[0]
        house.state.labels.begin_erasing(gone.account.hex(), gone.source)
        tend(house.keeper.desk, lambda _, __: None)
        assert len(under_way(house)) == SESSIONS - 1
        assert gone.session not in under_way(house)
        provider.ended = True
        run(house, provider)
        assert len(labelled(house)) == SESSIONS - 1
        assert not house.state.tickets.sealed()


def test_a_batch_that_the_provider_keeps_no_more_is_given_up(
    house: House, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is not known stops the run until its results are gone; then it is sent again."""
    provider.ended = False
    with pytest.raises(IncompleteError, match="ENDPOINT_PENDING"):
        run(house, provider)
    provider.ended, provider.halts = True, {"collect": Halt.LOST}
    with pytest.raises(IncompleteError, match="ENDPOINT_LOST"):
        run(house, provider)
    assert set(provider.sent().values()) == {1}
    now = house.state.ledger.now().timestamp() + RESULT_DAYS * 86_400 + 60
    monkeypatch.setattr(batching.Batching, "_now", property(lambda _: now))
    provider.halts = {}
    run(house, provider, patience=5.0)
    assert set(provider.sent().values()) == {2}
    assert len(labelled(house)) == SESSIONS


def test_a_busy_endpoint_makes_room_by_what_ends(house: House, provider: Provider) -> None:
    """With nothing under way it stops the run, as it does without batches."""
    provider.halts = {"submit": Halt.BUSY}
    with pytest.raises(IncompleteError, match="ENDPOINT_BUSY"):
        run(house, provider)
    provider.halts, provider.room = {}, 1
    run(house, provider, patience=5.0)
    assert len(labelled(house)) == SESSIONS
    assert set(provider.sent().values()) == {1}


def test_a_worker_that_ends_costs_a_try(house: House, provider: Provider) -> None:
    """What it sent before it ended nobody knows; after two such ends a session is asked alone."""
    provider.dies = {"submit"}
    run(house, provider, patience=5.0)
    assert not provider.sent()
    assert set(provider.asked().values()) == {1}
    assert len(labelled(house)) == SESSIONS


def test_a_worker_that_collects_others_is_refused(
    house: House, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may leave sessions out, and answers about no other."""

    def others(_: object, blobs: Sequence[SealedBlob], names: list[str], sent: Sent) -> bytes:
        return b"".join(b"another session!" + row(blob)[16:] for blob in blobs)

    monkeypatch.setattr(Pretended, "collect", others)
    with pytest.raises(RefusedError, match="LABEL_GATE"):
        run(house, provider)
    assert not labelled(house)


def test_tickets_survive_a_new_key_of_the_keeper(house: House, provider: Provider) -> None:
    """A rotation destroys the old key: what is under way must not be lost with it."""
    from privacy.keeper.rotation import begin_rotation, finish_rotation

    provider.ended = False
    with pytest.raises(IncompleteError, match="ENDPOINT_PENDING"):
        run(house, provider)
    before = {blob.key for _, _, blob in house.state.tickets.sealed()}
    begin_rotation(house.state)
    finish_rotation(house.vault, house.state, lambda _, __: None)
    assert before.isdisjoint(blob.key for _, _, blob in house.state.tickets.sealed())
    provider.ended = True
    run(house, provider)
    assert len(labelled(house)) == SESSIONS
    assert set(provider.sent().values()) == {1}


def test_batches_leave_from_beside_the_keeper(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nodes label: a node has no way out.  Without batches the node is asked."""
    monkeypatch.setattr(labelling, "Zygote", lambda *_: nullcontext())
    nodes = MagicMock(hands=7)
    usual = replace(house.keeper.desk.labelling(small_plan(SHARE)), nodes=nodes)
    by_batches = replace(usual, plan=PLAN)
    with ExitStack() as stack:
        assert isinstance(usual._workers(stack, Lock()), FarWorkers)
        assert isinstance(by_batches._workers(stack, Lock()), LocalWorkers)
    assert usual._hands.most == 7
    assert by_batches._hands.first < 7


def test_a_keeper_that_is_killed_pays_for_nothing_twice(place: Path) -> None:
    """But for what was out between sending and storing: one group of two, at the most."""

    def work(folder: Path) -> None:
        file = folder / "provider.log"
        file.touch()
        with opened(folder) as house:
            run(house, Provider(file), patience=5.0)

    lost_ever = []
    for _, folder in after_each_kill(place, work, KILLS):
        provider = Provider(folder / "provider.log")
        provider.file.touch()
        with opened(folder) as house:
            lost = without_ticket(house, provider)
            assert len(lost) <= 2
            lost_ever.append(bool(lost))
            run(house, provider, patience=5.0)
            assert len(labelled(house)) == SESSIONS
            assert not house.state.tickets.sealed()
        assert {one for one, times in provider.sent().items() if times > 1} == lost
        assert max(provider.sent().values()) <= 2
        assert not provider.asked()
    assert not all(lost_ever)
