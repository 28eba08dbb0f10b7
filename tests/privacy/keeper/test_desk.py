"""The desk: what is in force is read anew each time, and held against the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clerestory.founding import found
from privacy.errors import ClerestoryError, RefusedError
from privacy.keeper.desk import Desk
from privacy.keeper.state import State
from privacy.plan import Plan
from privacy.sandbox.tiers import Tier
from privacy.vault import FLOOR, POLICY, Vault
from tests.aggregates.rows import SHARE, small_plan
from tests.support.house import TERMS, House, founded, installed, opened

PLAN = small_plan(SHARE)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A keeper with an officer, in a vault of its own."""
    with founded(tmp_path) as made:
        made.enrol("olga")
        yield made


@contextmanager
def edited(house: House, name: str, old: str, new: str) -> Iterator[None]:
    """One file of the vault changed behind the keeper's back, for a while."""
    path = house.vault.folder / name
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new, 1), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def request(plan: Plan) -> dict[str, str]:
    """What a client sends."""
    return {"plan": plan.canonical.decode()}


def test_a_vault_is_adopted_once(tmp_path: Path) -> None:
    """Corpus and policy are entries of the ledger; a restart adds nothing."""
    with founded(tmp_path) as house:
        assert house.kinds() == ["corpus", "policy"]
        assert house.entries("corpus")[0].body["floor"] == house.vault.floor.hash
        assert house.entries("policy")[0].body["hash"] == house.keeper.desk.policy.hash
    with opened(tmp_path) as again:
        assert again.kinds() == ["corpus", "policy"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("approvals = 1", "approvals = 2"),
        ("minimum_accounts = 20", "minimum_accounts = 21"),
        ("bits_per_session = 64.0", "bits_per_session = 65.0"),
        ('raters = ["offline"]', 'raters = ["offline", "claude"]'),
        ('name = "olga"', 'name = "otto"'),
        ("ssh-ed25519", "ssh-ed25519"),
    ],
)
def test_a_policy_changed_behind_the_keepers_back_stops_everything(
    house: House, old: str, new: str
) -> None:
    """Stricter or looser: it is not the one that the ledger knows, so nothing runs."""
    bound = house.submit(PLAN)
    before = len(house.entries())
    if old == new:  # an officer slipped in
        line = next(x for x in _policy(house).splitlines() if x.startswith("key = "))
        new = 'ssh-ed25519 AAAA"\n[[officer]]\nname = "mallory"\nkey = "ssh-ed25519'
        assert line
    with edited(house, POLICY, old, new):
        for verb in ("status", "submit", "plan", "classify", "release", "approve", "revoke"):
            with pytest.raises(ClerestoryError, match=r"POLICY_|KEY_"):
                house.ask(verb, bound, signature="none")
    kinds = {entry.kind for entry in house.entries()[before:]}
    assert kinds <= {"refusal"}
    assert house.ask("status")["officers"] == ["olga"]


def _policy(house: House) -> str:
    return (house.vault.folder / POLICY).read_text(encoding="utf-8")


def test_a_comment_in_the_policy_changes_nothing(house: House) -> None:
    """What is hashed is what it says, so the control of the edits above holds."""
    with edited(house, POLICY, "approvals = 1", "approvals = 1  # one is enough for us"):
        assert house.ask("status")["officers"] == ["olga"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"minimum_accounts":20', '"minimum_accounts":2'),
        ('"single_person":false', '"single_person":true'),
        ('"retention_days":36500', '"retention_days":365000'),
        ('"epsilon":8', '"epsilon":40'),
    ],
)
def test_a_changed_floor_is_refused_at_the_door(house: House, old: str, new: str) -> None:
    """Sealed bytes would not open under it anyway; the keeper says so before it begins."""
    with edited(house, FLOOR, old, new), pytest.raises(RefusedError, match="FLOOR_CHANGED"):
        Desk(house.vault, house.state, installed(), Tier.T0)
    assert Desk(house.vault, house.state, installed(), Tier.T0).floor == house.vault.floor


def test_a_policy_that_loosens_the_floor_is_not_adopted(tmp_path: Path) -> None:
    """Nor is anything written into the ledger for it."""
    found(tmp_path / "vault", tmp_path / "c", TERMS)
    vault = Vault.open(tmp_path / "vault")
    state = State(tmp_path / "state", vault)
    path = vault.folder / POLICY
    good = path.read_text()
    path.write_text(good.replace("minimum_accounts = 20", "minimum_accounts = 19"))
    with pytest.raises(RefusedError, match="POLICY_LOOSENS_FLOOR"):
        Desk(vault, state, installed(), Tier.T0)
    assert list(state.ledger.entries()) == []
    path.write_text(good)
    assert Desk(vault, state, installed(), Tier.T0).policy.minimum_accounts == 20
    state.close()


def test_a_machine_that_isolates_too_little_is_refused(tmp_path: Path) -> None:
    """The floor's tier is a promise to people; the remedy names the examination."""
    found(tmp_path / "vault", tmp_path / "c", replace(TERMS, tier="T1", synthetic=False))
    vault = Vault.open(tmp_path / "vault")
    state = State(tmp_path / "state", vault)
    with pytest.raises(RefusedError, match="TIER_TOO_LOW") as refusal:
        Desk(vault, state, installed(), Tier.T0)
    assert "doctor" in refusal.value.remedy
    for tier in (Tier.T1, Tier.T2):
        assert Desk(vault, state, installed(), tier).tier is tier
    state.close()


def test_a_plan_is_found_by_either_of_its_forms_and_no_other(house: House) -> None:
    """A researcher has the unbound file, an officer may have the bound one."""
    desk = house.keeper.desk
    with pytest.raises(RefusedError, match="PLAN_UNKNOWN"):
        desk.find(request(PLAN))
    bound = house.submit(PLAN)
    assert desk.find(request(PLAN)) == desk.find(request(bound)) == bound
    other = replace(PLAN, study=replace(PLAN.study, purpose="another"))
    with pytest.raises(RefusedError, match="PLAN_UNKNOWN"):
        desk.find(request(other))


def test_a_plan_is_stale_under_other_code(house: House) -> None:
    """Officers signed what runs: after an upgrade they sign again."""
    bound = house.submit(PLAN)
    house.keeper.desk.check_current(bound)
    shop = installed()
    parts = {**shop.classify.code.parts, "code/classifiers": "0" * 64}
    code = replace(shop.classify.code, parts=parts)
    newer = replace(shop, classify=replace(shop.classify, code=code))
    desk = Desk(house.vault, house.state, newer, Tier.T0)
    for look in (lambda: desk.find(request(bound)), lambda: desk.check_current(bound)):
        with pytest.raises(RefusedError, match="PLAN_STALE_CODE"):
            look()


@pytest.mark.parametrize("part", ["vault", "floor", "policy", "code"])
def test_a_plan_bound_elsewhere_is_stale(house: House, part: str) -> None:
    """Each part of the binding is looked at."""
    bound = house.submit(PLAN)
    assert bound.binding is not None
    changed: Any = {part: "0" * 64}
    elsewhere = bound.bind(replace(bound.binding, **changed))
    with pytest.raises(RefusedError, match=f"PLAN_STALE_{part.upper()}"):
        house.keeper.desk.check_current(elsewhere)
    with pytest.raises(RefusedError, match="PLAN_STALE"):
        house.keeper.desk.check_current(PLAN)
    house.keeper.desk.check_current(bound)
