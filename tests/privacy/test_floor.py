"""The floor: one form, one hash, and nothing that looks like it."""

import json
from contextlib import suppress
from dataclasses import asdict, fields, replace
from fractions import Fraction
from typing import Any, cast

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import ConfigurationError
from privacy.floor import TIERS, Floor, Tier, read_floor

FLOOR = Floor(
    vault="0123456789abcdef",
    purposes=("learning how people work",),
    epsilon=4.0,
    delta=1e-7,
    rho="27/100",
    minimum_accounts=20,
    tier="T1",
    retention_days=365,
    single_person=False,
    synthetic=False,
    buckets=64,
)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
floors = st.builds(
    Floor,
    vault=words,
    purposes=st.lists(words, max_size=3).map(tuple),
    epsilon=st.floats(0.01, 50),
    delta=st.floats(1e-12, 1e-4),
    rho=st.fractions(0, 10, max_denominator=10**9).map(str),
    minimum_accounts=st.integers(1, 10**6),
    tier=st.sampled_from([cast("Tier", tier) for tier in TIERS]),
    retention_days=st.integers(1, 10**5),
    single_person=st.booleans(),
    synthetic=st.booleans(),
    buckets=st.integers(1, 4096),
    development=st.booleans(),
    hardware=st.dictionaries(words, words, max_size=2),
)


@given(floors)
def test_a_floor_reads_back_from_its_canonical_form(floor: Floor) -> None:
    """Every sealed byte is bound to this hash: it must never come out differently."""
    assert read_floor(floor.canonical) == floor
    assert read_floor(floor.canonical).hash == floor.hash
    assert floor.canonical == rfc8785.dumps(asdict(floor))


@pytest.mark.parametrize("name", [field.name for field in fields(Floor)])
def test_every_term_is_in_the_hash(name: str) -> None:
    """Otherwise that term could be loosened after the fact."""
    value: Any = getattr(FLOOR, name)
    other: Any = (
        not value
        if isinstance(value, bool)
        else value * 2
        if isinstance(value, int | float)
        else (*value, "selling it")
        if isinstance(value, tuple)
        else {**value, "PCR0": "00"}
        if isinstance(value, dict)
        else "T0"
        if name == "tier"
        else value + "0"
    )
    assert replace(FLOOR, **{name: other}).hash != FLOOR.hash


@given(st.data())
def test_a_changed_byte_is_refused_or_makes_another_floor(data: st.DataObject) -> None:
    """Another floor opens nothing that was sealed under this one."""
    changed = bytearray(FLOOR.canonical)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ConfigurationError):
        read = read_floor(bytes(changed))
        assert read.hash != FLOOR.hash
        assert read.canonical == changed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        json.dumps(asdict(FLOOR), indent=1).encode(),
        FLOOR.canonical.replace(b'"T1"', b'"T9"'),
        FLOOR.canonical.replace(b"floor/2", b"floor/3"),
        FLOOR.canonical.replace(b'"buckets":64', b'"buckets":64,"extra":1'),
        FLOOR.canonical.replace(b'"buckets":64', b'"buckets":"64"'),
        FLOOR.canonical.replace(b'"buckets":64', b'"buckets":8,"buckets":64'),
        FLOOR.canonical.replace(b'"27/100"', b'"27/0"'),
        FLOOR.canonical.replace(b'"27/100"', b'"much"'),
        FLOOR.canonical.replace(b'"27/100"', b'"-1"'),
    ],
    ids=[
        "empty", "no-keys", "not-utf8", "deep", "not-canonical", "tier", "format", "unknown",
        "converted", "twice", "division-by-zero", "no-fraction", "negative",
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_floor_is_refused(data: bytes) -> None:
    """The file is what `init` wrote, to the byte, or it is none."""
    assert read_floor(FLOOR.canonical) == FLOOR
    with pytest.raises(ConfigurationError, match="FLOOR_UNREADABLE"):
        read_floor(data)


@pytest.mark.parametrize("demanded", TIERS)
@pytest.mark.parametrize("offered", TIERS)
def test_a_tier_is_enough_when_it_is_no_weaker(demanded: Tier, offered: str) -> None:
    """T0 < T1 < T2, and a floor is a lower bound."""
    allowed = replace(FLOOR, tier=demanded).allows_tier(offered)
    assert allowed == (int(offered[1]) >= int(demanded[1]))


def test_the_budget_is_exact() -> None:
    """What the ledger counts in is no float."""
    assert FLOOR.budget == Fraction(27, 100)
