"""
What lies in a vault is what custodians sealed, the newest of it, all of it and nothing else.

Each attack is by somebody who may write to the vault and has no custodian's key; each is refused
by name before a key is given, and what was there before counts again once it is put right.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree, move, rmtree

import pytest

from clerestory.founding import found
from privacy.batches import GENESIS, Manifest, Row
from privacy.custodian import Custodian, Target
from privacy.deposit import Deposit
from privacy.errors import IncompleteError, VerificationError
from privacy.packs import KEYS, SEALED, Pack, PackWriter
from privacy.plan import Plan
from privacy.policy import Person, read_policy
from privacy.sealing import KeyPair, floor_info, run_info, seal
from privacy.signing import SigningKey, fingerprint
from privacy.vault import MANIFEST, POLICY, Vault
from tests.privacy.keeper.test_labelling import PLAN, Edge, due, labelled, log, run
from tests.support.batches import batches, newest
from tests.support.house import TERMS, House, founded, opened

WORKER = KeyPair.generate()
Scene = tuple[House, Edge, Plan]


def approved(made: House) -> Plan:
    """The plan, bound and signed."""
    olga = made.enrol("olga")
    bound = made.submit(PLAN)
    made.approve(bound, olga)
    return bound


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Scene]:
    """A house with a custodian, an approved plan and one session that was taken in."""
    with founded(tmp_path) as made:
        bound = approved(made)
        with closing(Custodian(tmp_path / "vault.custodian")) as hand:
            edge = Edge(made, hand)
            edge.seal("ann", "s1")
            made.ask("take-in")
            yield made, edge, bound


def read(made: House, bound: Plan) -> set[str]:
    """What a run reads and gives a worker: what is due, each with its key wrapped anew."""
    of, found = made.keeper.desk.labelling(bound), set()
    for due_now in of.due().values():
        for one in due_now:
            rest, job = floor_info(made.vault.floor.hash, "session"), run_info(bound.hash)
            blob = made.state.corpus.read(one).rewrap(
                made.state.sealing, WORKER.public, at_rest=rest, in_run=job
            )
            assert blob.open(WORKER.open(blob.wrapped, info=job)).startswith(b"{")
            found.add(one.session)
    return found


def refused(made: House, bound: Plan, code: str) -> VerificationError:
    """What is said instead: rule, place and remedy."""
    with pytest.raises(VerificationError, match=code) as refusal:
        read(made, bound)
    error = refusal.value
    assert str(made.folder) not in str(error)
    assert error.rule
    assert error.remedy
    return error


def test_a_batch_is_taken_in_once_and_stands_in_the_ledger(house: Scene) -> None:
    """With its digest and the one before it; no count of sessions or people."""
    made, edge, bound = house
    edge.seal("bob", "s2")
    for _ in range(2):
        made.ask("take-in")
        assert read(made, bound) == set(newest(made.vault))
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


def test_a_hostile_vault_does_not_keep_the_keeper_from_answering(house: Scene) -> None:
    """It starts, has the refusal in its ledger, and refuses each run until it is put right."""
    made, _, bound = house
    (folder,) = batches(made.vault)
    (folder / MANIFEST).rename(made.folder / "aside")
    made.state.close()
    with opened(made.folder) as again:
        assert again.ask("status")["plans"]
        last = again.entries("refusal")[-1]
        assert last.body == {"verb": "take-in", "code": "SESSIONS_MISSING"}
        refused(again, bound, "SESSIONS_MISSING")
        (made.folder / "aside").rename(folder / MANIFEST)
        assert len(read(again, bound)) == 1


def removed(folder: Path, _: Path) -> None:
    """The whole batch."""
    rmtree(folder)


def renamed(folder: Path, _: Path) -> None:
    """Under another name of the same form."""
    folder.rename(folder.with_name("0" * 16 + "-00000000"))


def without(name: str) -> Callable[[Path, Path], None]:
    """One file of it."""

    def attack(folder: Path, _: Path) -> None:
        (folder / name).unlink()

    return attack


def cut(name: str, share: float) -> Callable[[Path, Path], None]:
    """One file of it, cut off."""

    def attack(folder: Path, _: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return attack


def flipped(name: str, place: int) -> Callable[[Path, Path], None]:
    """One byte of one file."""

    def attack(folder: Path, _: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[place % len(data)] ^= 1
        (folder / name).write_bytes(data)

    return attack


def swapped(*names: str) -> Callable[[Path, Path], None]:
    """Files of the second batch in place of the first's."""

    def attack(folder: Path, other: Path) -> None:
        for name in names:
            (folder / name).write_bytes((other / name).read_bytes())

    return attack


