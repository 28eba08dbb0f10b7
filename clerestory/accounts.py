"""
Whose a file is, and whose a point of telemetry: as the custodian says, and nobody else.

`accounts.csv` has the columns path and account; a third, telemetry, names the id by which an
account's telemetry names it (`user.account_uuid`, else `user.id`).  A row may have a path, an id
or both, and an account as many rows as it needs.  An account that is itself called by its id
needs no such row.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from privacy.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Owners:
    """What the custodian says."""

    everything: str = ""
    """The one account of all sources; empty where the rest says whose they are."""
    paths: Mapping[Path, str] = field(default_factory=dict)
    """File or folder → account."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Id in telemetry → account."""

    @classmethod
    def told(cls, accounts: Path | None, account: str | None) -> "Owners":
        """
        Read what the custodian gave: a file, or one name.

        Raises:
            ConfigurationError: He gave both, neither, or a file that does not say it.
        """
        if (accounts is None) == (account is None):
            raise _whose("neither --accounts nor --account, or both.")
        if accounts is None:
            if account is None or not account.strip():
                raise _whose("an account without a name: it would be everybody's.")
            return cls(account)
        rows = _rows(accounts)
        if not all(account.strip() and (path or named) for path, account, named in rows):
            raise _whose("a line without a path or an account.")
        ids = {account: account for _, account, _ in rows}
        for _, account, named in rows:
            if named and ids.setdefault(named, account) != account:
                raise _whose("one id in telemetry for two accounts.")
        return cls("", {path: account for path, account, _ in rows if path}, ids)

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
            return self.everything
        by_file, by_id = self.of_file(path), self.ids.get(named)
        if by_file and by_id and by_file != by_id:
            return None
        return by_file or by_id


def _rows(accounts: Path) -> list[tuple[Path | None, str, str]]:
    """(path, account, id in telemetry) of each line."""

    def at(path: str | None) -> Path | None:
        return (accounts.parent / path).resolve() if path else None

    try:
        with accounts.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            found = [
                (at(row["path"]), row["account"] or "", row.get("telemetry") or "")
                for row in reader
            ]
        if {"path", "account"} <= set(reader.fieldnames or ()):
            return found
    except (OSError, ValueError, KeyError, csv.Error):
        raise _whose("a file that is no CSV with the columns path and account.") from None
    raise _whose("a file without the columns path and account.")


def _whose(found: str) -> ConfigurationError:
    return ConfigurationError(
        "ACCOUNTS_UNKNOWN",
        rule="What is protected is an account, so every file belongs to one.",
        found=found,
        remedy="give --account NAME, or --accounts FILE.csv with the columns path,account; "
        "paths are relative to that file and may name folders. A third column, telemetry, names "
        "the id that an account has in telemetry.",
    )
