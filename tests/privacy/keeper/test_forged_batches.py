"""Batches made by hand: by strangers, in others' names, and by a custodian who lies."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from clerestory.founding import found
from privacy.batches import GENESIS, Manifest, Row
from privacy.custodian import Custodian
from privacy.packs import PackWriter
from privacy.plan import Plan
from privacy.policy import Person, read_policy
from privacy.sealing import floor_info, seal
from privacy.signing import SigningKey, fingerprint
from privacy.vault import MANIFEST, POLICY, Vault
from tests.privacy.keeper.test_labelling import Edge, log
from tests.support.batches import batches
from tests.support.house import TERMS, House, opened
from tests.support.scene import Scene, approved, opened_sessions, refused


def forged(made: House, key: SigningKey, signed: Manifest, header: dict[str, str]) -> None:
    """A batch of one session, made by hand: what a row says and what a header says may differ."""
    folder = made.vault.batch(key.public, signed.number)
    folder.mkdir(parents=True)
    (row,) = signed.rows
    assert isinstance(row, Row)
    clear = {
        "kind": "session",
        "floor": made.vault.floor.hash,
        "key": "0" * 16,
        "source": signed.source,
        "account": row.account,
        "session": row.session,
        "month": row.month,
    } | header
    info = floor_info(made.vault.floor.hash, "session")
    blob = seal(log(), clear, public=made.vault.keys.sealing_bytes, info=info)
    writer = PackWriter(folder)
    size = writer.append(blob)
    writer.close(1, size)
    filled = replace(signed, rows=(replace(row, size=size, digest=blob.digest),))
    (folder / MANIFEST).write_bytes(filled.sign(key).encode())


def next_of(
    made: House, key: SigningKey, session: str = "bb" * 16, account: str = "aa" * 16
) -> Manifest:
    """What a custodian's next batch would be."""
    source = fingerprint(key.public)
    number, previous = made.state.corpus.next_of(source)
    row = Row(session, account, "2025-11", 1, "0" * 64)
    return Manifest(source, made.vault.floor.hash, number, previous, (row,))


def key_of(made: House) -> SigningKey:
    """The custodian's own key: for what even a custodian cannot do."""
    return SigningKey.read(made.folder / "vault.custodian" / "source.key")


@pytest.mark.parametrize("part", ["kind", "floor", "source", "account", "session", "month"])
def test_a_header_that_its_manifest_contradicts_is_refused(scene: Scene, part: str) -> None:
    """Even a custodian signs one truth: what a row says is what the header says."""
    made, _, bound = scene
    lie = {
        "kind": "labels",
        "floor": "e" * 64,
        "source": fingerprint(SigningKey.generate().public),
        "account": "ab" * 16,
        "session": "bc" * 16,
        "month": "2025-12",
    }
    key = key_of(made)
    forged(made, key, next_of(made, key), {part: lie[part]})
    refused(made, bound, "SESSIONS_CHANGED")


def test_a_header_that_its_manifest_confirms_is_taken(scene: Scene) -> None:
    """The control of the lies above: the same batch by hand, without one."""
    made, _, bound = scene
    key = key_of(made)
    forged(made, key, next_of(made, key), {})
    assert "bb" * 16 in opened_sessions(made, bound)


def test_a_strangers_batch_is_refused_until_it_is_taken_out(scene: Scene) -> None:
    """Under his own name, or in the custodian's place: anybody can seal to a public key."""
    made, _, bound = scene
    ours, theirs = key_of(made), SigningKey.generate()
    forged(made, theirs, next_of(made, theirs), {})
    refused(made, bound, "SOURCE_UNKNOWN")
    rmtree(made.vault.batch(theirs.public, 0))

    next_one = next_of(made, ours)
    forged(made, ours, next_one, {})
    folder = made.vault.batch(ours.public, next_one.number)
    manifest = Manifest.decode((folder / MANIFEST).read_bytes())
    for signed in (
        manifest.sign(theirs),
        replace(manifest, source=fingerprint(theirs.public)).sign(theirs),
        replace(manifest, signature=bytes(64)),
    ):
        (folder / MANIFEST).write_bytes(signed.encode())
        refused(made, bound, "SOURCE_UNKNOWN")
    (folder / MANIFEST).write_bytes(manifest.encode())
    assert "bb" * 16 in opened_sessions(made, bound)


@pytest.mark.parametrize(
    "changed",
    [{"floor": "e" * 64}, {"number": 0}, {"number": 7}, {"previous": GENESIS}],
    ids=["another vault", "again", "far on", "another chain"],
)
def test_a_batch_counts_in_its_own_place_only(scene: Scene, changed: dict[str, str]) -> None:
    """Signed by the custodian, and yet not this vault's next: replayed, forked, or of another."""
    made, _, bound = scene
    key = key_of(made)
    good = next_of(made, key)
    forged(made, key, good, {})
    folder = made.vault.batch(key.public, good.number)
    manifest = Manifest.decode((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(replace(manifest, **changed).sign(key).encode())  # type: ignore[arg-type]
    refused(made, bound, "BATCH_NOT_NEXT")
    (folder / MANIFEST).write_bytes(manifest.encode())
    assert len(opened_sessions(made, bound)) == 2


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[House, Plan, SigningKey]]:
    """A house whose policy names two custodians."""
    found(tmp_path / "vault", tmp_path / "vault.custodian", TERMS)
    with closing(Custodian.create(tmp_path / "second")) as hand:
        second = Person("second", hand.public)
    vault = Vault.open(tmp_path / "vault")
    policy = read_policy((vault.folder / POLICY).read_text(), vault.floor)
    both = replace(policy, custodian=(*policy.custodian, second))
    (vault.folder / POLICY).write_text(both.to_toml())
    with opened(tmp_path) as made:
        bound = approved(made)
        yield made, bound, SigningKey.read(tmp_path / "second" / "source.key")


def test_two_custodians_are_taken_in_side_by_side(
    pair: tuple[House, Plan, SigningKey],
) -> None:
    """A chain each; the same person sealed by both is two accounts."""
    made, bound, _ = pair
    for folder in ("vault.custodian", "second", "vault.custodian"):
        with closing(Custodian(made.folder / folder)) as hand:
            Edge(made, hand).seal("ann", folder + str(len(batches(made.vault))))
    of = made.keeper.desk.labelling(bound).due().values()
    assert sum(map(len, of)) == 3
    assert len({one.account for many in of for one in many}) == 2
    assert [entry.body["previous"] == GENESIS for entry in made.entries("batch")].count(True) == 2


def test_no_custodian_supersedes_anothers_session(pair: tuple[House, Plan, SigningKey]) -> None:
    """Nor moves one of his own to another account; his own session of that account grows."""
    made, bound, second = pair
    with closing(Custodian(made.folder / "vault.custodian")) as hand:
        edge = Edge(made, hand)
        session = edge.seal("ann", "s1")
        made.ask("take-in")
        hers = hand.account("ann").hex()
        for key, account in ((second, hers), (key_of(made), "aa" * 16)):
            theft = next_of(made, key, session, account)
            forged(made, key, theft, {})
            refused(made, bound, "SESSIONS_CHANGED")
            rmtree(made.vault.batch(key.public, theft.number))
            # What was refused is in the ledger, and not in the corpus.
            assert made.state.corpus.next_of(theft.source)[0] == theft.number
        edge.seal("ann", "s1", words=9)
        assert opened_sessions(made, bound) == {session}
