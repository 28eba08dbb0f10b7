"""Where a plan stands: the table, what is derived from it, and what time does to an approval."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.entries import Entry
from privacy.errors import RefusedError
from privacy.policy import default_policy
from privacy.standing import (
    ENTRIES,
    FINAL,
    OPEN,
    REOPENED,
    STATES,
    TABLE,
    WHO,
    Event,
    Standing,
    check_allowed,
    standing_of,
    stands,
)
from tests.privacy.test_floor import FLOOR

PLAN = "a" * 64
NOW = datetime(2026, 3, 1, tzinfo=UTC)
STANDINGS: tuple[Standing, ...] = get_args(Standing)
EVENTS: tuple[Event, ...] = get_args(Event)
POLICY = replace(default_policy(FLOOR), approvals=2, approval_days=90)

ALLOWED = """
draft               submit
submitted           submit approve return reject withdraw revoke
partially approved  submit approve return reject withdraw revoke lapse
approved            submit approve return reject withdraw revoke charge lapse
running             submit revoke charge release lapse
released            submit
returned            submit
rejected
withdrawn           submit
revoked
expired             submit
"""
"""Written down a second time, by hand: the table may not drift without somebody's saying so."""


def allowed() -> set[tuple[str, str]]:
    """The pairs above."""
    names = sorted(STANDINGS, key=len, reverse=True)
    lines = [line for line in ALLOWED.splitlines() if line]
    rows = {name: next(line for line in lines if line.startswith(name)) for name in names}
    return {(name, event) for name, row in rows.items() for event in row[len(name) :].split()}


def entry(kind: str, officer: str = "", signed: datetime = NOW, plan: str = PLAN) -> Entry:
    """An entry of the ledger about a plan."""
    body = {"plan": plan, "officer": officer, "signed": signed.isoformat(timespec="seconds")}
    return Entry(0, kind, body, b"")


def days_ago(days: float) -> datetime:
    """A time before now."""
    return NOW - timedelta(days=days)


def test_the_table_is_the_one_that_was_agreed() -> None:
    """Pair by pair, and no pair besides."""
    assert set(TABLE) == allowed()
    assert set(STATES) == set(STANDINGS)
    assert set(WHO) == set(EVENTS)
    assert set(ENTRIES.values()) == set(EVENTS) - {"lapse"}


@pytest.mark.parametrize("standing", STANDINGS)
@pytest.mark.parametrize("event", EVENTS)
def test_what_is_not_in_the_table_is_refused_under_the_states_code(
    standing: Standing, event: Event
) -> None:
    """All 99 pairs: allowed, or refused with a code, a rule and a remedy."""
    if (standing, event) in allowed():
        check_allowed(standing, event)
        return
    with pytest.raises(RefusedError) as refusal:
        check_allowed(standing, event)
    assert refusal.value.code == STATES[standing].code
    assert refusal.value.rule == STATES[standing].rule
    assert standing in refusal.value.found
    assert refusal.value.remedy


def test_every_standing_can_be_reached_and_the_final_ones_not_left() -> None:
    """A state that nothing leads to would be a word only."""
    reached: set[Standing] = set()
    new: set[Standing] = {"draft"}
    while new:
        reached |= new
        new = {to for (at, _), tos in TABLE.items() if at in reached for to in tos} - reached
    assert reached == set(STANDINGS)
    assert not [pair for pair in TABLE if pair[0] in FINAL]
    assert set(REOPENED) | set(OPEN) | set(FINAL) | {"draft", "running", "released"} == reached


HISTORIES = [
    ("", "draft"),
    ("p", "submitted"),
    ("po", "partially approved"),
    ("poo", "partially approved"),
    ("pot", "approved"),
    ("potu", "approved"),
    ("potc", "running"),
    ("potcc", "running"),
    ("potcr", "released"),
    ("potcrx", "released"),
    ("potcro", "released"),
    ("potcx", "revoked"),
    ("potcwr", "released"),
    ("px", "revoked"),
    ("potxot", "revoked"),
    ("pb", "returned"),
    ("pobt", "returned"),
    ("potbp", "returned"),
    ("pj", "rejected"),
    ("pjpot", "rejected"),
    ("pow", "withdrawn"),
    ("powp", "withdrawn"),
    ("pocr", "partially approved"),
    ("ot", "draft"),
    ("cr", "draft"),
]


