"""The command, and the whole way behind it: fetched, inspected, sealed, labelled."""

import json
import os
import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clerestory.cli import app
from clerestory.devstub import authority
from clerestory.fetching import SESSIONS, wire
from clerestory.fetching.secrets import access_key
from privacy.codebook import codebook
from privacy.labels import LabelRecord
from privacy.plan import read_plan
from privacy.sealing import floor_info
from tests.clerestory.fetching.made import ONE, TWO, now
from tests.support.batches import newest
from tests.support.compliance import EMAIL, KEY, Held, grown, message, refusal, serving, talk, text
from tests.support.holdings import opened_rows
from tests.support.house import House, founded
from tests.support.world import STUDY

RUN = CliRunner()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A file with the key."""
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(f"{KEY}\n")
    return path


def words(url: str, out: Path, key: Path) -> list[str]:
    """The command as a custodian types it."""
    since = ["--since", "2026-01-01", "--out", str(out)]
    return ["fetch", *since, "--api-key-file", str(key), "--endpoint", url]


def test_the_whole_way_to_labels(tmp_path: Path, key: Path) -> None:
    """Two people's sessions, from the API to records: an account each, under a pseudonym."""
    out = tmp_path / "out"
    lost = message("lost", "user", provenance={"type": "content_unavailable", "reason": "oversize"})
    absent = Held("clls_3", [lost], "user_3", began=3)
    with founded(tmp_path) as house:
        with serving(ONE, TWO, absent, pem=authority_of(tmp_path)) as server:
            server.at_most = 2
            done = RUN.invoke(app, [*words(server.url, out, key), "--roots", f"{tmp_path}/roots"])
        assert (done.exit_code, done.stdout) == (0, "       3  session FETCHED\n")
        assert "RAW transcripts" in done.stderr

        told = json.loads(RUN.invoke(app, ["inspect-format", str(out / SESSIONS), "--json"]).stdout)
        assert told["read"] == 3
        assert sorted((f["format"], f["prompts"], f["actions"]) for f in told["files"]) == [
            ("compliance_local", 0, 0),
            ("compliance_local", 1, 1),
            ("compliance_local", 1, 1),
        ]
        seal = ["seal", str(house.vault.folder), str(out / SESSIONS), "--stated", "--json"]
        assert json.loads(RUN.invoke(app, seal).stdout)["counts"] == {
            "session sealed": 2,
            "file READ": 3,
            "session TAKEN": 2,
            "session NO_CONVERSATION": 1,
        }
        check_sealed(house)

        for path in (out / SESSIONS).iterdir():
            path.unlink()
        more = message("more", "user", text("fix the crash in the printer, too"), minutes=now())
        with serving(grown(ONE, more, ended=now()), TWO) as server:
            assert RUN.invoke(app, words(server.url, out, key)).exit_code == 0
        assert json.loads(RUN.invoke(app, seal).stdout)["counts"] == {
            "session superseded": 1,
            "file READ": 1,
            "session TAKEN": 1,
        }
        plan = tmp_path / "plan.json"
        assert RUN.invoke(app, ["plan", str(STUDY), "--out", str(plan)]).exit_code == 0
        officer = house.enrol("officer@example.org")
        bound = house.submit(read_plan(plan.read_bytes()))
        house.approve(bound, officer)
        house.ask("classify", bound)
        check_labels(house)


def authority_of(folder: Path) -> bytes:
    """A certificate, and its roots in a file of the folder."""
    made = authority()
    (folder / "roots").write_text(made.roots)
    return made.sign()


def check_sealed(house: House) -> None:
    """Each session under a pseudonym of its owner; no address and no owner within."""
    info = floor_info(house.vault.floor.hash, "session")
    blobs = newest(house.vault).values()
    assert len({blob.header["account"] for blob in blobs}) == len(blobs) == 2
    for blob in blobs:
        assert not re.search(r"user_\d|clls_", json.dumps(blob.header))
        data = blob.open(house.state.sealing.open(blob.wrapped, info=info))
        assert b"fix the crash" in data
        assert EMAIL.encode() not in data
        assert b"user_" not in data


def check_labels(house: House) -> None:
    """What sealed workers said of each session."""
    names = [field.name for field in codebook().fields]
    rows = [
        row for number in range(house.vault.floor.buckets) for row in opened_rows(house, number)
    ]
    assert {session for session, _ in rows} == set(newest(house.vault))
    for _, row in rows:
        record = LabelRecord.decode(row, codebook())
        label = {
            name: codebook().field(name).labels[record.labels[place]]
            for place, name in enumerate(names)
        }
        assert {
            "status": "rated", "month": "2026-02", "work_mode": "fix", "wrote_code": "yes",
            "surface": "cli", "interactive": "yes", "model_family": "opus",
        }.items() <= label.items()  # fmt: skip


