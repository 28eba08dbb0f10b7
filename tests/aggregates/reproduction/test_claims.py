"""A claim is reproduced, or not, or cannot be told: by its interval, and never by good will."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.release import COLUMNS, Row
from aggregates.reproduction.claims import Claim, Quantity, by_place
from aggregates.reproduction.published import NOT_HELD, claims

PLACE = ("modes", "share", "work_mode=fix")
OTHER = ("modes", "share", "work_mode=plan")


def row(place: tuple[str, str, str], low: float, high: float, **more: object) -> Row:
    """A published row around the middle of its interval."""
    table, statistic, keys = place
    spread = (high - low) / 2 / 1.959964
    told: Row = dict.fromkeys(COLUMNS)
    told.update(table=table, statistic=statistic, keys=keys, state="published", k="1")
    told.update(estimate=(low + high) / 2, low=low, high=high, se_noise=spread, se_sampling=0.0)
    told.update(more)  # type: ignore[arg-type]
    return told


def claim(figure: float | None, *, reading: float = 0.0, other: float | None = None) -> Claim:
    """A claim about one printed number."""
    return Claim("a claim", "nowhere", (Quantity({PLACE: 1.0}),), figure, reading, other)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.24, 0.28, "reproduced"),
        (0.19, 0.28, "cannot tell"),  # holds the alternative, .20, too
        (0.27, 0.29, "not reproduced"),
    ],
)
def test_an_interval_decides(low: float, high: float, verdict: str) -> None:
    """It must hold the figure, and leave out what the figure could have been instead."""
    rows = by_place([row(PLACE, low, high)])

    assert claim(0.26, other=0.20).judge(rows)[0] == verdict


def test_a_figure_that_was_rounded_has_its_room() -> None:
    """26 % read off a plot may be 27; an exact one may not."""
    rows = by_place([row(PLACE, 0.265, 0.275)])

    assert claim(0.26, reading=0.01, other=0.20).judge(rows)[0] == "reproduced"
    assert claim(0.26, other=0.20).judge(rows)[0] == "not reproduced"


@pytest.mark.parametrize("state", ["suppressed", "not_computed"])
def test_what_is_not_printed_cannot_be_told(state: str) -> None:
    """Neither for nor against; and a row that is not there at all is no number either."""
    withheld: Row = {**dict.fromkeys(COLUMNS), "state": state}
    withheld.update(table=PLACE[0], statistic=PLACE[1], keys=PLACE[2])

    for rows in (by_place([withheld]), {}):
        assert claim(0.26, other=0.2).judge(rows) == ("cannot tell", ())


def test_a_shape_needs_every_step() -> None:
    """All above zero; one that could be zero leaves it open, and one below refutes it."""
    steps = [Quantity({PLACE: 1.0}), Quantity({OTHER: 1.0})]
    shape = Claim("a shape", "nowhere", tuple(steps))

    def judged(*ends: tuple[float, float]) -> str:
        places = zip((PLACE, OTHER), ends, strict=True)
        return shape.judge(by_place([row(place, *end) for place, end in places]))[0]

    assert judged((0.1, 0.2), (0.01, 0.02)) == "reproduced"
    assert judged((0.1, 0.2), (-0.01, 0.02)) == "cannot tell"
    assert judged((0.1, 0.2), (-0.03, -0.02)) == "not reproduced"


def test_numbers_of_unknown_dependence_add_their_errors() -> None:
    """.02 and .04 sum to .06 at worst, and to √.0020 where their sessions are disjoint."""
    first, second = (("rates", "rate", f"expertise={level}") for level in ("novice", "expert"))
    rows = by_place([row(first, 0.18, 0.22), row(second, 0.26, 0.34)])

    worst = Quantity({second: 1.0, first: -1.0}).read(rows)
    apart = Quantity({second: 1.0, first: -1.0}, disjoint=True).read(rows)
    assert worst is not None
    assert apart is not None
    assert worst.value == apart.value == pytest.approx(0.1)
    assert worst.high - worst.value == pytest.approx(0.02 + 0.04, abs=1e-6)
    assert apart.high - apart.value == pytest.approx(sqrt(0.02**2 + 0.04**2), abs=1e-6)


@given(
    st.lists(st.floats(0.05, 1.0), min_size=3, max_size=8),
    st.lists(st.floats(-2, 2), min_size=8, max_size=8),
)
def test_shares_of_one_group_hang_together_as_is_known(
    parts: list[float], weights: list[float]
) -> None:
    """
    The deviation of Σ c·p is that of its covariance matrix, entry by entry.

    Noise: p = x/X, so dp_i = (dx_i - p_i·ΣJ dx_j)/X.  Sampling: the multinomial's,
    (p_i·[i = j] - p_i·p_j)/X.
    """
    p, base, sigma = np.array(parts) / sum(parts), 4_000.0, 9.0
    c = np.array(weights[: len(p)])
    turn = (np.eye(len(p)) - p[:, None]) / base
    covariance = sigma**2 * turn @ turn.T + (np.diag(p) - np.outer(p, p)) / base
    places = [("t", "share", f"month=2025-10; mode={n}") for n in range(len(p))]
    rows = by_place(
        [
            row(place, share, share, raw=share * base, noise_scale=sigma)
            for place, share in zip(places, map(float, p), strict=True)
        ]
    )

    found = Quantity(dict(zip(places, map(float, c), strict=True))).read(rows)
    assert found is not None
    reach = 1.959964 * sqrt(max(float(c @ covariance @ c), 0.0))
    assert found.high - found.value == pytest.approx(reach, rel=1e-5, abs=1e-7)


def test_the_published_claims_are_whole() -> None:
    """Each has a name of its own, a source, and, if it is a figure, an alternative that differs."""
    told = claims()

    assert len({one.name for one in told}) == len(told) > 100
    assert all(one.source for one in told)
    for one in told:
        if one.figure is None:
            assert one.alternative is None
        else:
            assert one.alternative is not None, one.name
            assert abs(one.alternative - one.figure) > one.reading, one.name
            assert len(one.quantities) == 1
    assert len(NOT_HELD) >= 5
