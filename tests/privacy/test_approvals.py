"""Approvals: whose signature says what about which plan, and what the ledger makes of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from privacy.approvals import (
    ACTS,
    REASONS,
    Approval,
    approvals_of,
    check_act,
    check_approved,
    is_author,
    lapsed,
)
from privacy.entries import Entry
from privacy.errors import ClerestoryError, RefusedError, VerificationError
from privacy.floor import Floor
from privacy.plan import Binding, Plan, Reading, read_plan
from privacy.policy import Person, Policy, default_policy
from privacy.signing import SigningKey, fingerprint
from privacy.standing import standing_of
from tests.aggregates.rows import SHARE, small_plan
from tests.privacy.test_floor import FLOOR
from tests.privacy.test_plan import paths
from tests.support.token import Token

OLGA, OTTO, AUTHOR, STRANGER, ANN = (SigningKey.generate() for _ in range(5))
TOKEN = Token()
NOW = datetime(2026, 1, 2, tzinfo=UTC)
PLAN = small_plan(SHARE).bind(Binding("v", FLOOR.hash, "p" * 64, "c" * 64))
OTHER = PLAN.bind(Binding("w", FLOOR.hash, "p" * 64, "c" * 64))
POLICY = replace(
    default_policy(FLOOR),
    officer=(
        Person("olga", OLGA.public),
        Person("otto", OTTO.public),
        Person(PLAN.study.authors[0], AUTHOR.public),
        Person("theo", TOKEN.public),
    ),
)
SINGLE = replace(FLOOR, single_person=True)


def entry(kind: str, **body: str) -> Entry:
    """An entry of the ledger; what it follows from is the ledger's business."""
    return Entry(0, kind, {"plan": PLAN.hash, **body}, b"")


def check_approval(
    plan: Plan, signature: str, policy: Policy, floor: Floor, *known: Person
) -> Person:
    """Check an approval."""
    return check_act(ACTS["approve"], plan, signature, policy, floor, known=known)


def standing_approvals(entries: list[Entry], now: datetime = NOW) -> list[Approval]:
    """The approvals of the plan that stand."""
    return approvals_of(PLAN, entries, POLICY, FLOOR, now=now)


def approval(key: SigningKey, signature: str | None = None) -> Entry:
    """An officer's approval of the plan, as the keeper records it."""
    signed = signature or key.sign(PLAN.canonical, "clerestory-plan")
    return entry(
        "approval", officer=key.public, signature=signed, signed="2026-01-01T00:00:00+00:00"
    )


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
    officer = check_act(ACTS["revoke"], PLAN, signature, POLICY, FLOOR)
    assert officer.key == AUTHOR.public
    with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
        check_approval(PLAN, signature, POLICY, SINGLE)


def test_approvals_are_counted_by_officer_not_by_signature() -> None:
    """One officer who signs twice is one officer."""
    twice = standing_approvals([approval(OLGA), approval(OLGA)])
    both = standing_approvals([approval(OLGA), approval(OTTO)])
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
    assert standing_approvals([good])
    moved = OLGA.sign(OTHER.canonical, "clerestory-plan")
    for forged, error in (
        (approval(OTTO, moved), VerificationError),
        (approval(OTTO, "nothing"), VerificationError),
        (approval(STRANGER), RefusedError),
        (approval(AUTHOR), RefusedError),
    ):
        with pytest.raises(error):
            standing_approvals([good, forged])


def test_approvals_of_other_plans_do_not_count() -> None:
    """Not even if they are good ones."""
    signature = OLGA.sign(OTHER.canonical, "clerestory-plan")
    other = Entry(
        0, "approval", {"plan": OTHER.hash, "officer": OLGA.public, "signature": signature}, b""
    )
    assert standing_approvals([other]) == []


def test_a_revoked_plan_stays_revoked() -> None:
    """Ed25519 signs alike each time, and old signatures stand in the export: no replay."""
    back = entry("revocation", officer=OTTO.public, signature="checked when it came in")
    entries = [entry("plan"), approval(OLGA), back, approval(OLGA), approval(OTTO)]
    assert standing_approvals(entries[:2])
    assert standing_approvals(entries) == []
    assert standing_of(PLAN.hash, entries, POLICY, NOW) == "revoked"


