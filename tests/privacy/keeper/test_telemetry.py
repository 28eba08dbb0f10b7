"""Telemetry lies beside its session: it is joined, superseded, moved and erased with it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers.telemetry import Call, Counts, Telemetry, hash_of
from privacy.batches import TELEMETRY, Manifest, Row
from privacy.codebook import codebook
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit, Extent
from privacy.errors import VerificationError
from privacy.keeper.crew import MOST_BYTES, batches
from privacy.keeper.labelling import Labelling
from privacy.labels import LabelRecord
from privacy.plan import Plan
from privacy.retention import today
from privacy.sealing import floor_info
from privacy.signing import fingerprint
from privacy.vault import MANIFEST
from tests.aggregates.rows import SHARE, small_plan
from tests.privacy.keeper.test_labelling import Edge, due, labelled, log, run
from tests.support.batches import batches as folders
from tests.support.batches import newest
from tests.support.holdings import hold
from tests.support.holdings import labelled as held_labels
from tests.support.house import TERMS, House, founded, opened

BOOK = codebook()
PLAN = small_plan(SHARE)
"""Speaks of October to December 2025."""
WROTE, WROTE_NOT = Telemetry(Counts(lines_added=3)), Telemetry(Counts())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[House, Edge, Plan]]:
    """A house with a custodian and an approved plan."""
    with founded(tmp_path) as made:
        olga = made.enrol("olga")
        bound = made.submit(PLAN)
        made.approve(bound, olga)
        with closing(Custodian(tmp_path / "vault.custodian")) as hand:
            yield made, Edge(made, hand), bound


def count(
    made: House,
    edge: Edge,
    account: str,
    name: str,
    told: Telemetry,
    *,
    extent: Extent = Extent(1, 100),  # noqa: B008 - frozen
    month: str = "2025-11",
) -> str:
    """Seal a session's telemetry in a batch of its own; what became of it."""
    session = edge.hand.session(account, name)
    with Deposit(edge.hand, Target.of(made.vault)) as deposit:
        return deposit.seal_telemetry(account, session, month, told.encode(), extent)


def said(record: LabelRecord) -> tuple[str, str]:
    """Both labels of a record that are about telemetry."""
    found = dict(zip((field.name for field in BOOK.fields), record.labels, strict=True))
    return (
        BOOK.field("telemetry").labels[found["telemetry"]],
        BOOK.field("telemetry_wrote_code").labels[found["telemetry_wrote_code"]],
    )


def test_telemetry_is_joined_in_a_sealed_worker(house: tuple[House, Edge, Plan]) -> None:
    """It says yes or no of its own session, and nothing of one that has none."""
    made, edge, bound = house
    one, two, three = (edge.seal("ann", name) for name in ("one", "two", "three"))
    count(made, edge, "ann", "one", WROTE)
    count(made, edge, "ann", "two", WROTE_NOT)
    run(made, bound)
    records = labelled(made, bound)
    assert {session: said(record) for session, record in records.items()} == {
        one: ("present", "yes"),
        two: ("present", "no"),
        three: ("absent", "absent"),
    }


def test_telemetry_may_come_first_and_alone_it_is_nothing(
    house: tuple[House, Edge, Plan],
) -> None:
    """Sealed before its session it waits; no session, no record."""
    made, edge, bound = house
    count(made, edge, "ann", "one", WROTE)
    assert due(made, bound) == set()
    session = edge.seal("ann", "one")
    run(made, bound)
    assert {s: said(r) for s, r in labelled(made, bound).items()} == {session: ("present", "yes")}


def test_what_is_malformed_spoils_no_label(house: tuple[House, Edge, Plan]) -> None:
    """The session is rated as without telemetry, whatever lies beside it."""
    made, edge, bound = house
    plain = edge.seal("ann", "plain")
    torn = edge.seal("ann", "torn")
    session = edge.hand.session("ann", "torn")
    with Deposit(edge.hand, Target.of(made.vault)) as deposit:
        deposit.seal_telemetry("ann", session, "2025-11", WROTE.encode()[:-3], Extent(1, 1))
    run(made, bound)
    records = labelled(made, bound)
    assert said(records[torn]) == ("absent", "absent")
    assert records[torn] == records[plain]


def test_one_accounts_telemetry_never_reaches_anothers_session(
    house: tuple[House, Edge, Plan],
) -> None:
    """The same session id under another account is another session; a forged row joins nothing."""
    made, edge, bound = house
    session = edge.seal("ann", "one")
    # A client of bob's that claims the id of ann's session.
    assert count(made, edge, "bob", "one", WROTE) == "sealed"
    # A custodian's own program gone wrong: bob's row with the key of ann's session.
    with Deposit(edge.hand, Target.of(made.vault)) as deposit:
        deposit.seal_telemetry(
            "bob", edge.hand.session("ann", "one"), "2025-11", WROTE.encode(), Extent(1, 1)
        )
    run(made, bound)
    assert said(labelled(made, bound)[session]) == ("absent", "absent")
    # Nor is one account's exchanged for another's in silence: that stops the run.
    assert count(made, edge, "ann", "one", WROTE_NOT, extent=Extent(2, 1)) == "superseded"
    with pytest.raises(VerificationError, match="SESSIONS_CHANGED"):
        run(made, bound)


