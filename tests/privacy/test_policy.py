"""The policy: reads back as it was written, tightens the floor and never loosens it."""

from dataclasses import asdict, replace
from fractions import Fraction
from hashlib import sha256
from typing import Any, cast

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import ConfigurationError, RefusedError
from privacy.floor import TIERS, Tier
from privacy.plan import Rater
from privacy.policy import Endpoint, Person, Policy, default_policy, folded, read_policy
from privacy.signing import SigningKey
from privacy.tightening import LOOSENESS, differences, loosened
from tests.privacy.test_floor import FLOOR
from tests.support.token import Token

KEYS = [SigningKey.generate().public for _ in range(4)]
DEVELOPMENT = replace(FLOOR, development=True)
ROOTS = "ab" * 32
PLACE = Endpoint("https://api.example.org", 30, ROOTS)
names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
people = st.lists(names, max_size=4, unique_by=folded)
endpoints = st.builds(
    lambda place, **more: Endpoint(url=place[0], roots=place[1], **more),
    st.tuples(
        st.sampled_from(["https://a", "https://api.example.org", "https://127.0.0.1:8443"]),
        st.sampled_from([ROOTS, "0" * 64]),
    )
    | st.tuples(st.sampled_from(["http://127.0.0.1:11434", "http://[::1]:1"]), st.just("")),
    retention_days=st.integers(0, FLOOR.retention_days),
    development=st.booleans(),
)


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


@settings(max_examples=40, deadline=None)
@given(policies())
def test_a_policy_reads_back_as_it_was_written(policy: Policy) -> None:
    """Its hash is in the ledger: a round trip that changed a value would lock the vault."""
    for text in (policy.to_toml(), policy.to_toml(DEVELOPMENT)):
        again = read_policy(text, DEVELOPMENT)
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
        ("period_rho", str(FLOOR.budget + Fraction(1, 10**9)), "1/100"),
        ("minimum_accounts", 19, 21),
        ("tier", "T0", "T2"),
        ("endpoint", (replace(PLACE, retention_days=FLOOR.retention_days + 1),), (PLACE,)),
        ("endpoint", (replace(PLACE, development=True),), (PLACE,)),
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


UNBOUNDED = {
    "period_days": 1, "bits_per_session": 1e9, "approvals": 1, "approval_days": 10**6,
    "instruments": ("mood",), "raters": ("somebody",), "models": ("any",),
}  # fmt: skip


def test_what_the_floor_does_not_bound_is_named() -> None:
    """Every value of a policy is bounded by the floor, or stands in this list for a reason."""
    # period_days has no bound of its own: the loss of any period is within the floor's budget.
    # The others allow what is bounded elsewhere: by the codebook, by the known raters, by the
    # floor's budget and minimum, whatever is asked and however many officers say yes.
    for name, value in UNBOUNDED.items():
        changed: dict[str, Any] = {name: value}
        assert loosened(replace(default_policy(FLOOR), **changed), FLOOR) == []
    bounded = {"rho", "study_rho", "period_rho", "minimum_accounts", "tier", "endpoint"}
    assert bounded | set(UNBOUNDED) == set(LOOSENESS)


def test_a_floor_for_development_allows_roots_of_ones_own() -> None:
    """And no other floor does, whoever signs the policy."""
    policy = replace(default_policy(FLOOR), endpoint=(replace(PLACE, development=True),))
    assert loosened(policy, DEVELOPMENT) == []
    assert loosened(policy, FLOOR) == ["endpoint.development"]


STEPS: dict[str, tuple[Any, Any]] = {
    "rho": ("1/10", "1/5"),
    "study_rho": ("1/10", "1/5"),
    "period_rho": ("1/10", "1/5"),
    "period_days": (400, 365),
    "minimum_accounts": (30, 20),
    "tier": ("T2", "T1"),
    "bits_per_session": (30.0, 64.0),
    "approvals": (2, 1),
    "approval_days": (30, 90),
    "instruments": (("outcome",), ("outcome", "work_mode")),
    "raters": ((), ("offline",)),
    "models": ((), ("a",)),
    "endpoint": ((), (PLACE,)),
}
"""Value → stricter, looser."""


