"""Batches are taken in once, in order, from the policy's custodians, whatever crashes between."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from privacy.batches import GENESIS, Manifest
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import IncompleteError, VerificationError
from privacy.packs import Pack
from privacy.signing import SigningKey, fingerprint
from privacy.vault import MANIFEST
from tests.privacy.keeper.test_labelling import Edge, log, run
from tests.support.batches import batches, newest
from tests.support.house import founded, opened
from tests.support.scene import Scene, opened_sessions, refused


def test_a_batch_is_taken_in_once_and_stands_in_the_ledger(scene: Scene) -> None:
    """With its digest and the one before it; no count of sessions or people."""
    made, edge, bound = scene
    edge.seal("bob", "s2")
    for _ in range(2):
        made.ask("take-in")
        assert opened_sessions(made, bound) == set(newest(made.vault))
    manifests = [Manifest.decode((f / MANIFEST).read_bytes()) for f in batches(made.vault)]
    source = fingerprint(edge.hand.public)
    assert [entry.body for entry in made.entries("batch")] == [
        {"source": source, "manifest": manifests[0].digest, "previous": GENESIS},
        {"source": source, "manifest": manifests[1].digest, "previous": manifests[0].digest},
    ]
    assert made.ask("take-in") == {}


def test_batches_are_taken_in_when_the_keeper_starts(tmp_path: Path) -> None:
    """Sealed while it was away, or never told: it finds them itself."""
    with founded(tmp_path) as made, closing(Custodian(tmp_path / "vault.custodian")) as hand:
        Edge(made, hand).seal("ann", "s1")
        assert made.entries("batch") == []
    with opened(tmp_path) as made:
        assert len(made.entries("batch")) == 1


def test_a_hostile_vault_does_not_keep_the_keeper_from_answering(scene: Scene) -> None:
    """It starts, has the refusal in its ledger, and refuses each run until it is put right."""
    made, _, bound = scene
    (folder,) = batches(made.vault)
    (folder / MANIFEST).rename(made.folder / "aside")
    made.state.close()
    with opened(made.folder) as again:
        assert again.ask("status")["plans"]
        last = again.entries("refusal")[-1]
        assert last.body == {"verb": "take-in", "code": "SESSIONS_MISSING"}
        refused(again, bound, "SESSIONS_MISSING")
        (made.folder / "aside").rename(folder / MANIFEST)
        assert len(opened_sessions(again, bound)) == 1


def test_sessions_of_a_custodian_who_left_the_policy_are_not_classified(scene: Scene) -> None:
    """His batches were taken in while he was of it; his key counts for nothing any more."""
    made, _, bound = scene
    run_of = made.keeper.desk.labelling(bound)
    stranger = SigningKey.generate().public
    with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
        replace(run_of, sources=(stranger,)).due()
    assert sum(map(len, replace(run_of, sources=(stranger, *run_of.sources)).due().values())) == 1


def test_a_batch_on_its_way_is_nobodys_business(scene: Scene) -> None:
    """`seal` and `classify` run side by side: the keeper sees a batch when it is whole."""
    made, edge, bound = scene
    with Deposit(edge.hand, Target.of(made.vault)) as deposit:
        deposit.seal("bob", "s2", "2025-11", log())
        assert len(opened_sessions(made, bound)) == 1
    assert len(opened_sessions(made, bound)) == 2


def test_a_release_asks_the_index_and_no_file(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether all is labelled is known without opening a single session."""
    made, edge, bound = scene
    run_of = made.keeper.desk.labelling(bound)
    touched: list[str] = []
    monkeypatch.setattr(Pack, "read", lambda _, place: touched.append(str(place)))
    with pytest.raises(IncompleteError, match="LABELS_INCOMPLETE"):
        run_of.check_complete()
    assert touched == []
    monkeypatch.undo()
    run(made, bound)
    run_of.check_complete()
    edge.seal("ann", "s1", words=9)
    with pytest.raises(IncompleteError, match="LABELS_INCOMPLETE"):
        run_of.check_complete()


@pytest.mark.parametrize("where", ["ledger", "corpus"])
def test_a_crash_in_the_middle_of_taking_in_counts_nothing_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Before the entry, or between the entry and the rows: the next time makes it good."""
    made, edge, bound = scene
    edge.seal("bob", "s2")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    if where == "ledger":
        monkeypatch.setattr(type(made.state.ledger), "append", crash)
    else:
        monkeypatch.setattr(type(made.state.corpus), "_supersede", crash)
    with pytest.raises(KeyboardInterrupt):
        made.ask("take-in")
    monkeypatch.undo()
    assert len(made.entries("batch")) == (1 if where == "ledger" else 2)
    assert len(opened_sessions(made, bound)) == 2
    assert len(made.entries("batch")) == 2


def test_an_index_that_was_lost_is_made_again_from_the_vault(scene: Scene) -> None:
    """Without a second entry in the ledger for what it holds already."""
    made, edge, bound = scene
    edge.seal("ann", "s1", words=9)
    before = opened_sessions(made, bound)
    made.state.close()
    (made.state.folder / "labelled.db").unlink()
    with opened(made.folder) as again:
        assert len(again.entries("batch")) == 2
        assert opened_sessions(again, bound) == before