def copied(name: str) -> Callable[[Path, Path], None]:
    """The batch once more, under another name."""

    def attack(folder: Path, _: Path) -> None:
        copytree(folder, folder.with_name(name.format(folder.name[:16])))

    return attack


def beside(folder: Path, _: Path) -> None:
    """One more file in the batch."""
    (folder / "sealed.2").write_bytes((folder / SEALED).read_bytes())


def planted(folder: Path, _: Path) -> None:
    """A file where there are only folders."""
    (folder.parent / "note").write_bytes(b"mine")


ATTACKS: list[tuple[str, Callable[[Path, Path], None], str]] = [
    ("removed", removed, "SESSIONS_MISSING"),
    ("renamed", renamed, "SESSIONS_MISSING"),
    ("no manifest", without(MANIFEST), "SESSIONS_MISSING"),
    ("no pack", without(SEALED), "SESSIONS_MISSING"),
    ("no keys", without(KEYS), "SESSIONS_MISSING"),
    ("manifest cut", cut(MANIFEST, 0.2), "SESSIONS_CHANGED"),
    ("pack cut to nothing", cut(SEALED, 0), "SESSIONS_MISSING"),
    ("pack cut", cut(SEALED, 0.99), "SESSIONS_MISSING"),
    ("keys cut", cut(KEYS, 0.5), "SESSIONS_MISSING"),
    ("manifest flipped", flipped(MANIFEST, 5), "SESSIONS_CHANGED"),
    ("header length flipped", flipped(SEALED, 1), "SESSIONS_CHANGED"),
    ("header flipped", flipped(SEALED, 30), "SESSIONS_CHANGED"),
    ("ciphertext flipped", flipped(SEALED, -1), "SESSIONS_CHANGED"),
    ("key id flipped", flipped(KEYS, 3), "WRONG_KEY"),
    ("wrapped key flipped", flipped(KEYS, -1), "WRONG_KEY"),
    ("another pack", swapped(SEALED, KEYS), "SESSIONS_CHANGED"),
    ("another manifest", swapped(MANIFEST), "SESSIONS_CHANGED"),
    ("another batch", swapped(MANIFEST, SEALED, KEYS), "SESSIONS_CHANGED"),
    ("another's keys", swapped(KEYS), "VAULT_DAMAGED"),
    ("copied", copied("{}-00000002"), "BATCH_NOT_NEXT"),
    ("copied far on", copied("{}-00000009"), "BATCH_NOT_NEXT"),
    ("copied to a stranger", copied("0123456789abcdef-00000000"), "SOURCE_UNKNOWN"),
    ("copied to a name", copied("copy of {}"), "SOURCE_UNKNOWN"),
    ("a file beside", beside, "SOURCE_UNKNOWN"),
    ("a file planted", planted, "SOURCE_UNKNOWN"),
]


@pytest.mark.parametrize(
    ("attack", "code"), [(a, c) for _, a, c in ATTACKS], ids=[name for name, *_ in ATTACKS]
)
def test_whoever_may_write_to_the_vault_changes_nothing_unseen(
    house: Scene, attack: Callable[[Path, Path], None], code: str
) -> None:
    """Removed, renamed, cut, flipped, exchanged, sent again, slipped in: named and refused."""
    made, edge, bound = house
    edge.seal("bob", "s2")
    made.ask("take-in")
    kept = made.folder / "kept"
    copytree(made.vault.sessions, kept)
    attack(*batches(made.vault))
    refused(made, bound, code)

    rmtree(made.vault.sessions)
    move(kept, made.vault.sessions)
    assert read(made, bound) == set(newest(made.vault))


def test_an_older_version_of_a_session_does_not_come_back(house: Scene) -> None:
    """Its place and its key are blank, and its bytes in the new one's place are other bytes."""
    made, edge, bound = house
    session = edge.hand.session("ann", "s1").hex()
    older = made.folder / "older"
    copytree(made.vault.sessions, older)
    edge.seal("ann", "s1", words=9)
    run(made, bound)
    new = labelled(made, bound)[session]

    # The whole old vault: what was taken in since is missing.
    kept = made.folder / "kept"
    move(made.vault.sessions, kept)
    copytree(older, made.vault.sessions)
    refused(made, bound, "SESSIONS_MISSING")
    rmtree(made.vault.sessions)
    copytree(kept, made.vault.sessions)

    # The old batch put back over its blanks: it lies there, and counts for nothing.
    first, second = batches(made.vault)
    for name in (KEYS, SEALED, MANIFEST):
        (first / name).write_bytes((older / first.name / name).read_bytes())
    run(made, bound)
    assert due(made, bound) == set()
    assert labelled(made, bound) == {session: new}

    # The old bytes in the place of the new: seen by size; padded to it, by digest.
    grown = edge.seal("ann", "s1", words=12)
    made.ask("take-in")
    assert grown == session
    third = batches(made.vault)[2]
    size = (third / SEALED).stat().st_size
    data = (second / SEALED).read_bytes()[:size]
    (third / SEALED).write_bytes(data)
    refused(made, bound, "SESSIONS_MISSING")
    (third / SEALED).write_bytes(data.ljust(size, b"\0"))
    refused(made, bound, "SESSIONS_CHANGED")