@pytest.mark.parametrize("spoilt", ["", "two words", "sk-ä", "absent", "open to all"])
def test_a_key_is_a_word_that_nobody_else_reads(spoilt: str, tmp_path: Path, key: Path) -> None:
    """Nothing is asked with another, and what lies in the file is not repeated."""
    with serving(ONE) as server:
        assert RUN.invoke(app, words(server.url, tmp_path / "good", key)).exit_code == 0
        server.requests.clear()
        if spoilt == "absent":
            key.unlink()
        elif spoilt == "open to all":
            key.chmod(0o640)
        else:
            key.write_text(spoilt)
        done = RUN.invoke(app, words(server.url, tmp_path / "out", key))
        assert server.requests == []
    assert done.exit_code == 2
    assert "ACCESS_KEY_UNREADABLE" in done.stderr
    assert "canary" not in done.output
    assert not spoilt or spoilt not in done.output


def test_a_key_may_come_from_a_descriptor() -> None:
    """As a shell hands over what a secret store prints: it lies in no file then."""
    reading, writing = os.pipe()
    os.write(writing, f"{KEY}\n".encode())
    os.close(writing)
    try:
        assert access_key(Path(f"/dev/fd/{reading}")) == KEY
    finally:
        os.close(reading)


def test_the_key_is_in_no_word_and_no_file(tmp_path: Path, key: Path) -> None:
    """However it ends; the control finds it where it is, and in what the server said."""
    (tmp_path / "work").mkdir()
    shown = ""
    for number, reply in enumerate([None, refusal(401), refusal(403), refusal(404), refusal(409)]):
        with serving(ONE, interfering=lambda _, reply=reply: reply) as server:  # type: ignore[misc]
            out = tmp_path / "work" / str(number)
            shown += RUN.invoke(app, [*words(server.url, out, key), "--json"]).output
            assert server.requests[0].headers["x-api-key"] == KEY
            assert reply is None or KEY.encode() in reply.body
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if KEY.encode() in path.read_bytes()] == [key]
    assert len(files) > 6
    assert shown.count('"exit": 2') == 4
    assert KEY not in shown
    assert EMAIL not in shown


def test_it_ends_as_the_house_does(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 for what the custodian can mend, 3 for what is refused, 5 for what goes on later."""
    monkeypatch.setattr(wire, "WAITS", ())
    ends = {
        "ACCESS_KEY_REFUSED": (refusal(401), 2),
        "REDIRECT_REFUSED": (refusal(307, location="https://example.org"), 3),
        "API_AWAY": (refusal(529), 5),
    }
    for code, (reply, exit_code) in ends.items():
        with serving(ONE, interfering=lambda _, reply=reply: reply) as server:  # type: ignore[misc]
            done = RUN.invoke(app, words(server.url, tmp_path / "out", key))
        assert (done.exit_code, done.stdout) == (exit_code, "")
        assert done.stderr.startswith(code)
    with serving(Held("clls_1", talk("a", "canary of a person"))) as server:
        done = RUN.invoke(app, words(server.url, tmp_path / "out", key))
        assert (done.exit_code, "canary" in done.output) == (0, False)
        done = RUN.invoke(app, [*words(server.url, tmp_path / "out", key), "--until", "2027-01-01"])
        assert done.stdout == "       1  session UNCHANGED\n"
        for day in ("yesterday", "2026-1-1", "2026-13-01"):
            done = RUN.invoke(app, [*words(server.url, tmp_path / "out", key), "--until", day])
            assert (done.exit_code, "DAY_UNKNOWN" in done.stderr) == (2, True)
    with serving() as server:
        done = RUN.invoke(app, words(server.url, tmp_path / "none", key))
        assert (done.exit_code, done.stdout) == (0, "no session in that time\n")


def test_whose_sessions_are_is_said_in_one_way(tmp_path: Path) -> None:
    """What the logs state is taken only where it is asked for, and not beside another word."""
    with founded(tmp_path) as house:
        (tmp_path / "log").write_text(json.dumps({"data": [text("x")]}))
        seal = ["seal", str(house.vault.folder), str(tmp_path / "log")]
        for more in ([], ["--stated", "--account", "ann"]):
            done = RUN.invoke(app, [*seal, *more])
            assert (done.exit_code, "ACCOUNTS_UNKNOWN" in done.stderr) == (2, True)
        assert RUN.invoke(app, [*seal, "--stated"]).exit_code == 0


def test_who_waits_is_told_so(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nobody there it takes minutes to give up: each wait is said as it begins."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    with serving(ONE) as server:
        gone = server.url
    done = RUN.invoke(app, words(gone, tmp_path / "out", key))

    assert done.exit_code == 5
    assert "API_AWAY" in done.stderr
    assert waited == [*wire.WAITS]
    told = [line for line in done.stderr.splitlines() if "asking again in" in line]
    assert [line.rpartition(" in ")[2] for line in told] == [f"{s} s" for s in wire.WAITS[1:]]
