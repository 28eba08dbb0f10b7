"""Promise: what may be kept no longer, and who asks to be forgotten, is gone from every copy."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from clerestory.keeping import running_keeper
from privacy.custodian import Custodian, Target, erasure_message
from privacy.deposit import Deposit
from privacy.errors import ClerestoryError, IncompleteError, RefusedError
from privacy.keeper.erasure import tend
from privacy.retention import today
from privacy.sealing import KeyPair
from privacy.signing import SigningKey
from privacy.vault import Vault
from tests.aggregates.rows import SHARE, small_plan
from tests.support.holdings import (
    deposit,
    held,
    hold,
    labelled,
    opens_with,
    pseudonym,
    readable,
)
from tests.support.house import TERMS, House, founded, opened
from tests.support.world import clerestory, must

PLAN = small_plan(SHARE)
"""Speaks of October to December 2025."""
MONTH = f"{today():%Y-%m}"
SHORT = replace(TERMS, retention_days=30)
OLD = "2025-10"
"""Expired under SHORT since December 2025."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A keeper with sessions and labels of two accounts."""
    with founded(tmp_path) as made:
        hold(made, "ann", "a", "b")
        hold(made, "bob", "c")
        yield made


def ask_to_forget(house: House, account: str) -> dict[str, str]:
    """Ask as the custodian would, by hand."""
    with closing(Custodian(house.folder / "vault.custodian")) as hand:
        hidden, signature = hand.forget(house.vault.floor.hash, account)
    return house.ask("forget", account=hidden, signature=signature)


def everything(folder: Path) -> bytes:
    """All that lies below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_expired_months_are_erased_when_a_keeper_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions and labels of months that are over their time; the others stay."""
    # A custodian, and a keeper, before the end of the time.
    for module in ("privacy.deposit", "privacy.keeper.erasure"):
        monkeypatch.setattr(f"{module}.is_expired", lambda *_: False)
    with founded(tmp_path, SHORT) as house:
        old = set(hold(house, "ann", "a", month=OLD))
        new = set(hold(house, "ann", "b", month=MONTH)) | set(hold(house, "bob", "c", month=MONTH))
        assert readable(house) == labelled(house) == old | new
        thief, floor = KeyPair.from_secret(house.state.sealing.secret), house.vault.floor.hash
        before_it = held(house)
        copytree(house.vault.folder, tmp_path / "copy")
        before = everything(tmp_path / "vault")
        assert all(
            bytes.fromhex(session) in before or session.encode() in before for session in old
        )
    monkeypatch.undo()
    with opened(tmp_path) as again:
        assert readable(again) == labelled(again) == new
        assert [entry.body for entry in again.entries("erasure")] == [{"what": "retention"}]
        # The copy opens with the old key, which is destroyed; nothing there with the new one.
        assert opens_with(Vault.open(tmp_path / "copy"), thief, floor) == before_it
        assert opens_with(Vault.open(tmp_path / "copy"), again.state.sealing, floor) == 0
        assert opens_with(again.vault, thief, floor) == 0
        after = everything(tmp_path / "vault")
        assert not any(session.encode() in after for session in old)
        assert all(session.encode() in after for session in new)
    with opened(tmp_path) as third:
        assert third.kinds().count("rotation") == 1  # nothing more is due


def test_expired_sessions_are_not_sealed(tmp_path: Path) -> None:
    """The custodian is told so; this month's are."""
    with (
        founded(tmp_path, SHORT) as house,
        closing(Custodian(tmp_path / "vault.custodian")) as hand,
        Deposit(hand, Target.of(house.vault)) as batch,
    ):
        assert batch.seal("ann", "a", OLD, b"x") == "expired"
        assert batch.seal("ann", "b", MONTH, b"x") == "sealed"


@pytest.mark.parametrize("verb", ["classify", "release"])
def test_a_plan_of_expired_months_does_not_run(tmp_path: Path, verb: str) -> None:
    """RETENTION names why; under a floor that keeps longer the same plan comes further."""
    for name, terms in (("short", SHORT), ("long", TERMS)):
        with founded(tmp_path / name, terms) as house:
            olga = house.enrol("olga")
            bound = house.submit(PLAN)
            house.approve(bound, olga)
            if name == "short":
                with pytest.raises(RefusedError, match="RETENTION"):
                    house.ask(verb, bound)
                assert house.entries("refusal")[-1].body == {"verb": verb, "code": "RETENTION"}
            elif verb == "classify":
                house.ask(verb, bound)
            else:
                with pytest.raises(IncompleteError, match="NO_LABELS"):
                    house.ask(verb, bound)
            assert "charge" not in house.kinds()


