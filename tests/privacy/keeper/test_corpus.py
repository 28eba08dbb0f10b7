"""What counts, what leaves, and that the keeper's own erasing is nobody's theft."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from privacy.custodian import Custodian
from privacy.errors import IncompleteError, VerificationError
from privacy.keeper import corpus as corpus_module
from privacy.keeper.intake import check_whole, take_in
from privacy.keeper.state import State
from privacy.packs import SEALED, Pack
from privacy.signing import fingerprint
from privacy.vault import MANIFEST
from tests.privacy.keeper.test_labelling import Edge
from tests.support.batches import batches, newest, rows
from tests.support.house import House, founded, opened

MONTHS = ("2025-10", "2025-11", "2025-12", "2026-05")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[House, Edge]]:
    """A house with a custodian."""
    with founded(tmp_path) as made, closing(Custodian(tmp_path / "vault.custodian")) as hand:
        yield made, Edge(made, hand)


def counting(made: House) -> set[str]:
    """Sessions that count, once the vault was looked at."""
    sources = [person.key for person in made.keeper.desk.policy.custodian]
    take_in(made.state.corpus, made.vault, sources, made.state.ledger)
    check_whole(made.state.corpus, made.vault, sources)
    return {one.session for one in made.state.corpus.due("set", MONTHS)}


def lies_anywhere(made: House, word: str) -> bool:
    """Whether a pseudonym or a key still stands in any file of a batch."""
    files = [path for folder in batches(made.vault) for path in folder.iterdir()]
    assert len(files) >= 3
    return any(word.encode() in path.read_bytes() for path in files)


def test_a_superseded_version_leaves_the_vault(house: tuple[House, Edge]) -> None:
    """Its key is blank, its bytes are gone, and nothing is missed."""
    made, edge = house
    session = edge.seal("ann", "s1")
    assert counting(made) == {session}
    (first,) = batches(made.vault)
    place = rows(first)[session]
    older = Pack(first).read(place).digest
    edge.seal("ann", "s1", words=9)
    assert counting(made) == {session}
    with pytest.raises(VerificationError, match="VAULT_DAMAGED"):
        Pack(first).read(place)
    assert not any((first / SEALED).read_bytes())
    assert rows(first) == {}
    assert newest(made.vault)[session].digest != older
    assert counting(made) == {session}


def test_a_forgotten_account_is_gone_and_stays_gone(house: tuple[House, Edge]) -> None:
    """From manifests, packs and index; what is sealed of it later leaves at once."""
    made, edge = house
    ann, bob = edge.hand.account("ann").hex(), edge.hand.account("bob").hex()
    edge.seal("ann", "s1")
    edge.seal("ann", "s2")
    kept = edge.seal("bob", "s3")
    assert len(counting(made)) == 3
    assert lies_anywhere(made, ann)
    assert len(made.state.corpus.sessions_of(ann)) == 2

    made.state.corpus.forget(ann, "SHA256:another custodian's key")
    made.state.corpus.sweep()
    assert len(counting(made)) == 3
    made.state.corpus.forget(ann, fingerprint(edge.hand.public))
    made.state.corpus.sweep()
    assert counting(made) == {kept}
    assert not lies_anywhere(made, ann)
    assert lies_anywhere(made, bob)
    assert made.state.corpus.sessions_of(ann) == {}
    # The custodian's next run does not bring it back; what grew is taken out as it comes in.
    edge.seal("ann", "s1")
    edge.seal("ann", "s1", words=9)
    edge.seal("ann", "s4")
    assert counting(made) == {kept}
    assert not lies_anywhere(made, ann)


def test_months_that_were_kept_long_enough_are_dropped(house: tuple[House, Edge]) -> None:
    """Likewise, and the others stand."""
    made, edge = house
    old, new = edge.seal("ann", "s1", month="2025-10"), edge.seal("ann", "s2", month="2025-11")
    assert counting(made) == {old, new}
    assert made.state.corpus.months() == ["2025-10", "2025-11"]
    made.state.corpus.drop(["2025-10"])
    made.state.corpus.sweep()
    assert made.state.corpus.months() == ["2025-11"]
    edge.seal("bob", "s3", month="2025-10")
    assert counting(made) == {new}
    assert not lies_anywhere(made, old)
    assert lies_anywhere(made, new)


def test_erasing_goes_on_after_a_crash(
    house: tuple[House, Edge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is leaving is noted first; the keeper's next look erases it, and misses nothing."""
    made, edge = house
    gone, kept = edge.seal("ann", "s1"), edge.seal("bob", "s2")
    assert counting(made) == {gone, kept}

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    for target, name in ((Pack, "erase"), (corpus_module, "replace_file")):
        monkeypatch.setattr(target, name, crash)
        made.state.corpus.forget(edge.hand.account("ann").hex(), fingerprint(edge.hand.public))
        with pytest.raises(KeyboardInterrupt):
            made.state.corpus.sweep()
        monkeypatch.undo()
        assert lies_anywhere(made, gone)
    made.state.close()
    with opened(made.folder) as again:
        assert counting(again) == {kept}
        assert not lies_anywhere(again, gone)


def test_a_vault_that_cannot_be_written_to_is_said_to_be_one(
    house: tuple[House, Edge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be erased and cannot be is told, not passed over; later it is done."""
    made, edge = house
    gone = edge.seal("ann", "s1")
    assert counting(made) == {gone}

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Pack, "erase", refuse)
    made.state.corpus.forget(edge.hand.account("ann").hex(), fingerprint(edge.hand.public))
    for _ in range(2):
        with pytest.raises(IncompleteError, match="VAULT_NOT_WRITABLE"):
            counting(made)
    monkeypatch.undo()
    assert counting(made) == set()
    assert not lies_anywhere(made, gone)


def test_a_new_key_reaches_every_pack(house: tuple[House, Edge]) -> None:
    """Manifests, digests and what is due stay as they are."""
    made, edge = house
    edge.seal("ann", "s1")
    edge.seal("bob", "s2")
    sessions = counting(made)
    before = {f.name: (f / MANIFEST).read_bytes() for f in batches(made.vault)}
    for folder in batches(made.vault):
        Pack(folder).rewrap(lambda _, wrapped: ("0" * 16, wrapped))
    assert counting(made) == sessions
    assert {blob.key for blob in newest(made.vault).values()} == {"0" * 16}
    assert {f.name: (f / MANIFEST).read_bytes() for f in batches(made.vault)} == before


def test_what_was_labelled_is_due_when_its_bytes_are_others(house: tuple[House, Edge]) -> None:
    """By label set and digest, in the months that are asked for."""
    made, edge = house
    one, two = edge.seal("ann", "s1"), edge.seal("bob", "s2", month="2025-12")
    assert counting(made) == {one, two}
    state: State = made.state
    due = {due.session: due for due in state.corpus.due("set", MONTHS)}
    insert = "INSERT INTO labelled VALUES (?, ?, ?)"
    state.labels._database.execute(insert, ("set", one, due[one].digest))
    state.labels._database.execute(insert, ("set", two, "older"))
    assert {due.session for due in state.corpus.due("set", MONTHS)} == {two}
    assert {due.session for due in state.corpus.due("other", MONTHS)} == {one, two}
    assert state.corpus.is_labelled("set", ["2025-11"])
    assert not state.corpus.is_labelled("set", MONTHS)
    assert not state.corpus.is_labelled("other", ["2025-11"])
    assert state.corpus.is_labelled("other", ["2026-01"])
    assert state.corpus.is_labelled("other", [])
