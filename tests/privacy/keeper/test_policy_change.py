"""A change of policy: two officers of the policy in force, over the whole of both, once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from privacy.changes import Change, needed
from privacy.errors import ClerestoryError
from privacy.keeper.desk import Desk
from privacy.policy import Person, Policy, read_policy
from privacy.signing import SigningKey
from privacy.vault import POLICY
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import TERMS, House, founded, opened
from tests.support.token import Token

PLAN = small_plan(SHARE)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A keeper in a vault of its own."""
    with founded(tmp_path) as made:
        yield made


def refused(house: House, change: Change, key: SigningKey) -> str:
    """Under which code a signature of a change is turned down; nothing is recorded."""
    before = [kind for kind in house.kinds() if kind != "refusal"]
    with pytest.raises(ClerestoryError) as refusal:
        house.endorse(change, key)
    assert [kind for kind in house.kinds() if kind != "refusal"] == before
    assert refusal.value.remedy
    return refusal.value.code


def in_force(house: House) -> Policy:
    """The policy in force."""
    return house.keeper.desk.policy


def changed(house: House, **values: Any) -> Change:  # noqa: ANN401
    """A change of some values."""
    return house.change(replace(in_force(house), **values))


def test_two_officers_change_the_policy(house: House) -> None:
    """Not one, and not one twice; then it is in the ledger with all that was signed."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    old = in_force(house)
    change = changed(house, study_rho="1/100")
    told = house.endorse(change, olga)
    assert (told["adopted"], told["missing"], told["signed"]) == (False, 1, ["olga"])
    assert house.endorse(change, olga)["missing"] == 1
    assert in_force(house) == old
    (pending,) = house.ask("policy")["pending"]
    assert (pending["signed"], pending["stands"]) == (["olga"], True)

    assert house.endorse(change, otto)["adopted"] is True
    assert in_force(house) == change.policy
    assert house.ask("policy")["pending"] == []
    body = house.entries("policy")[-1].body
    assert body["hash"] == change.policy.hash
    assert read_policy(body["text"], house.vault.floor) == change.policy
    assert body["signatures"].count("BEGIN SSH SIGNATURE") == 2
    assert len(house.entries("proposal")) == 2
    assert read_policy((house.vault.folder / POLICY).read_text(), house.vault.floor) == (
        change.policy
    )


def test_a_change_survives_a_restart_half_signed(tmp_path: Path) -> None:
    """The first signature is in the ledger; the second may come next week."""
    with founded(tmp_path) as house:
        olga, otto = house.enrol("olga"), house.enrol("otto")
        change = changed(house, approvals=2)
        house.endorse(change, olga)
    with opened(tmp_path) as house:
        assert house.endorse(change, otto)["adopted"] is True
    with opened(tmp_path) as house:
        assert in_force(house).approvals == 2


def test_one_officer_is_enough_in_a_vault_of_one_person(tmp_path: Path) -> None:
    """And only there."""
    with founded(tmp_path, replace(TERMS, single_person=True)) as house:
        me = house.enrol("me")
        assert house.endorse(changed(house, approval_days=7), me)["adopted"] is True
        assert in_force(house).approval_days == 7


def test_only_officers_of_the_policy_in_force_sign(house: House) -> None:
    """Whom a change would make an officer has no say in it; whom it removes has."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    ann, new = house.enrol("ann", "researcher"), SigningKey.generate()
    people = (Person("olga", olga.public), Person("nina", new.public))
    change = changed(house, officer=people)
    for stranger in (new, ann, SigningKey.generate()):
        assert refused(house, change, stranger) == "ENDORSER_NOT_OFFICER"
    house.endorse(change, olga)
    assert refused(house, change, new) == "ENDORSER_NOT_OFFICER"
    assert house.endorse(change, otto)["adopted"] is True
    assert refused(house, changed(house, approval_days=1), otto) == "ENDORSER_NOT_OFFICER"
    house.endorse(back := changed(house, approval_days=1), new)
    assert house.endorse(back, olga)["adopted"] is True