@pytest.mark.parametrize("name", LOOSENESS)
def test_officers_see_which_way_a_change_goes(name: str) -> None:
    """Each value has a direction: read the wrong way round, a loosening would look like care."""
    stricter, looser = ({name: value} for value in STEPS[name])
    strict: Policy = replace(default_policy(FLOOR), **stricter)
    loose: Policy = replace(default_policy(FLOOR), **looser)
    assert [(d.name, d.direction) for d in differences(strict, loose)] == [(name, "looser")]
    assert [(d.name, d.direction) for d in differences(loose, strict)] == [(name, "tighter")]
    assert list(differences(strict, strict)) == []


def test_people_and_exchanges_are_neither_stricter_nor_looser() -> None:
    """Another officer, another model: that is for officers to judge."""
    one = replace(default_policy(FLOOR), models=("a",))
    other = replace(one, models=("b",), officer=(Person("olga", KEYS[0]),))
    assert [(d.name, d.direction) for d in differences(one, other)] == [
        ("models", "other"), ("officer", "other"),
    ]  # fmt: skip


def test_epsilon_stands_beside_rho() -> None:
    """People think in ε: it is rounded up, and changes no value."""
    policy = default_policy(FLOOR)
    text = policy.to_toml(FLOOR)
    # OpenDP's conversion of ρ = 27/100 at δ = 10⁻⁷ gives 4.0303…
    assert text.count('"27/100"  # ε ≤ 4.031 at δ = 1e-07') == 3
    assert "ε" not in policy.to_toml()
    nothing = replace(policy, study_rho="0").to_toml(FLOOR)
    assert 'study_rho = "0"  # ε ≤ 0 at δ' in nothing


def test_an_endpoint_is_found_by_its_address_and_its_roots() -> None:
    """The plan holds the roots' text, the policy its hash: another text is another endpoint."""
    pem = "-----BEGIN CERTIFICATE-----\n…\n"
    place = replace(PLACE, roots=sha256(pem.encode()).hexdigest())
    policy = replace(default_policy(FLOOR), endpoint=(PLACE, place))
    rater = Rater("claude", "3", "validated", "m", place.url, pem)
    assert policy.endpoint_of(rater) == place
    for other in (replace(rater, roots=pem + "\n"), replace(rater, endpoint="https://example.org")):
        assert policy.endpoint_of(other) is None


def test_an_endpoint_in_clear_has_no_roots() -> None:
    """A server on the keeper's machine is allowed like any other, by its address alone."""
    place = Endpoint("http://127.0.0.1:11434", 0, "")
    policy = replace(default_policy(FLOOR), endpoint=(PLACE, place))
    assert read_policy(policy.to_toml(), FLOOR) == policy
    rater = Rater("claude", "3", "validated", "m", place.url, "")
    assert policy.endpoint_of(rater) == place
    assert policy.endpoint_of(replace(rater, endpoint="http://127.0.0.1:11435")) is None
    assert policy.endpoint_of(replace(rater, endpoint="http://[::1]:11434")) is None
    assert policy.endpoint_of(replace(rater, endpoint=PLACE.url)) is None  # TLS without roots
    wrong = replace(policy, endpoint=(replace(place, roots=ROOTS),))
    with pytest.raises(ConfigurationError, match="no certificate"):
        read_policy(wrong.to_toml(), FLOOR)


def test_a_policy_may_say_whose_server_listens() -> None:
    """Of an endpoint in clear only; where it says nothing the hash is what it was before."""
    place = Endpoint("http://127.0.0.1:11434", 0, "", owner="ollama")
    policy = replace(default_policy(FLOOR), endpoint=(place,))
    assert read_policy(policy.to_toml(), FLOOR) == policy
    silent = replace(policy, endpoint=(replace(place, owner=""),))
    assert "owner" not in silent.to_toml()
    assert policy.hash != silent.hash
    told = asdict(silent)
    del told["node"]
    del told["endpoint"][0]["owner"]
    assert silent.hash == sha256(rfc8785.dumps(told)).hexdigest()
    for wrong in (replace(PLACE, owner="ollama"), replace(place, owner="a b"),
                  replace(place, owner="Ünal"), replace(place, owner="0")):  # fmt: skip
        with pytest.raises(ConfigurationError, match="no user's name"):
            read_policy(replace(policy, endpoint=(wrong,)).to_toml(), FLOOR)