def test_months_that_expire_between_two_requests_are_erased_by_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keeper that runs for months needs no restart."""
    assert len(labelled(house)) == 3
    house.ask("expire")
    assert len(labelled(house)) == 3
    later = today().replace(year=today().year + 200)
    monkeypatch.setattr("privacy.keeper.erasure.today", lambda: later)
    house.ask("expire")
    assert readable(house) == labelled(house) == set()


def test_an_account_is_forgotten_with_all_that_is_its_own(house: House, tmp_path: Path) -> None:
    """Sessions, labels and names of them, in the vault and in every copy; nobody else's."""
    hidden, kept = pseudonym(house, "ann"), readable(house) - set(_sessions(house, "ann"))
    thief, floor = KeyPair.from_secret(house.state.sealing.secret), house.vault.floor.hash
    before_it = held(house)
    copytree(house.vault.folder, tmp_path / "copy")
    assert hidden.hex().encode() in everything(tmp_path / "vault")

    ask_to_forget(house, "ann")

    assert readable(house) == labelled(house) == kept
    assert hidden.hex().encode() not in everything(tmp_path / "vault")
    assert hidden not in everything(tmp_path / "vault.custodian").replace(
        hidden, b"", 1
    )  # he remembers whom he is not to seal again, and no more
    assert opens_with(Vault.open(tmp_path / "copy"), thief, floor) == before_it
    assert opens_with(Vault.open(tmp_path / "copy"), house.state.sealing, floor) == 0
    assert opens_with(house.vault, thief, floor) == 0


def _sessions(house: House, account: str) -> list[str]:
    return list(house.state.corpus.sessions_of(pseudonym(house, account).hex()))


def test_nobody_learns_whether_an_account_was_there(house: House) -> None:
    """The same answer but for the key's name, the same entries, nothing of whom in the ledger."""
    marks = []
    for account in ("ann", "nobody that was ever here"):
        before = len(house.entries())
        told = ask_to_forget(house, account)
        entries = house.entries()[before:]
        marks.append((set(told), [(entry.kind, sorted(entry.body)) for entry in entries]))
        for entry in entries:
            assert pseudonym(house, account).hex().encode() not in entry.line
    assert marks[0] == marks[1]
    assert [kind for kind, _ in marks[0][1]] == ["rotation", "erasure"]


def test_only_its_custodian_has_an_account_forgotten(house: House, tmp_path: Path) -> None:
    """Not a stranger, not a signature for another account or vault."""
    hidden, floor = pseudonym(house, "ann").hex(), house.vault.floor.hash
    stranger = SigningKey.generate()
    with closing(Custodian(tmp_path / "vault.custodian")) as hand:
        source = hand._source
    attempts = {
        "ERASURE_NOT_A_CUSTODIANS": stranger.sign(
            erasure_message(floor, hidden), "clerestory-erasure"
        ),
        "SIGNATURE_INVALID": source.sign(erasure_message("0" * 64, hidden), "clerestory-erasure"),
    }
    others = (
        source.sign(erasure_message(floor, "0" * 32), "clerestory-erasure"),
        source.sign(erasure_message(floor, hidden), "clerestory-request"),
        "",
    )
    for code, signature in [*attempts.items(), *(("SIGNATURE_INVALID", s) for s in others)]:
        with pytest.raises(ClerestoryError, match=code):
            house.ask("forget", account=hidden, signature=signature)
    assert len(readable(house)) == len(labelled(house)) == 3
    ask_to_forget(house, "ann")
    assert len(readable(house)) == 1


def test_a_custodian_speaks_for_what_he_sealed_himself(house: House) -> None:
    """Pseudonyms lie in clear: another custodian's signature under one moves nothing of it."""
    hidden = pseudonym(house, "ann").hex()
    house.state.labels.begin_erasing(hidden, "SHA256:another custodian's key")
    tend(house.keeper.desk, lambda _, __: None, patience=0.0)
    assert len(readable(house)) == len(labelled(house)) == 3


def test_a_batch_of_a_forgotten_account_counts_no_more(house: House) -> None:
    """A copy of the custodian's folder that does not remember brings it back for nobody."""
    copytree(house.folder / "vault.custodian", house.folder / "copy")
    ask_to_forget(house, "ann")
    (house.folder / "vault.custodian").rename(house.folder / "remembers")
    (house.folder / "copy").rename(house.folder / "vault.custodian")
    deposit(house, "ann", "new")
    deposit(house, "bob", "new too")
    house.keeper.desk.take_in()
    assert len(readable(house)) == 2
    assert pseudonym(house, "ann").hex().encode() not in everything(house.vault.folder)
    assert pseudonym(house, "bob").hex().encode() in everything(house.vault.folder)


def test_the_command_forgets_and_seal_remembers(tmp_path: Path) -> None:
    """As a custodian types it; the account's own logs, sealed again, stay out."""
    must("synthesize", tmp_path / "raw", "--accounts", "2", "--sessions", "4", "--seed", "7")
    vault, raw = tmp_path / "vault", tmp_path / "raw"
    must("init", vault, "--synthetic", "--tier", "T0", "--retention-days", "36500")
    seal = ("seal", vault, raw / "logs", "--accounts", raw / "accounts.csv")
    name = (raw / "accounts.csv").read_text().splitlines()[1].split(",")[1]
    with running_keeper(vault, tmp_path / "state"):
        must(*seal)
        before = everything(vault / "sessions")
        told = must("forget", vault, name)
        assert must("forget", vault, "somebody else") == told
        after = everything(vault / "sessions")
        assert "Releases that are out stay out" in told
        assert name not in told
        assert "session forgotten" in must(*seal)
        assert after != before
        done = clerestory("forget", vault, name, "--custodian", tmp_path / "nobody")
        assert (done.returncode, "NO_CUSTODIAN" in done.stderr) == (2, True)