def test_a_signature_is_good_for_one_step_of_one_history(house: House) -> None:
    """When the old policy comes back, yesterday's signatures do not bring the other one back."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    first = in_force(house)
    tight = changed(house, study_rho="1/100")
    loose = changed(house, study_rho="27/1000")
    for change in (tight, loose):
        house.endorse(change, olga)
    house.endorse(tight, otto)
    # The other proposal replaced a policy that is no longer in force.
    assert house.ask("policy")["pending"] == []
    assert refused(house, loose, otto) == "SIGNATURE_INVALID"
    back = house.change(first)
    house.endorse(back, olga)
    house.endorse(back, otto)
    assert in_force(house) == first
    for officer in (olga, otto):
        assert refused(house, tight, officer) == "SIGNATURE_INVALID"
    assert house.ask("policy")["pending"] == []


@pytest.mark.parametrize("part", ["vault", "previous", "number", "proposed", "policy"])
def test_every_part_of_a_change_is_signed(house: House, part: str) -> None:
    """A keeper cannot move an officer's signature to another vault, step, day or policy."""
    olga = house.enrol("olga")
    house.enrol("otto")
    change = changed(house, approval_days=30)
    other: dict[str, Any] = {
        "vault": "0" * 16,
        "previous": "0" * 64,
        "number": change.number + 1,
        "proposed": "2026-01-01",
        "policy": replace(change.policy, approval_days=31),
    }
    signature = olga.sign(replace(change, **{part: other[part]}).canonical, "clerestory-policy")
    told: dict[str, Any] = {"text": change.policy.to_toml(), "proposed": change.proposed}
    with pytest.raises(ClerestoryError, match="SIGNATURE_INVALID"):
        house.ask("endorse", **told, signature=signature)
    with pytest.raises(ClerestoryError, match="SIGNATURE_INVALID"):
        house.ask("endorse", **told, signature=olga.sign(change.canonical, "clerestory-plan"))
    assert house.entries("proposal") == []
    assert house.endorse(change, olga)["missing"] == 1


def test_the_floor_bounds_what_officers_want(house: House) -> None:
    """Both may sign: it is not theirs to give away."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    for values in ({"minimum_accounts": 19}, {"rho": "10"}, {"period_rho": "10"}):
        for officer in (olga, otto):
            assert refused(house, changed(house, **values), officer) == "POLICY_LOOSENS_FLOOR"
    # Within the floor a loosening takes the same two as a tightening.
    for days in (30, 365):
        change = changed(house, approval_days=days)
        house.endorse(change, olga)
        assert house.endorse(change, otto)["adopted"] is True


def test_a_change_never_locks_the_vault(house: House) -> None:
    """Too few officers to approve a plan, or to change the policy again, would be for good."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    alone = (Person("olga", olga.public),)
    for values in ({"officer": ()}, {"officer": alone}, {"approvals": 3}):
        for officer in (olga, otto):
            assert refused(house, changed(house, **values), officer) == "TOO_FEW_OFFICERS"
    assert refused(house, changed(house), olga) == "POLICY_UNCHANGED"


