"""Wrong input: a typed error with a remedy, the documented exit code, and nothing lost."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import pytest
from typer.testing import CliRunner, Result

from clerestory.cli import app
from privacy.signing import SigningKey
from tests.support.world import ROOT, STUDY, World

RUN = CliRunner()


@dataclass(frozen=True)
class Place:
    """Right and wrong paths for every command."""

    world: World
    folder: Path

    def path(self, word: str) -> str:
        """The path that a word of the table stands for; other words stay as they are."""
        names = {
            "VAULT": self.world.vault,
            "PLAN": self.world.plan,
            "KEY": self.world.key,
            "PUB": Path(f"{self.world.key}.pub"),
            "STATE": self.world.state,
            "BUNDLE": self.world.folder / "bundle",
            "STUDY": STUDY,
        }
        if word in names:
            return str(names[word])
        return str(self.folder / word[1:]) if word.startswith("@") else word


@pytest.fixture(scope="module")
def place(released: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A running keeper's world, and a folder of things that are something else."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "dir").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "mine").write_text("mine")
    (folder / "empty").touch()
    (folder / "latin").write_bytes(b"caf\xe9 \xff\xfe")
    (folder / "words").write_text("nothing that anybody asked for\n")
    (folder / "deep").write_text("[" * 100_000)
    text = STUDY.read_text(encoding="utf-8")
    (folder / "unknown.toml").write_text(text.replace("[privacy]", "[privacy]\nepsilom = 3.0", 1))
    (folder / "twice.toml").write_text(text.replace("[privacy]", "[privacy]\nepsilon = 3.0", 1))
    (folder / "greedy.toml").write_text(text.replace("epsilon = 2.0", "epsilon = 200.0"))
    (folder / "labels.csv").write_text("who,what\n1,2\n")
    (folder / "proof").write_text("c2sp.org/tlog-proof@v1\nindex 0\n")
    orphan = folder / "orphan"
    orphan.mkdir()
    for name in ("floor.json", "policy.toml"):
        (orphan / name).write_bytes((released.vault / name).read_bytes())
    policy = (released.vault / "policy.toml").read_text(encoding="utf-8")
    for name, days in (("looser", "minimum_accounts = 1"), ("stricter", "minimum_accounts = 99")):
        assert "minimum_accounts = 20" in policy
        (folder / f"{name}.toml").write_text(policy.replace("minimum_accounts = 20", days))
    broken = folder / "brokenvault"
    broken.mkdir()
    (broken / "floor.json").write_text("{}")
    SigningKey.generate().write(folder / "stranger")
    (folder / "log.jsonl").write_bytes(b'{"type":"user"}\n\xff\xfe\n')
    yield Place(released, folder)
    assert (folder / "full" / "mine").read_text() == "mine"


CASES = """
VAULT_EXISTS 2: init @full
VAULT_EXISTS 2: init VAULT
VAULT_EXISTS 2: init @words
VAULT_EXISTS 2: init @words/below
TERMS_SENSELESS 2: init @new --epsilon -1
TERMS_SENSELESS 2: init @new --epsilon nan
TERMS_SENSELESS 2: init @new --tier T9
TERMS_SENSELESS 2: init @new --retention-days 0
HARDWARE_SENSELESS 2: init @new --hardware PCR0
HARDWARE_SENSELESS 2: init @new --hardware PCR0=abc
CUSTODIAN_INSIDE_VAULT 2: init @new --custodian @new/keys
NO_VAULT 2: keeper @nothing --state @state
NO_VAULT 2: keeper @words --state @state
FLOOR_UNREADABLE 2: keeper @brokenvault --state @state
STATE_INSIDE_VAULT 2: keeper @orphan --state @orphan/state
PATH_UNUSABLE 2: keeper @orphan --state @words
PATH_UNUSABLE 2: keeper @orphan --state @words/below
KEEPER_RUNS_ALREADY 2: keeper VAULT --state @state
KEY_UNREADABLE 2: node --key @nothing --trust PUB --socket @n.sock
KEY_UNREADABLE 2: node --key @words --trust PUB --socket @n.sock
KEEPER_KEY_UNREADABLE 2: node --key KEY --trust @nothing --socket @n.sock
KEY_UNREADABLE 2: node --key KEY --trust @words --socket @n.sock
SOCKET_UNUSABLE 2: node --key KEY --trust PUB --socket @nowhere/n.sock
PATH_UNUSABLE 2: node --key KEY --trust PUB --socket @dir
KEY_EXISTS 2: keys new @words
KEY_EXISTS 2: keys new @dir
PATH_UNUSABLE 2: keys new @words/below
KEY_UNREADABLE 2: keys enrol VAULT @words --name x
KEY_UNREADABLE 2: keys enrol VAULT @nothing --name x
KEY_UNREADABLE 2: keys enrol VAULT @dir --name x
KEY_UNREADABLE 2: keys enrol VAULT @latin --name x
KEY_UNREADABLE 2: keys enrol VAULT KEY --name x
ENROLMENT_CLOSED 3: keys enrol VAULT @stranger.pub --name x
ROLE_UNKNOWN 2: keys enrol VAULT @stranger.pub --name x --role king
KEEPER_NOT_RUNNING 2: keys enrol @orphan PUB --name x
NO_SOURCE 2: seal VAULT @nothing --account x
ACCOUNTS_UNKNOWN 2: seal VAULT @log.jsonl
ACCOUNTS_UNKNOWN 2: seal VAULT @log.jsonl --accounts @words
ACCOUNTS_UNKNOWN 2: seal VAULT @log.jsonl --accounts @dir
ACCOUNTS_UNKNOWN 2: seal VAULT @log.jsonl --accounts @latin
ACCOUNTS_UNKNOWN 2: seal VAULT @log.jsonl --accounts @nothing
NO_VAULT 2: seal @nothing @log.jsonl --account x
NO_KEEPER 2: seal @orphan @log.jsonl --account x
NO_CUSTODIAN 2: seal VAULT @log.jsonl --account x --custodian @dir
NO_CUSTODIAN 2: seal VAULT @log.jsonl --account x --custodian @words
NO_SOURCE 2: inspect-format @nothing
IS_A_VAULT 3: inspect-format VAULT
IS_A_VAULT 3: inspect-format STATE
STUDY_MISSING 2: check @nothing
STUDY_MISSING 2: check @dir
STUDY_INVALID 2: check @latin
STUDY_INVALID 2: check @words
STUDY_INVALID 2: check @empty
STUDY_INVALID 2: check @unknown.toml
STUDY_INVALID 2: check @twice.toml
STUDY_INVALID 2: check @greedy.toml
STUDY_INVALID 2: plan @unknown.toml --out @plan.json
STUDY_INVALID 2: plan @greedy.toml --out @plan.json
EXPECTATION 2: plan STUDY --out @plan.json --accounts 0
EXPECTATION 2: plan STUDY --out @plan.json --accounts 10 --sessions 5
PATH_UNUSABLE 2: plan STUDY --out @dir
PATH_UNUSABLE 2: plan STUDY --out @words/below
PLAN_UNREADABLE 2: submit VAULT @nothing
PLAN_UNREADABLE 2: submit VAULT @dir
PLAN_UNREADABLE 2: submit VAULT @latin
PLAN_UNREADABLE 2: submit VAULT @words
PLAN_UNREADABLE 2: submit VAULT @empty
PLAN_UNREADABLE 2: submit VAULT @deep
NO_VAULT 2: submit @nothing PLAN
NO_VAULT 2: submit @dir PLAN
KEEPER_NOT_RUNNING 2: submit @orphan PLAN
KEY_UNREADABLE 2: approve VAULT PLAN --key @nothing
KEY_UNREADABLE 2: approve VAULT PLAN --key @dir
KEY_UNREADABLE 2: approve VAULT PLAN --key @latin
KEY_UNREADABLE 2: approve VAULT PLAN --key PUB
APPROVER_NOT_ENROLLED 3: approve VAULT PLAN --key @stranger
APPROVER_NOT_ENROLLED 3: revoke VAULT PLAN --key @stranger
PLAN_UNREADABLE 2: approve VAULT @words --key KEY
KEY_UNREADABLE 2: revoke VAULT PLAN --key @words
SIGN_ONE_WAY 2: approve VAULT PLAN
SIGN_ONE_WAY 2: approve VAULT PLAN --key KEY --print
SIGN_ONE_WAY 2: revoke VAULT PLAN --key KEY --signature @words
SIGNATURE_UNREADABLE 2: approve VAULT PLAN --signature @nothing
SIGNATURE_UNREADABLE 2: approve VAULT PLAN --signature @dir
SIGNATURE_UNREADABLE 2: approve VAULT PLAN --signature @latin
SIGNATURE_INVALID 4: approve VAULT PLAN --signature @words
PLAN_RELEASED 3: approve VAULT PLAN --key KEY
PLAN_RELEASED 3: revoke VAULT PLAN --key KEY
PLAN_RELEASED 3: withdraw VAULT PLAN --key KEY
NOT_THE_AUTHOR 3: withdraw VAULT PLAN --key @stranger
PLAN_RELEASED 3: return VAULT PLAN --reason WORDING --key KEY
REASON_UNKNOWN 3: return VAULT PLAN --key KEY
REASON_UNKNOWN 3: reject VAULT PLAN --reason because --key KEY
APPROVER_NOT_ENROLLED 3: reject VAULT PLAN --reason BUDGET --key @stranger
KEEPER_NOT_RUNNING 2: return @orphan PLAN --reason BUDGET --key KEY
POLICY_MISSING 2: policy diff VAULT @nothing
POLICY_MISSING 2: policy diff VAULT @latin
POLICY_UNREADABLE 2: policy diff VAULT @words
POLICY_LOOSENS_FLOOR 3: policy propose VAULT @looser.toml --key KEY
POLICY_UNCHANGED 3: policy propose VAULT @orphan/policy.toml --key KEY
ENDORSER_NOT_OFFICER 3: policy propose VAULT @stricter.toml --key @stranger
CHANGE_LAPSED 3: policy propose VAULT @stricter.toml --day 2020-01-01 --key KEY
DAY_UNREADABLE 2: policy propose VAULT @stricter.toml --day soon --key KEY
SIGN_ONE_WAY 2: policy propose VAULT @stricter.toml
PROPOSAL_UNKNOWN 2: policy approve VAULT @stricter.toml --key KEY
KEEPER_NOT_RUNNING 2: policy show @orphan
KEEPER_NOT_RUNNING 2: policy diff @orphan @stricter.toml
NO_VAULT 2: status @nothing
KEEPER_NOT_RUNNING 2: status @orphan
API_KEY_UNREADABLE 2: classify VAULT PLAN --api-key-file @latin
API_KEY_UNREADABLE 2: classify VAULT PLAN --api-key-file @nothing
KEEPER_NOT_RUNNING 2: classify @orphan PLAN
PLAN_UNREADABLE 2: classify VAULT @words
KEEPER_NOT_RUNNING 2: release @orphan PLAN --out @new
PLAN_UNREADABLE 2: release VAULT @words --out @new
BUNDLE_EXISTS 2: release VAULT PLAN --out @full
BUNDLE_EXISTS 2: release VAULT PLAN --out @words
PATH_UNUSABLE 2: release VAULT PLAN --out @words/below
NO_BUNDLE 2: verify @nothing
NO_BUNDLE 2: verify @dir
NO_BUNDLE 2: verify @words
KEY_UNREADABLE 2: verify BUNDLE --trust @nothing
KEY_UNREADABLE 2: verify BUNDLE --trust @dir
KEY_UNREADABLE 2: verify BUNDLE --trust @latin
KEY_UNREADABLE 2: verify BUNDLE --trust @words
KEEPER_NOT_RUNNING 2: ledger @orphan
PATH_UNUSABLE 2: ledger VAULT --export @dir
PATH_UNUSABLE 2: ledger VAULT --export @words/below
NO_VAULT 2: ledger @nothing
NO_EXPORT 2: ledger VAULT --prove 00
NO_EXPORT 2: ledger VAULT --since 3
NOTHING_TO_PROVE 2: ledger VAULT --export @new --since 0
NOTHING_TO_PROVE 2: ledger VAULT --export @new --since -1
NOTHING_TO_PROVE 2: ledger VAULT --export @new --prove none
NOTHING_TO_PROVE 2: audit @proof
CHECKPOINT_UNREADABLE 4: audit @proof --trust PUB
KEY_UNREADABLE 2: audit @words --trust @nothing
EXPORT_UNREADABLE 2: audit @empty @nothing
EXPORT_UNREADABLE 2: audit @empty @dir
EXPORT_UNREADABLE 2: audit @empty @nothing --trust PUB
EXPORT_UNREADABLE 2: audit @empty @latin --trust PUB
CHECKPOINT_UNREADABLE 4: audit @empty @words --trust PUB
NO_VAULT 2: recover @nothing --state STATE
NO_STATE 2: recover VAULT --state @nothing
NO_STATE 2: recover VAULT --state @dir
NO_STATE 2: recover VAULT --state @words
KEY_UNREADABLE 2: recover VAULT --state STATE --key @nothing
KEY_UNREADABLE 2: recover VAULT --state STATE --key PUB
SIGNATURE_UNREADABLE 2: recover VAULT --state STATE --signature @nothing
SIGNATURE_UNREADABLE 2: recover VAULT --state STATE --signature @latin
KEEPER_RUNS_ALREADY 2: recover VAULT --state STATE --key KEY
EXPORT_UNREADABLE 2: audit @nothing
EXPORT_UNREADABLE 2: audit @dir
LEDGER_BROKEN 4: audit @words
LEDGER_BROKEN 4: audit @latin
LEDGER_BROKEN 4: audit @deep
TWIN_SIZE 2: synthesize @new --accounts 0
TWIN_SIZE 2: synthesize @new --accounts 10 --sessions 5
TWIN_SIZE 2: synthesize @new --labels-only --accounts 0
VAULT_EXISTS 2: synthesize @full --labels-only --accounts 10 --sessions 10
DEMO_EXISTS 2: demo @full
DEMO_EXISTS 2: demo @words
"""
LISTED = [line for line in CASES.splitlines() if line]


def invoke(words: list[str]) -> Result:
    """Run a command in this process; a keeper's signal handlers do not stay."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        return RUN.invoke(app, words)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("case", LISTED)
