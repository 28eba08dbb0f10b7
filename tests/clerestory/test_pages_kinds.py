"""Each kind of table has its words, its scale and its place on the page."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from aggregates.bundle import write_rows
from aggregates.release import release
from aggregates.worker import unsafe_release_unsealed
from clerestory.pages.report import render_report
from clerestory.pages.svg import Scale
from clerestory.pages.truth import render_truth
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import (
    ADJUSTED,
    AGREE,
    BOOK,
    NOTHING,
    OWN_K,
    RATE,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
    bucket,
    quiet,
    record,
    small_plan,
)
from tests.clerestory.test_pages import Page
from tests.support.confusions import BAD, GOOD, of_modes, plan_of, told

SHARE_BY_MONTH = SHARE.replace('"modes"', '"by_month"') + 'by = ["month"]\nresidual = true\n'
MODES = BOOK.field("work_mode").labels
PEOPLE = [
    record(n, {"expertise": level, "work_mode": MODES[n % 10]}, actions_per_prompt=1.0 + n % 40)
    for n, level in enumerate(("novice", "expert") * 300)
]


def rows_of(made: Plan) -> list[dict[str, str]]:
    """Rows of tables.csv, as a page reads them, of a release that is next to exact."""
    text = write_rows(unsafe_release_unsealed(quiet(made), [bucket(PEOPLE)])).decode()
    return list(csv.DictReader(StringIO(text)))


def test_statistics_of_one_table_stand_in_one_section_each_with_its_words() -> None:
    """Geometric mean, mean and quantiles of the same cells, quantiles as one panel for each."""
    made = small_plan(SIZES)
    page = Page(render_report(made, rows_of(made), {}))

    kinds = ["geometric mean", "mean", "quantiles"]
    assert [head for head in page.within("h3") if head in kinds] == kinds
    assert page.within("h2").count("Sizes") == 1
    assert {"5 % lie below", "median", "95 % lie below"} <= set(page.within("p"))
    assert "Quantiles, in tool calls per prompt" in page.text
    # 2 of 6 levels are there: twice one number for each, and five quantiles.
    assert page.text.count("too few people") > 0
    assert "Of 42 numbers asked for, 14 are printed" in page.text


def test_truth_is_told_of_each_statistic_apart() -> None:
    """A mean beside a median has a truth of its own."""
    made = small_plan(SIZES)
    rows = rows_of(made)
    truth = {(r["table"], r["statistic"], r["keys"]): float(r["estimate"] or 1) for r in rows}
    page = Page(render_truth(made, rows, truth, truth))

    assert page.within("h2").count("Sizes") == 3


def test_totals_are_told_in_sessions_with_their_sum() -> None:
    """Ten cells on a scale from zero, and one grand total."""
    made = small_plan(TOTAL)
    page = Page(render_report(made, rows_of(made), {}))

    assert {"total", "grand total"} <= set(page.within("h3"))
    assert "Totals, in sessions" in page.text
    # 600 accounts with one session each, a tenth of them in each mode.
    assert "600" in page.within("strong")
    assert page.within("strong").count("60") == 10
    assert "Of 11 numbers asked for, 11 are printed" in page.text


def test_trends_have_signs_and_a_scale_on_both_sides_of_zero() -> None:
    """What fell stands left of zero, in percentage points; what the interval tells is said."""
    made = small_plan(TRENDS)
    plan_of = {query.name: query for query in made.queries}
    modes, verified = plan_of["modes_over_time.count"], plan_of["verified_over_time.count"]
    falling = {"2025-10": 900, "2025-11": 700, "2025-12": 400}
    vector = [
        {"fix": falling[month], "build": 1300 - falling[month]}.get(mode, 200) * SCALE
        for month, mode in modes.cells
    ]
    noisy = {modes.name: vector, verified.name: [500 * SCALE] * verified.size}
    rows = list(csv.DictReader(StringIO(write_rows(release(made, noisy)).decode())))
    page = Page(render_report(made, rows, {}))

    assert {"change", "slope"} <= set(page.within("h3"))
    # Of 2,900 accounts a month, fix falls by 500 and build rises by as many: 17.2 points.
    assert "−17.2 pp" in page.text
    assert "+17.2 pp" in page.text
    assert "−8.62 pp" in page.text
    assert "Change, in percentage points" in page.text
    assert "8 others the interval holds zero" in page.text
    assert "no change that the intervals tell from none" in page.text.lower()
    assert Scale.over([-0.12, 0.03]).part(0.0) == pytest.approx(0.75)
    assert Scale.over([0.1, 0.2]).bottom == 0


def test_a_table_with_its_own_k_says_so_where_it_stands_and_where_weights_are_told() -> None:
    """A reader who compares it with another must see that accounts count differently in it."""
    made = small_plan(RATE, OWN_K)
    page = Page(render_report(made, rows_of(made), {}))
    plain = small_plan(RATE)

    told = "In Verified at five and Sizes at a half an account weighs up to 0.5 and 5 instead"
    assert told in page.text
    assert "each account weighing at most 5;" in page.text
    assert "instead" not in Page(render_report(plain, rows_of(plain), {})).text


def test_what_is_withheld_stands_as_one_row_and_in_no_comparison() -> None:
    """All others is last in its table, has its number, and no sentence takes it for a label."""
    made = small_plan(SHARE + "residual = true\n", SHARE_BY_MONTH)
    modes, months = made.queries
    counts = {"fix": 9_000, "build": 6_000}
    # Below the threshold, and ten accounts each for certain.
    small = round(made.privacy.z * modes.sigma / SCALE) + 10
    vector = [counts.get(mode, small) * SCALE for (mode,) in modes.cells]
    noisy = {modes.name: vector, months.name: [5_000 * SCALE] * months.size}
    rows = list(csv.DictReader(StringIO(write_rows(release(made, noisy)).decode())))
    page = Page(render_report(made, rows, {}))

    first = [row for row in rows if row["table"] == "modes" and row["state"] == "published"]
    assert [row["keys"].partition("=")[2] for row in first] == ["build", "fix", "all others"]
    heads = [head for head in page.within("th") if head in {"fix", "build", "all others", "plan"}]
    assert heads[:4] == ["fix", "build", "plan", "all others"]
    assert "Modes:  the largest shares are fix" in page.text
    assert "all others (" not in page.text
    # Every cell of every month is printed, so there the row has nothing to merge.
    assert page.text.count("nothing is withheld") >= 3
    assert "Of 41 numbers asked for, 33 are printed" in page.text  # 11 and 30, no row of nothing


def test_what_is_not_computed_says_why() -> None:
    """In the short answers, and in a section of its own, without a chart."""
    made = small_plan(SHARE, NOTHING)
    page = Page(render_report(made, rows_of(made), {}))

    assert "The same within each author" in page.within("h2")
    assert "not computed: no record says who wrote a commit." in page.text
    assert "1 were not computed" in page.text or "1 was not computed" in page.text
    (row,) = [row for row in rows_of(made) if row["statistic"] == "not_computed"]
    assert row["base"] == "no record says who wrote a commit"
    assert not any(row[c] for c in ("estimate", "raw", "threshold", "noise_scale", "k"))


def test_agreement_has_a_section_for_each_statistic() -> None:
    """Parts as per cent, kappas with two decimals."""
    made = small_plan(AGREE)
    signals = made.query("signals.count")
    noisy = {
        query.name: [
            (10 + 300 * (cell[0] == cell[1])) * SCALE if query is signals else 0
            for cell in query.cells
        ]
        for query in made.queries
    }
    rows = list(csv.DictReader(StringIO(write_rows(release(made, noisy)).decode())))
    page = Page(render_report(made, rows, {}))

    heads = {"kappa", "weighted kappa", "exact", "adjacent"}
    assert heads <= set(page.within("h3"))
    # 36 cells of ten and six of three hundred more: 1,860 of 2,160 agree; κ = (.861 - 1/6)/(5/6).
    # Adjacent: another ten cells of ten.
    values = set(page.within("strong"))
    assert {"86.1 %", "90.7 %", "0.83"} <= values


def compared_page(folder: Path, *tables: dict[str, Any], slope: int = 60) -> Page:
    """The page of rates that rise with expertise, with these confusion tables."""
    made = plan_of(folder, *tables, of_modes())
    rising = {
        level: 100 + slope * place for place, level in enumerate(BOOK.field("expertise").labels)
    }
    noisy = {query.name: [100 * SCALE] * query.size for query in made.queries}
    verified = next(query for query in made.queries if query.axes[0].name == "expertise")
    noisy[verified.name] = [
        (rising[level] if said == "yes" else 900 - rising[level]) * SCALE
        for level, said in verified.cells
    ]
    rows = list(csv.DictReader(StringIO(write_rows(release(made, noisy)).decode())))
    return Page(render_report(made, rows, {}))


def test_what_would_overturn_a_difference_is_told_in_words(tmp_path: Path) -> None:
    """100 and 340 of 900: d = 26.7 points; d/.3778 = 70.6 and d/(1 - .1111) = 30.0."""
    page = compared_page(tmp_path, told(GOOD))

    assert "The difference between “novice” and “expert” is 26.7 points" in page.text
    assert (
        "missed what is counted here 70.6 points more often among “novice” than among “expert”, "
        "or saw it where it is not 30.0 points more often among “expert” than among “novice”"
    ) in page.text
    # Se = 80.5/101 and Sp = 270.5/301: 20.3 missed and 10.1 invented of a hundred.
    assert "all groups together, it missed 20.3 of a hundred and saw it in 10.1" in page.text
    # Of a rater that says yes as a coin does, no difference stands by itself.
    assert "if the rater errs alike in both" not in page.text
    assert "if the rater errs alike in both" in compared_page(tmp_path, told(BAD)).text


def test_mistakes_of_both_groups_are_told_apart(tmp_path: Path) -> None:
    """What was counted is set beside the gap that it would take."""
    worse = ((50, 50, 0), (30, 270, 0), (0, 0, 0))
    page = compared_page(
        tmp_path, told(worse, expertise="novice"), told(GOOD, expertise="expert"), told(GOOD)
    )

    assert "missed 50.0 of a hundred among “novice” and 20.3 among “expert”" in page.text


def test_no_difference_needs_no_overturning(tmp_path: Path) -> None:
    """Equal rates: nothing is claimed, and so nothing could be taken back."""
    page = compared_page(tmp_path, told(GOOD), slope=0)

    assert "none differs by more than the interval of its difference" in page.text
    assert "It would vanish" not in page.text


def test_without_a_validation_the_gap_is_told_and_what_was_not_measured(tmp_path: Path) -> None:
    """A reader learns how large a gap must be, and that nobody knows the gap."""
    del tmp_path
    made = small_plan(TRENDS)
    plan_of_rates = {query.name: query for query in made.queries}
    modes, verified = (plan_of_rates[f"{n}_over_time.count"] for n in ("modes", "verified"))
    months = {"2025-10": 900, "2025-11": 700, "2025-12": 400}
    noisy = {
        modes.name: [months[month] * SCALE if mode == "fix" else 300 * SCALE
                     for month, mode in modes.cells],
        verified.name: [500 * SCALE] * verified.size,
    }  # fmt: skip
    rows = list(csv.DictReader(StringIO(write_rows(release(made, noisy)).decode())))
    page = Page(render_report(made, rows, {}))

    assert "The difference between Dec 2025 and Oct 2025 (“fix”)" in page.text
    assert "more often in Dec 2025 than in Oct 2025" in page.text
    assert "Whether the rater errs alike in both was not measured." in page.text
    assert "They do not cover labels that are wrong" in page.text


def test_adjusted_numbers_say_what_is_held_equal() -> None:
    """Levels in per cent and columns in words, a slope with its sign, a ratio bare."""
    made = small_plan(ADJUSTED)
    people = [
        record(
            n,
            {
                "expertise": ("novice", "beginner", "intermediate", "advanced", "expert")[n % 5],
                "outcome": "succeeded" if n % 5 > n % 3 else "failed",
                "success_signal": "5" if n % 2 else "1",
                "work_mode": MODES[n % 9],
                "task_value": "lt25",
            },
            actions_per_prompt=1.0 + n % 40,
        )
        for n in range(900)
    ]
    sums = unsafe_release_unsealed(quiet(made), [bucket(people)])
    rows = list(csv.DictReader(StringIO(write_rows(sums).decode())))
    page = Page(render_report(made, rows, {}))

    assert {"adjusted rate", "adjusted slope", "adjusted ratio"} <= set(page.within("h3"))
    assert "nothing held equal" in page.text
    assert "2 controls held equal" in page.text
    assert "Rise per step, in percentage points" in page.text
    assert "Of 23 numbers asked for, 23 are printed" in page.text
    # Judged success rises with n mod 5: what would overturn that is said without columns too.
    assert "What would overturn it" in page.within("h3")
    assert "if the rater missed what is counted here" in page.text
    truth = {(r["table"], r["statistic"], r["keys"]): float(r["estimate"]) for r in rows}
    assert Page(render_truth(made, rows, truth, truth)).within("h2").count("Actions adjusted") == 2


def test_an_adjusted_rate_says_what_would_overturn_it() -> None:
    """
    Its rows have one key, in which the pair differs: nothing else is left to name the answer by.

    And its outcome is judged for all of the sample, so that "no" says nothing of any column.
    """
    alone = RATE.replace("verified_success", "judged_success") + 'adjust_for = ["month"]\n'
    made = small_plan(alone)
    people = [
        record(n, {"expertise": level, "outcome": "succeeded" if n % 10 < often else "failed"})
        for n in range(900)
        for level, often in [(("novice", 3), ("expert", 9))[n % 2]]
    ]
    text = write_rows(unsafe_release_unsealed(quiet(made), [bucket(people)])).decode()
    page = Page(render_report(made, [*csv.DictReader(StringIO(text))], {}))

    assert "What would overturn it" in page.within("h3")
    assert "if the rater missed what is counted here" in page.text
