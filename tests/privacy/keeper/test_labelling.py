"""The first run: what is due, what a worker may answer, and what a damaged vault does."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from privacy.codebook import codebook
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import IncompleteError, RefusedError, VerificationError
from privacy.keeper import labelling
from privacy.keeper.crew import check_record
from privacy.keeper.labelling import Labelling
from privacy.label_sets import label_set, label_set_of
from privacy.labels import LabelRecord, unpack_bucket
from privacy.plan import Plan
from privacy.raters import OFFLINE
from privacy.sandbox.tiers import Tier
from privacy.sealing import KeyPair, floor_info
from tests.aggregates.rows import SHARE, small_plan
from tests.support.batches import newest
from tests.support.house import House, founded

BOOK = codebook()
PLAN = small_plan(SHARE)
"""Speaks of October to December 2025."""
ANN, BOB = b"a" * 16, b"b" * 16


def log(words: int = 3) -> bytes:
    """A session in the real format, of so many turns."""
    turns = [
        {
            "type": "user" if number % 2 == 0 else "assistant",
            "uuid": f"u{number}",
            "sessionId": "s",
            "timestamp": f"2025-11-05T10:00:{number:02d}.000Z",
            "message": {
                "role": "user" if number % 2 == 0 else "assistant",
                "content": [{"type": "text", "text": f"please fix the bug number {number}"}],
            },
        }
        for number in range(words)
    ]
    return b"".join(json.dumps(turn).encode() + b"\n" for turn in turns)


class Edge:
    """A custodian at a house."""

    def __init__(self, house: House, hand: Custodian) -> None:
        self._target, self.hand = Target.of(house.vault), hand

    def seal(self, account: str, name: str, month: str = "2025-11", words: int = 3) -> str:
        """Seal one session, as a batch of its own; returns its key."""
        with Deposit(self.hand, self._target) as deposit:
            deposit.seal(account, name, month, log(words))
        return self.hand.session(account, name).hex()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[House, Edge, Plan]]:
    """A house with a custodian and an approved plan."""
    with founded(tmp_path) as made:
        olga = made.enrol("olga")
        bound = made.submit(PLAN)
        made.approve(bound, olga)
        with closing(Custodian(tmp_path / "vault.custodian")) as hand:
            yield made, Edge(made, hand), bound


def due(made: House, bound: Plan) -> set[str]:
    """Keys of the sessions that are due."""
    return {
        one.session for many in made.keeper.desk.labelling(bound).due().values() for one in many
    }


def labelled(made: House, bound: Plan) -> dict[str, LabelRecord]:
    """Session's key → record, as the keeper's key opens them."""
    name, floor = label_set(bound, made.vault.floor.hash), made.vault.floor
    found = {}
    for number in range(floor.buckets):
        if blob := made.state.labels.bucket(name, number):
            key = made.state.sealing.open(blob.wrapped, info=floor_info(floor.hash, "labels"))
            for session, record in unpack_bucket(blob.open(key), BOOK):
                found[session.hex()] = LabelRecord.decode(record, BOOK)
    return found


def test_a_worker_speaks_of_the_session_it_was_given_and_no_other() -> None:
    """A compromised worker must not move a label to somebody else, or to another month."""
    record = LabelRecord.unrated(BOOK, status="rated", month="2025-11", account=ANN).encode()
    check_record(record, ANN, "2025-11", BOOK)
    for data, account, month in (
        (record, BOB, "2025-11"),
        (record, ANN, "2025-12"),
        (record[:-1], ANN, "2025-11"),
        (b"\xff" * len(record), b"\xff" * 16, "2025-11"),
        (b"", ANN, "2025-11"),
    ):
        with pytest.raises(RefusedError, match="LABEL_GATE") as refusal:
            check_record(data, account, month, BOOK)
        assert ANN.hex() not in str(refusal.value)
        assert BOB.hex() not in str(refusal.value)


def test_labels_are_named_after_all_they_depend_on() -> None:
    """Labels of other questions, raters or floors never mix into a release."""
    names = {
        label_set_of("c", "p", OFFLINE, "f"),
        label_set_of("d", "p", OFFLINE, "f"),
        label_set_of("c", "q", OFFLINE, "f"),
        label_set_of("c", "p", OFFLINE, "g"),
        *(
            label_set_of("c", "p", replace(OFFLINE, **{part: "other"}), "f")  # type: ignore[arg-type]
            for part in ("name", "version", "fidelity", "model", "endpoint")
        ),
    }
    assert len(names) == 9
    assert label_set_of("c", "p", OFFLINE, "f") in names
    assert label_set(PLAN, "f") == label_set_of(PLAN.codebook, PLAN.prompts, PLAN.rater, "f")


def test_what_is_due_follows_months_and_bytes(house: tuple[House, Edge, Plan]) -> None:
    """Sessions of other months stay sealed; one that grew is due again."""
    made, edge, bound = house
    assert due(made, bound) == set()
    ours, other = edge.seal("ann", "s1"), edge.seal("ann", "s2", month="2026-05")
    edge.seal("bob", "s3", month="unknown")
    assert due(made, bound) == {ours}
    with pytest.raises(IncompleteError, match="LABELS_INCOMPLETE"):
        made.keeper.desk.labelling(bound).check_complete()

    run(made, bound)
    assert due(made, bound) == set()
    made.keeper.desk.labelling(bound).check_complete()
    edge.seal("ann", "s1", words=5)
    assert due(made, bound) == {ours}
    assert other in newest(made.vault)


def test_sessions_are_labelled_once_and_grown_ones_anew(house: tuple[House, Edge, Plan]) -> None:
    """In real workers: sealed in, one record a session out, sealed again."""
    made, edge, bound = house
    first, second = edge.seal("ann", "s1"), edge.seal("bob", "s2")
    shown: list[tuple[str, float]] = []
    made.keeper.desk.labelling(bound).run(lambda text, share: shown.append((text, share)))
    records = labelled(made, bound)
    assert set(records) == {first, second}
    assert records[first].account == edge.hand.account("ann")
    assert due(made, bound) == set()
    assert shown[-1] == ("classifying", 1.0)

    edge.seal("ann", "s1", words=9)
    made.keeper.desk.labelling(bound).run(lambda _, __: None)
    again = labelled(made, bound)
    assert set(again) == {first, second}
    assert again[second] == records[second]
    assert again[first].measures != records[first].measures


def run(made: House, bound: Plan) -> None:
    """Classify, as a client asks for it."""
    made.ask("classify", bound)


def test_what_was_labelled_before_a_failure_is_kept(
    house: tuple[House, Edge, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is the unit of restart: whole batches stay, and are not asked for again."""
    made, edge, bound = house
    sessions = [edge.seal(name, "s") for name in ("ann", "bob", "carl", "dora")]
    stored: list[int] = []
    store = Labelling._store

    def failing(self: Labelling, bucket: int, rows: list) -> None:  # type: ignore[type-arg]
        if stored:
            raise VerificationError("VAULT_DAMAGED", rule="", found="a test's own", remedy="")
        stored.append(bucket)
        store(self, bucket, rows)

    monkeypatch.setattr(Labelling, "_store", failing)
    with pytest.raises(VerificationError, match="a test's own"):
        run(made, bound)
    kept = set(labelled(made, bound))
    assert 1 <= len(kept) < 4
    assert due(made, bound) == set(sessions) - kept
    monkeypatch.undo()
    run(made, bound)
    assert set(labelled(made, bound)) == set(sessions)


