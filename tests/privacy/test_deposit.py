"""Batches come into a vault whole or not at all, each session once, and crashes need no hand."""

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from classifiers import edge
from privacy import custodian as custodian_module
from privacy.batches import Manifest, Row, by_fingerprint
from privacy.custodian import Custodian, Target
from privacy.declared import Declared, split
from privacy.deposit import Deposit, Extent
from privacy.errors import ConfigurationError, RefusedError
from privacy.packs import KEYS, SEALED, Pack
from privacy.sealing import LARGEST, KeyPair, floor_info
from privacy.signing import SigningKey, fingerprint
from privacy.vault import MANIFEST, PublicKeys
from tests.privacy.test_custodian import KEEPER, TALK, target
from tests.privacy.test_floor import FLOOR
from tests.support.batches import batches, newest, rows

INFO = floor_info(FLOOR.hash, "session")


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    """A day on which the sessions here may still be kept, whenever these tests run."""
    with pytest.MonkeyPatch.context() as patch:  # a test that undoes its own keeps this one
        patch.setattr("privacy.deposit.today", lambda: date(2026, 11, 28))
        yield


def content(at: Target) -> list[bytes]:
    """What the keeper reads of the newest versions."""
    return [split(sealed)[1] for sealed in opened(at)]


def opened(at: Target) -> list[bytes]:
    """The same, with the line that stands before each session."""
    return [b.open(KEEPER.open(b.wrapped, info=INFO)) for b in newest(at.vault).values()]


def put(at: Target, folder: Path, *sessions: tuple[str, str, bytes]) -> list[str]:
    """One run of one custodian: what became of each session."""
    made = Custodian(folder) if folder.exists() else Custodian.create(folder)
    with closing(made) as hand, Deposit(hand, at) as deposit:
        return [deposit.seal(who, name, "2026-01", data) for who, name, data in sessions]


def chain(at: Target) -> list[Manifest]:
    """Manifests in the vault, in order."""
    return [Manifest.decode((folder / MANIFEST).read_bytes()) for folder in batches(at.vault)]


def check_chain(at: Target, folder: Path) -> None:
    """Numbers and digests follow, and the custodian signed each."""
    with closing(Custodian(folder)) as hand:
        policy = by_fingerprint([hand.public])
    of = chain(at)
    for number, one in enumerate(of):
        one.check_source(policy)
        assert one.number == number
        assert number == 0 or one.previous == of[number - 1].digest


def test_a_session_is_sealed_superseded_or_left_as_it_is(tmp_path: Path) -> None:
    """It grows: the newest stands, once; it is cut or the same: the older stands."""
    at, folder = target(tmp_path / "vault"), tmp_path / "custodian"
    assert put(at, folder, ("ann", "s", TALK), ("ann", "s", TALK)) == ["sealed", "unchanged"]
    assert put(at, folder, ("ann", "s", TALK + b"more")) == ["superseded"]
    assert content(at) == [TALK + b"more"]
    again = put(at, folder, ("ann", "s", TALK), ("bob", "s", TALK), ("bob", "s", TALK + b"!"))
    assert again == ["shrunk", "sealed", "superseded"]
    assert sorted(content(at)) == sorted([TALK + b"!", TALK + b"more"])
    assert put(at, folder, ("bob", "s", TALK + b"!")) == ["unchanged"]
    # Nothing new, no batch: three runs of four put something in.
    assert [one.number for one in chain(at)] == [0, 1, 2]
    check_chain(at, folder)


def test_the_header_says_what_is_documented_and_no_more(tmp_path: Path) -> None:
    """It lies in clear, and so does the manifest: hashes, a month and two keys' names."""
    at, folder = target(tmp_path / "vault"), tmp_path / "custodian"
    put(at, folder, ("ann@example.org", "session-name", TALK))
    ((session, blob),) = newest(at.vault).items()
    with closing(Custodian(folder)) as hand:
        account = hand.account("ann@example.org").hex()
        assert session == hand.session("ann@example.org", "session-name").hex()
        assert blob.header == {
            "kind": "session",
            "floor": FLOOR.hash,
            "key": blob.key,
            "source": fingerprint(hand.public),
            "account": account,
            "session": session,
            "month": "2026-01",
        }
        assert by_fingerprint([hand.public])
    assert len(blob.key) == 16
    (manifest,) = chain(at)
    (row,) = manifest.rows
    (place,) = rows(batches(at.vault)[0]).values()
    assert row == Row(session, account, "2026-01", place.size, blob.digest)
    lying = [path.read_bytes() for path in (*batches(at.vault)[0].iterdir(), folder / "index.db")]
    assert len(lying) == 4
    for word in (b"ann@", b"session-name", b"person said"):
        assert word in TALK + b"ann@example.org session-name"
        assert not any(word in data for data in lying)


