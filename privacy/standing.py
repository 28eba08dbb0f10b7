"""
Where a plan stands: its states, what may happen in each, and who may do it.

One table says it all.  The keeper's checks, the standing that `status` shows and the diagram in
docs/plan-states.md are derived from it, and what is not in it is refused under the code of the
state that forbids it.

A standing is kept nowhere: it follows from the ledger, from the policy that the plan is bound
to, and from the time.  Nothing that was signed counts twice: Ed25519 signs alike each time, and
signatures stand in the ledger's export, so a plan that left the officers' desks unapproved comes
back as another *submission*, with another hash, under which no old signature fits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from .entries import Entry
from .errors import RefusedError
from .policy import Policy

Standing = Literal[
    "draft", "submitted", "partially approved", "approved", "running", "released",
    "returned", "rejected", "withdrawn", "revoked", "expired",
]  # fmt: skip
Event = Literal[
    "submit", "approve", "return", "reject", "withdraw", "revoke", "charge", "release", "lapse"
]

WHO: Mapping[Event, str] = {
    "submit": "researcher",
    "approve": "officer, not the author",
    "return": "officer",
    "reject": "officer",
    "withdraw": "author",
    "revoke": "officer",
    "charge": "keeper",
    "release": "keeper",
    "lapse": "time",
}
"""Event → who makes it happen."""

ENTRIES: Mapping[str, Event] = {
    "plan": "submit",
    "approval": "approve",
    "return": "return",
    "rejection": "reject",
    "withdrawal": "withdraw",
    "revocation": "revoke",
    "charge": "charge",
    "release": "release",
}
"""Kind of a ledger's entry → what happened.  That approvals lapse is written nowhere."""


@dataclass(frozen=True, slots=True)
class State:
    """What a standing means, and how what it does not allow is refused."""

    code: str
    rule: str
    remedy: str


STATES: Mapping[Standing, State] = {
    "draft": State(
        code="PLAN_UNKNOWN",
        rule="A plan is submitted before anything is done with it.",
        remedy="submit it with `clerestory submit VAULT PLAN`.",
    ),
    "submitted": State(
        code="NOT_APPROVED",
        rule="A plan runs when as many officers as the policy asks for have approved it.",
        remedy="have it signed with `clerestory approve VAULT PLAN --key KEY`.",
    ),
    "partially approved": State(
        code="NOT_APPROVED",
        rule="A plan runs when as many officers as the policy asks for have approved it.",
        remedy="have it signed with `clerestory approve VAULT PLAN --key KEY`.",
    ),
    "approved": State(
        code="PLAN_APPROVED",
        rule="A release is charged before a key is given.",
        remedy="ask for it with `clerestory release VAULT PLAN --out BUNDLE`.",
    ),
    "running": State(
        code="PLAN_RUNNING",
        rule="What was charged is not sent back to its author: it is released or revoked.",
        remedy="wait for its release, or stop it with `clerestory revoke VAULT PLAN --key KEY`.",
    ),
    "released": State(
        code="PLAN_RELEASED",
        rule="What was released is out, and no signature calls it back.",
        remedy="fetch it with `clerestory release VAULT PLAN --out BUNDLE`.",
    ),
    "returned": State(
        code="PLAN_RETURNED",
        rule="A returned plan waits for its author, who mends it or hands it in again.",
        remedy="mend the study, or submit it as it is: `clerestory submit VAULT PLAN`.",
    ),
    "rejected": State(
        code="PLAN_REJECTED",
        rule="A rejected plan is never approved.",
        remedy="ask the officer; another study is another plan.",
    ),
    "withdrawn": State(
        code="PLAN_WITHDRAWN",
        rule="A withdrawn plan does not run before its author hands it in again.",
        remedy="submit it again: `clerestory submit VAULT PLAN`.",
    ),
    "revoked": State(
        code="PLAN_REVOKED",
        rule="A revoked plan never runs again.",
        remedy="mend the study, even if only its purpose, and submit the new plan.",
    ),
    "expired": State(
        code="PLAN_EXPIRED",
        rule="An approval stands as long as the policy says, and is not given twice.",
        remedy="submit it again, `clerestory submit VAULT PLAN`, and have it signed anew.",
    ),
}

