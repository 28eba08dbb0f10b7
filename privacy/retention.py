"""
How long sessions may be kept: the floor's `retention_days`, counted from the end of a month.

A session's header names its month and no day, so that all sessions of a month go together: on
the day on which even the youngest of them has been kept as long as the floor allows.  The
clock is the machine's own.
"""

from datetime import UTC, date, datetime, timedelta

from .errors import RefusedError
from .floor import Floor
from .plan import Plan


def today() -> date:
    """The date in UTC, by the machine's clock."""
    return datetime.now(UTC).date()


def is_expired(month: str, days: int, now: date) -> bool:
    """Whether a month (`YYYY-MM`) ended `days` ago or longer; what is no month never expires."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        return False
    following = (first + timedelta(days=31)).replace(day=1)
    return (now - following).days >= days


def check_kept(plan: Plan, floor: Floor, now: date) -> None:
    """
    Raise if a plan speaks of months whose sessions may be kept no longer.

    Raises:
        RefusedError: It does; they are erased.
    """
    expired = [
        month for month in plan.population.months if is_expired(month, floor.retention_days, now)
    ]
    if expired:
        raise RefusedError(
            "RETENTION",
            rule=f"The floor lets sessions be kept for {floor.retention_days} days after their "
            "month has ended.",
            found=f"a plan about {expired[0]}{' and others' if len(expired) > 1 else ''}, which "
            "is over that.",
            remedy="plan the study for later months and have it approved.",
        )
