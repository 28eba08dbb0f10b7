"""The command line: every command is there, talks in one way and fails in one way."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from clerestory.cli import app, main
from clerestory.cli.app import Json, Progress, answer, command
from clerestory.cli.later import PIECES
from privacy.errors import BY_EXIT_CODE, ClerestoryError
from privacy.signing import SigningKey
from tests.support.world import STUDY, World

RUN = CliRunner()
COMMANDS = {
    "demo", "init", "keeper", "keys", "seal", "check", "plan", "rehearse", "reproduce", "submit",
    "approve", "revoke", "status", "classify", "validate", "release", "correct", "verify", "diff",
    "publish", "ledger", "audit", "forget", "team", "doctor", "schema", "synthesize", "dev-stub",
    "redteam", "inspect-format", "return", "reject", "withdraw", "policy", "recover", "node",
    "courier", "fetch", "backend",
}  # fmt: skip
"""The stable interface."""


def test_the_whole_interface_is_declared() -> None:
    """A script written today must not find a command missing tomorrow."""
    names = {name for line in _commands() if (name := line.split()[0])}
    assert names == COMMANDS


def _commands() -> list[str]:
    shown = RUN.invoke(app, ["--help"]).stdout
    listed = shown.split("Commands:\n", 1)[1].splitlines()
    return [line for line in listed if re.match(r"  [a-z]", line)]


POLICY = [["policy", name] for name in ("show", "diff", "propose", "approve")]
WORDS = [
    [],
    ["keys", "new"],
    ["keys", "enrol"],
    ["backend", "probe"],
    *POLICY,
    *([name] for name in sorted(COMMANDS)),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_of_every_command_works(words: list[str]) -> None:
    """It says what the command does and shows its arguments."""
    done = RUN.invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: ")
    assert len(done.stdout.splitlines()) > 3


@pytest.mark.parametrize("name", sorted(PIECES))
def test_a_command_that_is_not_there_yet_says_so(name: str) -> None:
    """Exit 2, and which piece is missing: it does not pretend."""
    done = RUN.invoke(app, [name, "--json", "x", "y"])
    assert done.exit_code == 2
    error = json.loads(done.stderr)
    assert error["code"] == "NOT_THERE_YET"
    assert PIECES[name] in error["found"]
    assert done.stdout == ""


WRONG = [
    ["nonsense"],
    ["verify"],
    ["init", "--epsilon", "much", "v"],
    ["verify", "--unknown", "b"],
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    """A usage error is told apart from a refusal."""
    done = RUN.invoke(app, words)
    assert done.exit_code == 2
    assert "Usage" in done.stderr


def failing(error: Exception) -> typer.Typer:
    """A command line of two commands, of which one fails."""
    made = typer.Typer()

    @command("fail", of=made)
    def fail(as_json: Json = False) -> None:  # noqa: FBT002 - how typer declares flags
        raise error

    @command("work", of=made)
    def work(as_json: Json = False) -> None:  # noqa: FBT002
        answer({"a": "ö"}, "in words", as_json=as_json)

    return made


@pytest.mark.parametrize("kind", list(BY_EXIT_CODE.values()))
def test_a_typed_error_becomes_four_lines_and_its_exit_code(kind: type[ClerestoryError]) -> None:
    """On standard error, with the remedy; standard output stays empty for scripts."""
    made = failing(kind("A_CODE", rule="A rule.", found="A thing.", remedy="An act."))
    done = RUN.invoke(made, ["fail"])
    assert (done.exit_code, done.stdout) == (kind.exit_code, "")
    lines = done.stderr.splitlines()
    assert lines == ["A_CODE", "  rule    A rule.", "  found   A thing.", "  to do   An act."]

    done = RUN.invoke(made, ["fail", "--json"])
    assert (done.exit_code, done.stdout) == (kind.exit_code, "")
    assert json.loads(done.stderr) == {
        "code": "A_CODE",
        "rule": "A rule.",
        "found": "A thing.",
        "remedy": "An act.",
        "exit": kind.exit_code,
        "step": "",
    }
    assert RUN.invoke(made, ["work"]).stdout == "in words\n"
    assert json.loads(RUN.invoke(made, ["work", "--json"]).stdout) == {"a": "ö"}


def test_an_unexpected_error_shows_its_kind_and_place_and_no_words() -> None:
    """No traceback: an exception's text may quote what it failed on."""
    done = RUN.invoke(failing(ValueError("a person's words")), ["fail"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "person" not in done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(r"found   ValueError at test_cli\.py:\d+\.", done.stderr)


def test_an_interruption_is_neither_success_nor_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """130, as shells expect of Ctrl-C."""

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("clerestory.cli.app", interrupted)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130


def test_progress_is_silent_when_quick_and_counts_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over two seconds it shows a share and a time; never a number of sessions."""
    clock = [0.0]
    shared = sys.modules["clerestory.cli.app"]
    monkeypatch.setattr(shared, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with Progress() as progress:
        for share in (0.1, 1.0):
            progress("sealing", share)
    assert capsys.readouterr().err == ""
    with Progress() as progress:
        for share in (0.0, 0.5, 1.0):
            progress("sealing", share)
            clock[0] += 5
    assert capsys.readouterr().err == "  sealing: done in 10 s\n"

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress() as progress:
        progress("sealing", 0.0)
        clock[0] += 5
        progress("sealing", 0.25)
        progress("classifying", 0.0)
    shown = capsys.readouterr()
    assert "sealing: 25%, 15 s left" in shown.err
    assert shown.out == ""


def test_colours_are_for_terminals_that_want_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log file or NO_COLOR gets plain words."""
    from clerestory.cli.app import tell_error

    error = ClerestoryError("A_CODE", rule="", found="", remedy="")
    monkeypatch.delenv("NO_COLOR", raising=False)
    tell_error(error, as_json=False)
    assert "\x1b" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tell_error(error, as_json=False)
    assert "\x1b" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    tell_error(error, as_json=False)
    assert "\x1b" not in capsys.readouterr().err


def test_a_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    """In a form that ssh-keygen knows; never over another."""
    path = tmp_path / "deep" / "officer"
    done = RUN.invoke(app, ["keys", "new", str(path), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert SigningKey.read(path).public == Path(told["public"]).read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    done = RUN.invoke(app, ["keys", "new", str(path)])
    assert done.exit_code == 2
    assert "KEY_EXISTS" in done.stderr
    assert path.read_bytes() == before
    # A public key of that name is somebody's, too.
    path.unlink()
    assert RUN.invoke(app, ["keys", "new", str(path)]).exit_code == 2
    assert not path.exists()


def test_data_under_json_is_whole(released: World, tmp_path: Path) -> None:
    """What programs read: one JSON document on standard output, and nothing else."""
    vault, bundle = str(released.vault), str(released.folder / "bundle")
    export = tmp_path / "ledger.jsonl"
    told = {}
    for name, words in {
        "status": ["status", vault],
        "ledger": ["ledger", vault, "--export", str(export)],
        "verify": ["verify", bundle],
        "check": ["check", str(STUDY)],
        "plan": ["plan", str(STUDY), "--out", str(tmp_path / "plan.json")],
        "audit": ["audit", str(export), bundle],
    }.items():
        done = RUN.invoke(app, [*words, "--json"])
        assert (done.exit_code, done.stderr) == (0, ""), name
        told[name] = json.loads(done.stdout)
    assert told["status"]["plans"][0]["standing"] == "released"
    assert len(told["ledger"]["entries"]) == len(export.read_text().splitlines())
    assert told["verify"]["holds"] is True
    assert len(told["verify"]["checks"]) == 18
    assert told["audit"]["charges"] == 1
    assert told["plan"]["forecast"]["cells"] > 0
    assert told["check"]["tables"]
    # The plan that was compiled again is the one that was released: nothing in it is of today.
    assert (tmp_path / "plan.json").read_bytes() == released.plan.read_bytes()


def test_words_say_what_json_says(released: World) -> None:
    """A person at a terminal is not told less."""
    shown = RUN.invoke(app, ["status", str(released.vault)]).stdout
    assert "released" in shown
    assert "officers: researcher@example.org" in shown
    shown = RUN.invoke(app, ["ledger", str(released.vault)]).stdout
    assert re.search(r"charge +[0-9a-f]{16}", shown)
    assert "left" in shown
    shown = RUN.invoke(app, ["verify", str(released.folder / "bundle")]).stdout
    assert "who that is was not established" in shown
    assert "This bundle is what its keeper signed." in shown