def test_wrong_input_is_refused_with_a_remedy(place: Place, case: str) -> None:
    """In four lines for a person, in JSON for a program; no traceback, no data."""
    head, words = case.split(": ")
    code, exit_code = head.split()
    command = [place.path(word) for word in words.split()]
    before = {path.name for path in place.folder.iterdir()}
    done = invoke(command)
    assert done.exit_code == int(exit_code), done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith(f"{code}\n"), done.stderr
    assert "Traceback" not in done.stderr
    assert all(f"\n  {part} " in done.stderr for part in ("rule ", "found ", "to do "))
    if command[0] not in ("keeper", "demo", "node"):  # they run on, and tell no data
        error = json.loads(invoke([*command, "--json"]).stderr)
        assert (error["code"], error["exit"]) == (code, int(exit_code))
        assert error["remedy"]
    # A state folder may have been begun, and is begun again; nothing else was made.
    made = [path for path in place.folder.iterdir() if path.name not in {*before, "state"}]
    for path in made:
        rmtree(path) if path.is_dir() else path.unlink()
    assert made == []


@pytest.mark.parametrize(
    ("name", "line", "word"),
    [("unknown.toml", "epsilom", "epsilom"), ("twice.toml", "epsilon", "line")],
)
def test_a_studys_mistake_is_named_with_its_line(
    place: Place, name: str, line: str, word: str
) -> None:
    """A researcher mends a line, not a file."""
    text = (place.folder / name).read_text().splitlines()
    at = [number for number, found in enumerate(text, start=1) if found.startswith(line)]
    done = invoke(["check", str(place.folder / name)])
    assert word in done.stderr
    # Of a key that stands twice either line is a right answer.
    assert any(f"line {number}" in done.stderr for number in at)


