"""How many accounts have how many sessions: right, private, and nothing withheld is uncovered."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregates.kernel import partial, view
from aggregates.release import Row, release
from aggregates.worker import unsafe_release_unsealed
from privacy.measurements import add_noise
from privacy.plan import Plan
from privacy.unit import SCALE
from tests.aggregates.rows import (
    ACCOUNT_SIZES,
    BOOK,
    HEAD,
    SHARE,
    bucket,
    quiet,
    record,
    small_plan,
)
from tests.support.sampling import fewest

MADE = small_plan(SHARE, ACCOUNT_SIZES)
AT_FIVE = small_plan(
    SHARE,
    ACCOUNT_SIZES + "bins = [1, 2, 6, 40]\n" + 'where = { work_mode = "fix" }\n',
    head=HEAD.replace("contribution = 1", "contribution = 5"),
)
NAME = "account_sizes.accounts"
SIZES = MADE.query(NAME)
BINS = len(SIZES.cells)


def people(sizes: dict[int, int], mode: str = "fix") -> list[bytes]:
    """Accounts by their number of sessions."""
    each = [size for size, count in sizes.items() for _ in range(count)]
    return [record(n, {"work_mode": mode}) for n, size in enumerate(each) for _ in range(size)]


def of(rows: Sequence[Row], statistic: str) -> list[Row]:
    """The rows of one statistic."""
    return [row for row in rows if row["statistic"] == statistic]


def told(vector: Sequence[int], made: Plan = MADE) -> list[Row]:
    """The rows that a noisy histogram leads to."""
    nothing = {query.name: [0] * query.size for query in made.queries}
    return release(made, {**nothing, NAME: vector})


def test_accounts_lie_in_the_bin_of_their_sessions() -> None:
    """By hand: each edge from both sides, and an account of a thousand."""
    sizes = {1: 100, 2: 60, 3: 31, 5: 32, 6: 33, 10: 34, 11: 40, 1000: 1}
    rows = unsafe_release_unsealed(quiet(MADE), [bucket(people(sizes))])
    bins, above = of(rows, "accounts"), of(rows, "accounts_above")

    assert [row["keys"] for row in bins] == [
        f"sessions={name}" for name in ("1", "2", "3 to 5", "6 to 10", "more than 10")
    ]
    counts = [100, 60, 63, 67, 41]
    assert [row["estimate"] for row in bins] == pytest.approx(counts, abs=0.01)
    assert [row["keys"] for row in above] == [f"sessions=more than {n}" for n in (1, 2, 5, 10)]
    assert [row["estimate"] for row in above] == pytest.approx([231, 171, 108, 41], abs=0.01)
    assert {row["unit"] for row in bins} == {"accounts"}
    assert {row["se_sampling"] for row in bins} == {0.0}


def test_accounts_are_counted_at_one_whatever_the_weights_are() -> None:
    """At a plan's k = 5, and by the sessions that the table's own condition leaves."""
    others = [record(n + 900, {"work_mode": "plan"}) for n in range(50)]
    more = [record(n, {"work_mode": "plan"}) for n in range(100) for _ in range(7)]
    data = bucket(
        sorted(people({1: 100, 3: 60, 7: 45, 50: 30}) + others + more, key=lambda row: row[-16:])
    )
    rows = unsafe_release_unsealed(quiet(AT_FIVE), [data])

    found = {str(row["keys"]): row for row in of(rows, "accounts")}
    assert found["sessions=1"]["estimate"] == pytest.approx(100, abs=0.01)
    assert found["sessions=6 to 39"]["estimate"] == pytest.approx(45, abs=0.01)
    assert {row["k"] for row in found.values()} == {"1"}
    assert float(str(found["sessions=1"]["threshold"])) == pytest.approx(20, abs=0.1)
    assert {row["k"] for row in of(rows, "share")} == {"5"}


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(1, 60), st.integers(0, 3), max_size=5),
    st.lists(st.sampled_from(["fix", "plan", "unclear"]), min_size=1, max_size=30),
    st.sampled_from([1, 3, 500]),
    st.sampled_from([MADE, AT_FIVE]),
)
def test_no_account_moves_the_histogram_by_more_than_one(
    others: dict[int, int], own: list[str], copies: int, made: Plan
) -> None:
    """Whatever it did, how often, and at whatever k its sessions are weighed elsewhere."""
    rest = people(others)
    mine = [record(5000, {"work_mode": mode}) for mode in own] * copies

    def exact(rows: list[bytes]) -> list[int]:
        return [*map(int, partial(made, view(bucket(rows), BOOK), BOOK)[NAME])]

    moved = [a - b for a, b in zip(exact(rest + mine), exact(rest), strict=True)]
    assert sum(step * step for step in moved) in (0, SCALE**2)
    assert made.query(NAME).sensitivity == SCALE


counts = st.lists(st.integers(-60 * SCALE, 400 * SCALE), min_size=BINS, max_size=BINS)


@settings(max_examples=300)
@given(counts)
@example([300 * SCALE, 200 * SCALE, 5 * SCALE, 90 * SCALE, 7 * SCALE])
@example([0, 0, 400 * SCALE, 400 * SCALE, 400 * SCALE])
def test_whatever_is_printed_leaves_the_withheld_bins_whole(vector: list[int]) -> None:
    """
    Sums and differences of printed numbers are made of printed bins and of all withheld ones.

    And those have m accounts together, by the lower bounds that all hold with chance 1 - β.
    """
    rows = told(vector)
    shown = [row["state"] == "published" for row in of(rows, "accounts")]
    hidden = {place for place, printed in enumerate(shown) if not printed}
    for start, row in enumerate(of(rows, "accounts_above"), start=1):
        if row["state"] == "published":
            within = hidden & set(range(start, BINS))
            assert within in (set(), hidden)
            assert int(str(row["accounts_at_least"])) >= 20
    if any(row["state"] == "published" for row in rows) and hidden:
        margin = MADE.privacy.z * SIZES.sigma
        assert sum(max(0.0, vector[place] - margin) for place in hidden) >= 19.99 * SCALE


def test_a_sum_that_holds_one_of_two_withheld_bins_is_withheld() -> None:
    """By hand: more than 2 and 1 are whole around the gap, more than 5 parts it."""
    vector = [400 * SCALE, 300 * SCALE, 35 * SCALE, 200 * SCALE, 25 * SCALE]
    quieter = replace(MADE, queries=tuple(replace(q, sigma=2.0 * SCALE) for q in MADE.queries))
    rows = told(vector, quieter)

    # At σ = 2 and z = 3.8 a bin is printed from 28 on: the last is not, nor is, for its sake, the
    # smallest printed one, which is 3 to 5.
    assert [row["state"] for row in of(rows, "accounts")] == [
        "published", "published", "suppressed", "published", "suppressed",
    ]  # fmt: skip
    above = {row["keys"]: row["state"] for row in of(rows, "accounts_above")}
    assert above == {
        "sessions=more than 1": "published",
        "sessions=more than 2": "published",
        "sessions=more than 5": "suppressed",
        "sessions=more than 10": "suppressed",
    }
    # The control: by its own test alone it would be printed, and would give 3 to 5 away.
    alone = sum(vector[3:])
    assert alone > 40 * SCALE


@pytest.mark.statistical
def test_intervals_hold_the_accounts_that_are_there() -> None:
    """
    400 releases of one population, each bin and each sum; false alarm 10⁻⁶ for all together.

    The control forgets that a sum of bins has the noise of all of them: at √4 times too narrow it
    is covered .67 of the time, 268 of 400 where the bound is 349.
    """
    exact = [600, 500, 400, 300, 200]
    truth = {f"sessions={'='.join(cell)}": n for cell, n in zip(SIZES.cells, exact, strict=True)}
    sums = {f"sessions=more than {n}": sum(exact[at:]) for at, n in enumerate((1, 2, 5, 10), 1)}
    runs, sigma, hits, naive = 400, 5.0 * SCALE, dict[tuple[str, str], int](), 0
    made = replace(MADE, queries=tuple(replace(q, sigma=sigma) for q in MADE.queries))
    for _ in range(runs):
        noisy = add_noise(
            [n * SCALE for n in exact],
            size=BINS,
            sensitivity=SCALE,
            sigma=sigma,
            charge=Fraction(1),
        )
        for row in told(noisy, made):
            if row["state"] != "published" or row["statistic"] == "share":
                continue
            place = (str(row["statistic"]), str(row["keys"]))
            number = (truth if row["statistic"] == "accounts" else sums)[place[1]]
            low, high = float(str(row["low"])), float(str(row["high"]))
            hits[place] = hits.get(place, 0) + (low <= number <= high)
            if place == ("accounts_above", "sessions=more than 1"):
                value = float(str(row["estimate"]))
                naive += abs(value - number) <= (high - value) / 2
    bound = fewest(runs, 0.95, 1e-6 / 9)

    assert len(hits) == 9
    assert min(hits.values()) >= bound
    assert naive < bound


def test_bins_are_named_by_what_they_hold() -> None:
    """A researcher's own bins, each called by the sessions in it, and the last one open."""
    made = small_plan(ACCOUNT_SIZES + "bins = [1, 3, 4, 100]\n")
    axis = made.query(NAME).axes[0]

    assert [level.name for level in axis.levels] == ["1 to 2", "3", "4 to 99", "more than 99"]
    assert all(low < high for low, high in pairwise(axis.edges))
