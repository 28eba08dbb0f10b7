"""
Any history of a plan, at a real keeper and in a model: they never disagree.

The model knows nothing of the ledger, the table or the keeper.  It is a handful of variables and
the rules of docs/plan-states.md in another form; signatures, binding, expiry and restarts are the
keeper's own.  A plan may run exactly when the model says so, and not once more.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from privacy.approvals import ACTS
from privacy.errors import ClerestoryError
from privacy.keeper.desk import Desk
from privacy.plan import Plan, read_plan
from privacy.signing import SigningKey
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import House, founded, opened

PLAN = small_plan(SHARE)
AUTHOR = PLAN.study.authors[0]
OFFICERS = ("olga", "otto", "ute")
PEOPLE = (*OFFICERS, AUTHOR, "stranger")
DAYS = 90
CLOSED = ("returned", "rejected", "withdrawn", "revoked")


@dataclass
class Submission:
    """What the model knows of one submission of one plan."""

    number: int
    policy: int
    needed: int
    signed: dict[str, float] = field(default_factory=dict)
    """Officer → day of his first approval."""
    closed: str = ""
    charged: bool = False
    released: bool = False

    def standing(self, day: float) -> str:
        """Where it stands on a day."""
        if self.closed or self.released:
            return self.closed or "released"
        left = sum(0 <= day - given <= DAYS for given in self.signed.values())
        if left >= self.needed:
            return "running" if self.charged else "approved"
        if not self.signed:
            return "submitted"
        ever = len(self.signed) >= self.needed
        return "expired" if not left or (self.charged and ever) else "partially approved"


class Approvals(RuleBasedStateMachine):
    """Submit, decide, wait, edit, change the policy, restart, run."""

    @initialize(needed=st.integers(1, 2))
    def found(self, needed: int) -> None:
        """A vault with three officers, an author who is one of them, too, and a clock."""
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.start, self.day = datetime.now(UTC).replace(microsecond=0), 0.0
        clock = property(lambda _: self.start + timedelta(days=self.day))
        self.stack.enter_context(patch.object(Desk, "now", clock))
        self.open = ExitStack()
        self.house: House = self.open.enter_context(founded(self.folder))
        self.keys = {name: self.house.enrol(name) for name in (*OFFICERS, AUTHOR)}
        self.keys["stranger"] = SigningKey.generate()
        self.policy, self.needed, self.version = 0, 1, 0
        self.days = DAYS
        self.plans: dict[int, list[Submission]] = {}
        self.bound: dict[tuple[int, int, int], Plan] = {}
        if needed == 2:
            self.change_policy(needed=2)
        self.submit()

    def teardown(self) -> None:
        """Close what was opened."""
        if hasattr(self, "open"):
            self.open.close()
            self.stack.close()

    def plan(self) -> Plan:
        """The study as it was last edited."""
        purpose = f"To be tested {self.version}"
        return replace(PLAN, study=replace(PLAN.study, purpose=purpose))

    def now(self) -> Submission | None:
        """The submission that a request speaks of, if there is one under this policy."""
        mine = [one for one in self.plans.get(self.version, []) if one.policy == self.policy]
        return mine[-1] if mine else None

    def ask(self, verb: str, **request: str) -> dict[str, Any] | str:
        """The keeper's answer, or the code of its refusal."""
        try:
            return self.house.ask(verb, self.plan(), **request)
        except ClerestoryError as refusal:
            return refusal.code

    @rule()
    def submit(self) -> None:
        """Hand the plan in; again after it came back."""
        mine, told = self.now(), self.ask("submit")
        final = {one.closed for one in self.plans.get(self.version, [])} & {"rejected", "revoked"}
        if final:
            assert told in {f"PLAN_{standing.upper()}" for standing in final}
            return
        assert isinstance(told, dict)
        if mine is None or mine.standing(self.day) in ("returned", "withdrawn", "expired"):
            number = mine.number + 1 if mine else 1
            mine = Submission(number, self.policy, self.needed)
            self.plans.setdefault(self.version, []).append(mine)
        bound = read_plan(told["bound"].encode())
        assert bound.binding is not None
        assert bound.binding.submission == mine.number
        self.bound[self.version, self.policy, mine.number] = bound
        assert told["standing"] == mine.standing(self.day)

    @rule(who=st.sampled_from(OFFICERS))
    def approve(self, who: str) -> None:
        """An officer signs."""
        self.decide("approve", who)

    @rule(event=st.sampled_from(["approve", "withdraw"]), who=st.sampled_from(PEOPLE))
    def try_it(self, event: str, who: str) -> None:
        """Somebody signs what may not be his to sign."""
        self.decide(event, who)

    @rule(event=st.sampled_from(sorted(ACTS)), who=st.sampled_from(PEOPLE), often=st.integers(0, 2))
    def close(self, event: str, who: str, often: int) -> None:
        """Anybody says anything about the plan; not too often, or no plan would come far."""
        if not often:
            self.decide(event, who)

    @rule(
        event=st.sampled_from(["approve", "return", "withdraw", "reject", "revoke"]),
        days=st.sampled_from([0, 91]),
    )
    def come_back(self, event: str, days: float) -> None:
        """The plan leaves the desks, by a word or by time, and is handed in again."""
        self.decide(event, AUTHOR if event == "withdraw" else OFFICERS[0])
        self.day += days
        self.submit()

    def decide(self, event: str, who: str) -> None:
        """Hand a signature in, and follow it in the model if the model lets it."""
        mine = self.now()
        act, reason = ACTS[event], "BUDGET" if ACTS[event].reasoned else ""
        signed_over = self.bound.get((self.version, self.policy, mine.number)) if mine else None
        message = act.message(signed_over or self.plan(), reason)
        signature = self.keys[who].sign(message, act.namespace)
        told = self.ask(event, signature=signature, reason=reason)
        if mine is None or not self.may(event, who, mine):
            assert isinstance(told, str)
            return
        assert isinstance(told, dict), (event, who, mine, told)
        self.follow(event, who, mine)
        assert told["standing"] == mine.standing(self.day)

    def may(self, event: str, who: str, mine: Submission) -> bool:
        """Whether the model lets somebody do that."""
        standing = mine.standing(self.day)
        on_desk = standing in ("submitted", "partially approved", "approved")
        if event == "withdraw":
            return who == AUTHOR and on_desk
        if event == "approve":
            return who in OFFICERS and on_desk
        officer = who in (*OFFICERS, AUTHOR)
        return officer and (on_desk or (event == "revoke" and standing == "running"))

    def follow(self, event: str, who: str, mine: Submission) -> None:
        """What becomes of it in the model."""
        if event == "approve":
            mine.signed.setdefault(who, self.day)
        else:
            words = dict(zip(("return", "reject", "withdraw", "revoke"), CLOSED, strict=True))
            mine.closed = words[event]

    @precondition(lambda self: self.house.entries("approval"))
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Somebody hands in a signature from the ledger's export: nothing gets younger."""
        body = data.draw(st.sampled_from([e.body for e in self.house.entries("approval")]))
        before = len(self.house.entries("approval"))
        self.ask("approve", signature=body["signature"])
        assert len(self.house.entries("approval")) == before

    @rule(days=st.sampled_from([0.5, 1, 45, 89, 90, 91]))
    def wait(self, days: float) -> None:
        """Time passes."""
        self.day += days

    @rule(version=st.integers(0, 4), often=st.integers(0, 2))
    def edit(self, version: int, often: int) -> None:
        """The author changes a word: another plan; or takes it back: the plan of before."""
        self.version = self.version if often else version

    @rule(needed=st.integers(1, 2), often=st.integers(0, 3))
    def amend(self, needed: int, often: int) -> None:
        """Two officers change the policy: other plans than those that were signed under it."""
        if not often:
            self.change_policy(needed)

    def change_policy(self, needed: int) -> None:
        """Propose and sign a change; back and forth, so that an old policy comes back."""
        self.days = 2 * DAYS - self.days + 1
        values: dict[str, Any] = {"approvals": needed, "period_days": self.days}
        policy = replace(self.house.keeper.desk.policy, **values)
        day = (self.start + timedelta(days=self.day)).date().isoformat()
        change = replace(self.house.change(policy), proposed=day)
        for name in OFFICERS[:2]:
            told = self.house.endorse(change, self.keys[name])
        assert told["adopted"]
        hashes = [entry.body["hash"] for entry in self.house.entries("policy")]
        self.policy, self.needed = hashes.index(hashes[-1]), needed

    @rule(often=st.integers(0, 2))
    def restart(self, often: int) -> None:
        """The keeper stops and starts: it remembers nothing that is not on the disk."""
        if often:
            return
        self.open.close()
        self.open = ExitStack()
        self.house = self.open.enter_context(opened(self.folder))

    @precondition(lambda self: self.may_run())
    @rule(ends=st.booleans())
    def run(self, ends: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
        """A run is charged, and ends with a release or without one."""
        mine = self.now()
        assert mine is not None
        bound = self.bound[self.version, self.policy, mine.number]
        self.house.keeper.desk.check_may_run(bound)
        self.house.state.ledger.append("charge", {"plan": bound.hash, "rho": "0"})
        mine.charged = True
        if ends:
            self.house.state.ledger.append("release", {"plan": bound.hash, "sums": "0" * 64})
            mine.released = True

    def may_run(self) -> bool:
        """Whether the model lets the plan run now."""
        mine = self.now()
        return bool(mine) and mine.standing(self.day) in ("approved", "running")  # type: ignore[union-attr]

    @invariant()
    def a_plan_runs_exactly_when_the_model_says_so(self) -> None:
        """And every submission of every plan stands where the model says, under any policy."""
        if not hasattr(self, "house"):
            return
        desk = self.house.keeper.desk
        for (version, policy, number), bound in self.bound.items():
            (mine,) = [
                one for one in self.plans[version] if (one.policy, one.number) == (policy, number)
            ]
            assert desk.standing(bound) == mine.standing(self.day)
        if self.may_run():
            mine_now = self.now()
            assert mine_now is not None
            desk.check_may_run(self.bound[self.version, self.policy, mine_now.number])
            return
        with pytest.raises(ClerestoryError):
            desk.check_may_run(desk.find({"plan": self.plan().canonical.decode()}))


Approvals.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestApprovals = Approvals.TestCase
