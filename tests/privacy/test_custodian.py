"""The custodian's edge: names become keyed hashes, sessions are sealed once and signed."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from privacy.custodian import SIGNATURE_BYTES, Custodian, Target, read_sealed_session
from privacy.errors import ConfigurationError, VerificationError
from privacy.sealing import KeyPair, SealedBlob, floor_info, key_id
from privacy.signing import SigningKey, fingerprint, public_raw
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


def content(at: Target) -> list[bytes]:
    """What the keeper reads in a vault."""
    blobs = [SealedBlob.decode(p.read_bytes()[SIGNATURE_BYTES:]) for p in at.vault.sessions()]
    info = floor_info(FLOOR.hash, "session")
    return [blob.open(KEEPER.open(blob.wrapped, info=info)) for blob in blobs]


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


def test_a_session_is_sealed_superseded_or_left_as_it_is(tmp_path: Path) -> None:
    """It grows: the newest stands, once; it is cut or the same: the older stands."""
    at = target(tmp_path / "vault")
    with closing(Custodian.create(tmp_path / "custodian")) as hand:
        assert hand.seal(at, "ann", "s", "2026-01", TALK) == "sealed"
        assert hand.seal(at, "ann", "s", "2026-01", TALK) == "unchanged"
        assert hand.seal(at, "ann", "s", "2026-01", TALK + b"more") == "superseded"
        assert content(at) == [TALK + b"more"]
        assert hand.seal(at, "ann", "s", "2026-01", TALK) == "shrunk"
        assert content(at) == [TALK + b"more"]
        assert hand.seal(at, "bob", "s", "2026-01", TALK) == "sealed"
    with closing(Custodian(tmp_path / "custodian")) as hand:
        assert hand.seal(at, "ann", "s", "2026-01", TALK + b"more") == "unchanged"
        assert hand.seal(at, "bob", "s", "2026-01", TALK[:-1]) == "shrunk"
        # A vault that lost the file gets it again.
        at.vault.session_path(hand.session("bob", "s").hex()).unlink()
        hand.seal(at, "bob", "s", "2026-01", TALK)
    assert sorted(content(at)) == sorted([TALK, TALK + b"more"])


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


def test_the_header_says_what_is_documented_and_no_more(tmp_path: Path) -> None:
    """It lies in clear: hashes, a month and two keys' names."""
    at = target(tmp_path / "vault")
    with closing(Custodian.create(tmp_path / "custodian")) as hand:
        hand.seal(at, "ann@example.org", "session-name", "2026-01", TALK)
        (path,) = at.vault.sessions()
        data = path.read_bytes()
        header = SealedBlob.decode(data[SIGNATURE_BYTES:]).header
        assert header == {
            "kind": "session",
            "floor": FLOOR.hash,
            "key": header["key"],
            "source": fingerprint(hand.public),
            "account": hand.account("ann@example.org").hex(),
            "session": hand.session("ann@example.org", "session-name").hex(),
            "month": "2026-01",
        }
        assert len(header["key"]) == 16
        assert path.stem == header["session"]
    index = (tmp_path / "custodian" / "index.db").read_bytes()
    for word in (b"ann", b"session-name", b"person said"):
        assert word in TALK + b"ann@example.org session-name"
        assert word not in data
        assert word not in index


def test_only_a_custodian_of_the_policy_slips_sessions_in(tmp_path: Path) -> None:
    """A sealed file needs no secret to make; a signature does."""
    at = target(tmp_path / "vault")
    with (
        closing(Custodian.create(tmp_path / "one")) as one,
        closing(Custodian.create(tmp_path / "two")) as two,
    ):
        one.seal(at, "ann", "s", "2026-01", TALK)
        ours, theirs = public_raw(one.public), public_raw(two.public)
    (path,) = at.vault.sessions()
    data = path.read_bytes()
    for sources in ([ours], [theirs, ours]):
        assert read_sealed_session(data, sources).header["month"] == "2026-01"
    for sources in ([theirs], []):
        with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
            read_sealed_session(data, sources)


def unsealed(data: bytes, hand: Custodian) -> bytes:
    """As the keeper does it: who sealed it, to which key, what is in it."""
    blob = read_sealed_session(data, [public_raw(hand.public)])
    if blob.key != key_id(KEEPER.public):
        raise VerificationError("KEY_UNKNOWN", rule="", found="", remedy="")
    return blob.open(KEEPER.open(blob.wrapped, info=floor_info(FLOOR.hash, "session")))


@pytest.fixture(scope="module")
def sealed(hand: Custodian, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One sealed session's file."""
    at = target(tmp_path_factory.mktemp("v"))
    hand.seal(at, "ann", "s", "2026-01", TALK)
    (path,) = at.vault.sessions()
    return path.read_bytes()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_any_changed_byte_of_a_sealed_session_is_found(
    hand: Custodian, sealed: bytes, place: int, flip: int
) -> None:
    """Before anything of it is used: header, month and account are what was signed."""
    data = bytearray(sealed)
    data[place % len(data)] ^= flip
    with pytest.raises(VerificationError):
        unsealed(bytes(data), hand)
    assert unsealed(sealed, hand) == TALK


@given(cut=st.integers(0, 10**6))
def test_a_cut_off_session_is_refused(hand: Custodian, sealed: bytes, cut: int) -> None:
    """Down to nothing at all."""
    with pytest.raises(VerificationError):
        read_sealed_session(sealed[: cut % len(sealed)], [public_raw(hand.public)])


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


def test_the_index_outlives_an_error(tmp_path: Path) -> None:
    """What was sealed before something failed is still known afterwards."""
    at = target(tmp_path / "vault")
    with closing(Custodian.create(tmp_path / "c")) as hand:
        hand.seal(at, "ann", "s", "2026-01", TALK)
        with pytest.raises(ValueError, match="at most"):
            hand.seal(at, "ann", "huge", "2026-01", bytes(64 * 2**20 + 1))
    with closing(Custodian(tmp_path / "c")) as hand:
        assert hand.seal(at, "ann", "s", "2026-01", TALK) == "unchanged"
    assert json.loads((tmp_path / "vault" / FLOOR_FILE).read_text())["vault"] == FLOOR.vault