@given(
    kinds=st.lists(st.tuples(st.sampled_from("otxbjw"), st.integers(0, 100)), max_size=8),
    needed=st.integers(1, 2),
)
def test_standing_and_approvals_agree(kinds: list[tuple[str, int]], needed: int) -> None:
    """What `status` shows as approved is what may run, after any history, at any age."""
    closing = {"x": "revocation", "b": "return", "j": "rejection", "w": "withdrawal"}
    entries = [entry("plan")]
    for kind, days in sorted(kinds, key=lambda one: -one[1]):
        if kind in closing:
            entries.append(entry(closing[kind], officer=OLGA.public, signature=""))
        else:
            body = dict(approval(OLGA if kind == "o" else OTTO).body)
            body["signed"] = (NOW - timedelta(days=days)).isoformat()
            entries.append(Entry(0, "approval", body, b""))
    policy = replace(POLICY, approvals=needed)
    standing = standing_of(PLAN.hash, entries, policy, NOW)
    approvals = approvals_of(PLAN, entries, policy, FLOOR, now=NOW)
    assert (standing == "approved") == (len(approvals) >= needed)
    assert (standing == "partially approved") == (0 < len(approvals) < needed)


def test_an_approval_that_lapsed_lets_nothing_through() -> None:
    """It is left out when the run is about to start, and nobody can hand it in again."""
    day = timedelta(days=1)
    entries = [entry("plan"), approval(OLGA)]
    assert standing_approvals(entries, NOW + 89 * day)
    assert standing_approvals(entries, NOW + 90 * day) == []
    again = Entry(0, "approval", {**approval(OLGA).body, "signed": "2026-04-01T00:00:00Z"}, b"")
    assert standing_approvals([*entries, again], NOW + 90 * day) == []


def test_a_reader_finds_an_approval_that_did_not_stand() -> None:
    """A bundle tells when each was given: too early for the policy, or after the run, is none."""
    told = [{"name": "olga", "time": "2026-01-01T00:00:00+00:00"}]
    day = timedelta(days=1)
    assert lapsed(told, POLICY, NOW) == lapsed(told, POLICY, NOW + 89 * day) == []
    assert lapsed(told, POLICY, NOW + 90 * day) == ["olga"]
    assert lapsed(told, POLICY, NOW - 2 * day) == ["olga"]
    with pytest.raises(LookupError):
        lapsed([{"name": "olga"}], POLICY, NOW)


def test_an_officer_approves_with_a_key_in_a_token() -> None:
    """And is told apart from a plain key with the same name."""
    signature = TOKEN.sign(PLAN.canonical, "clerestory-plan")
    assert check_approval(PLAN, signature, POLICY, FLOOR).name == "theo"
    for flags in (0x00, 0x04):
        untouched = TOKEN.sign(PLAN.canonical, "clerestory-plan", flags=flags)
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            check_approval(PLAN, untouched, POLICY, FLOOR)


@pytest.mark.parametrize("author", ["OLGA", " olga", "ｏｌｇａ", "Olga "])
def test_another_spelling_is_no_other_person(author: str) -> None:
    """An officer who wrote his own name otherwise into a study is still its author."""
    plan = replace(PLAN, study=replace(PLAN.study, authors=("ann", author)))
    signature = OLGA.sign(plan.canonical, "clerestory-plan")
    with pytest.raises(RefusedError, match="APPROVER_IS_AUTHOR"):
        check_approval(plan, signature, POLICY, FLOOR)
    other = OTTO.sign(plan.canonical, "clerestory-plan")
    assert check_approval(plan, other, POLICY, FLOOR).name == "otto"


def test_an_author_is_known_by_his_key_too() -> None:
    """Who was enrolled under the author's name and is an officer under another one is he."""
    signature = OLGA.sign(PLAN.canonical, "clerestory-plan")
    formerly = Person(PLAN.study.authors[0], OLGA.public)
    assert check_approval(PLAN, signature, POLICY, FLOOR).name == "olga"
    with pytest.raises(RefusedError, match="APPROVER_IS_AUTHOR"):
        check_approval(PLAN, signature, POLICY, FLOOR, formerly)
    assert is_author(POLICY.officer[0], PLAN, [formerly])
    assert not is_author(POLICY.officer[1], PLAN, [formerly])


def test_only_an_author_withdraws() -> None:
    """Known by an enrolled key: officer or researcher, but his own plan."""
    policy = replace(POLICY, researcher=(Person("ann", ANN.public),))
    by_ann = replace(PLAN, study=replace(PLAN.study, authors=("Ann",)))
    act = ACTS["withdraw"]

    def withdraw(plan: Plan, key: SigningKey) -> str:
        signature = key.sign(plan.canonical, "clerestory-withdrawal")
        return check_act(act, plan, signature, policy, FLOOR).name

    assert withdraw(by_ann, ANN) == "ann"
    assert withdraw(PLAN, AUTHOR) == PLAN.study.authors[0]
    for plan, key in ((PLAN, ANN), (by_ann, OLGA), (by_ann, AUTHOR), (by_ann, STRANGER)):
        with pytest.raises(RefusedError, match="NOT_THE_AUTHOR"):
            withdraw(plan, key)
    # A researcher decides about nothing.
    signature = ANN.sign(PLAN.canonical, "clerestory-plan")
    with pytest.raises(RefusedError, match="APPROVER_NOT_ENROLLED"):
        check_approval(PLAN, signature, policy, FLOOR)


