"""Deciding on the command line: keys that lie elsewhere, the ways of a plan, changes of policy."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from clerestory.cli import app
from clerestory.keeping import running_keeper
from tests.support.token import Token
from tests.support.world import AUTHOR, STUDY, must

RUN = CliRunner()
needs_ssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None,
    reason="ssh-keygen is missing: apt-get install openssh-client",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running keeper, two officers and an author with keys, and a plan."""
    folder = tmp_path_factory.mktemp("deciding")
    must("init", folder / "vault")
    must("plan", STUDY, "--out", folder / "plan.json")
    with running_keeper(folder / "vault", folder / "state"):
        for name, role in (("olga", "officer"), ("otto", "officer"), (AUTHOR, "researcher")):
            key = folder / name.partition("@")[0]
            must("keys", "new", key)
            must("keys", "enrol", folder / "vault", f"{key}.pub", "--name", name, "--role", role)
        yield folder


def run(place: Path, *words: str) -> Result:
    """A command in this process; `@x` is a file of the place."""
    return RUN.invoke(app, [str(place / word[1:]) if word[0] == "@" else word for word in words])


def standing(place: Path, *words: str) -> str:
    """Where the plan stands after a command that has to work."""
    done = run(place, *words, "--json")
    assert done.exit_code == 0, done.stderr
    return str(json.loads(done.stdout)["standing"])


def printed(place: Path, *words: str) -> bytes:
    """The bytes that a command would have signed."""
    done = run(place, *words, "--print")
    assert done.exit_code == 0, done.stderr
    assert "ssh-keygen -Y sign -n clerestory-" in done.stderr
    return done.stdout_bytes


@needs_ssh
def test_a_plan_goes_all_its_ways_with_ssh_keygen(place: Path) -> None:
    """Signed with OpenSSH's own tool: returned, submitted again, approved, withdrawn, rejected."""
    plan = ("@vault", "@plan.json")
    assert standing(place, "submit", *plan) == "submitted"

    def signed(event: str, who: str, namespace: str, *more: str) -> tuple[str, ...]:
        path = place / "bytes"
        path.write_bytes(printed(place, event, *plan, *more))
        (place / "bytes.sig").unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(place / who)]
        subprocess.run([*command, str(path)], check=True, capture_output=True)
        return event, *plan, *more, "--signature", "@bytes.sig"

    why = ("--reason", "wording")
    assert standing(place, *signed("return", "olga", "clerestory-return", *why)) == "returned"
    shown = run(place, "status", "@vault").stdout
    assert "returned" in shown
    assert "misleads its reader" in shown
    assert standing(place, "submit", *plan) == "submitted"
    wrong = run(place, *signed("approve", "olga", "clerestory-revocation"))
    assert (wrong.exit_code, wrong.stderr.split("\n")[0]) == (4, "SIGNATURE_INVALID")
    assert standing(place, *signed("approve", "olga", "clerestory-plan")) == "approved"
    author = AUTHOR.partition("@")[0]
    assert standing(place, *signed("withdraw", author, "clerestory-withdrawal")) == "withdrawn"
    assert standing(place, "submit", *plan) == "submitted"
    why = ("--reason", "REPEATED")
    assert standing(place, "reject", *plan, *why, "--key", "@otto") == "rejected"
    refused = run(place, "submit", *plan)
    assert (refused.exit_code, refused.stderr.split("\n")[0]) == (3, "PLAN_REJECTED")


def test_two_officers_change_the_policy_on_the_command_line(place: Path) -> None:
    """Show, compare, propose, approve: each reads a file of his own, and sees what loosens."""
    text = run(place, "policy", "show", "@vault").stdout
    assert text.startswith("# policy ")
    assert "2 officer(s) change it" in text
    new = text.replace("approval_days = 90", "approval_days = 400")
    new = new.replace("minimum_accounts = 20", "minimum_accounts = 30")
    (place / "new.toml").write_text(new, encoding="utf-8")
    done = run(place, "policy", "diff", "@vault", "@new.toml")
    assert done.stdout.splitlines() == [
        "  tighter  minimum_accounts: 20 → 30",
        "  LOOSER   approval_days: 90 → 400",
    ]
    done = run(place, "policy", "propose", "@vault", "@new.toml", "--key", "@olga")
    assert (done.exit_code, "waits for 1 more officer" in done.stdout) == (0, True)
    assert "signed by olga" in run(place, "policy", "show", "@vault").stdout
    # Another text than the proposed one is another change.
    (place / "other.toml").write_text(new.replace("= 400", "= 401"), encoding="utf-8")
    done = run(place, "policy", "approve", "@vault", "@other.toml", "--key", "@otto")
    assert done.stderr.startswith("PROPOSAL_UNKNOWN")
    assert b"clerestory/policy-change/1" in printed(
        place, "policy", "approve", "@vault", "@new.toml"
    )
    done = run(place, "policy", "approve", "@vault", "@new.toml", "--key", "@otto", "--json")
    assert json.loads(done.stdout)["adopted"] is True
    assert "approval_days = 400" in run(place, "policy", "show", "@vault").stdout
    assert "approval_days = 400" in (place / "vault" / "policy.toml").read_text()


def test_a_key_in_a_token_is_enrolled_by_a_change(place: Path) -> None:
    """After the first plan, people come in by two officers' signatures."""
    text = run(place, "policy", "show", "@vault").stdout
    person = f'\n[[officer]]\nname = "theo"\nkey = "{Token().public} theo@example.org"\n'
    (place / "theo.toml").write_text(text + person, encoding="utf-8")
    done = run(place, "policy", "diff", "@vault", "@theo.toml")
    assert "changed  officer: olga, otto → olga, otto, theo" in done.stdout
    run(place, "policy", "propose", "@vault", "@theo.toml", "--key", "@olga")
    run(place, "policy", "approve", "@vault", "@theo.toml", "--key", "@otto")
    told = json.loads(run(place, "status", "@vault", "--json").stdout)
    assert told["officers"] == ["olga", "otto", "theo"]
