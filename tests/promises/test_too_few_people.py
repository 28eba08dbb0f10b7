"""Promise: where too few people stand behind a number, it is not printed, and that is said."""

import csv
import json
from pathlib import Path

import pytest

from clerestory.keeping import running_keeper
from tests.support.corpus import real_logs
from tests.support.world import STUDY, World, clerestory, must


def printed(bundle: Path) -> list[dict[str, str]]:
    """The published rows of a bundle."""
    with (bundle / "tables.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["state"] == "published"]


@pytest.mark.corpus
def test_real_logs_of_a_few_accounts_are_read_and_release_nothing(tmp_path: Path) -> None:
    """Every file is read or refused by reason code; the release prints no number."""
    logs = real_logs() / "claude_code"
    owners = tmp_path / "accounts.csv"
    repositories = sorted(path for path in logs.iterdir() if path.is_dir())
    with owners.open("w", encoding="utf-8", newline="") as file:
        rows = [("path", "account"), *((str(path), path.name) for path in repositories)]
        csv.writer(file).writerows(rows)
    files = [path for path in logs.rglob("*") if path.is_file()]
    seen = json.loads(must("inspect-format", logs, "--json"))
    assert seen["read"] + sum(seen["refused"].values()) == len(files) == len(seen["files"])
    assert seen["read"] > 100

    vault, plan, key = tmp_path / "vault", tmp_path / "plan.json", tmp_path / "officer"
    must("init", vault, "--retention-days", "3650")
    with running_keeper(vault, tmp_path / "state"):
        must("keys", "new", key)
        must("keys", "enrol", vault, f"{key}.pub", "--name", "officer@example.org")
        counts = json.loads(must("seal", vault, logs, "--accounts", owners, "--json"))["counts"]
        told = sum(n for code, n in counts.items() if code.startswith("file "))
        assert told == len(files)
        must("plan", STUDY, "--out", plan)
        must("submit", vault, plan)
        must("approve", vault, plan, "--key", key)
        must("classify", vault, plan)
        must("release", vault, plan, "--out", tmp_path / "bundle")

    assert printed(tmp_path / "bundle") == []
    assert clerestory("verify", tmp_path / "bundle").returncode == 0
    page = (tmp_path / "bundle" / "report.html").read_text(encoding="utf-8")
    assert "too few people" in page.lower()


def test_a_population_that_is_large_enough_does_print(released: World) -> None:
    """The control: the same study over 3,000 planted accounts prints most of its cells."""
    bundle = released.folder / "bundle"
    rows = printed(bundle)
    assert len(rows) > 40
    minimum = json.loads((bundle / "plan.json").read_text())["privacy"]["minimum_accounts"]
    assert all(int(row["accounts_at_least"]) >= minimum for row in rows)
