"""Adjusted rates, means and slopes: least squares as others reckon it, from nothing but pairs."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from aggregates.estimates.gram import Pair, agree
from aggregates.estimates.regression import Design, Fit, levels, sampling, slope
from aggregates.estimates.sample import Sample, fits, sample_of
from aggregates.kernel import accounts, partial, weights
from aggregates.plan import plan
from aggregates.study import Study
from aggregates.twin import Twin, draw
from privacy.codebook import LOG_STEPS
from privacy.labels import SESSION_KEY_BYTES
from privacy.plan import STEPS, Axis, Table
from privacy.unit import SCALE
from tests.aggregates.rows import ADJUSTED, BOOK, HEAD, quiet, small_plan

Floats = NDArray[np.float64]
CONTROLS = '"work_mode * task_value_tier", "month", "task_occupation", "occupation"'
WIDE = f"""
[[table]]
name = "wide"
rate_of = "verified_success"
statistics = ["levels", "slope"]
by = ["expertise"]
adjust_for = [{CONTROLS}]
columns = [0, 1, 2, 3, 4]
leave_out = {{ expertise = ["unclear"], work_mode = ["unclear"] }}

[[table]]
name = "words"
measure = "words_per_prompt"
statistics = ["geometric_mean", "slope"]
by = ["expertise"]
adjust_for = ["month * surface", "task_occupation"]
columns = [1, 2]
leave_out = {{ expertise = ["unclear"] }}
"""
MADE = quiet(small_plan(WIDE, head=HEAD.replace('"2025-12"', '"2026-04"')))
NOISY = plan(Study.parse(HEAD + ADJUSTED), accounts=30_000)
MADE_ALIKE = quiet(NOISY)


@cache
def people() -> Twin:
    """Some thousand accounts whose sessions are alike."""
    return draw(2_000, 4_000, seed=None, codebook=BOOK)


@cache
def exact() -> dict[str, list[int]]:
    """Exact sums of the plan."""
    return {name: sums.tolist() for name, sums in partial(MADE, people().rows, BOOK).items()}


def by_statsmodels(table: Table, controls: int) -> tuple[Any, Floats]:
    """
    Weighted least squares on the sessions themselves, with integer weights and dummy variables.

    Returns:
        The fitted model, and what is wanted of its coefficients: a row for each printed number.
    """
    rows, queries = people().rows, [MADE.query(name) for name in table.queries]
    by, names = queries[0].axes[0], [field.name for field in BOOK.fields]

    def holds(condition: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
        held = np.ones(len(rows), bool)
        for column, labels in condition.items():
            codes = [BOOK.field(column).index(label) for label in labels]
            held &= np.isin(rows[:, SESSION_KEY_BYTES + names.index(column)], codes)
        return held

    def placed(axis: Axis) -> NDArray[np.intp]:
        place = np.full(len(rows), -1)
        for number in reversed(range(len(axis.levels))):
            place[holds(axis.levels[number].when)] = number
        return place[inside]

    inside, population = (
        holds({**queries[0].where, **MADE.population.where}),
        holds(MADE.population.where),
    )
    who, weight = accounts(rows), np.zeros(len(rows))
    weight[population] = weights(who[population], k=MADE.contribution(queries[0]), scale=SCALE)
    w, count = weight[inside], len(by.levels)
    first = np.eye(count)[placed(by)]
    if table.kind in STEPS:
        first = np.stack([first @ np.arange(count), np.ones(len(first))], axis=1)
    blocks = [queries[1 + number].axes[1] for number in range(controls)]
    dummies = (np.eye(len(block.levels))[placed(block)] for block in blocks)
    x = np.concatenate([first, *(d[:, d.any(axis=0)][:, 1:] for d in dummies)], axis=1)
    if table.yes:
        outcome = queries[0].axes[1]
        says = [n for n, level in enumerate(outcome.levels) if level.name in table.yes]
        y = np.isin(placed(outcome), says).astype(float)
    else:
        total = queries[-2]
        at = SESSION_KEY_BYTES + len(BOOK.fields)
        at += 2 * [measure.name for measure in BOOK.measures].index(total.measure)
        stored = rows[inside, at].astype(float) * 256 + rows[inside, at + 1]
        y = np.clip(stored - total.centre, -total.bound, total.bound) / LOG_STEPS
    groups = {"groups": who[inside], "use_correction": False}
    model = sm.WLS(y, x, weights=w).fit(cov_type="cluster", cov_kwds=groups)
    if table.kind in STEPS:
        return model, np.eye(1, x.shape[1])
    means = (w @ x) / w.sum()
    means[:count] = 0
    return model, np.eye(count, x.shape[1]) + means


@cache
def alike() -> dict[str, list[int]]:
    """Exact sums of two rates and a measure, of thirty thousand accounts."""
    rows = draw(30_000, 51_000, seed=None, codebook=BOOK).rows
    return {name: sums.tolist() for name, sums in partial(NOISY, rows, BOOK).items()}


def cases() -> list[tuple[int, int]]:
    """Table and column of each regression of the plan."""
    return [(n, c) for n, table in enumerate(MADE.tables) for c in range(len(table.columns))]


@pytest.mark.parametrize(("number", "column"), cases())
def test_without_noise_it_is_the_regression_that_statsmodels_makes(
    number: int, column: int
) -> None:
    """
    Levels and slopes to 1e-6, in 14 designs with and without interactions.

    And the bound on sampling is one: clustered standard errors, in a population whose accounts
    repeat themselves, do not pass it by more than the luck of how residuals fell (a tenth).
    """
    table = MADE.tables[number]
    model, wanted = by_statsmodels(table, table.columns[column])
    design, fit = [*fits(table, sample_of(MADE, table, exact()))][column]

    assert fit.values == pytest.approx(wanted @ model.params, abs=1e-6)
    clustered = np.sqrt(np.diag(wanted @ model.cov_params() @ wanted.T))
    rate = np.clip(design.sums[0] / design.tables.margins[0], 0, 1)
    alone = np.full(len(rate), np.var(model.model.endog))
    bound = np.sqrt(sampling(fit, rate * (1 - rate) if table.yes else alone, 1.0))
    assert (clustered <= 1.1 * bound).all()


def test_the_bound_on_sampling_is_tight_where_accounts_have_one_session() -> None:
    """Of independent sessions it is the plain error of a rate, controls or not, within 15 %."""
    twin, table = draw(6_000, 6_000, seed=None, codebook=BOOK), MADE.tables[0]
    sums = {name: s.tolist() for name, s in partial(MADE, twin.rows, BOOK).items()}
    design, fit = [*fits(table, sample_of(MADE, table, sums))][1]
    rate = design.sums[0] / design.tables.margins[0]
    bound = np.sqrt(sampling(fit, rate * (1 - rate), 1.0))
    plain = np.sqrt(rate * (1 - rate) / design.tables.margins[0])

    assert (bound <= 1.15 * plain).all()
    assert (bound >= plain).all()


def test_a_slope_is_not_the_line_through_adjusted_levels() -> None:
    """Where controls leave more of one level than of another, the two differ, and we take WLS."""
    rng = np.random.default_rng()
    by = rng.integers(0, 3, 4_000)
    control = np.where(by == 2, rng.random(4_000) < 0.97, rng.random(4_000) < 0.5).astype(int)
    y = (rng.random(4_000) < np.array([0.1, 0.5, 0.4])[by] + 0.2 * control).astype(int)
    made = _design([by, y, control], clip=1e-3)
    adjusted_levels, m = levels(made).values, made.tables.margins[0]
    steps = np.arange(3) - np.arange(3) @ m / m.sum()
    through = (steps * m) @ adjusted_levels / ((steps**2) @ m)
    x = np.stack([by, control, np.ones(4_000)], axis=1).astype(float)
    exactly = np.linalg.lstsq(x, y.astype(float), rcond=None)[0][0]

    assert slope(made).values[0] == pytest.approx(exactly, abs=1e-6)
    assert abs(through - exactly) > 1e-3


@pytest.mark.parametrize("clip", [0.5, 60.0, 400.0])
@pytest.mark.parametrize("kind", [levels, slope])
def test_what_leans_on_a_noisy_cell_is_its_derivative(
    kind: Callable[[Design], Fit], clip: float
) -> None:
    """Errors by noise are as right as derivatives: against small steps, clipped or not."""
    rng = np.random.default_rng()
    columns = [rng.integers(0, size, 3_000) for size in (3, 2, 4, 5)]
    pairs = _pairs(columns, rng.uniform(0.5, 8.0, 6).tolist())
    for pair in pairs:
        pair.values[:] += rng.normal(0, 2.0, pair.values.shape)

    def told(design: Design) -> Floats:
        return kind(design).values

    design = _design(columns, clip=clip, pairs=pairs, noise_of=9.0)
    sample = Sample(1.0, (), (*pairs,), design.tables, (1,), (), None)
    for pair, on in sample.leaning(design, kind(design).leaning):
        row, column = (int(rng.integers(0, size)) for size in pair.values.shape)
        there = []
        for step in (1e-3, -1e-3):
            pair.values[row, column] += step
            there.append(told(_design(columns, clip=clip, pairs=pairs, noise_of=9.0)))
            pair.values[row, column] -= step
        steps = (there[0] - there[1]) / 2e-3
        assert on[:, row, column] == pytest.approx(steps, rel=1e-4, abs=1e-9)


def test_errors_by_noise_are_those_of_noise() -> None:
    """
    Numbers made of noisy tables spread as they say: not wider, and not half as wide.

    Of 200 draws of Gaussian noise the mean squared error of each of 6 numbers is χ²(200)/200
    times its variance, outside .6 to 1.6 with chance 10⁻⁷ a number.  To second order what is said
    is up to twice the variance that second derivatives add, hence .35.
    """
    rng, table = np.random.default_rng(), NOISY.tables[0]
    truth = [fit.values for _, fit in fits(table, sample_of(MADE_ALIKE, table, alike()))]
    errors, said = [], []
    for _ in range(200):
        noisy = {
            q.name: (np.array(alike()[q.name]) + rng.normal(0, q.sigma, q.size)).tolist()
            for q in NOISY.queries
        }
        sample = sample_of(NOISY, table, noisy)
        for number, (design, fit) in enumerate(fits(table, sample)):
            if number == 1:
                errors.append((fit.values - truth[1]) ** 2)
                said.append(sample.noise(design, fit))
    ratio = np.mean(errors, axis=0) / np.mean(said, axis=0)

    assert (ratio < 1.6).all()
    assert (ratio > 0.35).all()


def _pairs(columns: Sequence[NDArray[np.intp]], sigmas: Sequence[float]) -> list[Pair]:
    sizes = [int(column.max()) + 1 for column in columns]
    made = []
    for (i, j), sigma in zip(combinations(range(len(columns)), 2), sigmas, strict=True):
        cells = np.bincount(columns[i] * sizes[j] + columns[j], minlength=sizes[i] * sizes[j])
        made.append(Pair(i, j, cells.reshape(sizes[i], sizes[j]).astype(float), sigma))
    return made


def _design(
    columns: Sequence[NDArray[np.intp]],
    *,
    clip: float,
    pairs: Sequence[Pair] = (),
    noise_of: float = 0.0,
) -> Design:
    """Blocks as columns of numbers: levels, a yes (1) or no (0), controls."""
    count = len(columns) * (len(columns) - 1) // 2
    told = pairs or _pairs(columns, [1.0] * count)
    tables = agree(told)
    blocks = (0, *range(2, len(columns)))
    sums = [tables.pairs[0, 1][:, 1], *(tables.pairs[1, b][1] for b in blocks[1:])]
    levels_of = sum(len(one) for one in sums[1:])
    units = np.eye(levels_of) / np.sqrt(clip)
    whole, effects = float(tables.margins[1][1]), np.eye(levels_of)
    noise = np.full(levels_of, noise_of)
    return Design(tables, blocks, (*sums,), whole, units, effects, 0.0, noise)