@pytest.mark.parametrize("event", ["return", "reject"])
def test_a_reason_is_of_the_list_and_signed(event: str) -> None:
    """A keeper cannot put another one under an officer's signature; a remark could be anything."""
    act = ACTS[event]
    for reason in REASONS:
        signature = OLGA.sign(act.message(PLAN, reason), act.namespace)
        assert check_act(act, PLAN, signature, POLICY, FLOOR, reason=reason).name == "olga"
        other = next(one for one in REASONS if one != reason)
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            check_act(act, PLAN, signature, POLICY, FLOOR, reason=other)
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            check_act(act, OTHER, signature, POLICY, FLOOR, reason=reason)
    for reason in ("", "BECAUSE", "purpose"):
        with pytest.raises(RefusedError, match="REASON_UNKNOWN"):
            act.message(PLAN, reason)


@pytest.mark.parametrize(("made", "claimed"), [*permutations(ACTS, 2)])
def test_one_act_never_passes_for_another(made: str, claimed: str) -> None:
    """An approval is no revocation, a return no rejection: five acts, twenty confusions."""
    reason = {event: "PURPOSE" if ACTS[event].reasoned else "" for event in (made, claimed)}
    act = ACTS[made]
    signature = AUTHOR.sign(act.message(PLAN, reason[made]), act.namespace)
    assert check_act(act, PLAN, signature, POLICY, SINGLE, reason=reason[made])
    with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
        check_act(ACTS[claimed], PLAN, signature, POLICY, SINGLE, reason=reason[claimed])


def edited(path: tuple[Any, ...]) -> Plan | None:
    """The plan with one value changed, if what comes out is a plan."""
    data = json.loads(PLAN.canonical)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    old = inner[path[-1]]
    if isinstance(old, str):
        inner[path[-1]] = old + "x"
    else:
        inner[path[-1]] = not old if isinstance(old, bool) else (old or 0) + 1
    try:
        return read_plan(rfc8785.dumps(data))
    except ClerestoryError:
        return None


PATHS = paths(json.loads(PLAN.canonical))


def test_any_edit_resets() -> None:
    """Every single value of the plan, binding and submission too: another one is unapproved."""
    entries = [entry("plan"), approval(OLGA), approval(OTTO)]
    changed = [plan for path in PATHS if (plan := edited(path))]
    # Of a closed list another value is no plan at all; nor is a word where a validation could be.
    closed = {path[-1] for path in PATHS if edited(path) is None}
    assert closed == {
        "format",
        "kind",
        "value",
        "fidelity",
        "validation",
        "spending",
        "view",
        "mode",
        "answers",
    }
    assert len(changed) > 60
    others: list[dict[str, Any]] = [{"view": "tail"}, {"mode": "separate"}, {"answers": "tool"}]
    changed += [replace(PLAN, rater=replace(PLAN.rater, **other)) for other in others]
    again = Reading("again", "1/20", PLAN.rater)
    forms = [again, replace(again, name="other"), replace(again, share="1/2")]
    forms += [replace(again, rater=replace(PLAN.rater, view="tail"))]
    changed += [replace(PLAN, readings=(form,)) for form in forms]
    assert len({plan.hash for plan in changed[-len(forms) :]}) == len(forms)
    assert standing_of(PLAN.hash, entries, POLICY, NOW) == "approved"
    signature = OLGA.sign(PLAN.canonical, "clerestory-plan")
    for plan in changed:
        assert plan.hash != PLAN.hash
        assert standing_of(plan.hash, entries, POLICY, NOW) == "draft"
        assert approvals_of(plan, entries, POLICY, FLOOR, now=NOW) == []
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            check_approval(plan, signature, POLICY, FLOOR)


def test_what_a_page_shows_of_an_approval() -> None:
    """Name, fingerprint and time: a reader can ask the officer."""
    shown = Approval(POLICY.officer[0], "2026-01-01T00:00:00").to_json()
    assert shown == {
        "name": "olga",
        "fingerprint": fingerprint(OLGA.public),
        "time": "2026-01-01T00:00:00",
    }
