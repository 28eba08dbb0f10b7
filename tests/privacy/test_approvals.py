"""Approvals: whose signature lets which plan through, and what the ledger makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.approvals import (
    Approval,
    approvals_of,
    check_approval,
    check_approved,
    standing_of,
)
from privacy.entries import Entry
from privacy.errors import RefusedError, VerificationError
from privacy.plan import Binding
from privacy.policy import Person, default_policy
from privacy.signing import SigningKey, fingerprint
from tests.aggregates.rows import SHARE, small_plan
from tests.privacy.test_floor import FLOOR

OLGA, OTTO, AUTHOR, STRANGER = (SigningKey.generate() for _ in range(4))
PLAN = small_plan(SHARE).bind(Binding("v", FLOOR.hash, "p" * 64, "c" * 64))
OTHER = PLAN.bind(Binding("w", FLOOR.hash, "p" * 64, "c" * 64))
POLICY = replace(
    default_policy(FLOOR),
    officer=(
        Person("olga", OLGA.public),
        Person("otto", OTTO.public),
        Person(PLAN.study.authors[0], AUTHOR.public),
    ),
)
SINGLE = replace(FLOOR, single_person=True)


def entry(kind: str, **body: str) -> Entry:
    """An entry of the ledger; what it follows from is the ledger's business."""
    return Entry(0, kind, {"plan": PLAN.hash, **body}, b"")


def approval(key: SigningKey, signature: str | None = None) -> Entry:
    """An officer's approval of the plan, as the keeper records it."""
    signed = signature or key.sign(PLAN.canonical, "clerestory-plan")
    return entry("approval", officer=key.public, signature=signed, signed="2026-01-01T00:00:00")


def test_an_officer_approves_what_he_signed_and_nothing_else() -> None:
    """A signature moved to another plan, or made for another purpose, is none."""
    signature = OLGA.sign(PLAN.canonical, "clerestory-plan")
    assert check_approval(PLAN, signature, POLICY, FLOOR).name == "olga"
    for plan, text in (
        (OTHER, signature),
        (replace(PLAN, binding=None), signature),
        (PLAN, OLGA.sign(OTHER.canonical, "clerestory-plan")),
        (PLAN, OLGA.sign(PLAN.canonical, "clerestory-revocation")),
        (PLAN, OLGA.sign(PLAN.hash.encode(), "clerestory-plan")),
        (PLAN, ""),
    ):
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            check_approval(plan, text, POLICY, FLOOR)


def test_only_an_enrolled_officer_approves() -> None:
    """Neither a stranger nor a custodian is an officer."""
    custodian = replace(POLICY, custodian=(Person("custodian", STRANGER.public),))
    signature = STRANGER.sign(PLAN.canonical, "clerestory-plan")
    for policy in (POLICY, custodian):
        with pytest.raises(RefusedError, match="APPROVER_NOT_ENROLLED") as refusal:
            check_approval(PLAN, signature, policy, FLOOR)
        assert fingerprint(STRANGER.public) in refusal.value.found
    enrolled = replace(POLICY, officer=(Person("new", STRANGER.public),))
    assert check_approval(PLAN, signature, enrolled, FLOOR).name == "new"


def test_nobody_approves_his_own_study_unless_the_vault_is_one_persons() -> None:
    """The floor decides, not the policy: it was known when the sessions were given."""
    signature = AUTHOR.sign(PLAN.canonical, "clerestory-plan")
    with pytest.raises(RefusedError, match="APPROVER_IS_AUTHOR"):
        check_approval(PLAN, signature, POLICY, FLOOR)
    assert check_approval(PLAN, signature, POLICY, SINGLE).key == AUTHOR.public


def test_an_author_may_take_his_own_plan_back() -> None:
    """Stopping needs less trust than starting."""
    signature = AUTHOR.sign(PLAN.canonical, "clerestory-revocation")
    officer = check_approval(PLAN, signature, POLICY, FLOOR, namespace="clerestory-revocation")
    assert officer.key == AUTHOR.public
    with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
        check_approval(PLAN, signature, POLICY, SINGLE)


