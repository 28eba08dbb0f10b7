"""Whose a file or a point is: one answer, by the custodian, or none."""

from pathlib import Path

import pytest

from classifiers.edge import STATED
from clerestory.accounts import Owners
from privacy.errors import ConfigurationError

TABLE = """path,account,telemetry
logs/ann,ann,uuid-ann
,ann,installation-ann
logs/bob,bob,
otlp/shared,carl,
,9f-dora,
"""


@pytest.fixture
def owners(tmp_path: Path) -> Owners:
    """Four accounts, two of them with ids in telemetry."""
    table = TABLE.replace(",9f-dora,\n", "logs/dora,9f-dora,\n")
    (tmp_path / "accounts.csv").write_text(table, encoding="utf-8")
    return Owners.told(tmp_path / "accounts.csv", None)


def test_a_point_is_its_ids_accounts(owners: Owners, tmp_path: Path) -> None:
    """Several ids may be one account's; one that is called by its id needs no row."""
    everybodys = tmp_path / "collector.jsonl"
    assert owners.of_file(everybodys) is None
    assert owners.of_point(everybodys, "uuid-ann") == "ann"
    assert owners.of_point(everybodys, "installation-ann") == "ann"
    assert owners.of_point(everybodys, "9f-dora") == "9f-dora"
    assert owners.of_point(everybodys, "stranger") is None
    assert owners.of_point(everybodys, "") is None


def test_a_file_may_be_one_accounts(owners: Owners, tmp_path: Path) -> None:
    """Then its points are, whatever unknown id they name; a known one of another is nobody's."""
    path = tmp_path / "otlp/shared/metrics.jsonl"
    assert owners.of_point(path, "stranger") == "carl"
    assert owners.of_point(path, "") == "carl"
    assert owners.of_point(path, "uuid-ann") is None
    assert owners.of_point(tmp_path / "logs/ann/metrics.jsonl", "uuid-ann") == "ann"


def test_one_account_may_own_everything() -> None:
    """As with logs: --account says so."""
    owners = Owners.told(None, "ann")
    assert owners.of_file(Path("anywhere")) == owners.of_point(Path("anywhere"), "uuid") == "ann"


def test_logs_and_telemetry_may_name_their_accounts() -> None:
    """With --stated a point is the account that it names; one that names nobody is nobody's."""
    owners = Owners.told(None, None, stated=True)
    assert owners.of_file(Path("anywhere")) == STATED
    assert owners.of_point(Path("anywhere"), "uuid") == "uuid"
    assert owners.of_point(Path("anywhere"), "") is None


def test_two_columns_are_enough(tmp_path: Path) -> None:
    """A table without telemetry is read as it always was."""
    path = tmp_path / "accounts.csv"
    path.write_text("path,account\nlogs,ann\n", encoding="utf-8")
    owners = Owners.told(path, None)
    assert owners.of_file(tmp_path / "logs" / "a.jsonl") == "ann"
    assert owners.of_point(tmp_path / "x", "uuid") is None


def test_a_spreadsheets_table_is_read(tmp_path: Path) -> None:
    """Spreadsheets write a mark before the first column's name, which is no part of it."""
    path = tmp_path / "accounts.csv"
    path.write_text("path,account,staff\r\nlogs,ann,yes\r\nlogs,ann,yes\r\n", encoding="utf-8-sig")
    owners = Owners.told(path, None)
    assert owners.of_file(tmp_path / "logs" / "a.jsonl") == "ann"
    assert owners.is_staff("ann") is True


@pytest.mark.parametrize(
    "table",
    [
        "path,account,telemetry\n,ann,one\n,bob,one\n",
        "path,account,telemetry\nlogs,bob,ann\nlogs/a,ann,\n",
        "path,account,telemetry\n,ann,\n",
        "path,account,telemetry\nlogs,,one\n",
        "path,telemetry\nlogs,one\n",
        "account,telemetry\nann,one\n",
        "path,account\nlogs,ann\n./logs,bob\n",
        "path,account,Staff\nlogs,ann,yes\n",
        "path,account,staff \nlogs,ann,yes\n",
    ],
)
def test_a_table_that_contradicts_itself_is_refused(table: str, tmp_path: Path) -> None:
    """One id or path of two accounts, a name that is another's id, what says nothing."""
    path = tmp_path / "accounts.csv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="ACCOUNTS_UNKNOWN"):
        Owners.told(path, None)
