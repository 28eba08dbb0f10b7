"""Pair tables agree, as precisely as they can."""

from itertools import combinations

import numpy as np
import pytest

from aggregates.estimates.gram import ALONE, Pair, agree

SIZES = (3, 2, 4)


def noisy() -> list[Pair]:
    """All pairs of three blocks and one count of the first, none of which agrees with another."""
    rng = np.random.default_rng()
    made = [
        Pair(i, j, rng.uniform(0, 100, (SIZES[i], SIZES[j])), float(rng.uniform(1, 9)))
        for i, j in combinations(range(len(SIZES)), 2)
    ]
    return [Pair(0, ALONE, rng.uniform(50, 150, (SIZES[0], 1)), 3.0), *made]


def test_tables_agree_on_every_margin_and_on_the_total() -> None:
    """Each block's margin is the same in every table, and all of them have one sum."""
    made = agree(noisy())

    for (one, other), table in made.pairs.items():
        assert table.sum(axis=1) == pytest.approx(made.margins[one])
        assert table.sum(axis=0) == pytest.approx(made.margins[other])
        assert table.sum() == pytest.approx(float(made.total))


def test_no_tables_that_agree_lie_nearer_by_precision() -> None:
    """The closed form is generalised least squares, reckoned here with one large matrix."""
    tables = noisy()
    # Every table that agrees is a sum over the cells of a three-way table.
    cells = np.array(list(np.ndindex(*SIZES)))
    rows, wanted = [], []
    for table in tables:
        for place in np.ndindex(*table.values.shape):
            held = cells[:, table.one] == place[0]
            if table.other != ALONE:
                held &= cells[:, table.other] == place[1]
            rows.append(held / table.sigma)
            wanted.append(table.values[place] / table.sigma)
    best = np.linalg.lstsq(np.array(rows, float), np.array(wanted), rcond=None)[0]
    made = agree(tables)

    for (one, other), found in made.pairs.items():
        for i, j in np.ndindex(*found.shape):
            held = (cells[:, one] == i) & (cells[:, other] == j)
            assert found[i, j] == pytest.approx(best[held].sum(), abs=1e-6)
    assert float(made.total) == pytest.approx(best.sum(), abs=1e-6)


def test_tables_that_agree_stay_as_they_are() -> None:
    """The control: exact tables are their own nearest."""
    rng = np.random.default_rng()
    whole = rng.integers(0, 50, SIZES).astype(float)
    tables = [
        Pair(i, j, whole.sum(axis=3 - i - j), 2.0) for i, j in combinations(range(len(SIZES)), 2)
    ]
    made = agree(tables)

    assert all(made.pairs[t.one, t.other] == pytest.approx(t.values) for t in tables)