GOOD = replace(
    default_policy(FLOOR), officer=(Person("olga", KEYS[0]),), endpoint=(PLACE,)
).to_toml()


TOKEN = Token().public
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
    (f'key = "{KEYS[0]}"', f'key = "{KEYS[0]}"\n[[officer]]\nname="OLGA"\nkey="{KEYS[1]}"'),
    (f'key = "{KEYS[0]}"', f'key = "{KEYS[0]}"\n[[researcher]]\nname="r"\nkey="{KEYS[0]}"'),
    (f'key = "{KEYS[0]}"', f'key = "{KEYS[0]}"\n[[custodian]]\nname="c"\nkey="{TOKEN}"'),
    ('name = "olga"', 'name = ""'),
    ('name = "olga"', 'name = " "'),
    ('name = "olga"', 'name = "ol\\u0000ga"'),
    ("approvals = 1", "approvals = 2026-01-01"),
    ("approval_days = 90", "approval_days = 0"),
    ("period_days = 365", "period_days = 0"),
    ('period_rho = "27/100"', 'period_rho = "-1"'),
    ("bits_per_session = 64.0", "bits_per_session = -1.0"),
    ('url = "https://api.example.org"', 'url = "http://api.example.org"'),
    ('url = "https://api.example.org"', 'url = "http://localhost:11434"'),
    ('url = "https://api.example.org"', 'url = "http://127.0.0.1:11434"'),  # and roots
    ('url = "https://api.example.org"', 'url = "https://api.example.org/v1"'),
    ('url = "https://api.example.org"', 'url = "https://u:p@api.example.org"'),
    ('url = "https://api.example.org"', 'url = "https://api.example.org:0"'),
    ('url = "https://api.example.org"', 'url = "https://"'),
    (f'roots = "{ROOTS}"', 'roots = ""'),
    (f'roots = "{ROOTS}"', f'roots = "{ROOTS.upper()}"'),
    ("retention_days = 30", "retention_days = -1"),
    ("development = false", 'development = "no"'),
    ("development = false", "certified = true"),
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


@pytest.mark.parametrize(
    ("line", "broken", "where"),
    [
        ("approvals = 1", "approvals = = 1", "line {}, column 13"),
        ("approvals = 1", "approvals = 1 2", "line {}, column 15"),
        ('tier = "T1"', 'tier = "T1', "line {}, column"),
        ("approvals = 1", "approvals = true", "at approvals."),
        ("retention_days = 30", 'retention_days = "30"', "at endpoint.0.retention_days."),
        ("approvals = 1", "approvals = 1\naprovals = 1", "at aprovals."),
    ],
)
def test_a_mistake_is_named_with_its_place(line: str, broken: str, where: str) -> None:
    """An officer mends a line, not a file; and nothing of the file is repeated to him."""
    number = GOOD.splitlines().index(line) + 1
    with pytest.raises(ConfigurationError, match="POLICY_UNREADABLE") as refusal:
        read_policy(GOOD.replace(line, broken, 1), FLOOR)
    assert where.format(number) in refusal.value.found
    assert "T1" not in refusal.value.found


def test_an_officer_may_have_a_key_in_a_token() -> None:
    """A custodian may not: he signs every session, and nobody touches a token so often."""
    text = GOOD.replace(KEYS[0], f"{TOKEN} olga@example.org")
    assert [person.key for person in read_policy(text, FLOOR).officer] == [TOKEN]


def test_a_policy_without_nodes_is_hashed_as_before_there_were_any() -> None:
    """An older vault's ledger knows its policy by that hash; a node changes it."""
    policy = default_policy(FLOOR)
    told = asdict(policy)
    del told["node"]
    assert policy.hash == sha256(rfc8785.dumps(told)).hexdigest()
    east = Person("east-1", SigningKey.generate().public)
    named = policy.with_person("node", east)
    assert named.hash != policy.hash
    assert read_policy(named.to_toml(FLOOR), FLOOR).node == (east,)
