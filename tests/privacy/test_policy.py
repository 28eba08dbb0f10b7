"""The policy: reads back as it was written, tightens the floor and never loosens it."""

from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import ConfigurationError, RefusedError
from privacy.floor import TIERS, Tier
from privacy.policy import Endpoint, Person, Policy, default_policy, read_policy
from privacy.signing import SigningKey
from tests.privacy.test_floor import FLOOR

KEYS = [SigningKey.generate().public for _ in range(4)]
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
people = st.lists(names, max_size=4, unique=True)
endpoints = st.builds(Endpoint, url=names, retention_days=st.integers(0, 400), roots=names)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Policies within the floor."""
    persons = [Person(name, key) for name, key in zip(draw(people), KEYS, strict=False)]
    officers = draw(st.integers(0, len(persons)))
    return Policy(
        rho=str(draw(st.fractions(0, FLOOR.budget))),
        study_rho=str(draw(st.fractions(0, FLOOR.budget))),
        period_rho=str(draw(st.fractions(0, FLOOR.budget))),
        period_days=draw(st.integers(1, 10**4)),
        minimum_accounts=draw(st.integers(FLOOR.minimum_accounts, 10**6)),
        tier=draw(st.sampled_from(["T1", "T2"])),
        bits_per_session=draw(st.floats(0, 1e6)),
        approvals=draw(st.integers(1, 9)),
        approval_days=draw(st.integers(1, 10**4)),
        instruments=tuple(draw(st.lists(names, max_size=3))),
        raters=tuple(draw(st.lists(names, max_size=3))),
        models=tuple(draw(st.lists(names, max_size=3))),
        endpoint=tuple(draw(st.lists(endpoints, max_size=2))),
        officer=tuple(persons[:officers]),
        custodian=tuple(persons[officers:2]),
        researcher=tuple(persons[max(officers, 2) :]),
    )


@given(policies())
def test_a_policy_reads_back_as_it_was_written(policy: Policy) -> None:
    """Its hash is in the ledger: a round trip that changed a value would lock the vault."""
    again = read_policy(policy.to_toml(), FLOOR)
    assert again == policy
    assert again.hash == policy.hash


@given(policies(), st.data())
def test_every_value_is_in_the_hash(policy: Policy, data: st.DataObject) -> None:
    """What could be changed without another hash could be changed behind the keeper's back."""
    changes: dict[str, Any] = {
        "rho": policy.rho + "0",
        "study_rho": policy.study_rho + "0",
        "period_rho": policy.period_rho + "0",
        "period_days": policy.period_days + 1,
        "minimum_accounts": policy.minimum_accounts + 1,
        "tier": "T0",
        "bits_per_session": policy.bits_per_session + 1,
        "approvals": policy.approvals + 1,
        "approval_days": policy.approval_days + 1,
        "instruments": (*policy.instruments, "mood"),
        "raters": (*policy.raters, "claude"),
        "models": (*policy.models, "a-model"),
        "endpoint": (*policy.endpoint, Endpoint("https://example.org", 30, "")),
        "officer": (*policy.officer, Person("mallory", KEYS[3])),
        "custodian": (*policy.custodian, Person("mallory", KEYS[3])),
        "researcher": (*policy.researcher, Person("mallory", KEYS[3])),
    }
    name = data.draw(st.sampled_from(sorted(changes)))
    assert replace(policy, **{name: changes[name]}).hash != policy.hash


@pytest.mark.parametrize(
    ("name", "looser", "tighter"),
    [
        ("rho", str(FLOOR.budget + Fraction(1, 10**9)), "1/100"),
        ("study_rho", "1", "1/100"),
        ("minimum_accounts", 19, 21),
        ("tier", "T0", "T2"),
    ],
)
def test_a_policy_tightens_and_never_loosens(name: str, looser: Any, tighter: Any) -> None:  # noqa: ANN401
    """Sessions were given under the floor, not under what somebody decides today."""
    given_policy: Any = replace(default_policy(FLOOR), **{name: tighter})
    assert read_policy(given_policy.to_toml(), FLOOR) == given_policy

    loosened: Any = replace(default_policy(FLOOR), **{name: looser})
    with pytest.raises(RefusedError, match="POLICY_LOOSENS_FLOOR") as refusal:
        read_policy(loosened.to_toml(), FLOOR)
    assert name in refusal.value.found


def test_the_default_is_the_floor_itself() -> None:
    """The loosest policy there is passes, for every tier."""
    for tier in TIERS:
        floor = replace(FLOOR, tier=cast("Tier", tier))
        assert read_policy(default_policy(floor).to_toml(), floor) == default_policy(floor)


GOOD = replace(default_policy(FLOOR), officer=(Person("olga", KEYS[0]),)).to_toml()


BROKEN = [
    ("approvals = 1", "approvals = 0"),
    ("approvals = 1", "approvals = -1"),
    ("approvals = 1", "approvals = 1\nunknown = 2"),
    ("approvals = 1", "approvals = 1\napprovals = 2"),
    ("approvals = 1", "approvals"),
    ("approvals = 1", 'approvals = "one"'),
    ("approvals = 1\n", ""),
    ("minimum_accounts = 20", 'minimum_accounts = "25"'),
    ("minimum_accounts = 20", "minimum_accounts = true"),
    ("minimum_accounts = 20", "minimum_accounts = 25.0"),
    ("bits_per_session = 64.0", "bits_per_session = nan"),
    ("bits_per_session = 64.0", "bits_per_session = inf"),
    ('study_rho = "27/100"', 'study_rho = "1/0"'),
    ('study_rho = "27/100"', 'study_rho = "-1"'),
    ('study_rho = "27/100"', 'study_rho = "all"'),
    ('study_rho = "27/100"', "study_rho = 0.27"),
    ('tier = "T1"', 'tier = "T7"'),
    (f'key = "{KEYS[0]}"', 'key = "ssh-rsa AAAA"'),
    (f'key = "{KEYS[0]}"', f'key = "{KEYS[0]}"\n[[officer]]\nname="b"\nkey="{KEYS[0]}"'),
    (f'key = "{KEYS[0]}"', f'key = "{KEYS[0]}"\n[[officer]]\nname="olga"\nkey="{KEYS[1]}"'),
    (f'key = "{KEYS[0]}"', f'key = "{KEYS[0]}"\nexpires = "2026-01-01"'),
]


@pytest.mark.parametrize(("line", "broken"), BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_policy_is_refused(line: str, broken: str) -> None:
    """A limit that is misspelt, doubled or no number must not be taken for no limit."""
    assert line in GOOD
    assert read_policy(GOOD, FLOOR).officer[0].name == "olga"
    with pytest.raises(ConfigurationError, match=r"POLICY_UNREADABLE|KEY_UNREADABLE") as refusal:
        read_policy(GOOD.replace(line, broken, 1), FLOOR)
    assert refusal.value.remedy


def test_a_key_with_its_comment_is_the_same_key() -> None:
    """`cat officer.pub` into policy.toml must enrol the officer whose signature will be read."""
    text = GOOD.replace(KEYS[0], f"{KEYS[0]} olga@example.org")
    assert [person.key for person in read_policy(text, FLOOR).officer] == [KEYS[0]]
