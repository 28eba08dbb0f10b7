"""
Promise: nothing that a person said leaves the classify worker, whatever the session holds.

Every synthetic session holds one canary word; none of them may be found in anything that the
keeper, the vault, the ledger, the bundle or a command's output holds afterwards.  The control
is that the search finds them all in the raw logs.
"""

import csv
import json
from pathlib import Path

import pytest

from tests.support.world import World, clerestory, must, sessions_world

HOSTILE = "XQWZVKJ-canary-of-a-hostile-session"


def canaries(world: World) -> list[bytes]:
    """The canary of every session, as raw logs hold them."""
    with (world.folder / "raw" / "truth.csv").open(encoding="utf-8", newline="") as file:
        return [row["canary"].encode() for row in csv.DictReader(file)]


def found_in(folder: Path, words: list[bytes]) -> set[bytes]:
    """Which words stand in any file below a folder, in its content or its name."""
    seen: set[bytes] = set()
    for path in folder.rglob("*"):
        data = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        seen.update(word for word in words if word in data)
    return seen


def test_no_canary_is_found_behind_the_seal(classified: World) -> None:
    """Vault, keeper's state, ledger and bundle hold none; the raw logs hold them all."""
    words = canaries(classified)
    assert len(words) == len(set(words)) == 45

    assert found_in(classified.folder / "raw" / "logs", words) == set(words)
    for place in ("vault", "state", "bundle", "vault.custodian"):
        assert found_in(classified.folder / place, words) == set()


def test_no_command_says_a_canary(classified: World) -> None:
    """Neither standard output nor standard error, with --json or without."""
    words = canaries(classified)
    logs = classified.folder / "raw" / "logs"
    said = b""
    for command in (
        ("status", classified.vault),
        ("ledger", classified.vault, "--json"),
        ("classify", classified.vault, classified.plan, "--json"),
        ("verify", classified.folder / "bundle", "--json"),
        ("seal", classified.vault, logs, "--accounts", classified.folder / "raw/accounts.csv"),
        ("inspect-format", logs, "--json"),
    ):
        done = clerestory(*command)
        assert done.returncode == 0, done.stderr
        said += done.stdout.encode() + done.stderr.encode()
    assert len(said) > 1000
    assert not [word for word in words if word in said]


def hostile_sessions() -> dict[str, bytes]:
    """Logs that are malformed, huge, or made to raise; each holds the canary."""
    head = {"sessionId": "s", "timestamp": "2026-01-05T10:00:00.000Z", "uuid": "u"}
    user = {**head, "type": "user", "message": {"role": "user", "content": HOSTILE}}
    line = json.dumps(user).encode()
    deep = b'{"type":"user","sessionId":"s","uuid":"d","timestamp":"2026-01-05T10:00:00Z",'
    return {
        "cut": line[: len(line) // 2],
        "cut-after-good": line + b"\n" + line[:-20],
        "two-on-a-line": line + line,
        "nul-run": b"\0" * 4000 + line + b"\0" * 4000,
        "not-utf8": line.replace(b"canary", b"\xff\xfe\xc3 canary"),
        "surrogate": line.replace(b"XQWZ", b"\\ud83dXQWZ"),
        "deep": line + b"\n" + deep + b'"message":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "message-is-a-string": json.dumps({**user, "message": HOSTILE}).encode(),
        "content-is-a-number": json.dumps({**user, "message": {"content": 7}}).encode()
        + b"\n"
        + line,
        "huge-number": line + b'\n{"type":"assistant","sessionId":"s","x":' + b"9" * 5000 + b"}",
        "huge": line
        + b"\n"
        + json.dumps({**user, "uuid": "h"})
        .encode()
        .replace(HOSTILE.encode(), (HOSTILE + " word").encode() * 200_000),
        "unknown-type": json.dumps({**user, "type": HOSTILE}).encode() + b"\n" + line,
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> "object":
    """A vault with hostile sessions beside good ones, classified and released."""
    folder = tmp_path_factory.mktemp("hostile")
    with sessions_world(folder, accounts=5, sessions=6) as world:
        source = folder / "hostile"
        source.mkdir()
        for name, data in hostile_sessions().items():
            (source / f"{name}.jsonl").write_bytes(
                data.replace(b'"s"', f'"{name}"'.encode()) + b"\n"
            )
        said = [clerestory("inspect-format", source, "--json")]
        said.append(clerestory("seal", world.vault, source, "--account", "hostile", "--json"))
        said.append(clerestory("classify", world.vault, world.plan, "--json"))
        said.append(clerestory("release", world.vault, world.plan, "--out", folder / "bundle"))
        yield world, said


def test_hostile_sessions_end_in_a_label_and_say_nothing(hostile: tuple[World, list]) -> None:  # type: ignore[type-arg]
    """Malformed, huge and raising sessions: every command works, and nothing quotes them."""
    world, said = hostile
    assert [done.returncode for done in said] == [0, 0, 0, 0], [d.stderr for d in said]
    for done in said:
        assert HOSTILE not in done.stdout + done.stderr
    assert "record BAD_LINE" in said[1].stdout

    word = [HOSTILE.encode(), HOSTILE[:12].encode()]
    assert found_in(world.folder / "hostile", word) == set(word)
    for place in ("vault", "state", "bundle"):
        assert found_in(world.folder / place, word) == set()


def test_the_ledger_counts_nobody(classified: World) -> None:
    """No entry holds a number of sessions or accounts."""
    must("classify", classified.vault, classified.plan)
    for entry in classified.entries():
        assert set(entry["body"]) <= {
            *("floor", "planted", "hash", "plan", "study", "rho", "officer", "signature"),
            *("signed", "tier", "sums", "verb", "code", "set", "text"),
            *("source", "manifest", "previous"),
        }
        assert "45" not in {str(value) for value in entry["body"].values()}