OPEN: tuple[Standing, ...] = ("submitted", "partially approved", "approved")
"""On the officers' desks."""
REOPENED: tuple[Standing, ...] = ("returned", "withdrawn", "expired")
"""May be handed in again, as another submission."""
FINAL: tuple[Standing, ...] = ("rejected", "revoked")
"""Closed for good, also under a later policy or other code."""

TABLE: Mapping[tuple[Standing, Event], tuple[Standing, ...]] = {
    ("draft", "submit"): ("submitted",),
    **{(standing, "submit"): ("submitted",) for standing in REOPENED},
    **{(standing, "submit"): (standing,) for standing in (*OPEN, "running", "released")},
    ("submitted", "approve"): ("partially approved", "approved"),
    ("partially approved", "approve"): ("partially approved", "approved"),
    ("approved", "approve"): ("approved",),
    **{(standing, "return"): ("returned",) for standing in OPEN},
    **{(standing, "reject"): ("rejected",) for standing in OPEN},
    **{(standing, "withdraw"): ("withdrawn",) for standing in OPEN},
    **{(standing, "revoke"): ("revoked",) for standing in (*OPEN, "running")},
    ("approved", "charge"): ("running",),
    ("running", "charge"): ("running",),
    ("running", "release"): ("released",),
    ("partially approved", "lapse"): ("expired",),
    ("approved", "lapse"): ("partially approved", "expired"),
    ("running", "lapse"): ("expired",),
}
"""Standing and event → where it can lead.  A second charge is a second run, after a crash."""


def check_allowed(standing: Standing, event: Event) -> None:
    """
    Raise unless the table lets this happen to a plan that stands there.

    Raises:
        RefusedError: Under the code of the state that forbids it.
    """
    if (standing, event) not in TABLE:
        raise refusal(standing)


def refusal(standing: Standing) -> RefusedError:
    """What is said to whoever asks for something that a standing does not allow."""
    state = STATES[standing]
    return RefusedError(
        state.code, rule=state.rule, found=f"a plan that is {standing}.", remedy=state.remedy
    )


def standing_of(plan: str, entries: Iterable[Entry], policy: Policy, now: datetime) -> Standing:
    """
    Where a plan stands, from what the ledger says of it.

    Args:
        plan: SHA-256 of the bound plan.
        entries: The ledger, oldest first.
        policy: The policy that the plan is bound to.
        now: When it is asked.
    """
    standing: Standing = "draft"
    signed: dict[str, str] = {}
    for entry in entries:
        event = ENTRIES.get(entry.kind)
        if event is None or entry.body.get("plan") != plan or (standing, event) not in TABLE:
            continue
        if event == "approve":
            # His first one counts: an old signature handed in again makes nothing younger.
            signed.setdefault(entry.body["officer"], entry.body["signed"])
            standing = "approved" if len(signed) >= policy.approvals else "partially approved"
        elif event != "submit" or standing == "draft":
            (standing,) = TABLE[standing, event]
    if (standing, "lapse") not in TABLE:
        return standing
    left = sum(stands(time, policy.approval_days, now) for time in signed.values())
    if left >= (1 if standing == "partially approved" else policy.approvals):
        return standing
    return "partially approved" if left and standing == "approved" else "expired"


def stands(signed: str, days: int, now: datetime) -> bool:
    """
    Whether an approval is young enough, and not of a time to come.

    Args:
        signed: When it was given, ISO 8601 with its zone.
        days: How long the policy lets it stand.
        now: When it is to carry something.
    """
    return timedelta(0) <= now - datetime.fromisoformat(signed) <= timedelta(days=days)
