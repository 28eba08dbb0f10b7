"""
Attacks on the minimum of accounts: by chance, by union, by residual, by total.

Each attacker picks the worst population and hopes that a release prints something that fewer than
m accounts stand behind, or lets him reckon it out.  The claim is a chance of at most β in the
whole release; with β = .2 and 400 releases an honest rule fails at most 80 times on average, and
more than 125 times with a chance below 10⁻⁶.  Every attack has a control: the rule that it breaks.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.measurements import add_noise
from privacy.minimum import Minimum, quantile
from tests.support.sampling import fewest

SCALE, RELEASES, BETA, FEW = 2**20, 400, 0.2, 20
SIGMA = 3.0 * SCALE
BOUND = RELEASES - fewest(RELEASES, 1 - BETA, 1e-6)
"""More failures than these have a chance below 10⁻⁶ where each has one of at most β."""


def rule(cells: int, *, k: int = 1, clipped: bool = False, tested: int | None = None) -> Minimum:
    """The test of a release of so many cells."""
    z = quantile(BETA, cells if tested is None else tested)
    return Minimum(FEW, k=Fraction(k), z=z, scale=SCALE, clipped=clipped)


def noised(weights: Sequence[float], sigma: float = SIGMA) -> list[int]:
    """Weighted counts of cells with their noise; the charge is whatever that costs."""
    sums = [round(weight * SCALE) for weight in weights]
    return add_noise(sums, size=len(sums), sensitivity=SCALE, sigma=sigma, charge=Fraction(10**6))


def failures(release: Callable[[], bool]) -> int:
    """In how many releases the attacker wins."""
    return sum(release() for _ in range(RELEASES))


def printed(test: Minimum, weights: Sequence[float], sigma: float = SIGMA) -> list[bool]:
    """Which cells a release prints that also shows their total."""
    noisy = noised(weights, sigma)
    return [state == "published" for state in test.decide_group(noisy, sigma)]


@pytest.mark.statistical
def test_chance_in_many_cells() -> None:
    """
    By chance: sixty cells of 19 accounts each, one of which noise may lift.

    The control tests each cell as if it were the only one: .2 in each of sixty, so nearly always.
    """
    weights = [FEW - 1] * 60

    assert failures(lambda: any(printed(rule(60), weights))) <= BOUND
    assert failures(lambda: any(printed(rule(60, tested=1), weights))) > RELEASES * 0.9


@pytest.mark.statistical
def test_the_residual_of_one_small_cell() -> None:
    """
    By subtraction: a single small cell is the total less the others.

    Three accounts are withheld among cells of hundreds.  The control decides each cell by itself.
    """
    weights = [3.0, 300.0, 400.0, 500.0]
    accounts = [3, 300, 400, 500]

    def wins(states: Sequence[bool]) -> bool:
        hidden = sum(a for a, shown in zip(accounts, states, strict=True) if not shown)
        return any(states) and 0 < hidden < FEW

    def each_alone() -> list[bool]:
        return [rule(4).decide(n, SIGMA) == "published" for n in noised(weights)]

    assert failures(lambda: wins(printed(rule(4), weights))) <= BOUND
    assert failures(lambda: wins(each_alone())) > RELEASES * 0.9


@pytest.mark.statistical
def test_the_union_of_cells_that_the_same_few_fill() -> None:
    """
    By union: nine accounts put k = 10 of weight each into ten cells, one into each.

    Ninety are withheld in all, but by nine accounts.  Whoever forgets that one account fills ten
    cells takes them for ninety, and shows the rest of the group beside its total.
    """
    weights = [9.0] * 10 + [4000.0, 5000.0]

    def wins(k: int) -> bool:
        # Little noise, so that what is withheld is known well.
        states = printed(rule(12, k=k), weights, 1.0 * SCALE)
        return all(states[10:]) and not any(states[:10])

    assert failures(lambda: wins(10)) <= BOUND
    assert failures(lambda: wins(1)) > RELEASES * 0.9


@pytest.mark.statistical
def test_the_union_of_clipped_cells() -> None:
    """
    By union, of totals: accounts of norm C fill c cells with C/√c each, √c·C in all.

    Fifteen accounts of C = 4 leave 20 in each of nine cells: 180 sessions, which nine times fifteen
    accounts of one session could not tell from 45 accounts of C each.  The control bounds the sum
    of an account by C, as weights do.
    """
    accounts, bound, cells = 15, 4, 9
    weights = [accounts * bound / sqrt(cells)] * cells + [9000.0, 9500.0]

    def wins(test: Minimum) -> bool:
        states = printed(test, weights, 0.2 * SCALE)
        return all(states[cells:]) and not any(states[:cells])

    assert failures(lambda: wins(rule(11, k=bound, clipped=True))) <= BOUND
    assert failures(lambda: wins(rule(11, k=bound))) > RELEASES * 0.9


@pytest.mark.statistical
def test_a_total_is_a_set_like_any_other() -> None:
    """
    By total: nineteen accounts are no total either, however many cells they are summed from.

    The control forgets that a sum of cells has the noise of all of them.
    """
    parts = [(FEW - 1) / 64] * 64

    def total(noise_of: int) -> bool:
        test = rule(1)
        return test.decide(sum(noised(parts)), SIGMA, cells=noise_of) == "published"

    assert failures(lambda: total(64)) <= BOUND
    # σ√64 = 24 accounts of noise against z = .84 deviations of 3: P(N > (2.5 + 1)/24) is .44.
    assert failures(lambda: total(1)) > BOUND


def rests(test: Minimum, weights: Sequence[float], sigma: float) -> tuple[list[bool], set[int]]:
    """Which cells a release prints, and which it prints together as all others."""
    states, merged = test.decide_rest(noised(weights, sigma), sigma)
    return [state == "published" for state in states], {*merged}


@pytest.mark.statistical
def test_the_rest_is_no_small_set() -> None:
    """
    By residual: what a row of all others holds, and what is left when printed cells are taken off.

    Two cells of three accounts stand beside large ones.  The control merges what fails its own
    test, as many tools do, and shows six accounts.
    """
    accounts = [3, 3, 300, 400, 500]
    weights = [float(count) for count in accounts]

    def wins(shown: Sequence[bool], merged: set[int]) -> bool:
        return bool(merged) and sum(accounts[place] for place in merged) < FEW

    def each_alone() -> tuple[list[bool], set[int]]:
        states = [rule(5).decide(n, SIGMA) for n in noised(weights)]
        shown = [state == "published" for state in states]
        return shown, {place for place, printed in enumerate(shown) if not printed}

    assert failures(lambda: wins(*rests(rule(5), weights, SIGMA))) <= BOUND
    assert failures(lambda: wins(*each_alone())) > RELEASES * 0.9
    # The row is there, and not for want of one: the two and the smallest of the others.
    assert failures(lambda: bool(rests(rule(5), weights, SIGMA)[1])) > RELEASES * 0.9


@pytest.mark.statistical
def test_the_rest_never_shows_a_single_cell() -> None:
    """
    By residual: one withheld cell beside its row of all others would be shown after all.

    The control merges whatever is withheld.
    """
    weights = [3.0, 300.0, 400.0, 500.0]

    assert failures(lambda: len(rests(rule(4), weights, SIGMA)[1]) == 1) == 0
    one = [rule(4).decide(n, SIGMA) == "suppressed" for n in noised(weights)].count(True)
    assert one == 1


@pytest.mark.statistical
def test_the_total_less_all_that_is_shown_holds_nobody() -> None:
    """
    By total: shares give their base away; the base less cells and rest leaves nothing to know.

    Whatever sets of rows are added up and taken off, each holds a printed cell or all that is
    withheld.  The control leaves one withheld cell out of the row: the base gives it away.
    """
    accounts = [2, 5, 9, 60, 300, 400]
    weights = [float(count) for count in accounts]

    def left(leave_out: int) -> bool:
        shown, merged = rests(rule(6), weights, 1.0 * SCALE)
        told = {*sorted(merged)[leave_out:], *(n for n, printed in enumerate(shown) if printed)}
        hidden = [count for n, count in enumerate(accounts) if n not in told]
        return bool(merged) and 0 < sum(hidden) < FEW

    assert failures(lambda: left(0)) == 0
    assert failures(lambda: left(1)) > RELEASES * 0.9


@pytest.mark.statistical
def test_the_rest_of_cells_that_the_same_few_fill() -> None:
    """
    By union: nine accounts put k = 10 into each of ten cells, and all others is those ten.

    The control forgets that one account fills ten cells, and takes nine for ninety.
    """
    weights = [9.0] * 10 + [4000.0, 5000.0]

    def wins(k: int) -> bool:
        _, merged = rests(rule(12, k=k), weights, 1.0 * SCALE)
        return merged == {*range(10)}

    assert failures(lambda: wins(10)) <= BOUND
    assert failures(lambda: wins(1)) > RELEASES * 0.9


@given(
    st.lists(st.integers(-20 * SCALE, 200 * SCALE), min_size=3, max_size=12),
    st.sampled_from([1.0, 3.0, 10.0]),
)
def test_what_is_merged_is_what_is_withheld_and_enough(noisy: list[int], noise: float) -> None:
    """All of it or nothing, never a single cell, by its own bounds and by that of the set."""
    test, sigma = rule(12), noise * SCALE
    states, merged = test.decide_rest(noisy, sigma)
    plain = test.decide_group(noisy, sigma)
    hidden = [n for n, state in enumerate(states) if state == "suppressed"]

    # At most one cell more than without the row, and only for its sake.
    more = sum(a != b for a, b in zip(states, plain, strict=True))
    assert more <= (1 if merged else 0)
    if merged:
        assert [*merged] == hidden
        assert len(states) > len(hidden) >= 2
        lower = sum(max(0, noisy[n] - test.margin(sigma)) for n in hidden)
        assert lower >= FEW * SCALE
        assert sum(noisy[n] for n in hidden) >= test.threshold(sigma, cells=len(hidden))
        assert test.rest_at_least([noisy[n] for n in hidden], sigma) >= FEW
