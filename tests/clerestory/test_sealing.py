"""Sealing: logs become sealed sessions, each once, each its account's own."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from clerestory import sealing
from clerestory.sealing import seal_sources
from privacy.custodian import Custodian
from privacy.declared import split
from privacy.errors import ConfigurationError, RefusedError, VerificationError
from privacy.sealing import floor_info
from tests.support.batches import newest
from tests.support.house import House, founded


def line(session: str, number: int, text: str = "please fix it") -> bytes:
    """One record of a log in the real format."""
    kind = ("user", "assistant")[number % 2]
    return json.dumps(
        {
            "type": kind,
            "uuid": f"{session}-{number}",
            "sessionId": session,
            "timestamp": f"2026-01-05T10:00:{number:02d}.000Z",
            "message": {"role": kind, "content": [{"type": "text", "text": text}]},
        }
    ).encode()


def log(session: str, records: range) -> bytes:
    """A log of some records."""
    return b"".join(line(session, number) + b"\n" for number in records)


def sealed(house: House, *sources: Path, account: str = "ann") -> dict[str, int]:
    """Seal some sources for one account."""
    custodian = house.folder / "vault.custodian"
    return seal_sources(
        house.vault.folder, custodian, [*sources], None, account, lambda _, __: None
    )


def sessions(house: House) -> list[bytes]:
    """What the keeper could open."""
    info = floor_info(house.vault.floor.hash, "session")
    blobs = newest(house.vault).values()
    key = house.state.sealing
    return [split(blob.open(key.open(blob.wrapped, info=info)))[1] for blob in blobs]


def test_a_log_is_sealed_once_and_grows(tmp_path: Path) -> None:
    """The same again changes nothing; more of it supersedes."""
    with founded(tmp_path) as house:
        path = tmp_path / "a.jsonl"
        path.write_bytes(log("s", range(4)))
        assert sealed(house, path)["session sealed"] == 1
        assert sealed(house, path)["session unchanged"] == 1
        path.write_bytes(log("s", range(6)))
        assert sealed(house, path)["session superseded"] == 1
        path.write_bytes(log("s", range(2)))
        assert sealed(house, path)["session shrunk"] == 1
        (session,) = sessions(house)
        assert session.count(b"\n") == 6


def test_a_copied_record_counts_once_per_account(tmp_path: Path) -> None:
    """A fork that repeats its parent adds no weight; two accounts' sessions stay two."""
    with founded(tmp_path) as house:
        parent, fork = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
        parent.write_bytes(log("parent", range(4)))
        copied = log("parent", range(4)).replace(b'"sessionId": "parent"', b'"sessionId": "fork"')
        fork.write_bytes(copied + log("fork", range(4, 8)))
        assert sealed(house, parent, fork)["session sealed"] == 2
        assert sorted(blob.count(b"\n") for blob in sessions(house)) == [4, 4]
        # In a later run, too: the index is a file.
        again = tmp_path / "3.jsonl"
        again.write_bytes(copied.replace(b'"fork"', b'"third"') + log("third", range(4, 6)))
        sealed(house, again)
        assert sorted(blob.count(b"\n") for blob in sessions(house)) == [2, 4, 4]
        assert sealed(house, parent, account="bob")["session sealed"] == 1
        assert len(sessions(house)) == 4


def test_whose_a_file_is_must_be_said(tmp_path: Path) -> None:
    """Exactly one way; a file of nobody is refused by code, the others are sealed."""
    with founded(tmp_path) as house:
        logs = tmp_path / "logs"
        (logs / "ann").mkdir(parents=True)
        (logs / "ann" / "a.jsonl").write_bytes(log("a", range(2)))
        (logs / "b.jsonl").write_bytes(log("b", range(2)))
        owners = tmp_path / "accounts.csv"
        owners.write_text("path,account\nlogs/ann,ann@example.org\n")
        custodian = tmp_path / "vault.custodian"

        def run(accounts: Path | None, account: str | None) -> dict[str, int]:
            return seal_sources(
                house.vault.folder, custodian, [logs], accounts, account, lambda _, __: None
            )

        for both in ((None, None), (owners, "ann")):
            with pytest.raises(ConfigurationError, match="ACCOUNTS_UNKNOWN"):
                run(*both)
        wrong = tmp_path / "wrong.csv"
        for data in (
            b"who,what\n1,2\n",
            b"\xff\xfe,account\n",
            b"path,account\nlogs/ann\n",
            b"path,account\nlogs/ann,\n",
            b"path,account\n\0,ann\n",
            b'path,account\n"' + b"x" * 200_000,
        ):
            wrong.write_bytes(data)
            with pytest.raises(ConfigurationError, match="ACCOUNTS_UNKNOWN"):
                run(wrong, None)
        for path in (tmp_path / "nothing.csv", tmp_path):
            with pytest.raises(ConfigurationError, match="ACCOUNTS_UNKNOWN"):
                run(path, None)
        assert sessions(house) == []
        told = run(owners, None)
        assert (told["session sealed"], told["file NO_ACCOUNT"], told["file READ"]) == (1, 1, 1)


