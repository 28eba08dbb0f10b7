"""The custodian's edge: names become keyed hashes, sessions are sealed once and signed."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privacy.custodian import Custodian, Target
from privacy.errors import ConfigurationError
from privacy.sealing import KeyPair
from privacy.signing import SigningKey
from privacy.vault import FLOOR as FLOOR_FILE
from privacy.vault import PublicKeys, Vault, replace_file
from tests.privacy.test_floor import FLOOR

KEEPER = KeyPair.generate()
TALK = b"what a person said to an agent " * 20


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Custodian]:
    """One custodian."""
    with closing(Custodian.create(tmp_path_factory.mktemp("c") / "custodian")) as made:
        yield made


def target(folder: Path, floor_hash: str = FLOOR.hash) -> Target:
    """A vault with a keeper's keys."""
    replace_file(folder / FLOOR_FILE, FLOOR.canonical)
    vault = Vault.open(folder)
    vault.publish_keys(PublicKeys.signed(KEEPER.public, 0, FLOOR.hash, SigningKey.generate()))
    return replace(Target.of(vault), floor=floor_hash)


def test_pseudonyms_need_the_custodians_key(hand: Custodian, tmp_path: Path) -> None:
    """The same person is another pseudonym in another vault: nobody joins the two."""
    with closing(Custodian.create(tmp_path / "other")) as other:
        assert hand.account("ann") != other.account("ann")
        assert hand.session("ann", "s") != other.session("ann", "s")
        kept = other.account("ann"), other.session("ann", "s")
    with closing(Custodian(tmp_path / "other")) as again:
        assert (again.account("ann"), again.session("ann", "s")) == kept


names = st.text("ab\0", max_size=4)


@given(names, names, names, names)
@example("a\0", "b", "a", "\0b")
def test_no_two_sessions_share_a_key(
    hand: Custodian, account: str, session: str, other: str, another: str
) -> None:
    """Keys are hashes of account and id, however the two are spelt: ab+c is not a+bc."""
    same = (account, session) == (other, another)
    assert (hand.session(account, session) == hand.session(other, another)) == same
    assert (hand.account(account) == hand.account(other)) == (account == other)
    assert hand.account(account) != hand.session(account, session)


def test_a_record_has_one_owner_per_account(tmp_path: Path) -> None:
    """Copies within an account do not add weight; two accounts' records are two."""
    with closing(Custodian.create(tmp_path / "custodian")) as hand:
        first, second = hand.session("ann", "1"), hand.session("ann", "2")
        assert hand.owner("ann", "r") is None
        hand.remember("ann", first, ["r", "q"])
        hand.remember("ann", second, ["r", "p"])
        assert hand.owner("ann", "r") == first
        assert hand.owner("ann", "p") == second
        assert hand.owner("bob", "r") is None
    with closing(Custodian(tmp_path / "custodian")) as again:
        assert again.owner("ann", "q") == first


def test_nothing_is_sealed_before_a_keeper_is_there(tmp_path: Path) -> None:
    """There would be nobody to open it, and no key to seal to."""
    replace_file(tmp_path / FLOOR_FILE, FLOOR.canonical)
    with pytest.raises(ConfigurationError, match="NO_KEEPER"):
        Target.of(Vault.open(tmp_path))
    assert target(tmp_path).public == KEEPER.public


def test_the_custodians_secrets_are_his_alone(tmp_path: Path) -> None:
    """Whoever reads accounts.key can tell who is behind a pseudonym."""
    folder = tmp_path / "custodian"
    Custodian.create(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("accounts.key", "source.key"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        Custodian.create(folder)
    Custodian(folder).close()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("accounts.key", None),
        ("accounts.key", b""),  # an empty key would make pseudonyms that anybody can compute
        ("accounts.key", bytes(31)),
        ("source.key", None),
        ("source.key", b"no key"),
        ("index.db", b"no database, but long enough to be looked at as one" * 40),
    ],
    ids=["no-key", "empty-key", "short-key", "no-source", "no-source-key", "no-index"],
)
def test_a_damaged_folder_is_refused(tmp_path: Path, name: str, data: bytes | None) -> None:
    """With a typed error, and before anything is sealed."""
    folder = tmp_path / "custodian"
    Custodian.create(folder).close()
    (folder / name).unlink()
    if data is not None:
        (folder / name).write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"NO_CUSTODIAN|KEY_UNREADABLE"):
        Custodian(folder).close()
