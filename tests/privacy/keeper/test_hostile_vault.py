"""
What lies in a vault is what was taken in, the newest of it, all of it and nothing else.

Each attack is by somebody who may write to the vault and has no custodian's key; each is refused
by name before a key is given, and what was there before counts again once it is put right.
"""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree, move, rmtree

import pytest

from privacy.custodian import Target
from privacy.deposit import Deposit
from privacy.packs import KEYS, SEALED
from privacy.vault import MANIFEST
from tests.privacy.keeper.test_labelling import due, labelled, run
from tests.support.batches import batches, newest
from tests.support.scene import Scene, opened_sessions, refused


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


def put(name: str, place: int, *choice: bytes) -> Callable[[Path, Path], None]:
    """The first of some characters that does not stand there yet."""

    def attack(folder: Path, _: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[place] = next(one for one in choice if one[0] != data[place])[0]
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
    ("another key id", put(KEYS, 3, b"a", b"b"), "WRONG_KEY"),
    ("no key id", put(KEYS, 3, b"`"), "VAULT_DAMAGED"),
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
    scene: Scene, attack: Callable[[Path, Path], None], code: str
) -> None:
    """Removed, renamed, cut, flipped, exchanged, sent again, slipped in: named and refused."""
    made, edge, bound = scene
    edge.seal("bob", "s2")
    made.ask("take-in")
    kept = made.folder / "kept"
    copytree(made.vault.sessions, kept)
    attack(*batches(made.vault))
    refused(made, bound, code)

    rmtree(made.vault.sessions)
    move(kept, made.vault.sessions)
    assert opened_sessions(made, bound) == set(newest(made.vault))


def test_an_older_version_of_a_session_does_not_come_back(scene: Scene) -> None:
    """Its place and its key are blank, and its bytes in the new one's place are other bytes."""
    made, edge, bound = scene
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


def test_a_withheld_batch_is_found_by_the_next(scene: Scene) -> None:
    """Before it was ever taken in nobody can miss it; then its successor names it."""
    made, edge, bound = scene
    edge.seal("bob", "s2")
    rmtree(batches(made.vault)[1])
    assert len(opened_sessions(made, bound)) == 1

    # The custodian's next run puts the manifest back; whoever took it takes it again.
    edge.seal("cy", "s3")
    rmtree(batches(made.vault)[1])
    refused(made, bound, "BATCH_NOT_NEXT")
    with Deposit(edge.hand, Target.of(made.vault)):
        pass
    refused(made, bound, "SESSIONS_MISSING")
    edge.seal("bob", "s2")
    assert len(opened_sessions(made, bound)) == 3
    assert len(made.entries("batch")) == 4
