"""Which trends are flagged: by the rule, by hand; and what is never taken for stability."""

import csv
from dataclasses import replace
from io import StringIO

import pytest

from privacy.anchor_readings import AnchorReadings
from privacy.drift import (
    BEYOND,
    COLUMNS,
    COUNTED,
    FLAGGED,
    MAYBE,
    NOT_KNOWN,
    ONE_MONTH,
    drift,
    read_drift,
)
from privacy.mistakes import rounded
from privacy.wavering import ALPHA, upper
from tests.aggregates.rows import AGAIN, MEAN, SHARE, small_plan
from tests.support.anchored import PLAN, asking, modes, reading, readings, tables

STABLE = readings(reading("2026-07", modes(96, 192)), reading("2026-08", modes(96, 192)))
"""Nobody changed, among 288 anchors."""
STILL = upper(0, 96, ALPHA / 4), upper(0, 192, ALPHA / 4)
"""What that bounds: 4.5 % and 2.3 %."""
Row = dict[str, str]
CELL = (
    "study", "table", "statistic", "state", "keys",
    "estimate", "low", "high", "se_noise", "se_sampling", "se_classifier",
)  # fmt: skip
NUMBERS = ("0.4", "0.3", "0.5", "0.05", "0.01", "")
"""Columns of a printed row that are looked at, and numbers in it."""


def judged(fix: tuple[float, ...], told: AnchorReadings) -> dict[str, Row]:
    """Statistic → the row of `fix`."""
    found = read_drift(drift(PLAN, tables(fix), told))
    return {row["statistic"]: row for row in found if row["keys"] in ("work_mode=fix", "")}


def printed(data: bytes, statistic: str, keys: str) -> Row:
    """A row of tables.csv."""
    rows = csv.DictReader(StringIO(data.decode(), newline=""))
    return next(row for row in rows if (row["statistic"], row["keys"]) == (statistic, keys))


def test_a_change_is_held_against_what_drift_could_have_made() -> None:
    """By hand: from 20 to 40 %: (1 - low₁)·δ_no or high₃·δ_yes, whichever is more."""
    data = tables((0.2, 0.3, 0.4))
    row = judged((0.2, 0.3, 0.4), STABLE)["change"]
    first = printed(data, "share", "month=2025-10; work_mode=fix")
    last = printed(data, "share", "month=2025-12; work_mode=fix")
    bound = max((1 - float(first["low"])) * STILL[1], float(last["high"]) * STILL[0])

    assert float(row["drift"]) == rounded(bound)
    assert row["certain"] == printed(data, "change", "work_mode=fix")["low"]
    assert row["verdict"] == BEYOND


def test_a_small_change_may_be_drift_even_where_nobody_changed() -> None:
    """288 anchors cannot rule out what they are too few to show: nothing is proved by silence."""
    found = judged((0.20, 0.21, 0.22), STABLE)

    assert {name: row["verdict"] for name, row in found.items()} == {
        "share": MAYBE, "change": MAYBE, "slope": MAYBE,
    }  # fmt: skip


def test_a_large_change_may_be_drift_where_the_rater_changed_as_much() -> None:
    """Of 192 anchors that were no fix, 60 became one: a rise of 20 points is within that."""
    later = modes(96, 192)
    later[96:156] = [{"work_mode": "fix"}] * 60
    changed = readings(reading("2026-07", modes(96, 192)), reading("2026-08", later))

    assert judged((0.2, 0.3, 0.4), changed)["change"]["verdict"] == MAYBE
    assert judged((0.2, 0.3, 0.4), STABLE)["change"]["verdict"] == BEYOND


def test_the_direction_counts() -> None:
    """
    Half of the anchors that were fix no longer are: that makes falls, and rises as well.

    A rise of what nobody wavers on is δ_no's alone; with δ_yes at a half, 40 % may have been 20.
    """
    later = modes(96, 192)
    later[:2] = [{"work_mode": "build"}] * 2
    changed = readings(reading("2026-07", modes(96, 192)), reading("2026-08", later))
    rise = float(judged((0.2, 0.3, 0.4), changed)["change"]["drift"])
    fall = float(judged((0.4, 0.3, 0.2), changed)["change"]["drift"])
    (yes, no) = upper(2, 96, ALPHA / 4), max(upper(0, 192, ALPHA / 4), upper(2, 194, ALPHA / 4))

    # Intervals are some points wide: the worse ends are taken.
    assert rise == pytest.approx(max(0.8 * no, 0.4 * yes), rel=0.06)
    assert fall == pytest.approx(max(0.8 * no, 0.4 * yes), rel=0.06)
    assert rise >= max(0.8 * no, 0.4 * yes)


def test_a_slope_is_held_by_its_weights() -> None:
    """Three months: -½, 0, ½ per month, so half of the change's bound, and half its size."""
    found = judged((0.2, 0.3, 0.4), STABLE)

    assert float(found["slope"]["drift"]) == pytest.approx(
        float(found["change"]["drift"]) / 2, rel=1e-4
    )
    assert found["slope"]["verdict"] == BEYOND


