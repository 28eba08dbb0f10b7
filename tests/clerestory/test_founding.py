"""Founding: once, in an empty place, on terms that protect somebody."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clerestory.founding import found, measurements
from privacy.custodian import Custodian
from privacy.errors import ConfigurationError
from privacy.floor import read_floor
from privacy.measurements import epsilon_of
from privacy.policy import read_policy
from privacy.vault import FLOOR, POLICY, Vault
from tests.support.house import TERMS


def test_a_vault_holds_the_terms_it_was_founded_on(tmp_path: Path) -> None:
    """The floor is the terms; the policy is the floor; the custodian is in the policy."""
    floor = found(tmp_path / "vault", tmp_path / "custodian", TERMS)
    vault = Vault.open(tmp_path / "vault")
    assert vault.floor == floor == read_floor((tmp_path / "vault" / FLOOR).read_bytes())
    for name in (
        "epsilon", "delta", "minimum_accounts", "tier", "retention_days", "purposes",
        "single_person", "synthetic",
    ):  # fmt: skip
        assert getattr(floor, name) == getattr(TERMS, name)
    # ρ is what ε buys, rounded towards privacy.
    assert epsilon_of(floor.budget, floor.delta) <= floor.epsilon
    assert epsilon_of(floor.budget * 1001 / 1000, floor.delta) > floor.epsilon
    policy = read_policy((tmp_path / "vault" / POLICY).read_text(), floor)
    keys = Custodian(tmp_path / "custodian")
    assert [person.key for person in policy.custodian] == [keys.public]
    assert policy.officer == ()
    keys.close()
    assert not vault.has_keeper


def test_two_vaults_never_share_a_floor(tmp_path: Path) -> None:
    """What is sealed for one must not open under the other's budget."""
    one = found(tmp_path / "a", tmp_path / "ac", TERMS)
    other = found(tmp_path / "b", tmp_path / "bc", TERMS)
    assert one.hash != other.hash
    assert replace(one, vault=other.vault) == other


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Neither a vault, nor a custodian's keys, nor anybody's files."""
    vault, custodian = tmp_path / "vault", tmp_path / "custodian"
    found(vault, custodian, TERMS)
    floor = (vault / FLOOR).read_bytes()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for at, keys in (
        (vault, tmp_path / "c2"),
        (tmp_path / "v2", custodian),
        (tmp_path / "file", tmp_path / "c2"),
        (tmp_path / "full", tmp_path / "c2"),
        (tmp_path / "v2", tmp_path / "full"),
        (tmp_path / "file" / "below", tmp_path / "c2"),
        (tmp_path / "v2", tmp_path / "v2"),
        (tmp_path / "v2", tmp_path / "v2" / "custodian"),
    ):
        with pytest.raises(ConfigurationError, match=r"VAULT_EXISTS|CUSTODIAN_INSIDE_VAULT"):
            found(at, keys, TERMS)
        assert not (tmp_path / "c2").exists()
        assert not (tmp_path / "v2").exists()
    assert (vault / FLOOR).read_bytes() == floor
    (tmp_path / "empty").mkdir()
    found(tmp_path / "empty", tmp_path / "c2", TERMS)


@pytest.mark.parametrize(
    "term",
    [
        {"epsilon": 0.0},
        {"epsilon": -1.0},
        {"epsilon": 50.1},
        {"epsilon": float("inf")},
        {"epsilon": float("nan")},
        {"delta": 0.0},
        {"delta": 1e-3},
        {"delta": float("nan")},
        {"minimum_accounts": 0},
        {"tier": "T3"},
        {"tier": ""},
        {"retention_days": 0},
        {"epsilon": 1e-12},
        {"purposes": ("\ud800",)},
        {"minimum_accounts": 2**60},
    ],
)
def test_terms_that_protect_nobody_are_refused(tmp_path: Path, term: dict[str, Any]) -> None:
    """And leave nothing on the disk."""
    with pytest.raises(ConfigurationError, match=r"TERMS_SENSELESS|BUDGET_UNREADABLE"):
        found(tmp_path / "vault", tmp_path / "custodian", replace(TERMS, **term))
    assert list(tmp_path.iterdir()) == []
    found(tmp_path / "vault", tmp_path / "custodian", TERMS)


PCR = "ab" * 48


@pytest.mark.parametrize(
    "told",
    [
        ["PCR0"], ["PCR0="], [f"PCR16={PCR}"], [f"PCR00={PCR}"], [f"pcr0={PCR}"], [f"={PCR}"],
        [f"PCR0={PCR[:-1]}"], [f"PCR0={PCR}0"], [f"PCR0={PCR.upper()}"], [f"PCR0={'0' * 96}"],
        [f"PCR0={PCR}", f"PCR0={PCR}"], ["PCR0=" + "zz" * 48],
    ],
)  # fmt: skip
def test_a_demand_for_hardware_that_is_none_is_refused(told: list[str], tmp_path: Path) -> None:
    """A misspelt register would demand nothing; zeros are what a debugged enclave shows."""
    with pytest.raises(ConfigurationError, match="HARDWARE_SENSELESS"):
        measurements(told)
    pairs = dict(text.partition("=")[::2] for text in told)
    if len(pairs) == len(told):
        with pytest.raises(ConfigurationError, match="HARDWARE_SENSELESS"):
            found(tmp_path / "vault", tmp_path / "c", replace(TERMS, hardware=pairs))
        assert list(tmp_path.iterdir()) == []


def test_development_and_hardware_stand_in_the_floor(tmp_path: Path) -> None:
    """They are terms: known when sessions are given, and never changed."""
    demanded = measurements([f"PCR0={PCR}", f"PCR15={PCR}"])
    terms = replace(TERMS, development=True, hardware=demanded)
    found(tmp_path / "vault", tmp_path / "c", terms)
    floor = Vault.open(tmp_path / "vault").floor
    assert (floor.development, floor.hardware) == (True, {"PCR0": PCR, "PCR15": PCR})
    plain = found(tmp_path / "v2", tmp_path / "c2", TERMS)
    assert (plain.development, plain.hardware) == (False, {})