@pytest.mark.parametrize(("kinds", "standing"), HISTORIES)
def test_the_standing_follows_from_the_ledger(kinds: str, standing: str) -> None:
    """Nobody keeps it anywhere else; an entry that the table does not allow changes nothing."""
    made = {
        "p": entry("plan"),
        "o": entry("approval", "olga"),
        "t": entry("approval", "otto"),
        "u": entry("approval", "ute"),
        "b": entry("return", "olga"),
        "j": entry("rejection", "olga"),
        "w": entry("withdrawal", "ann"),
        "x": entry("revocation", "olga"),
        "c": entry("charge"),
        "r": entry("release"),
    }
    entries = [made[kind] for kind in kinds]
    assert standing_of(PLAN, entries, POLICY, NOW) == standing
    assert standing_of("b" * 64, entries, POLICY, NOW) == "draft"


@pytest.mark.parametrize(
    ("olga", "otto", "after", "standing"),
    [
        (0, 0, "", "approved"),
        (90, 0, "", "approved"),
        (90.001, 0, "", "partially approved"),
        (91, 91, "", "expired"),
        (91, 91, "c", "expired"),
        (91, 0, "c", "expired"),
        (90, 90, "c", "running"),
        (900, 900, "cr", "released"),
        (900, 900, "x", "revoked"),
        (-1, 0, "", "partially approved"),
        (-1, -1, "", "expired"),
    ],
)
def test_an_approval_lapses(olga: float, otto: float, after: str, standing: str) -> None:
    """On the ninety-first day it is none, and one from tomorrow is none today."""
    made = {"c": entry("charge"), "r": entry("release"), "x": entry("revocation", "olga")}
    entries = [
        entry("plan"),
        entry("approval", "olga", days_ago(olga)),
        entry("approval", "otto", days_ago(otto)),
        *(made[kind] for kind in after),
    ]
    assert standing_of(PLAN, entries, POLICY, NOW) == standing


def test_one_officers_lapse_leaves_nothing() -> None:
    """A plan none of whose approvals stands is expired, also when it never had enough."""
    entries = [entry("plan"), entry("approval", "olga", days_ago(91))]
    assert standing_of(PLAN, entries[:1], POLICY, NOW) == "submitted"
    assert standing_of(PLAN, entries, POLICY, days_ago(1)) == "partially approved"
    assert standing_of(PLAN, entries, POLICY, NOW) == "expired"


def test_an_old_signature_handed_in_again_makes_nothing_younger() -> None:
    """Ed25519 signs alike each time, and signatures stand in the export of the ledger."""
    old = [entry("plan"), *(entry("approval", who, days_ago(91)) for who in ("olga", "otto"))]
    again = [*old, entry("approval", "olga"), entry("approval", "otto")]
    assert standing_of(PLAN, again, POLICY, NOW) == "expired"
    fresh = [entry("plan"), entry("approval", "olga"), entry("approval", "otto")]
    assert standing_of(PLAN, fresh, POLICY, NOW) == "approved"


def test_the_last_second_counts() -> None:
    """The limit is in days, to the second."""
    days = timedelta(days=90)
    assert stands((NOW - days).isoformat(), 90, NOW)
    assert not stands((NOW - days - timedelta(seconds=1)).isoformat(), 90, NOW)
    assert stands(NOW.isoformat(), 90, NOW)
    assert not stands((NOW + timedelta(seconds=1)).isoformat(), 90, NOW)
    # The same moment in another zone.
    assert stands("2026-03-01T02:00:00+02:00", 90, NOW)


@given(st.lists(st.sampled_from(sorted(ENTRIES)), max_size=12))
def test_no_history_leaves_a_final_standing(kinds: list[str]) -> None:
    """What was closed for good stays closed, whatever is written after it."""
    entries: list[Entry] = []
    final: Standing | None = None
    for number, kind in enumerate(kinds):
        entries.append(entry(kind, f"officer {number % 3}"))
        standing = standing_of(PLAN, entries, POLICY, NOW)
        assert final is None or standing == final
        final = standing if standing in (*FINAL, *REOPENED[:2], "released") else final