def test_a_batch_appears_whole(tmp_path: Path) -> None:
    """Until the run ends nothing is there for anybody; then all of it is."""
    at = target(tmp_path / "vault")
    with closing(Custodian.create(tmp_path / "c")) as hand:
        with Deposit(hand, at) as deposit:
            deposit.seal("ann", "s", "2026-01", TALK)
            assert batches(at.vault) == []
        (folder,) = batches(at.vault)
        assert {path.name for path in folder.iterdir()} == {MANIFEST, KEYS, SEALED}
        assert not at.vault.open_batch(hand.public).exists()


def test_what_was_sealed_before_an_error_is_kept(tmp_path: Path) -> None:
    """One session that cannot be sealed, or Ctrl-C in the middle, costs none of the others."""
    at, folder = target(tmp_path / "vault"), tmp_path / "c"
    with pytest.raises(ValueError, match="at most"):
        put(at, folder, ("ann", "s", TALK), ("ann", "huge", bytes(LARGEST + 1)))
    assert put(at, folder, ("ann", "s", TALK)) == ["unchanged"]

    def interrupted() -> None:
        with closing(Custodian(folder)) as hand, Deposit(hand, at) as deposit:
            deposit.seal("bob", "s", "2026-01", TALK)
            # In the middle of the next: its bytes are in the pack, its row is not.
            deposit._pack.append(next(iter(newest(at.vault).values())))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert content(at) == [TALK, TALK]
    assert put(at, folder, ("bob", "s", TALK), ("cy", "s", TALK)) == ["unchanged", "sealed"]
    check_chain(at, folder)