def test_months_of_a_share_are_held_pair_by_pair() -> None:
    """The pair that is furthest beyond: here the first and the last."""
    row = judged((0.2, 0.3, 0.4), STABLE)["share"]
    assert (row["months"], row["verdict"]) == ("2025-10 2025-12", BEYOND)

    row = judged((0.2, 0.4, 0.2), STABLE)["share"]
    assert "2025-11" in row["months"]
    assert row["verdict"] == BEYOND
    assert judged((0.2, 0.4, 0.2), STABLE)["change"]["verdict"] == MAYBE


def test_one_month_of_labelling_leaves_no_two_to_differ() -> None:
    """Then no reading is compared, and nothing is flagged; the page says what that is worth."""
    alone = readings(reading("2026-07", modes(96, 192)))
    found = judged((0.2, 0.3, 0.4), alone)

    assert {row["verdict"] for row in found.values()} == {ONE_MONTH}
    assert {row["keys"] for row in found.values()} == {""}
    assert ONE_MONTH not in FLAGGED


def test_a_month_without_its_reading_flags_all() -> None:
    """Two readings that agree say nothing of a third month; nor does having none."""
    first, later = STABLE.readings
    for told in (
        readings(first, later, labelled=("2026-07", "2026-08", "2026-09")),
        readings(labelled=("2026-07", "2026-08")),
    ):
        found = judged((0.2, 0.3, 0.4), told)
        assert {row["verdict"] for row in found.values()} == {NOT_KNOWN}
    assert {MAYBE, NOT_KNOWN} == set(FLAGGED)


def test_more_readings_are_not_taken_for_more_certainty() -> None:
    """Each has its ends: with six agreeing readings bounds are wider than with two."""
    months = [f"2026-{month:02}" for month in range(1, 7)]
    six = readings(*(reading(month, modes(96, 192)) for month in months))
    few, many = (judged((0.2, 0.3, 0.4), told)["change"]["drift"] for told in (STABLE, six))

    assert float(many) > float(few)


def test_other_statistics_by_months_are_not_known() -> None:
    """A mean of what is counted moves with who is in its cell, and no bound is known for that."""
    by_month = MEAN.replace('by = ["expertise"]', 'by = ["expertise", "month"]')
    counted = MEAN.replace('by = ["expertise"]', 'by = ["month"]')
    for text, verdict in ((by_month, NOT_KNOWN), (counted, COUNTED)):
        plan = asking(small_plan(text))
        row = {"table": "actions", "statistic": "geometric_mean", "state": "published", "keys": "x"}
        told = StringIO(newline="")
        writer = csv.DictWriter(told, row)
        writer.writeheader()
        writer.writerow(row)
        (found,) = read_drift(drift(plan, told.getvalue().encode(), STABLE))
        assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ('share_of = "work_mode"\nby = ["month"]', MAYBE),
        ('share_of = "again.work_mode"\nby = ["month"]', NOT_KNOWN),
        ('share_of = "work_mode"\nby = ["again.outcome", "month"]', NOT_KNOWN),
        ('agreement_of = ["work_mode", "again.work_mode"]\nby = ["month"]', NOT_KNOWN),
    ],
    ids=["first", "second", "both", "kappa"],
)
@pytest.mark.parametrize("labelled", [STABLE, readings(reading("2026-07", modes(96, 192)))])
def test_second_labels_are_not_held_by_the_firsts_anchors(
    asked: str, verdict: str, labelled: AnchorReadings
) -> None:
    """They are labels, so not counted; and made in other months, so never of one month alone."""
    plan = asking(small_plan(f'{AGAIN}\n[[table]]\nname = "over_time"\n{asked}'))
    (again,) = plan.readings
    plan = replace(plan, readings=(replace(again, rater=plan.rater),))
    kind = plan.tables[0].kind
    cells = [
        dict(zip(CELL, ("s", "over_time", kind, "published", keys, *NUMBERS), strict=True))
        for keys in ("month=2025-10; work_mode=fix", "month=2025-11; work_mode=fix")
    ]
    text = StringIO(newline="")
    writer = csv.DictWriter(text, CELL)
    writer.writeheader()
    writer.writerows(cells)
    (found,) = read_drift(drift(plan, text.getvalue().encode(), labelled))
    alone = verdict == MAYBE and len(labelled.labelled) == 1
    assert found["verdict"] == (ONE_MONTH if alone else verdict)


def test_tables_without_months_are_not_told_of() -> None:
    """Drift needs two months of sessions to look like a trend."""
    plan = asking(small_plan(SHARE))
    head = b"table,statistic,state,keys\n"

    assert drift(plan, head, STABLE) == (",".join(COLUMNS) + "\n").encode()
