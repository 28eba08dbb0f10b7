"""docs/keeper.md can be followed: its commands exist, its unit is one, its folders hold."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from privacy.keeper.configuration import CONFIGURATION, read_configuration
from privacy.keeper.roles import MAY_ASK
from tests.support.users import CUSTODIAN, KEEPER, SEALERS, needs_root
from tests.support.world import ROOT
from tests.test_project import commands

PAGE = (ROOT / "docs/keeper.md").read_text(encoding="utf-8")
UNIT = ROOT / "docs/systemd/clerestory-keeper.service"


def blocks(language: str) -> list[str]:
    """Code blocks of the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_its_commands_and_options_exist() -> None:
    """Of our program; and the others are those of a Debian system."""
    known, lines = commands(), "\n".join(blocks("sh")).splitlines()
    ours = [line for line in lines if re.search(r"(^|-- )clerestory ", line)]
    assert len(ours) >= 4
    for line in ours:
        told = re.search(r"(?:^|-- )clerestory ((?:keys )?[a-z]+)(.*)", line)
        assert told
        assert set(re.findall(r"(?<!\S)--[a-z-]+", told[2])) <= known[told[1]], line
    others = {line.split()[0] for line in lines if line and line not in ours}
    names = {word for word in others if re.fullmatch(r"[a-z]+", word)} - {"export"}
    assert names == {"adduser", "addgroup", "chown", "chmod", "install"}


def test_its_table_is_the_codes() -> None:
    """Who may ask what, role by role."""
    for role in ("custodian", "officer", "researcher"):
        (row,) = re.findall(rf"^\| {role} \|.*$", PAGE, re.MULTILINE)
        told = set(re.findall(r"`([a-z-]+)`", row.rsplit("|", 2)[1]))
        assert told == {verb for verb, roles in MAY_ASK.items() if role in roles}


def test_its_configuration_is_read(tmp_path: Path) -> None:
    """As it stands there."""
    (tmp_path / CONFIGURATION).write_text(blocks("toml")[0])
    read = read_configuration(tmp_path)
    assert (read.group, read.key.how) == ("clerestory-askers", "command")
    assert read.key.environment == ("KMS_REGION",)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_unit_is_one(tmp_path: Path) -> None:
    """Every setting known, every value understood; a misspelt one is the control."""
    text = UNIT.read_text().replace("/opt/clerestory/.venv/bin/clerestory", sys.executable)
    for words, fine in ((text, True), (text.replace("ProtectSystem", "ProtectSytem"), False)):
        unit = tmp_path / UNIT.name
        unit.write_text(words)
        done = subprocess.run(
            ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
        )
        said = [line for line in done.stderr.splitlines() if UNIT.name in line]
        assert (said == []) is fine, done.stderr


def test_the_unit_is_of_the_recipes_users_and_folders() -> None:
    """One name for one thing, in the page and in the unit."""
    text = UNIT.read_text()
    for word in ("clerestory-sealers", "clerestory-askers", "/var/lib/clerestory-vault"):
        assert word in text
        assert word in PAGE
    assert "NoNewPrivileges=yes" in text
    assert "ProtectSystem=strict" in text


@needs_root
def test_its_folders_are_as_it_says(tmp_path: Path) -> None:
    """The lines are run as they stand, with numbers for names and folders of ours."""
    (lines,) = [block for block in blocks("sh") if "clerestory init" in block]
    for old, new in (
        ("/var/lib", str(tmp_path)),
        ("clerestory init", f"{sys.executable} -P -m clerestory init"),
        ("-o clerestory-custodian -g clerestory-sealers", f"-o {CUSTODIAN} -g {SEALERS}"),
        ("clerestory-custodian:clerestory-custodian", f"{CUSTODIAN}:{CUSTODIAN}"),
        ("clerestory:clerestory", f"{KEEPER}:{KEEPER}"),
        ("-o clerestory -g clerestory", f"-o {KEEPER} -g {KEEPER}"),
    ):
        assert old in lines
        lines = lines.replace(old, new)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(["sh", "-euc", lines], check=True, env=environment, cwd=tmp_path)
    vault = tmp_path / "clerestory-vault"
    for path, owner, mode in (
        (vault, KEEPER, 0o755),
        (vault / "sessions", CUSTODIAN, 0o2770),
        (vault / "policy.toml", KEEPER, 0o644),
        (tmp_path / "clerestory", KEEPER, 0o700),
        (tmp_path / "clerestory-custodian/keys/accounts.key", CUSTODIAN, 0o600),
    ):
        about = path.stat()
        assert (about.st_uid, about.st_mode & 0o7777) == (owner, mode), path.name
    assert (vault / "sessions").stat().st_gid == SEALERS