def test_right_input_works(place: Place, tmp_path: Path) -> None:
    """The control: the same commands with nothing wrong in them."""
    for words in (
        "check STUDY",
        f"plan STUDY --out {tmp_path / 'plan.json'}",
        "submit VAULT PLAN",
        "status VAULT",
        "policy show VAULT",
        "policy diff VAULT @stricter.toml",
        "approve VAULT PLAN --print",
        "policy propose VAULT @stricter.toml --print",
        f"release VAULT PLAN --out {tmp_path / 'bundle'}",
        "verify BUNDLE",
        f"ledger VAULT --export {tmp_path / 'ledger'}",
        f"audit {tmp_path / 'ledger'} BUNDLE",
        f"init {tmp_path / 'vault'}",
        "inspect-format @log.jsonl",
        "inspect-format @log.jsonl --all",
    ):
        done = invoke([place.path(word) for word in words.split()])
        assert done.exit_code == 0, (words, done.stderr)
        assert done.stdout


def test_a_file_of_the_state_cannot_be_taken_for_a_vault(place: Place) -> None:
    """Nothing that was refused above left a trace in the vault or its ledger but refusals."""
    kinds = [entry["kind"] for entry in place.world.entries()]
    assert kinds.count("charge") == kinds.count("release") == 1
    assert "approval" in kinds


def started(vault: Path, state: Path, path: str) -> "subprocess.CompletedProcess[str]":
    """A keeper with some PATH, for long enough to hear what it says."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "clerestory",
        "keeper",
        str(vault),
        "--state",
        str(state),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        if "ready" in first:
            process.terminate()
        said = first + process.stderr.read()
        return subprocess.CompletedProcess(command, process.wait(30), "", said)


def test_without_bubblewrap_the_keeper_falls_to_t1_or_refuses(tmp_path: Path) -> None:
    """A lower tier where the floor allows it; else a refusal that says what to install."""
    for tier in ("T1", "T2"):
        vault = str(tmp_path / tier)
        assert invoke(["init", vault, "--tier", tier]).exit_code == 0
    (tmp_path / "bin").mkdir()
    lower = started(tmp_path / "T1", tmp_path / "s1", str(tmp_path / "bin"))
    assert "ready, workers at T1" in lower.stderr
    refused = started(tmp_path / "T2", tmp_path / "s2", str(tmp_path / "bin"))
    assert refused.returncode == 3
    assert refused.stderr.startswith("TIER_TOO_LOW")
    assert "doctor" in refused.stderr
    assert "Traceback" not in refused.stderr
