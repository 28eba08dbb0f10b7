"""What the keeper answers, rule by rule, and what its ledger keeps of it."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from privacy.checkpoint import read_checkpoint
from privacy.entries import read_entry
from privacy.errors import ClerestoryError, ConfigurationError, VerificationError
from privacy.plan import Plan
from privacy.signing import SigningKey, public_raw
from privacy.vault import POLICY
from tests.aggregates.rows import HEAD, SHARE, small_plan
from tests.support.house import TERMS, House, founded, opened

PLAN = small_plan(SHARE)
AUTHOR = PLAN.study.authors[0]
SAME = {"custody": "same-user"}
VERBS = {
    "enrol", "policy", "endorse", "submit", "plan", "approve", "return", "reject", "withdraw",
    "rotate", "expire", "forget", "take-in", "revoke", "status", "classify", "release", "ledger",
}  # fmt: skip


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


def test_the_keeper_knows_these_verbs_and_no_other(house: House) -> None:
    """A request from another version is turned down, and costs nothing."""
    assert set(house.keeper.verbs) == VERBS
    before = house.kinds()
    for verb in ("", "None", "shell", "__init__", "enrol "):
        assert code_of(house, verb) == "VERB_UNKNOWN"
    assert house.kinds() == before


def test_an_officer_is_enrolled_once_and_before_the_first_plan(house: House) -> None:
    """Whoever could add officers later could approve his own plan with a second key."""
    olga = house.enrol("olga")
    house.ask("enrol", name="olga", key=olga.public)
    assert house.ask("status")["officers"] == ["olga"]
    # One person with two keys, or under two names, would be two approvals.
    second = SigningKey.generate().public
    for name, twice in (("olga again", olga.public), ("olga", second), ("custodian", second)):
        assert code_of(house, "enrol", name=name, key=twice) == "PERSON_TWICE"
    assert house.ask("status")["officers"] == ["olga"]
    house.enrol("otto")
    house.submit(PLAN)
    key = SigningKey.generate().public
    assert code_of(house, "enrol", name="late", key=key) == "ENROLMENT_CLOSED"
    assert house.ask("status")["officers"] == ["olga", "otto"]
    assert house.kinds()[-1] == "refusal"


@pytest.mark.parametrize(
    "name", ['o"l\\ga', 'x"\n[[officer]]\nname = "y', "tab\there", "\x7f", "\ud800", "nul\0", "ö"]
)
def test_a_name_cannot_break_out_of_the_policy(house: House, name: str) -> None:
    """It is enrolled as it stands, or refused with nothing changed on the disk."""
    before = (house.vault.folder / POLICY).read_bytes(), house.kinds()
    key = SigningKey.generate().public
    try:
        house.ask("enrol", name=name, key=key)
    except ConfigurationError:
        assert ((house.vault.folder / POLICY).read_bytes(), house.kinds()) == before
    else:
        assert house.ask("status")["officers"] == [name]
        assert len(house.keeper.desk.policy.officer) == 1


def test_no_key_that_is_none_is_enrolled(house: House) -> None:
    """A policy with a line that nobody can sign for would lock everybody out."""
    for key in ("", "ssh-rsa AAAA", "ssh-ed25519", "ssh-ed25519 AAAA"):
        assert code_of(house, "enrol", name="x", key=key) == "KEY_UNREADABLE"
    house.enrol("olga")


def test_a_plan_is_taken_in_once(house: House) -> None:
    """It is bound to this vault, whatever it was bound to before."""
    bound = house.submit(PLAN)
    floor, policy = house.vault.floor, house.keeper.desk.policy
    assert bound.binding is not None
    assert (bound.binding.vault, bound.binding.floor) == (floor.vault, floor.hash)
    assert bound.binding.policy == policy.hash
    elsewhere = PLAN.bind(replace(bound.binding, floor="0" * 64))
    assert house.submit(elsewhere) == house.submit(bound) == house.submit(PLAN) == bound
    assert len(house.entries("plan")) == 1
    assert house.ask("plan", PLAN)["bound"] == bound.canonical.decode()
    entry = house.entries("plan")[0].body
    assert (entry["plan"], Fraction(entry["rho"])) == (bound.hash, PLAN.loss)


def test_a_plan_that_breaks_a_rule_is_not_taken_in(house: House) -> None:
    """The refusal is in the ledger; the plan is not."""
    greedy = small_plan(SHARE, head=HEAD.replace("epsilon = 2.0", "epsilon = 20.0"))
    assert code_of(house, "submit", greedy) == "STUDY_TOO_EXPENSIVE"
    assert house.state.plans() == []
    (refusal,) = house.entries("refusal")
    assert refusal.body == {"verb": "submit", "code": "STUDY_TOO_EXPENSIVE"}
    with pytest.raises(ConfigurationError, match="PLAN_UNREADABLE"):
        house.keeper.ask("submit", {"plan": "no plan", **SAME}, lambda _, __: None)
    house.submit(PLAN)


def test_an_approval_is_checked_before_it_is_recorded(house: House) -> None:
    """By whom, over what, for what: only then is there an entry."""
    olga, stranger = house.enrol("olga"), SigningKey.generate()
    author = house.enrol(AUTHOR)
    bound = house.submit(PLAN)
    other = replace(bound, study=replace(bound.study, purpose="x"))
    for signer, signed, code in (
        (stranger, bound, "APPROVER_NOT_ENROLLED"),
        (author, bound, "APPROVER_IS_AUTHOR"),
        (olga, other, "SIGNATURE_INVALID"),
        (olga, PLAN, "SIGNATURE_INVALID"),
    ):
        signature = signer.sign(signed.canonical, "clerestory-plan")
        assert code_of(house, "approve", bound, signature=signature) == code
    assert house.entries("approval") == []
    assert house.approve(bound, olga)["standing"] == "approved"
    assert len(house.entries("approval")) == 1


def test_in_a_single_persons_vault_the_author_approves(tmp_path: Path) -> None:
    """And only there."""
    with founded(tmp_path, replace(TERMS, single_person=True)) as house:
        author = house.enrol(AUTHOR)
        assert house.approve(house.submit(PLAN), author)["standing"] == "approved"


def test_two_approvals_are_two_officers(tmp_path: Path) -> None:
    """One who signs twice is partially approved, and nothing runs."""
    with founded(tmp_path):
        pass
    path = tmp_path / "vault" / POLICY
    (tmp_path / "state").rename(tmp_path / "old-state")
    (tmp_path / "vault" / "keeper.json").unlink()
    path.write_text(path.read_text().replace("approvals = 1", "approvals = 2"))
    with opened(tmp_path) as house:
        olga, otto = house.enrol("olga"), house.enrol("otto")
        bound = house.submit(PLAN)
        assert house.approve(bound, olga)["standing"] == "partially approved"
        assert house.approve(bound, olga)["standing"] == "partially approved"
        assert code_of(house, "classify", bound) == "NOT_APPROVED"
        assert code_of(house, "release", bound) == "NOT_APPROVED"
        assert house.approve(bound, otto)["standing"] == "approved"
        house.keeper.desk.check_may_run(bound)


def test_what_was_revoked_stays_revoked(house: House) -> None:
    """The old signature stands in every export: handed in again it must not count."""
    olga = house.enrol("olga")
    bound = house.submit(PLAN)
    house.approve(bound, olga)
    old = house.entries("approval")[0].body["signature"]
    house.keeper.desk.check_may_run(bound)

    assert code_of(house, "revoke", bound, signature=old) == "SIGNATURE_INVALID"
    signature = olga.sign(bound.canonical, "clerestory-revocation")
    assert house.ask("revoke", bound, signature=signature)["standing"] == "revoked"
    assert code_of(house, "release", bound) == "PLAN_REVOKED"
    assert code_of(house, "approve", bound, signature=old) == "PLAN_REVOKED"
    assert code_of(house, "classify", bound) == "PLAN_REVOKED"
    assert house.ask("status")["plans"][0]["standing"] == "revoked"
    # The same study under other words is another plan, and may run when it is approved.
    new = replace(PLAN, study=replace(PLAN.study, purpose="To be tested again"))
    house.approve(house.submit(new), olga)
    house.keeper.desk.check_may_run(house.submit(new))


def test_a_strangers_revocation_is_none(house: House) -> None:
    """Else anybody could stop a study for good."""
    olga = house.enrol("olga")
    bound = house.submit(PLAN)
    house.approve(bound, olga)
    signature = SigningKey.generate().sign(bound.canonical, "clerestory-revocation")
    assert code_of(house, "revoke", bound, signature=signature) == "APPROVER_NOT_ENROLLED"
    assert house.ask("status")["plans"][0]["standing"] == "approved"


def test_a_forged_entry_stops_the_run(house: House) -> None:
    """An approval that was written into the ledger, and not signed, is no approval."""
    olga = house.enrol("olga")
    bound = house.submit(PLAN)
    other = replace(bound, study=replace(bound.study, purpose="x"))
    body = {
        "plan": bound.hash,
        "officer": olga.public,
        "signature": olga.sign(other.canonical, "clerestory-plan"),
        "signed": "2026-01-01T00:00:00+00:00",
    }
    house.state.ledger.append("approval", body)
    for verb in ("classify", "release"):
        with pytest.raises(VerificationError, match="SIGNATURE_INVALID"):
            house.ask(verb, bound)
    assert not {"labels", "charge", "key", "release"} & set(house.kinds())


def test_nothing_is_charged_for_what_cannot_be_released(house: House) -> None:
    """Without approval, without labels, unknown: the budget stays whole."""
    olga = house.enrol("olga")
    assert code_of(house, "release", PLAN) == "PLAN_UNKNOWN"
    bound = house.submit(PLAN)
    assert code_of(house, "release", bound) == "NOT_APPROVED"
    house.approve(bound, olga)
    assert code_of(house, "release", bound) == "NO_LABELS"
    assert house.ask("status")["spent"] == "0"
    assert "charge" not in house.kinds()


def test_the_statement_of_account_is_exact_and_signed(house: House) -> None:
    """What an outsider replays is what the keeper counts with."""
    told = house.ask("status")
    assert Fraction(told["budget"]) == house.vault.floor.budget
    assert Fraction(told["budget"]) - Fraction(told["spent"]) == Fraction(told["left"])
    house.enrol("olga")
    export = house.ask("ledger")
    assert [read_entry(line.encode()).kind for line in export["entries"]] == house.kinds()
    key = public_raw(house.vault.keys.signing)
    checkpoint = read_checkpoint(export["checkpoint"], key)
    assert checkpoint == house.state.ledger.checkpoint()
    assert checkpoint.size == len(house.kinds())


def test_refusals_are_remembered_by_code_alone(house: House) -> None:
    """Somebody trying doors should be seen; his words should not."""
    code_of(house, "release", PLAN)
    assert code_of(house, "submit", replace(PLAN, codebook="0" * 64)) == "PLAN_CODEBOOK"
    bodies = [entry.body for entry in house.entries("refusal")]
    assert bodies == [
        {"verb": "release", "code": "PLAN_UNKNOWN"},
        {"verb": "submit", "code": "PLAN_CODEBOOK"},
    ]


def test_a_restart_remembers_where_a_plan_stands(tmp_path: Path) -> None:
    """Standing is computed from the ledger, which is a file."""
    with founded(tmp_path) as house:
        olga = house.enrol("olga")
        bound = house.submit(PLAN)
        house.approve(bound, olga)
    with opened(tmp_path) as again:
        again.keeper.desk.check_may_run(bound)
        assert again.ask("status")["plans"][0]["standing"] == "approved"
