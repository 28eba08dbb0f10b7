"""What people decide about a plan, at the keeper: each way out of the officers' desks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from privacy.errors import ClerestoryError
from privacy.keeper.desk import Desk
from privacy.plan import Plan
from privacy.signing import SigningKey
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import TERMS, House, founded, installed, opened
from tests.support.token import Token

PLAN = small_plan(SHARE)
AUTHOR = PLAN.study.authors[0]
DAY = timedelta(days=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A keeper in a vault of its own."""
    with founded(tmp_path) as made:
        yield made


def code_of(house: House, verb: str, plan: Plan | None = None, **request: str) -> str:
    """Under which code a request is turned down."""
    with pytest.raises(ClerestoryError) as refusal:
        house.ask(verb, plan, **request)
    assert refusal.value.remedy
    return refusal.value.code


def decided(house: House, event: str, bound: Plan, key: SigningKey, reason: str = "") -> str:
    """Under which code a decision is turned down."""
    with pytest.raises(ClerestoryError) as refusal:
        house.decide(event, bound, key, reason)
    return refusal.value.code


def later(monkeypatch: pytest.MonkeyPatch, house: House, days: float) -> None:
    """Let time pass at the keeper's desk."""
    now: datetime = house.keeper.desk.now + timedelta(days=days)
    monkeypatch.setattr(Desk, "now", property(lambda _: now))


def submission(plan: Plan) -> int:
    """Which submission a bound plan is."""
    assert plan.binding is not None
    return plan.binding.submission


def test_a_returned_plan_comes_back_as_another_submission(house: House) -> None:
    """With every signature to be given anew: the old ones stand in the ledger's export."""
    olga = house.enrol("olga")
    bound = house.submit(PLAN)
    house.approve(bound, olga)
    old = house.entries("approval")[0].body["signature"]
    told = house.decide("return", bound, olga, "WORDING")
    assert (told["standing"], told["reason"]) == ("returned", "WORDING")
    assert "misleads" in told["words"]
    for verb in ("classify", "release"):
        assert code_of(house, verb, PLAN) == "PLAN_RETURNED"
    assert code_of(house, "approve", PLAN, signature=old) == "PLAN_RETURNED"

    again = house.submit(PLAN)
    assert (submission(bound), submission(again)) == (1, 2)
    assert code_of(house, "approve", PLAN, signature=old) == "SIGNATURE_INVALID"
    assert code_of(house, "release", PLAN) == "NOT_APPROVED"
    assert house.approve(again, olga)["standing"] == "approved"
    house.keeper.desk.check_may_run(again)
    assert [plan["standing"] for plan in house.ask("status")["plans"]].count("returned") == 1
    assert house.submit(PLAN) == again
    assert len(house.entries("plan")) == 2


def test_a_mended_plan_is_another_one(house: House) -> None:
    """The usual way after a return: the study is edited."""
    olga = house.enrol("olga")
    house.decide("return", house.submit(PLAN), olga, "PURPOSE")
    mended = replace(PLAN, study=replace(PLAN.study, purpose="To be tested, and why"))
    bound = house.submit(mended)
    assert submission(bound) == 1
    assert house.approve(bound, olga)["standing"] == "approved"


@pytest.mark.parametrize(("event", "reason"), [("reject", "REPEATED"), ("revoke", "")])
def test_what_is_closed_for_good_never_comes_back(tmp_path: Path, event: str, reason: str) -> None:
    """Neither by handing it in again, nor under other code, nor after a restart."""
    with founded(tmp_path) as house:
        olga = house.enrol("olga")
        bound = house.submit(PLAN)
        house.approve(bound, olga)
        house.decide(event, bound, olga, reason)
        closed = {"reject": "PLAN_REJECTED", "revoke": "PLAN_REVOKED"}[event]
        for verb in ("submit", "classify", "release"):
            assert code_of(house, verb, PLAN) == closed
        for other in ("approve", "return", "reject", "revoke"):
            assert decided(house, other, bound, olga, "BUDGET") == closed
    with opened(tmp_path) as house:
        assert code_of(house, "submit", PLAN) == closed
        shop = installed()
        code = replace(shop.classify.code, parts={"code/classifiers": "0" * 64})
        newer = replace(shop, classify=replace(shop.classify, code=code))
        desk = Desk(house.vault, house.state, newer, house.keeper.desk.tier)
        updated = replace(house, keeper=type(house.keeper)(desk))
        assert code_of(updated, "submit", PLAN) == closed
        mended = replace(PLAN, study=replace(PLAN.study, purpose="Another"))
        assert updated.ask("submit", mended)["standing"] == "submitted"