def test_a_withheld_batch_is_found_by_the_next(house: Scene) -> None:
    """Before it was ever taken in nobody can miss it; then its successor names it."""
    made, edge, bound = house
    edge.seal("bob", "s2")
    rmtree(batches(made.vault)[1])
    assert len(read(made, bound)) == 1

    # The custodian's next run puts the manifest back; whoever took it takes it again.
    edge.seal("cy", "s3")
    rmtree(batches(made.vault)[1])
    refused(made, bound, "BATCH_NOT_NEXT")
    with Deposit(edge.hand, Target.of(made.vault)):
        pass
    refused(made, bound, "SESSIONS_MISSING")
    edge.seal("bob", "s2")
    assert len(read(made, bound)) == 3
    assert len(made.entries("batch")) == 4


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
def test_a_header_that_its_manifest_contradicts_is_refused(house: Scene, part: str) -> None:
    """Even a custodian signs one truth: what a row says is what the header says."""
    made, _, bound = house
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


def test_a_header_that_its_manifest_confirms_is_taken(house: Scene) -> None:
    """The control of the lies above: the same batch by hand, without one."""
    made, _, bound = house
    key = key_of(made)
    forged(made, key, next_of(made, key), {})
    assert "bb" * 16 in read(made, bound)


def test_a_strangers_batch_is_refused_until_it_is_taken_out(house: Scene) -> None:
    """Under his own name, or in the custodian's place: anybody can seal to a public key."""
    made, _, bound = house
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
    assert "bb" * 16 in read(made, bound)


@pytest.mark.parametrize(
    "changed",
    [{"floor": "e" * 64}, {"number": 0}, {"number": 7}, {"previous": GENESIS}],
    ids=["another vault", "again", "far on", "another chain"],
)
def test_a_batch_counts_in_its_own_place_only(house: Scene, changed: dict[str, str]) -> None:
    """Signed by the custodian, and yet not this vault's next: replayed, forked, or of another."""
    made, _, bound = house
    key = key_of(made)
    good = next_of(made, key)
    forged(made, key, good, {})
    folder = made.vault.batch(key.public, good.number)
    manifest = Manifest.decode((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(replace(manifest, **changed).sign(key).encode())  # type: ignore[arg-type]
    refused(made, bound, "BATCH_NOT_NEXT")
    (folder / MANIFEST).write_bytes(manifest.encode())
    assert len(read(made, bound)) == 2


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
        assert read(made, bound) == {session}


def test_sessions_of_a_custodian_who_left_the_policy_are_not_classified(house: Scene) -> None:
    """His batches were taken in while he was of it; his key counts for nothing any more."""
    made, _, bound = house
    run_of = made.keeper.desk.labelling(bound)
    stranger = SigningKey.generate().public
    with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
        replace(run_of, sources=(stranger,)).due()
    assert sum(map(len, replace(run_of, sources=(stranger, *run_of.sources)).due().values())) == 1


def test_a_batch_on_its_way_is_nobodys_business(house: Scene) -> None:
    """`seal` and `classify` run side by side: the keeper sees a batch when it is whole."""
    made, edge, bound = house
    with Deposit(edge.hand, Target.of(made.vault)) as deposit:
        deposit.seal("bob", "s2", "2025-11", log())
        assert len(read(made, bound)) == 1
    assert len(read(made, bound)) == 2


def test_a_release_asks_the_index_and_no_file(
    house: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether all is labelled is known without opening a single session."""
    made, edge, bound = house
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
    house: Scene, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Before the entry, or between the entry and the rows: the next time makes it good."""
    made, edge, bound = house
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
    assert len(read(made, bound)) == 2
    assert len(made.entries("batch")) == 2


def test_an_index_that_was_lost_is_made_again_from_the_vault(house: Scene) -> None:
    """Without a second entry in the ledger for what it holds already."""
    made, edge, bound = house
    edge.seal("ann", "s1", words=9)
    before = read(made, bound)
    made.state.close()
    (made.state.folder / "labelled.db").unlink()
    with opened(made.folder) as again:
        assert len(again.entries("batch")) == 2
        assert read(again, bound) == before
