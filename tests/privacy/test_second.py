"""Second readings: which sessions, joined how, and what a forged plan cannot say of them."""

from collections.abc import Sequence
from dataclasses import replace
from secrets import token_bytes, token_hex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.admission import instruments_of
from privacy.errors import RefusedError
from privacy.label_sets import label_sets
from privacy.labels import row_width
from privacy.plan import Plan
from privacy.raters import CLAUDE
from privacy.second import NOT_READ, Reading, are_readings, joined, widened
from privacy.soundness import check_sound
from tests.aggregates.rows import AGAIN, AGREEMENT_AGAIN, BOOK, SHARE, bucket, record, small_plan

COUNT = len(BOOK.instruments)
FIELDS = len(BOOK.fields)
PLAN = small_plan(AGAIN, AGREEMENT_AGAIN)
READING = PLAN.readings[0]


def rows(data: bytes, width: int) -> list[bytes]:
    """A bucket's rows."""
    return [data[at : at + width] for at in range(0, len(data), width)]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 4)), max_size=12))
def test_a_joined_row_is_the_first_with_the_seconds_labels(
    sessions: Sequence[tuple[int, bool, int]],
) -> None:
    """Nothing of the first row may move, and a session that was not read again says so."""
    first = bucket(record(who, {"work_mode": "fix"}) for who, _, _ in sessions)
    labels = BOOK.field("codebase").labels
    second = b"".join(
        n.to_bytes(16) + record(who, {"codebase": labels[label], "surface": "web"})
        for n, (who, read, label) in enumerate(sessions)
        if read
    )
    wide, narrow = row_width(widened(BOOK, PLAN.readings)), row_width(BOOK)
    made = rows(joined(first, [second], BOOK), wide)
    seconds = {row[:16]: row for row in rows(second, narrow)}
    assert wide == narrow + COUNT
    assert [row[: 16 + FIELDS] + row[16 + FIELDS + COUNT :] for row in made] == rows(first, narrow)
    for row in made:
        told = seconds.get(row[:16])
        expected = told[16 : 16 + COUNT] if told else bytes([NOT_READ]) * COUNT
        assert row[16 + FIELDS : 16 + FIELDS + COUNT] == expected


def test_a_second_label_is_its_own_accounts() -> None:
    """A row moved to another account is damage; what the second reading alone has is left out."""
    first = bucket([record(1, {})])
    with pytest.raises(RefusedError, match="BUCKET_BROKEN"):
        joined(first, [bucket([record(2, {})])], BOOK)
    assert joined(first, [bucket([record(1, {}), record(1, {})])], BOOK)[:16] == first[:16]
    assert joined(b"", [first], BOOK) == b""


def test_a_reading_labels_a_session_once() -> None:
    """Of two second labels of one session somebody would have to choose: both are damage."""
    first, twice = bucket([record(1, {})]), bucket([record(1, {}), record(1, {})])
    again = twice[: row_width(BOOK)]
    assert joined(first, [again], BOOK)
    with pytest.raises(RefusedError, match="BUCKET_BROKEN"):
        joined(first, [again + again], BOOK)


def test_the_keyed_hash_reads_the_share_that_is_stated() -> None:
    """
    Of 20,000 sessions 1,000 are expected at 1/20, of variance 950.

    Bernstein: more than 200 off has a chance of at most 2·exp(-200²/(2·(950 + 200/3))) < 6e-9.
    """
    secret, keys = token_bytes(32), [token_hex(16) for _ in range(20_000)]
    reading = replace(READING, share="1/20")
    chosen = {key for key in keys if reading.chooses(key, secret)}
    assert abs(len(chosen) - 1_000) <= 200
    assert chosen == {key for key in keys if reading.chooses(key, secret)}
    assert chosen != {key for key in keys if reading.chooses(key, token_bytes(32))}
    wider = replace(reading, share="1/10")
    assert all(wider.chooses(key, secret) for key in chosen)
    assert all(replace(reading, share="1").chooses(key, secret) for key in keys)


def test_each_reading_has_labels_of_its_own() -> None:
    """A true repetition must not find the first labels already there, and count them twice."""
    two = (READING, replace(READING, name="later"), replace(READING, name="x", share="1/3"))
    assert len({*label_sets(replace(PLAN, readings=two), "floor")}) == 4
    assert label_sets(PLAN, "floor")[0] == label_sets(small_plan(SHARE), "floor")[0]


def test_a_policy_sees_the_instruments_behind_a_second_reading() -> None:
    """Asking only for the second label of an instrument is asking for that instrument."""
    assert instruments_of(PLAN, BOOK) == {"codebase"}


def forged() -> list[Plan]:
    """Plans whose readings are none."""
    others: list[tuple[Reading, ...]] = [
        (),
        (READING, READING),
        (replace(READING, name="other"),),
        *((replace(READING, share=share),) for share in ("0", "2", "21/20", "1/0", "-1", "0.5")),
        (replace(READING, name="a.b"),),
        (replace(READING, rater=CLAUDE),),
        (replace(READING, rater=replace(READING.rater, version="1")),),
        (replace(READING, rater=replace(READING.rater, batches=True)),),
    ]
    return [replace(PLAN, readings=readings) for readings in others]


ASKING = replace(CLAUDE, model="small", endpoint="https://api.example.org", roots="r")


@pytest.mark.parametrize(
    ("change", "is_sound"),
    [
        ({}, True),
        ({"model": "large"}, True),
        ({"mode": "separate", "view": "tail"}, True),
        ({"endpoint": "https://api.example.com"}, False),
        ({"roots": "s"}, False),
        ({"answers": "tool"}, False),
        ({"model": ""}, False),
    ],
    ids=range(7),
)
def test_a_reference_is_another_model_at_the_same_endpoint(
    change: dict[str, Any], *, is_sound: bool
) -> None:
    """Its text goes where the first one's goes, and nowhere else; the policy knows both models."""
    other = replace(READING, rater=replace(ASKING, **change))
    assert are_readings([other], ASKING) == is_sound


@pytest.mark.parametrize("plan", forged())
def test_a_forged_reading_is_refused(plan: Plan) -> None:
    """Keeper, worker and reader reckon it again: a column of no reading would be of nothing."""
    check_sound(PLAN)
    with pytest.raises(RefusedError, match="PLAN_READINGS"):
        check_sound(plan)


def test_a_population_is_not_of_second_labels() -> None:
    """Who is counted is said by the first reading; and contexts are not read twice."""
    where = {**PLAN.population.where, "again.codebase": ("create",)}
    query = replace(PLAN.queries[0], where={"again.surface": ("web",)})
    for plan in (
        replace(PLAN, population=replace(PLAN.population, where=where)),
        replace(PLAN, queries=(query,)),
    ):
        with pytest.raises(RefusedError, match="PLAN_READINGS"):
            check_sound(plan)
    told = replace(PLAN.queries[0], where={"again.outcome": ("failed",)})
    check_sound(replace(PLAN, queries=(told,)))


def test_a_view_hides_from_the_reading_that_is_shown_it() -> None:
    """A reading of the first turn says nothing of an outcome, while the first reading may."""
    told = replace(PLAN.queries[0], where={"again.outcome": ("failed",)})
    blind = replace(READING, rater=replace(READING.rater, view="first_turn"))
    check_sound(replace(PLAN, readings=(blind,)))
    with pytest.raises(RefusedError, match="PLAN_VIEW"):
        check_sound(replace(PLAN, queries=(told,), readings=(blind,)))
