"""Totals say how many sessions there are, and what they cannot know."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.answer import read_answer
from aggregates.estimates.totals import choose, choose_exactly
from aggregates.exact import unsafe_exact_tables
from aggregates.plan import plan
from aggregates.release import Row, release
from aggregates.study import Study
from aggregates.twin import draw
from aggregates.worker import unsafe_release_unsealed
from privacy.errors import RefusedError
from privacy.minimum import Minimum
from privacy.unit import CLIPS, SCALE
from tests.aggregates.rows import BOOK, HEAD, TOTAL, bucket, quiet, record, small_plan
from tests.support.sampling import fewest

MADE = small_plan(TOTAL)
HISTOGRAM = len(CLIPS) + 1


def of_sizes(accounts: dict[int, int], mode: str = "fix") -> list[bytes]:
    """Accounts by their number of sessions, all of one work mode."""
    number, rows = 0, list[bytes]()
    for size, count in accounts.items():
        for _ in range(count):
            number += 1
            rows += [record(number, {"work_mode": mode})] * size
    return rows


def found(rows: list[Row], keys: str) -> Row:
    """One row of the table of totals."""
    (row,) = [row for row in rows if row["keys"] == keys]
    return row


def test_without_noise_totals_are_the_sessions() -> None:
    """
    The largest accounts too, at whatever bound: by hand for a thousand small and as many large.

    Without noise to pay for, all bounds above 30 are as good, and any of them may be chosen: 31,000
    sessions pass the test at each, since 20 accounts at the largest bound are 20,480.
    """
    rows = unsafe_release_unsealed(quiet(MADE), [bucket(of_sizes({1: 1000, 30: 1000}))])
    fix, everything = found(rows, "work_mode=fix"), found(rows, "")

    assert everything["estimate"] == pytest.approx(31_000, rel=1e-3)
    assert fix["estimate"] == pytest.approx(31_000, rel=1e-3) or fix["state"] == "suppressed"
    assert everything["unit"] == "sessions"
    assert everything["k"] in {str(bound) for bound in CLIPS}


def test_exact_totals_are_counts() -> None:
    """For synthetic data: an account of 400 sessions has 400."""
    rows = [
        *of_sizes({1: 30, 400: 1}),
        *(record(900 + n, {"work_mode": "build"}) for n in range(7)),
    ]
    told = unsafe_exact_tables(MADE, [bucket(rows)], BOOK)

    assert told["work", "grand_total", ""] == 437
    assert told["work", "total", "work_mode=fix"] == 430


def vectors(norms: list[int], sizes: list[int]) -> dict[str, list[int]]:
    """Noisy vectors with these histograms, in accounts."""
    return {
        "work.norms": [n * SCALE for n in norms],
        "work.sizes": [n * SCALE for n in sizes],
        "work.count": [0] * 10,
        "work.whole": [0],
    }


def test_the_bound_follows_the_accounts() -> None:
    """Many large accounts ask for a large bound, none for the smallest."""
    nobody = [100_000] + [0] * (HISTOGRAM - 1)
    many = [50_000] + [20_000] * 8 + [0] * (HISTOGRAM - 9)
    small, large = (choose(MADE, vectors(h, h)) for h in (nobody, many))

    assert small == {"work.count": 0, "work.whole": 0}
    assert CLIPS[large["work.count"]] >= 8
    assert CLIPS[large["work.whole"]] >= 8


def test_the_first_bound_that_cuts_off_little() -> None:
    """A thousand accounts of one session and one of up to a hundred and twenty-eight."""
    bins = [1000 * SCALE] + [0] * (HISTOGRAM - 1)
    bins[CLIPS.index(128)] = SCALE

    # At 96 up to 32 of 1,127 sessions are cut off: more than a fiftieth, less than a thirtieth.
    assert CLIPS[choose_exactly(bins, SCALE, part=1 / 50)] == 128
    assert CLIPS[choose_exactly(bins, SCALE, part=1 / 30)] == 96
    assert choose_exactly(bins, SCALE, part=1.0) == 0


def test_a_clipped_cell_hides_others_only_with_the_root_of_their_number() -> None:
    """Four withheld cells of 15 could all be of 30/√4 accounts: by hand for m = 20, k = 1."""
    test = Minimum(20, k=Fraction(1), z=0.0, scale=100, clipped=True)
    weighed = replace(test, clipped=False)
    # z = 0: a cell's certain count is its own, less one unit of a hundredth.
    noisy = [1500, 1500, 1500, 1500, 5000, 6000]

    # 60 accounts' worth are hidden; √4·20 = 40 are needed, so the larger two are shown.
    assert test.decide_group(noisy, 0.0)[4:] == ["published", "published"]
    # 36 are hidden in four cells: enough of weights, not of clipped counts.
    fewer = [900, 900, 900, 900, 5000, 6000]
    assert weighed.decide_group(fewer, 0.0)[4:] == ["published", "published"]
    assert test.decide_group(fewer, 0.0)[4:] == ["suppressed", "published"]


histograms = st.lists(
    st.integers(min_value=-50, max_value=5000), min_size=HISTOGRAM, max_size=HISTOGRAM
)


@settings(deadline=None)
@given(
    histograms,
    histograms,
    st.lists(st.integers(min_value=-500, max_value=90_000), min_size=10, max_size=10),
    st.integers(min_value=-500, max_value=10**6),
)
def test_rows_keep_their_promises_whatever_the_noise(
    norms: list[int], sizes: list[int], count: list[int], whole: int
) -> None:
    """Order of bounds, threshold and guarantee at the bound that was chosen."""
    noisy = vectors(norms, sizes)
    noisy["work.count"] = [n * SCALE for n in count]
    noisy["work.whole"] = [whole * SCALE]
    rows = release(MADE, noisy)

    assert len({row["k"] for row in rows[:-1]}) == 1
    for row in rows:
        if row["state"] == "published":
            low, value, high = row["low"], row["estimate"], row["high"]
            assert isinstance(low, float)
            assert isinstance(value, float)
            assert isinstance(high, float)
            assert 0 <= low <= value <= high
            assert isinstance(row["raw"], float)
            assert isinstance(row["threshold"], float)
            assert row["raw"] >= row["threshold"] >= 20 * int(str(row["k"]))
            assert isinstance(row["accounts_at_least"], int)
            assert row["accounts_at_least"] >= 20


def test_any_bound_of_the_plan_passes_the_gate_and_no_other() -> None:
    """Which bound was chosen is the worker's to say; thresholds must be those of that bound."""
    import json

    noisy = vectors([4000] * HISTOGRAM, [4000] * HISTOGRAM)
    noisy["work.count"], noisy["work.whole"] = [900_000 * SCALE] * 10, [9_000_000 * SCALE]
    rows = release(MADE, noisy)
    assert {row["state"] for row in rows} == {"published"}
    assert read_answer(MADE, json.dumps({"rows": rows}).encode()) == rows

    mixed = [dict(row) for row in rows]
    mixed[3] = {**rows[3], "k": "7"}
    smaller = [{**row, "k": "1"} for row in rows]
    for spoilt in (mixed, smaller, [{**row, "threshold": 1.0} for row in rows]):
        with pytest.raises(RefusedError, match="ANSWER_GATE"):
            read_answer(MADE, json.dumps({"rows": spoilt}).encode())


