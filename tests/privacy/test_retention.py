"""How long sessions may be kept: to the day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import RefusedError
from privacy.retention import check_kept, is_expired, today
from tests.aggregates.rows import SHARE, small_plan
from tests.privacy.test_floor import FLOOR

PLAN = small_plan(SHARE)


@pytest.mark.parametrize(
    ("month", "days", "day", "expired"),
    [
        # January ends when February begins: 1 February and 30 days are 3 March (28 days).
        ("2026-01", 30, date(2026, 3, 2), False),
        ("2026-01", 30, date(2026, 3, 3), True),
        ("2025-12", 1, date(2026, 1, 1), False),
        ("2025-12", 1, date(2026, 1, 2), True),
        ("2024-02", 365, date(2025, 2, 28), False),
        ("2024-02", 365, date(2025, 3, 1), True),  # 1 March 2024 and 365 days: no leap day within
        ("2026-05", 1, date(2026, 1, 1), False),
    ],
)
def test_a_month_expires_when_its_youngest_session_is_old_enough(
    month: str,
    days: int,
    day: date,
    expired: bool,  # noqa: FBT001
) -> None:
    """Not a day sooner, for who sealed on the last of the month; not a day later."""
    assert is_expired(month, days, day) is expired


@pytest.mark.parametrize("month", ["unknown", "", "2026-13", "2026", "0000-01", "2026-01-01"])
def test_what_is_no_month_never_expires(month: str) -> None:
    """It cannot be told when; an account can still be forgotten."""
    assert not is_expired(month, 1, date(9000, 1, 1))


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 4000))
def test_expiry_is_one_step(ended: date, days: int) -> None:
    """Before it never, from then on always."""
    month = f"{ended:%Y-%m}"
    following = (ended.replace(day=1) + timedelta(days=31)).replace(day=1)
    for offset in (-400, -1, 0, 1, 400):
        moment = following + timedelta(days=days + offset)
        assert is_expired(month, days, moment) is (offset >= 0)


def test_a_plan_of_expired_months_is_refused_by_name() -> None:
    """RETENTION, with the floor's days; the control is the same plan a day earlier."""
    floor = replace(FLOOR, retention_days=100)
    last = date(2025, 11, 1) + timedelta(days=99)  # its first month is October
    check_kept(PLAN, floor, last)
    with pytest.raises(RefusedError, match="RETENTION") as refusal:
        check_kept(PLAN, floor, last + timedelta(days=1))
    assert "100 days" in refusal.value.rule
    assert "2025-10" in refusal.value.found
    assert today().year >= 2025
