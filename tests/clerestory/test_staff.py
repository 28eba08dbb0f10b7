"""Who is staff is declared account by account, in one place, or the sealing is refused."""

from pathlib import Path

import pytest

from clerestory.accounts import Owners
from privacy.errors import ConfigurationError


def told(folder: Path, text: str, *, staff: bool = False) -> Owners:
    """What a file says."""
    (folder / "accounts.csv").write_text(text, encoding="utf-8")
    return Owners.told(folder / "accounts.csv", None, staff=staff)


def test_a_column_says_of_each_account_yes_or_no(tmp_path: Path) -> None:
    """Without the column nothing is said, so that what was declared before stands."""
    owners = told(tmp_path, "path,account,staff\na,ann,yes\nb,bob,no\nc,ann,yes\n")
    assert [owners.is_staff(name) for name in ("ann", "bob", "cy")] == [True, False, None]
    silent = told(tmp_path, "path,account\na,ann\n")
    assert silent.is_staff("ann") is None
    assert told(tmp_path, "path,account\na,ann\n", staff=True).is_staff("ann") is True


def test_one_word_declares_all_accounts_of_a_sealing() -> None:
    """Where they are one person's, or named by the logs."""
    assert Owners.told(None, "ann", staff=True).is_staff("ann") is True
    assert Owners.told(None, None, stated=True, staff=True).is_staff("whoever") is True
    assert Owners.told(None, "ann").is_staff("ann") is None


@pytest.mark.parametrize(
    ("rows", "staff"),
    [
        ("a,ann,maybe\n", False),
        ("a,ann,\n", False),
        ("a,ann,Yes\n", False),
        ("a,ann\n", False),
        ("a,ann,yes\nb,ann,no\n", False),
        ("a,ann,yes\n", True),
    ],
    ids=["another word", "nothing", "capitals", "no cell", "both", "in two places"],
)
def test_what_is_not_said_plainly_is_refused(tmp_path: Path, rows: str, staff: bool) -> None:  # noqa: FBT001
    """A person who is counted by mistake cannot be taken out of a release."""
    with pytest.raises(ConfigurationError, match="STAFF_UNKNOWN"):
        told(tmp_path, "path,account,staff\n" + rows, staff=staff)