class Liar:
    """A worker that took over: it answers every batch with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.public_key, self.channel = KeyPair.generate().public, self
        self.timeout, self._answer = 0.0, answer
        self.tier, self.probes, self.document = Tier.T0, dict[str, str](), b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def start(self, *, control: object = None) -> Self:
        """Be one's own zygote."""
        return self

    def send(self, _: bytes) -> None:
        """Take a session."""

    def receive(self, _: int) -> bytes:
        """Answer all of them."""
        return self._answer


def test_what_a_worker_answers_passes_the_gate_before_it_is_kept(
    house: tuple[House, Edge, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words, another account's record, another session, one twice: refused; nothing is stored."""
    made, edge, bound = house
    session = edge.seal("ann", "s1")
    own, other = edge.hand.account("ann"), edge.hand.account("bob")

    def row(account: bytes, session: str = session) -> bytes:
        record = LabelRecord.unrated(BOOK, status="rated", month="2025-11", account=account)
        return bytes.fromhex(session) + record.encode()

    words = row(own)[:16] + (b"please fix the bug " * 9)[: len(row(own)) - 16]
    for lie in (words, b"", row(other), row(own, "ab" * 16), row(own) * 2, row(own)[:-1]):
        monkeypatch.setattr(labelling, "Zygote", lambda *_, lie=lie: Liar(lie))
        with pytest.raises(RefusedError, match="LABEL_GATE"):
            run(made, bound)
        assert labelled(made, bound) == {}
        assert due(made, bound) == {session}
    monkeypatch.setattr(labelling, "Zygote", lambda *_: Liar(row(own)))
    run(made, bound)
    assert set(labelled(made, bound)) == {session}