WORK = (
    HEAD.replace("2025-12", "2026-04")
    + TOTAL
    + """
leave_out = { work_mode = ["unclear"] }

[table.merge.work_mode]
"build and test" = ["build", "test", "orchestrate"]
"fix" = ["fix"]
"operate" = ["operate"]
"other" = ["plan", "understand", "analyze", "communicate"]
"""
)
POPULATIONS, ACCOUNTS, SESSIONS = 150, 6_000, 10_200


@pytest.mark.statistical
def test_totals_hold_the_sessions_that_are_there() -> None:
    """
    Each in as many populations as Bin(n, .95) allows; false alarm 10⁻⁶ for all together.

    The truth is counted in each population: a total speaks of the sessions that are there.  The
    control has no width for what was cut off, nor for what lies beyond the cap: of the grand total,
    whose cap cuts off some twentieth, it holds nearly nothing.
    """
    made = plan(Study.parse(WORK), accounts=ACCOUNTS, sessions=SESSIONS)
    hits: dict[tuple[str, str], list[bool]] = {}
    narrow: list[bool] = []
    for _ in range(POPULATIONS):
        buckets = draw(ACCOUNTS, SESSIONS, seed=None, codebook=BOOK).buckets(2)
        told = unsafe_exact_tables(made, buckets, BOOK)
        for row in unsafe_release_unsealed(made, buckets):
            if row["state"] == "published":
                low, value, high, noise = (
                    float(str(row[c])) for c in ("low", "estimate", "high", "se_noise")
                )
                truth = told["work", str(row["statistic"]), str(row["keys"])]
                kind = str(row["statistic"]), str(row["keys"])
                hits.setdefault(kind, []).append(low <= truth <= high)
                if row["statistic"] == "grand_total":
                    narrow.append(abs(value - truth) <= 1.96 * noise)

    assert len(hits) == 5
    for inside in hits.values():
        assert len(inside) > POPULATIONS / 2
        assert sum(inside) >= fewest(len(inside), 0.95, 1e-6 / 5)
    assert sum(narrow) < fewest(len(narrow), 0.95, 1e-6)