def test_an_empty_account_is_nobody(tmp_path: Path) -> None:
    """Everybody without a name would be one account, and weigh as one."""
    with founded(tmp_path) as house:
        path = tmp_path / "a.jsonl"
        path.write_bytes(log("s", range(2)))
        for name in ("", "  "):
            with pytest.raises(ConfigurationError, match="ACCOUNTS_UNKNOWN"):
                sealed(house, path, account=name)
        assert sealed(house, path)["session sealed"] == 1


def test_what_cannot_be_read_is_told_by_code_and_stops_nothing(tmp_path: Path) -> None:
    """Not UTF-8, empty, an image, a folder: the good file beside them is sealed."""
    with founded(tmp_path) as house:
        logs = tmp_path / "logs"
        logs.mkdir()
        (logs / "good.jsonl").write_bytes(log("good", range(2)))
        (logs / "latin.jsonl").write_bytes(b"\xff\xfe\x00\x01 caf\xe9\n" * 20)
        (logs / "empty.jsonl").write_bytes(b"")
        (logs / "words.txt").write_text("nothing of a log in here\n")
        (logs / "half.jsonl").write_bytes(log("half", range(3))[:-30])
        told = sealed(house, logs)
        assert told["session sealed"] == 2  # the half one holds two whole records
        assert sum(n for code, n in told.items() if code.startswith("file ")) == 5
        assert told["file READ"] < 5
        with pytest.raises(ConfigurationError, match="NO_SOURCE"):
            sealed(house, logs / "nothing")


def test_nobody_seals_without_a_custodians_folder(tmp_path: Path) -> None:
    """And with another custodian's key nothing would be classified: see test_labelling."""
    with founded(tmp_path) as house:
        path = tmp_path / "a.jsonl"
        path.write_bytes(log("s", range(2)))
        for folder in (tmp_path / "nothing", tmp_path, path):
            with pytest.raises(ConfigurationError, match="NO_CUSTODIAN"):
                seal_sources(house.vault.folder, folder, [path], None, "ann", lambda _, __: None)
        with closing(Custodian(tmp_path / "vault.custodian")) as hand:
            assert hand.public
        assert sealed(house, path)["session sealed"] == 1


def test_a_batch_is_handed_to_a_keeper_that_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is missed if somebody takes it away; where none listens, or none may ask, too."""
    with founded(tmp_path) as house:
        path, asked = tmp_path / "a.jsonl", []

        def ask(_: object, verb: str, __: object) -> dict[str, object]:
            asked.append(verb)
            return house.ask(verb)

        def not_allowed(*_: object) -> None:
            asked.append("refused")
            raise RefusedError("USER_NOT_ALLOWED", rule="", found="", remedy="")

        for number, (listens, answer) in enumerate(
            [(False, ask), (True, not_allowed), (True, ask)], start=1
        ):
            monkeypatch.setattr(sealing, "is_listening", lambda _, listens=listens: listens)
            monkeypatch.setattr(sealing, "ask", answer)
            path.write_bytes(log("s", range(2 * number)))
            told = sealed(house, path)
            assert sum(n for code, n in told.items() if "seal" in code or "super" in code) == 1
        assert asked == ["refused", "take-in"]
        # The last asking took in all three, in order.
        assert len(house.entries("batch")) == 3


def test_a_refused_batch_is_told_to_its_custodian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He is the one who can put the vault right."""
    with founded(tmp_path) as house:
        monkeypatch.setattr(sealing, "is_listening", lambda _: True)
        monkeypatch.setattr(sealing, "ask", lambda _, verb, __: house.ask(verb))
        path = tmp_path / "a.jsonl"
        path.write_bytes(log("s", range(2)))
        sealed(house, path)
        (house.vault.sessions / "stray").touch()
        path.write_bytes(log("s", range(4)))
        with pytest.raises(VerificationError, match="SOURCE_UNKNOWN"):
            sealed(house, path)
        (house.vault.sessions / "stray").unlink()
        assert sealed(house, path)["session unchanged"] == 1
        assert len(sessions(house)) == 1