def test_telemetry_that_changed_makes_a_session_due_where_that_is_free(
    house: tuple[House, Edge, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels that cost nothing follow it; where a model would be asked again, they wait."""
    made, edge, bound = house
    session = edge.seal("ann", "one")
    run(made, bound)
    assert due(made, bound) == set()
    assert count(made, edge, "ann", "one", WROTE_NOT) == "sealed"
    monkeypatch.setattr(Labelling, "_again", False)
    assert due(made, bound) == set()
    monkeypatch.undo()
    assert due(made, bound) == {session}
    run(made, bound)
    assert said(labelled(made, bound)[session]) == ("present", "no")
    assert due(made, bound) == set()

    more = Extent(2, 100)
    assert count(made, edge, "ann", "one", WROTE, extent=more) == "superseded"
    run(made, bound)
    assert said(labelled(made, bound)[session]) == ("present", "yes")
    # Where it is not free, a session that grew takes its telemetry along.
    monkeypatch.setattr(Labelling, "_again", False)
    edge.seal("ann", "one", words=9)
    assert due(made, bound) == {session}
    run(made, bound)
    assert said(labelled(made, bound)[session]) == ("present", "yes")


def test_a_reading_replaces_only_one_that_it_covers(house: tuple[House, Edge, Plan]) -> None:
    """Files that a collector has rotated away must not take with them what was counted."""
    made, edge, _ = house
    assert count(made, edge, "ann", "one", WROTE, extent=Extent(10, 100)) == "sealed"
    assert count(made, edge, "ann", "one", WROTE, extent=Extent(10, 100)) == "unchanged"
    assert count(made, edge, "ann", "one", WROTE_NOT, extent=Extent(9, 100)) == "shrunk"
    assert count(made, edge, "ann", "one", WROTE_NOT, extent=Extent(99, 101)) == "shrunk"
    assert count(made, edge, "ann", "one", WROTE_NOT, extent=Extent(11, 100)) == "superseded"
    made.keeper.desk.take_in()
    assert len(newest(made.vault, TELEMETRY)) == 1


def test_telemetry_is_never_known_and_yet_nowhere(
    house: tuple[House, Edge, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C as soon as it is noted: it is in the batch already, as a session would be."""
    made, edge, _ = house
    note = Custodian.note_telemetry

    def interrupted(hand: Custodian, *of: object) -> None:
        note(hand, *of)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(Custodian, "note_telemetry", interrupted)
    with pytest.raises(KeyboardInterrupt):
        count(made, edge, "ann", "one", WROTE)
    monkeypatch.undo()
    assert len(newest(made.vault, TELEMETRY)) == 1
    assert count(made, edge, "ann", "one", WROTE) == "unchanged"
    # What a vault has lost is sealed again.
    (folder,) = folders(made.vault)
    (folder / "sealed").unlink()
    assert count(made, edge, "ann", "one", WROTE) == "superseded"
    assert len(folders(made.vault)) == 2


def test_forgetting_an_account_erases_its_telemetry(house: tuple[House, Edge, Plan]) -> None:
    """Rows, keys and bytes; another account's stand."""
    made, edge, _ = house
    edge.seal("ann", "one")
    edge.seal("bob", "two")
    for account, name in (("ann", "one"), ("ann", "alone"), ("bob", "two")):
        count(made, edge, account, name, WROTE)
    made.keeper.desk.take_in()
    ann = edge.hand.account("ann").hex()
    assert lies(made, ann) == 3
    hidden, signature = edge.hand.forget(made.vault.floor.hash, "ann")
    made.ask("forget", account=hidden, signature=signature)
    assert lies(made, ann) == 0
    assert len(newest(made.vault, TELEMETRY)) == len(newest(made.vault)) == 1
    assert count(made, edge, "ann", "one", WROTE) == "forgotten"
    assert edge.hand.known_telemetry(edge.hand.session("ann", "one")) is None
    assert edge.hand.known_telemetry(edge.hand.session("bob", "two")) is not None


def lies(made: House, word: str) -> int:
    """In how many rows of manifests a pseudonym stands."""
    found = [Manifest.decode((f / MANIFEST).read_bytes()) for f in folders(made.vault)]
    rows = [row for one in found for row in one.rows if isinstance(row, Row)]
    return sum(word in (row.account, row.session) for row in rows)


def test_telemetry_is_kept_no_longer_than_its_session(house: tuple[House, Edge, Plan]) -> None:
    """It goes with a month of its own, or with its session's; and takes no session along."""
    made, edge, bound = house
    old, kept = edge.seal("ann", "old", month="2025-10"), edge.seal("ann", "kept")
    early = edge.seal("ann", "early", month="2025-12")
    count(made, edge, "ann", "old", WROTE, month="2025-11")
    count(made, edge, "ann", "kept", WROTE, month="2025-11")
    count(made, edge, "ann", "early", WROTE, month="2025-10")
    corpus = made.state.corpus
    made.keeper.desk.take_in()
    assert corpus.months() == ["2025-10", "2025-11", "2025-12"]
    assert corpus.sessions_in(["2025-10"]) == {old}
    corpus.drop(["2025-10"])
    corpus.sweep()
    assert set(newest(made.vault, TELEMETRY)) == {kept}
    assert set(newest(made.vault)) == {kept, early}
    run(made, bound)
    assert said(labelled(made, bound)[early]) == ("absent", "absent")


def test_what_has_expired_is_erased_when_a_keeper_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the floor's retention, with nobody asking; a label whose telemetry went first stays."""
    for module in ("privacy.deposit", "privacy.keeper.erasure"):
        monkeypatch.setattr(f"{module}.is_expired", lambda *_: False)
    now = f"{today():%Y-%m}"
    with founded(tmp_path, replace(TERMS, retention_days=30)) as house:
        (gone,) = hold(house, "ann", "old", month="2025-10")
        (kept, other) = hold(house, "ann", "new", "other", month=now)
        with closing(Custodian(tmp_path / "vault.custodian")) as hand:
            edge = Edge(house, hand)
            for name, month in (("old", now), ("new", "2025-10"), ("other", now)):
                count(house, edge, "ann", name, WROTE, month=month)
        house.keeper.desk.take_in()
        assert len(newest(house.vault, TELEMETRY)) == 3
        assert held_labels(house) == {gone, kept, other}
    monkeypatch.undo()
    with opened(tmp_path) as again:
        assert set(newest(again.vault, TELEMETRY)) == {other}
        assert set(newest(again.vault)) == held_labels(again) == {kept, other}
        lying = [path.read_bytes() for f in folders(again.vault) for path in f.iterdir()]
        assert not any(gone.encode() in data for data in lying)


def test_telemetry_is_wrapped_to_a_new_key(house: tuple[House, Edge, Plan]) -> None:
    """A rotation that passed it over would leave it readable with a key that is destroyed."""
    made, edge, bound = house
    session = edge.seal("ann", "one")
    count(made, edge, "ann", "one", WROTE)
    made.keeper.desk.take_in()
    (before,) = newest(made.vault, TELEMETRY).values()
    made.ask("rotate")
    (after,) = newest(made.vault, TELEMETRY).values()
    assert before.key != after.key == made.state.sealing.id
    info = floor_info(made.vault.floor.hash, "session")
    assert after.open(made.state.sealing.open(after.wrapped, info=info)) == WROTE.encode()
    run(made, bound)
    assert said(labelled(made, bound)[session]) == ("present", "yes")


def test_one_changed_byte_of_telemetry_stops_a_run(house: tuple[House, Edge, Plan]) -> None:
    """It is signed and hashed as its session is; so is its kind."""
    made, edge, bound = house
    edge.seal("ann", "one")
    count(made, edge, "ann", "one", WROTE)
    made.keeper.desk.take_in()
    folder = folders(made.vault)[1]
    sealed = bytearray((folder / "sealed").read_bytes())
    sealed[-1] ^= 1
    (folder / "sealed").write_bytes(sealed)
    with pytest.raises(VerificationError, match="SESSIONS_CHANGED"):
        run(made, bound)
    sealed[-1] ^= 1
    (folder / "sealed").write_bytes(sealed)
    run(made, bound)


def test_a_row_of_telemetry_cannot_pass_for_a_session(house: tuple[House, Edge, Plan]) -> None:
    """The manifest's kind is signed, and the header has to say the same."""
    made, edge, _ = house
    count(made, edge, "ann", "one", WROTE)
    manifest = (folders(made.vault)[0] / MANIFEST).read_bytes()
    assert b" telemetry\n" in manifest
    with pytest.raises(VerificationError, match="BATCH_DAMAGED"):
        Manifest.decode(manifest.replace(b" telemetry\n", b"\n"))
    for other in (b" session\n", b" telemetry \n", b"  telemetry\n", b" Telemetry\n"):
        with pytest.raises(VerificationError, match="BATCH_DAMAGED"):
            Manifest.decode(manifest.replace(b" telemetry\n", other))
    (blob,) = newest(made.vault, TELEMETRY).values()
    assert blob.header["kind"] == TELEMETRY
    assert blob.header["source"] == fingerprint(edge.hand.public)


def test_a_batch_for_a_worker_counts_the_bytes_of_telemetry(
    house: tuple[House, Edge, Plan],
) -> None:
    """A worker's memory is planned by what it is given, all of it."""
    made, edge, bound = house
    calls = {hash_of(f"toolu_{n}"): Call() for n in range(1_000)}
    edge.seal("ann", "one")
    count(made, edge, "ann", "one", Telemetry(calls=calls))
    (many,) = made.keeper.desk.labelling(bound).due().values()
    (one,) = many
    assert one.telemetry is not None
    assert one.telemetry.place.size > 40_000
    assert one.size == one.place.size + one.telemetry.place.size
    assert one.place.size < 2 * len(log())
    assert list(batches([one])) == [[one]]
    assert one.size < MOST_BYTES