def test_an_author_takes_his_plan_back(house: House) -> None:
    """With the key that he is enrolled with, and nobody else does."""
    olga, ann = house.enrol("olga"), house.enrol(AUTHOR, "researcher")
    bob = house.enrol("bob", "researcher")
    bound = house.submit(PLAN)
    house.approve(bound, olga)
    for other in (olga, bob, SigningKey.generate()):
        assert decided(house, "withdraw", bound, other) == "NOT_THE_AUTHOR"
    assert house.decide("withdraw", bound, ann)["standing"] == "withdrawn"
    assert house.entries("withdrawal")[0].body["author"] == ann.public
    assert code_of(house, "release", PLAN) == "PLAN_WITHDRAWN"
    assert decided(house, "approve", bound, olga) == "PLAN_WITHDRAWN"
    again = house.submit(PLAN)
    assert submission(again) == 2
    assert house.approve(again, olga)["standing"] == "approved"


def test_an_approval_lapses_at_the_keeper(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the ninety-first day nothing runs, and the old signature does not help."""
    olga = house.enrol("olga")
    bound = house.submit(PLAN)
    house.approve(bound, olga)
    old = house.entries("approval")[0].body["signature"]
    later(monkeypatch, house, 90)
    house.keeper.desk.check_may_run(bound)
    house.approve(bound, olga)  # changes nothing
    later(monkeypatch, house, 1 / 86400)
    assert house.ask("plan", PLAN)["standing"] == "expired"
    for verb in ("classify", "release"):
        assert code_of(house, verb, PLAN) == "PLAN_EXPIRED"
    assert code_of(house, "approve", PLAN, signature=old) == "PLAN_EXPIRED"
    assert len(house.entries("approval")) == 1
    again = house.submit(PLAN)
    assert submission(again) == 2
    assert house.approve(again, olga)["standing"] == "approved"


def test_an_officer_with_a_token_approves_and_revokes(house: House) -> None:
    """End to end at the keeper: enrolled by his public key, counted like any other."""
    token = Token()
    house.ask("enrol", name="theo", key=token.public)
    bound = house.submit(PLAN)
    untouched = token.sign(bound.canonical, "clerestory-plan", flags=0)
    assert code_of(house, "approve", bound, signature=untouched) == "SIGNATURE_INVALID"
    signature = token.sign(bound.canonical, "clerestory-plan")
    assert house.ask("approve", bound, signature=signature)["standing"] == "approved"
    # Each of his signatures is another one, and he is still one officer.
    again = token.sign(bound.canonical, "clerestory-plan")
    assert again != signature
    house.ask("approve", bound, signature=again)
    assert len(house.entries("approval")) == 1
    back = token.sign(bound.canonical, "clerestory-revocation")
    assert house.ask("revoke", bound, signature=back)["standing"] == "revoked"


def test_a_reason_is_checked_before_anything_is_recorded(house: House) -> None:
    """A closed list, and the one that was signed."""
    olga = house.enrol("olga")
    bound = house.submit(PLAN)
    assert decided(house, "reject", bound, olga, "BECAUSE") == "REASON_UNKNOWN"
    assert decided(house, "return", bound, olga) == "REASON_UNKNOWN"
    act_signed = olga.sign(bound.canonical, "clerestory-rejection")
    told = {"signature": act_signed, "reason": "BUDGET"}
    assert code_of(house, "reject", bound, **told) == "SIGNATURE_INVALID"
    assert not {"return", "rejection"} & set(house.kinds())
    assert house.decide("reject", bound, olga, "BUDGET")["standing"] == "rejected"


def test_status_says_what_is_stale_and_why_a_plan_was_closed(house: House) -> None:
    """A researcher sees what to do next without asking anybody."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    bound = house.submit(PLAN)
    house.decide("return", bound, olga, "TABLES")
    (told,) = house.ask("status")["plans"]
    assert (told["standing"], told["stale"], told["reason"]) == ("returned", False, "TABLES")
    change = house.change(replace(house.keeper.desk.policy, approval_days=30))
    house.endorse(change, olga)
    house.endorse(change, otto)
    (told,) = house.ask("status")["plans"]
    assert told["stale"] is True


def test_in_a_vault_of_one_person_everything_is_his(tmp_path: Path) -> None:
    """He approves his own, and takes it back in any of the ways."""
    with founded(tmp_path, replace(TERMS, single_person=True)) as house:
        me = house.enrol(AUTHOR)
        bound = house.submit(PLAN)
        assert house.approve(bound, me)["standing"] == "approved"
        assert house.decide("withdraw", bound, me)["standing"] == "withdrawn"
        again = house.submit(PLAN)
        assert house.decide("revoke", again, me)["standing"] == "revoked"