def test_a_proposal_lapses(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature that nobody remembers must not be completed years later."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    change = changed(house, approval_days=30)
    house.endorse(change, olga)
    now = house.keeper.desk.now + timedelta(days=91)
    monkeypatch.setattr(Desk, "now", property(lambda _: now))
    assert refused(house, change, otto) == "CHANGE_LAPSED"
    assert [one["stands"] for one in house.ask("policy")["pending"]] == [False]
    again = replace(change, proposed=now.date().isoformat())
    house.endorse(again, olga)
    assert house.endorse(again, otto)["adopted"] is True


def test_a_day_to_come_is_no_day(house: House) -> None:
    """Else a proposal could be made to last."""
    olga = house.enrol("olga")
    house.enrol("otto")
    change = changed(house, approval_days=30)
    for day, code in (("2999-01-01", "CHANGE_LAPSED"), ("20260101", "DAY_UNREADABLE"), ("", "DAY")):
        assert refused(house, replace(change, proposed=day), olga).startswith(code)


def test_a_plan_of_the_old_policy_is_stale_and_a_released_one_stays(house: House) -> None:
    """Officers signed a plan under terms; under other terms they sign again."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    bound = house.submit(PLAN)
    house.approve(bound, olga)
    change = changed(house, approvals=2)
    house.endorse(change, otto)
    house.keeper.desk.check_may_run(bound)
    house.endorse(change, olga)
    for verb in ("classify", "release", "approve"):
        with pytest.raises(ClerestoryError, match="PLAN_STALE"):
            house.ask(verb, PLAN, signature="")
    again = house.submit(PLAN)
    assert again.hash != bound.hash
    assert house.approve(again, olga)["standing"] == "partially approved"
    # What the old one had is told by the policy that it was bound to.
    assert house.keeper.desk.standing(bound) == "approved"


def test_more_officers_for_a_plan_are_more_for_the_policy(house: House) -> None:
    """Two of three could otherwise first ask for less, and then be enough."""
    keys = [house.enrol(name) for name in ("olga", "otto", "ute")]
    three = changed(house, approvals=3)
    house.endorse(three, keys[0])
    assert house.endorse(three, keys[1])["adopted"] is True
    assert needed(in_force(house), house.vault.floor) == 3
    less = changed(house, approvals=1)
    house.endorse(less, keys[0])
    assert house.endorse(less, keys[1])["adopted"] is False
    assert house.endorse(less, keys[2])["adopted"] is True


def test_a_token_signs_a_change(house: House) -> None:
    """As it signs a plan."""
    olga, token = house.enrol("olga"), Token()
    house.ask("enrol", name="theo", key=token.public)
    change = changed(house, approval_days=30)
    house.endorse(change, olga)
    signature = token.sign(change.canonical, "clerestory-policy")
    told = house.ask(
        "endorse", text=change.policy.to_toml(), proposed=change.proposed, signature=signature
    )
    assert told["adopted"] is True


def test_a_forged_proposal_stops_the_change(house: House) -> None:
    """Somebody who can write the ledger has been at work: it is not passed over."""
    olga, otto = house.enrol("olga"), house.enrol("otto")
    change = changed(house, approval_days=30)
    other = replace(change, proposed="2026-01-01")
    body = {
        "change": change.hash,
        "proposed": change.proposed,
        "text": change.policy.to_toml(),
        "officer": olga.public,
        "signature": olga.sign(other.canonical, "clerestory-policy"),
    }
    house.state.ledger.append("proposal", body)
    assert refused(house, change, otto) == "SIGNATURE_INVALID"


def test_people_are_enrolled_by_role_until_the_first_plan(house: House) -> None:
    """From then on a policy that names them is proposed."""
    house.enrol("olga")
    house.enrol("ann", "researcher")
    house.enrol("cyd", "custodian")
    policy = in_force(house)
    assert [person.name for person in policy.officer] == ["olga"]
    assert [person.name for person in policy.researcher] == ["ann"]
    assert [person.name for person in policy.custodian] == ["custodian", "cyd"]
    with pytest.raises(ClerestoryError, match="ROLE_UNKNOWN"):
        house.enrol("max", "king")
    # One role each: nobody is taken from the officers by giving him another.
    olga = policy.officer[0]
    for role in ("researcher", "custodian"):
        with pytest.raises(ClerestoryError, match="PERSON_TWICE"):
            house.ask("enrol", name=olga.name, key=olga.key, role=role)
    assert in_force(house).officer == (olga,)
    with pytest.raises(ClerestoryError, match="POLICY_UNREADABLE"):
        house.ask("enrol", name="kay", key=Token().public, role="custodian")
    house.submit(PLAN)
    for role in ("officer", "researcher", "custodian"):
        with pytest.raises(ClerestoryError, match="ENROLMENT_CLOSED") as refusal:
            house.enrol("late", role)
        assert "policy propose" in refusal.value.remedy
