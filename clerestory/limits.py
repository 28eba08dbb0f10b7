"""
Have the accountant decide again on every charge of a ledger, under the policy of its time.

The charge of a recovery is no decision: it counts what was spent in entries that are lost.
"""

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from hashlib import sha256
from typing import Any

from privacy.accountant import Accountant, Period, Receipt
from privacy.entries import Entry
from privacy.errors import ClerestoryError, RefusedError, VerificationError
from privacy.history import History
from privacy.loss import read_rho, write_rho


@dataclass(frozen=True, slots=True)
class _Then:
    """The journal as it stood just before an entry was written."""

    history: History
    time: datetime

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()

    def spent(self, since: datetime | None = None) -> Fraction:
        return self.history.spent(since)

    def now(self) -> datetime:
        return max(self.history.time, self.time)

    def record(self, receipt: Receipt, /) -> None:
        """Nothing: the history takes the entry itself."""


def check_limits(entries: Sequence[Entry]) -> None:
    """
    Raise if a charge went past the budget of the policy before it, or past its period's.

    Raises:
        VerificationError: One did, or a policy in the ledger is none.
    """
    history, policy = History(), _Policy(None, None)
    decided: set[str] = set()
    for entry in entries:
        if entry.kind == "charge" and entry.body["plan"] not in decided:
            _check_charge(policy, _Then(history, entry.time), entry)
        if entry.kind == "policy":
            policy = _read_policy(entry)
        if entry.kind == "recovery":
            decided.add(sha256(entry.body["statement"].encode()).hexdigest())
        history.take(entry.line)


def in_last_period(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """What the newest policy's period has to say at the time of the newest entry."""
    policies = [entry for entry in entries if entry.kind == "policy"]
    policy = _read_policy(policies[-1]) if policies else _Policy(None, None)
    if policy.period is None:
        return None
    history = History.of(entry.line for entry in entries)
    one = Accountant(policy.period.budget, _Then(history, history.time), policy.period)
    return {
        "days": policy.period.days,
        "budget": write_rho(policy.period.budget),
        "spent": write_rho(one.spent_in_period),
    }


@dataclass(frozen=True, slots=True)
class _Policy:
    budget: Fraction | None
    period: Period | None
    """None in the policies of version 0.1."""


def _read_policy(entry: Entry) -> _Policy:
    try:
        told: Mapping[str, Any] = tomllib.loads(entry.body["text"])
        period = None
        if "period_rho" in told:
            period = Period(read_rho(told["period_rho"]), int(told["period_days"]))
        return _Policy(read_rho(told["rho"]), period)
    except (ValueError, LookupError, TypeError, ClerestoryError):
        raise VerificationError(
            "LEDGER_POLICY",
            rule="A policy in the ledger says what may be charged.",
            found=f"one that does not, at position {entry.seq}.",
            remedy="keep the files as evidence; ask their keeper.",
        ) from None


def _check_charge(policy: _Policy, then: _Then, entry: Entry) -> None:
    if policy.budget is None:
        return
    one = Accountant(policy.budget, then, policy.period)
    try:
        one.charge(entry.body["plan"], read_rho(entry.body["rho"]))
    except RefusedError as refused:
        raise VerificationError(
            "OVERSPENT",
            rule=refused.rule,
            found=f"{refused.found.rstrip('.')}, at position {entry.seq}.",
            remedy="do not use what was released since; ask its keeper.",
        ) from None