def test_a_session_is_never_known_and_yet_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C as soon as it is noted: it is in the batch already."""
    at, folder = target(tmp_path / "vault"), tmp_path / "c"
    note = Custodian.note

    def interrupted(hand: Custodian, *of: object) -> None:
        note(hand, *of)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(Custodian, "note", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(at, folder, ("ann", "s", TALK))
    monkeypatch.undo()
    assert content(at) == [TALK]
    assert put(at, folder, ("ann", "s", TALK)) == ["unchanged"]


def test_a_vault_that_lost_something_gets_it_again(tmp_path: Path) -> None:
    """Sessions are sealed anew, manifests put back: the chain has no gap."""
    at, folder = target(tmp_path / "vault"), tmp_path / "c"
    put(at, folder, ("ann", "s", TALK))
    put(at, folder, ("bob", "s", TALK))
    assert put(at, folder, ("ann", "s", TALK), ("bob", "s", TALK)) == ["unchanged"] * 2
    first, second = batches(at.vault)
    rmtree(first)
    (second / SEALED).write_bytes((second / SEALED).read_bytes()[:-1])
    assert put(at, folder, ("ann", "s", TALK), ("bob", "s", TALK)) == ["superseded"] * 2
    assert len(chain(at)) == 3
    check_chain(at, folder)
    assert content(at) == [TALK, TALK]


def test_what_the_keeper_erased_is_not_sealed_again(tmp_path: Path) -> None:
    """The logs may still be there: a blank in a batch is no loss."""
    at, folder = target(tmp_path / "vault"), tmp_path / "c"
    put(at, folder, ("ann", "s", TALK), ("bob", "s", TALK))
    (batch,) = batches(at.vault)
    Pack(batch).erase(list(rows(batch).values())[:1])
    assert put(at, folder, ("ann", "s", TALK), ("bob", "s", TALK)) == ["unchanged"] * 2


def test_nothing_is_sealed_to_another_keeper(tmp_path: Path) -> None:
    """Whoever swaps keeper.json would read every session from then on."""
    at, folder = target(tmp_path / "vault"), tmp_path / "c"
    put(at, folder, ("ann", "s", TALK))
    stranger, floor = KeyPair.generate().public, at.vault.floor.hash
    at.vault.publish_keys(PublicKeys.signed(stranger, 1, floor, SigningKey.generate()))
    with pytest.raises(RefusedError, match="KEEPER_CHANGED"):
        put(Target.of(at.vault), folder, ("bob", "s", TALK))
    assert len(chain(at)) == 1
    assert put(at, folder, ("bob", "s", TALK)) == ["sealed"]


def test_an_older_copy_of_a_custodians_folder_is_refused(tmp_path: Path) -> None:
    """It would number two batches alike, and seal records a second time."""
    at, folder = target(tmp_path / "vault"), tmp_path / "c"
    put(at, folder, ("ann", "s", TALK))
    copytree(folder, tmp_path / "backup")
    put(at, folder, ("bob", "s", TALK))
    with pytest.raises(ConfigurationError, match="CUSTODIAN_ROLLED_BACK"):
        put(at, tmp_path / "backup", ("bob", "s", TALK))
    assert put(at, folder, ("cy", "s", TALK)) == ["sealed"]


def test_two_custodians_have_a_chain_each(tmp_path: Path) -> None:
    """Neither waits for the other, and the same person is two pseudonyms."""
    at = target(tmp_path / "vault")
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two, one):
        put(at, folder, ("ann", "s", TALK), ("ann", str(folder), TALK + bytes(len(chain(at)))))
    found = chain(at)
    assert (
        len({one.source for one in found})
        == len({row.account for m in found for row in m.rows if isinstance(row, Row)})
        == 2
    )
    assert sorted(one.number for one in found) == [0, 0, 1]
    assert len({row for one in found for row in one.rows}) == 5


CALLS = ("fsync", "rename", "replace", "mkdir", "rmdir", "unlink", "open", "close")
"""What a run asks of the disk, one after the other; the process may die before any of them."""


def dying(at: Target, folder: Path, deadline: int) -> bool:
    """Run once in a process that dies at the n-th call; whether it got to its end."""
    child = os.fork()
    if child == 0:
        left = [deadline]

        def counted(call: Callable[..., object]) -> Callable[..., object]:
            def counting(*args: object, **kwargs: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
                return call(*args, **kwargs)

            return counting

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        commit = counted(Custodian.commit)
        custodian_module.Custodian.commit = commit  # type: ignore[assignment, method-assign]
        try:
            put(at, folder, ("ann", "s", TALK + b"more"), ("bob", "s", TALK))
        except BaseException:  # noqa: BLE001 - a child says how it ended by its code
            os._exit(7)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 0


def test_a_run_that_dies_anywhere_is_made_good_by_the_next(tmp_path: Path) -> None:
    """At every call to the disk: the same sessions once each, a chain without a gap, no debris."""
    died = 0
    for deadline in range(10_000):
        place = tmp_path / str(deadline)
        at, folder = target(place / "vault"), place / "c"
        put(at, folder, ("ann", "s", TALK))
        ended = dying(at, folder, deadline)
        # What is in place after the crash is one of the two whole states.
        assert content(at) in ([TALK], [TALK + b"more", TALK])
        told = put(at, folder, ("ann", "s", TALK + b"more"), ("bob", "s", TALK))
        assert told in (["superseded", "sealed"], ["unchanged", "unchanged"])
        assert content(at) == [TALK + b"more", TALK]
        assert len(chain(at)) == 2
        check_chain(at, folder)
        assert all(not path.name.startswith(".") for path in at.vault.sessions.iterdir())
        rmtree(place)
        if ended:
            break
        died += 1
    # fsync of two files, of the manifest and of two folders, two renames, a mkdir, the commit …
    assert died >= 9


def test_a_full_disk_leaves_the_vault_and_the_index_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written is not known as sealed; with room again it is."""
    at, folder = target(tmp_path / "vault"), tmp_path / "c"
    put(at, folder, ("ann", "s", TALK))
    fsync = os.fsync
    for failing in range(4):
        left = [failing]

        def full(descriptor: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            put(at, folder, ("bob", "s", TALK))
        monkeypatch.undo()
        assert content(at) == [TALK]
    assert put(at, folder, ("bob", "s", TALK)) == ["sealed"]
    check_chain(at, folder)


def test_the_largest_session_takes_three_times_its_size_of_memory(tmp_path: Path) -> None:
    """Given, padded, sealed: 64 MiB are sealed on a small machine."""
    assert edge.LARGEST == LARGEST, "what the edge lets through is what a blob holds"
    at, data = target(tmp_path / "vault"), bytes(LARGEST)
    with closing(Custodian.create(tmp_path / "c")) as hand, Deposit(hand, at) as deposit:
        tracemalloc.start()
        assert deposit.seal("ann", "s", "2026-01", data) == "sealed"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # Beside the session itself two of its size at a time, padded and ciphertext; Padmé makes
    # 64 MiB and 8 bytes into 66 MiB, so 2 · 66 / 64 = 2.06.
    assert LARGEST < peak < 2.1 * LARGEST
    (only,) = content(at)
    assert only == data


def declare(at: Target, folder: Path, data: bytes, *, staff: bool | None) -> str:
    """One session of ann's, with or without a declaration."""
    with closing(Custodian(folder)) as hand, Deposit(hand, at) as deposit:
        return deposit.seal("ann", "s", "2026-01", data, staff=staff)


def test_what_is_declared_is_sealed_and_stands_until_it_is_declared_anew(tmp_path: Path) -> None:
    """A nightly run that says nothing must not make staff ordinary people again."""
    at, folder = target(tmp_path / "vault"), tmp_path / "custodian"
    Custodian.create(folder).close()
    for data, staff, done, stands in (
        (TALK, None, "sealed", False),
        (TALK, False, "unchanged", False),
        (TALK, True, "superseded", True),
        (TALK, None, "unchanged", True),
        (TALK + b"more", None, "superseded", True),
        (TALK + b"more", False, "superseded", False),
        (TALK, True, "shrunk", False),
    ):
        assert declare(at, folder, data, staff=staff) == done
        assert [split(sealed)[0] for sealed in opened(at)] == [Declared(staff=stands)]


def test_a_session_sealed_before_anything_was_declared_is_not_sealed_again(tmp_path: Path) -> None:
    """An update of the program must not hand in everything twice; staff alone supersede."""
    at, folder = target(tmp_path / "vault"), tmp_path / "custodian"
    Custodian.create(folder).close()
    with closing(Custodian(folder)) as hand, Deposit(hand, at) as deposit:
        deposit.seal("ann", "s", "2026-01", TALK)
        # What the index held of it before there was a line: a hash of the session alone.
        key = hand.session("ann", "s")
        before = hand.known(key)
        assert before
        assert before[:2] == (hand.content_hash(TALK), len(TALK))
    assert declare(at, folder, TALK, staff=None) == "unchanged"
    assert declare(at, folder, TALK, staff=True) == "superseded"


def test_the_vault_shows_of_staff_and_others_the_same(tmp_path: Path) -> None:
    """Headers are in clear, and lengths are: neither may tell who is staff."""
    shown = []
    for name, staff in (("yes", True), ("no", False)):
        at, folder = target(tmp_path / name), tmp_path / f"{name}.custodian"
        Custodian.create(folder).close()
        declare(at, folder, TALK, staff=staff)
        (blob,) = newest(at.vault).values()
        shown.append((sorted(blob.header), blob.header["month"], len(blob.encode())))
        assert b"staff" not in blob.encode()
    assert shown[0] == shown[1]


def test_who_is_forgotten_is_forgotten_as_staff_too(tmp_path: Path) -> None:
    """The custodian's folder keeps nothing of a person who asked to be erased but that."""
    at, folder = target(tmp_path / "vault"), tmp_path / "custodian"
    Custodian.create(folder).close()
    declare(at, folder, TALK, staff=True)
    with closing(Custodian(folder)) as hand:
        assert hand.is_staff("ann")
        hand.forget(at.floor, "ann")
        assert not hand.is_staff("ann")


def test_what_may_be_kept_no_longer_is_not_sealed(tmp_path: Path) -> None:
    """By its month, whether it is a session or its telemetry; what a person forgot, neither."""
    at, folder = target(tmp_path / "vault"), tmp_path / "custodian"
    seen = Extent(1, 1)

    def sealed(hand: Custodian, month: str) -> list[str]:
        with Deposit(hand, at) as deposit:
            key = hand.session("ann", month)
            told = deposit.seal_telemetry("ann", key, month, b"{}", seen)
            return [deposit.seal("ann", month, month, TALK), told]

    with closing(Custodian.create(folder)) as hand:
        assert sealed(hand, "2025-10") == ["expired", "expired"]
        assert sealed(hand, "2026-01") == ["sealed", "sealed"]  # the control
        hand.forget(at.floor, "ann")
        assert sealed(hand, "2026-02") == ["forgotten", "forgotten"]
