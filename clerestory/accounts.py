"""
Whose a file is, and whose a point of telemetry: as the custodian says, and nobody else.

`accounts.csv` has the columns path and account; a third, telemetry, names the id by which an
account's telemetry names it (`user.account_uuid`, else `user.id`).  A row may have a path, an id
or both, and an account as many rows as it needs.  An account that is itself called by its id
needs no such row.  Where logs and telemetry name their accounts themselves, he may leave it to
them.

A further column, staff, says yes or no of every account, or is not there.  A column of any other
name is refused: it may be one of these, misspelt, and would declare nothing.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from classifiers.edge import STATED
from privacy.errors import ConfigurationError

_COLUMNS = {"path", "account", "telemetry", "staff"}


@dataclass(frozen=True, slots=True)
class Owners:
    """What the custodian says."""

    everything: str = ""
    """The one account of all sources; empty where the rest says whose they are."""
    paths: Mapping[Path, str] = field(default_factory=dict)
    """File or folder → account."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Id in telemetry → account."""
    staff: Mapping[str, bool] = field(default_factory=dict)
    """Accounts that are declared to be staff, or not to be; of others nothing is said."""
    all_staff: bool = False

    @classmethod
    def told(
        cls,
        accounts: Path | None,
        account: str | None,
        *,
        stated: bool = False,
        staff: bool = False,
    ) -> "Owners":
        """
        Read what the custodian gave: a file, one name, or leave to take the names in the logs.

        Args:
            accounts: The file, or None.
            account: The one name, or None.
            stated: Whether accounts are those that the logs themselves name.
            staff: Whether all these accounts are staff; otherwise the file may tell.

        Raises:
            ConfigurationError: He gave several or none of them, or a file that does not say it.
        """
        if [accounts is not None, account is not None, stated].count(True) != 1:
            raise _whose("none of --accounts, --account and --stated, or several.")
        if accounts is None:
            everything = STATED if account is None else account
            if not everything.strip():
                raise _whose("an account without a name: it would be everybody's.")
            return cls(everything, all_staff=staff)
        rows = _rows(accounts)
        if not all(row.account.strip() and (row.path or row.named) for row in rows):
            raise _whose("a line without a path or an account.")
        ids = {row.account: row.account for row in rows}
        for row in rows:
            if row.named and ids.setdefault(row.named, row.account) != row.account:
                raise _whose("one id in telemetry for two accounts.")
        paths: dict[Path, str] = {}
        for row in rows:
            if row.path and paths.setdefault(row.path, row.account) != row.account:
                raise _whose("one path for two accounts.")
        return cls("", paths, ids, _declared(rows, staff=staff), staff)

    def of_file(self, path: Path) -> str | None:
        """Whose a file is; None if nobody's."""
        if self.everything:
            return self.everything
        whole = path.resolve()
        places = (whole, *whole.parents)
        return next((self.paths[place] for place in places if place in self.paths), None)

    def of_point(self, path: Path, named: str) -> str | None:
        """
        Whose a point of telemetry is; None if nobody's.

        Where the file is somebody's and the point names another account that is known, it is
        nobody's: one of the two is wrong.
        """
        if self.everything:
            return (named or None) if self.everything == STATED else self.everything
        by_file, by_id = self.of_file(path), self.ids.get(named)
        if by_file and by_id and by_file != by_id:
            return None
        return by_file or by_id

    def is_staff(self, account: str) -> bool | None:
        """What is declared of an account; None if nothing is."""
        return True if self.all_staff else self.staff.get(account)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the file."""

    path: Path | None
    account: str
    named: str
    """Its id in telemetry."""
    staff: str | None
    """None without such a column."""


def _rows(accounts: Path) -> list[_Row]:
    def at(path: str | None) -> Path | None:
        return (accounts.parent / path).resolve() if path else None

    try:
        with accounts.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            found = [
                _Row(
                    at(row["path"]),
                    row["account"] or "",
                    row.get("telemetry") or "",
                    (row.get("staff") or "") if "staff" in (reader.fieldnames or ()) else None,
                )
                for row in reader
            ]
        columns = set(reader.fieldnames or ())
    except (OSError, ValueError, KeyError, csv.Error):
        raise _whose("a file that is no CSV with the columns path and account.") from None
    if not {"path", "account"} <= columns:
        raise _whose("a file without the columns path and account.")
    if not columns <= _COLUMNS:
        raise _whose("a column of another name.")
    return found


def _declared(rows: list[_Row], *, staff: bool) -> dict[str, bool]:
    """Who is staff by the column of that name; nothing where there is none."""
    told = [row for row in rows if row.staff is not None]
    declared = {row.account: row.staff == "yes" for row in told}
    if told and staff:
        raise _who_is_staff("--staff beside a column that tells it.")
    if any(row.staff not in ("yes", "no") for row in told):
        raise _who_is_staff("a line that says neither yes nor no.")
    if any(declared[row.account] != (row.staff == "yes") for row in told):
        raise _who_is_staff("an account of which one line says yes and another no.")
    return declared


def _who_is_staff(found: str) -> ConfigurationError:
    return ConfigurationError(
        "STAFF_UNKNOWN",
        rule="Staff are declared account by account, as yes or no, and in one place.",
        found=found,
        remedy="write yes or no in the column staff of every line, or leave the column out.",
    )


def _whose(found: str) -> ConfigurationError:
    return ConfigurationError(
        "ACCOUNTS_UNKNOWN",
        rule="What is protected is an account, so every file belongs to one.",
        found=found,
        remedy="give --account NAME, or --accounts FILE.csv with the columns path,account; "
        "paths are relative to that file and may name folders; --stated where logs name them. "
        "A column telemetry names the id that an account has in telemetry, a column staff says "
        "yes or no.",
    )