def test_approvals_are_counted_by_officer_not_by_signature() -> None:
    """One officer who signs twice is one officer."""
    twice = approvals_of(PLAN, [approval(OLGA), approval(OLGA)], POLICY, FLOOR)
    both = approvals_of(PLAN, [approval(OLGA), approval(OTTO)], POLICY, FLOOR)
    assert [a.officer.name for a in twice] == ["olga"]
    assert [a.officer.name for a in both] == ["olga", "otto"]

    two = replace(POLICY, approvals=2)
    check_approved(PLAN, both, two)
    with pytest.raises(RefusedError, match="NOT_APPROVED") as refusal:
        check_approved(PLAN, twice, two)
    assert "1 approval" in refusal.value.found
    check_approved(PLAN, twice, POLICY)
    with pytest.raises(RefusedError, match="NOT_APPROVED"):
        check_approved(PLAN, [], POLICY)


def test_a_forged_approval_in_the_ledger_stops_the_run() -> None:
    """It is not passed over: somebody who can write the ledger has been at work."""
    good = approval(OLGA)
    assert approvals_of(PLAN, [good], POLICY, FLOOR)
    moved = OLGA.sign(OTHER.canonical, "clerestory-plan")
    for forged, error in (
        (approval(OTTO, moved), VerificationError),
        (approval(OTTO, "nothing"), VerificationError),
        (approval(STRANGER), RefusedError),
        (approval(AUTHOR), RefusedError),
    ):
        with pytest.raises(error):
            approvals_of(PLAN, [good, forged], POLICY, FLOOR)


def test_approvals_of_other_plans_do_not_count() -> None:
    """Not even if they are good ones."""
    signature = OLGA.sign(OTHER.canonical, "clerestory-plan")
    other = Entry(
        0, "approval", {"plan": OTHER.hash, "officer": OLGA.public, "signature": signature}, b""
    )
    assert approvals_of(PLAN, [other], POLICY, FLOOR) == []


def test_a_revoked_plan_stays_revoked() -> None:
    """Ed25519 signs alike each time, and old signatures stand in the export: no replay."""
    back = entry("revocation", officer=OTTO.public, signature="checked when it came in")
    entries = [entry("plan"), approval(OLGA), back, approval(OLGA), approval(OTTO)]
    assert approvals_of(PLAN, entries[:2], POLICY, FLOOR)
    assert standing_of(PLAN.hash, entries[:2], 1) == "approved"
    assert approvals_of(PLAN, entries, POLICY, FLOOR) == []
    assert standing_of(PLAN.hash, entries, 1) == "revoked"


@pytest.mark.parametrize(
    ("kinds", "needed", "standing"),
    [
        ("", 1, "unknown"),
        ("p", 1, "submitted"),
        ("po", 1, "approved"),
        ("po", 2, "partially approved"),
        ("poo", 2, "partially approved"),
        ("pot", 2, "approved"),
        ("pox", 1, "revoked"),
        ("px", 1, "revoked"),
        ("poc", 1, "running"),
        ("pocr", 1, "released"),
        ("pocro", 1, "released"),
        ("poct", 2, "running"),
    ],
)
def test_the_standing_follows_from_the_ledger(kinds: str, needed: int, standing: str) -> None:
    """Nobody keeps it anywhere else, so nobody can set it."""
    made = {
        "p": entry("plan"),
        "o": approval(OLGA),
        "t": approval(OTTO),
        "x": entry("revocation", officer=OLGA.public, signature=""),
        "c": entry("charge", rho="1/10"),
        "r": entry("release", sums="0"),
    }
    assert standing_of(PLAN.hash, [made[kind] for kind in kinds], needed) == standing
    assert standing_of(OTHER.hash, [made[kind] for kind in kinds], needed) == "unknown"


@given(st.lists(st.sampled_from("otx"), max_size=8))
def test_standing_and_approvals_agree(kinds: list[str]) -> None:
    """What `status` shows as approved is what may run, after any history."""
    made = {
        "o": approval(OLGA),
        "t": approval(OTTO),
        "x": entry("revocation", officer=OLGA.public, signature=""),
    }
    entries = [entry("plan"), *(made[kind] for kind in kinds)]
    approvals = approvals_of(PLAN, entries, POLICY, FLOOR)
    assert (standing_of(PLAN.hash, entries, 2) == "approved") == (len(approvals) >= 2)


def test_what_a_page_shows_of_an_approval() -> None:
    """Name, fingerprint and time: a reader can ask the officer."""
    shown = Approval(POLICY.officer[0], "2026-01-01T00:00:00").to_json()
    assert shown == {
        "name": "olga",
        "fingerprint": fingerprint(OLGA.public),
        "time": "2026-01-01T00:00:00",
    }
