"""Promise: a keeper that is killed at any point goes on whole: nothing half done is served."""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from clerestory.founding import found
from privacy.sealing import KeyPair
from privacy.signing import SigningKey
from tests.aggregates.rows import SHARE, small_plan
from tests.promises.test_erasure import ask_to_forget
from tests.support.holdings import deposit, held, hold, labelled, opens_with, readable
from tests.support.house import TERMS, House, founded, installed, opened, planted
from tests.support.killing import after_each_kill, changes, killed_at

PLAN = small_plan(SHARE)
FEW, MANY = 5, 15
"""Kills of work that starts processes, and of work that does not."""


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """Where a world is made, to be copied for each kill: in memory, where there is such a place."""
    installed()
    memory = Path("/dev/shm")
    place = Path(mkdtemp(dir=memory)) if os.access(memory, os.W_OK) else tmp_path
    yield place / "base"
    rmtree(place)


def in_house(work: Callable[[House], object]) -> Callable[[Path], None]:
    """Work in an opened keeper."""

    def at(folder: Path) -> None:
        with opened(folder) as house:
            work(house)

    return at


def test_the_killer_kills_where_it_is_told(tmp_path: Path) -> None:
    """The control of everything below: after each change, and not beyond the last."""

    def work() -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()

    total = changes(work)
    for name in ("one", "two"):
        (tmp_path / name).rmdir()
    assert total == 2
    made = {}
    for point in range(1, 4):
        assert killed_at(point, work) == (point <= 2)
        made[point] = {path.name for path in tmp_path.iterdir()}
        for path in tmp_path.iterdir():
            path.rmdir()
    assert made == {1: {"one"}, 2: {"one", "two"}, 3: {"one", "two"}}


def test_an_adoption(base: Path) -> None:
    """The vault has one keeper afterwards, with one beginning in its ledger."""
    found(base / "vault", base / "vault.custodian", TERMS)
    for point, folder in after_each_kill(base, in_house(lambda _: None), MANY):
        with opened(folder) as house:
            assert house.kinds() == ["corpus", "policy"], point
            assert house.vault.keys == house.state.public_keys
            hold(house, "ann", "a")
            assert len(readable(house)) == 1


def test_an_enrolment(base: Path) -> None:
    """He is an officer or he is not, in ledger and file alike; asking again makes him one."""
    key = SigningKey.generate().public
    with founded(base):
        pass
    for _, folder in after_each_kill(
        base, in_house(lambda h: h.ask("enrol", name="olga", key=key)), MANY
    ):
        with opened(folder) as house:
            officers = [officer.name for officer in house.keeper.desk.policy.officer]
            assert officers in ([], ["olga"])
            assert house.entries("policy")[-1].body["hash"] == house.keeper.desk.policy.hash
            house.ask("enrol", name="olga", key=key)
            assert [officer.name for officer in house.keeper.desk.policy.officer] == ["olga"]


def test_a_submission_and_an_approval(base: Path) -> None:
    """A plan stands where the ledger says; what was lost is handed in again."""
    with founded(base) as house:
        olga = house.enrol("olga")
    for _, folder in after_each_kill(base, in_house(lambda h: h.submit(PLAN)), MANY):
        with opened(folder) as house:
            if not house.entries("plan"):
                with pytest.raises(Exception, match="PLAN_"):
                    house.approve(house.keeper.desk.bind(PLAN), olga)
            bound = house.submit(PLAN)
            assert house.kinds().count("plan") == 1
            assert house.keeper.desk.standing(bound) == "submitted"
    with opened(base) as house:
        bound = house.submit(PLAN)
    for _, folder in after_each_kill(base, in_house(lambda h: h.approve(bound, olga)), MANY):
        with opened(folder) as house:
            assert house.keeper.desk.standing(bound) in ("submitted", "approved")
            house.approve(bound, olga)
            assert house.keeper.desk.standing(bound) == "approved"


def test_a_rotation(base: Path) -> None:
    """Everything opens at every point; in the end with the new key only."""
    with founded(base) as house:
        sessions = {*hold(house, "ann", "a", "b"), *hold(house, "bob", "c")}
        old, count = KeyPair.from_secret(house.state.sealing.secret), held(house)
    rotated = set()
    for point, folder in after_each_kill(base, in_house(lambda h: h.ask("rotate")), MANY):
        with opened(folder) as house:
            assert readable(house) == labelled(house) == sessions, point
            assert house.state.ring.retiring is None
            done = house.kinds().count("rotation")
            rotated.add(done)
            assert house.vault.keys.number == done
            assert opens_with(house.vault, old, house.vault.floor.hash) == (0 if done else count)
            assert (old.secret in everything(folder / "state")) == (not done), point
    assert 1 in rotated


def everything(folder: Path) -> bytes:
    """All that lies in a folder, hidden files among it."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_an_erasure(base: Path) -> None:
    """An account is there whole, or gone whole; never its sessions without its labels."""
    with founded(base) as house:
        gone, kept = set(hold(house, "ann", "a", "b")), set(hold(house, "bob", "c"))
    found_states = set()
    for point, folder in after_each_kill(base, in_house(lambda h: ask_to_forget(h, "ann")), MANY):
        with opened(folder) as house:
            assert readable(house) == labelled(house), point
            assert readable(house) in (kept, kept | gone), point
            found_states.add(len(readable(house)))
            assert house.state.ring.retiring is None
            ask_to_forget(house, "ann")
            assert readable(house) == labelled(house) == kept
    assert 1 in found_states


def test_a_classification(base: Path) -> None:
    """What was labelled stays, the rest is labelled by the next run, each session once."""
    with founded(base) as house:
        olga = house.enrol("olga")
        bound = house.submit(PLAN)
        house.approve(bound, olga)
        sessions = {*deposit(house, "ann", "a", "b"), *deposit(house, "bob", "c")}
    for point, folder in after_each_kill(base, in_house(lambda h: h.ask("classify", bound)), FEW):
        with opened(folder) as house:
            assert labelled(house) <= sessions, point
            house.ask("classify", bound)
            assert labelled(house) == sessions, point
            house.keeper.desk.labelling(bound).check_complete()


def test_a_release(base: Path) -> None:
    """A charge that was recorded stays; a bundle is whole or not there, and never free."""
    with planted(base) as house:
        olga = house.enrol("olga")
        bound = house.submit(PLAN)
        house.approve(bound, olga)
    found_states = set()
    for point, folder in after_each_kill(base, in_house(lambda h: h.ask("release", bound)), FEW):
        with opened(folder) as house:
            charges, files = house.kinds().count("charge"), house.state.release(bound.hash)
            found_states.add((charges, files is not None))
            assert charges or files is None, point
            if files is not None:
                assert_whole(files)
            told = house.ask("release", bound)
            assert told["standing"] == "released"
            assert house.kinds().count("charge") == charges + (files is None)
            assert house.kinds().count("release") == 1
            released = house.state.release(bound.hash)
            assert released is not None
            assert_whole(released)
    assert {charges for charges, _ in found_states} <= {0, 1}


def assert_whole(files: dict[str, bytes]) -> None:
    """Every file that the sums name, no other, and unchanged."""
    lines = files["SHA256SUMS"].decode().splitlines()
    named = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(named) | {"SHA256SUMS", "SHA256SUMS.sig"} == set(files)
    assert all(sha256(files[name]).hexdigest() == digest for name, digest in named.items())
