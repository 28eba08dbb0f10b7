"""How far two columns agree: by hand, as the raters' own agreement, and covered as it says."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregates.estimates.agreement import Square, agreements
from aggregates.estimates.cells import Cell
from aggregates.plan import plan
from aggregates.study import Study
from aggregates.worker import unsafe_release_unsealed
from classifiers.agreement import agreement
from privacy.codebook import UNCLEAR
from privacy.errors import ConfigurationError
from privacy.plan import AGREEMENTS, Kind, Plan
from privacy.unit import SCALE
from tests.aggregates.rows import AGREE, BOOK, HEAD, NOTHING, bucket, quiet, record, small_plan
from tests.support.sampling import fewest

CODE, SIGNALS = small_plan(AGREE), small_plan(AGREE).tables[-1].name
POPULATIONS, ACCOUNTS, FALSE_ALARM = 2_000, 1_500, 1e-6
SIGMA = 4.0


def test_kappa_of_a_table_by_hand() -> None:
    """Forty and thirty agree, ten and twenty do not."""
    made = Square(np.array([[40.0, 10.0], [20.0, 30.0]]), 1e-9)
    kappa, exact = (made.estimate(kind, design=1.0) for kind in ("kappa", "exact"))

    # p_o = .7; p_e = .5·.6 + .5·.4 = .5; κ = (.7 - .5)/(1 - .5).
    assert exact.value == pytest.approx(0.7)
    assert kappa.value == pytest.approx(0.4)
    # The large-sample variance of κ, Fleiss, Cohen & Everitt 1969: (A + B - C)/((1-p_e)²·n), with
    # A = Σ p_ii[1 - (p_i. + p_.i)(1-κ)]² = .4(1 - 1.1·.6)² + .3(1 - .9·.6)² = .10972;
    # B = (1-κ)²Σ p_ij(p_.i + p_j.)² = .36(.1·1.1² + .2·.9²) = .10188 with p_.1 = .6, p_2. = .5 for
    # the ten and p_.2 = .4, p_1. = .5 for the twenty; C = (κ - p_e(1-κ))² = .01.
    assert kappa.se_sampling == pytest.approx((0.2016 / 25) ** 0.5, abs=1e-9)


labels = st.sampled_from(BOOK.field("success_signal").labels[:-1])


@given(st.lists(st.tuples(labels, labels), min_size=5, max_size=60))
def test_it_is_the_agreement_of_raters_without_noise(pairs: list[tuple[str, str]]) -> None:
    """The classifiers' own reckoning of the same pairs, exact, adjacent and weighted."""
    instrument = next(i for i in BOOK.instruments if i.name == "success_signal")
    told = agreement(instrument, pairs)
    places = instrument.labels.index
    cells = np.zeros((6, 6))
    for one, other in pairs:
        cells[places(one), places(other)] += 1
    found: dict[Kind, float] = {
        kind: Square(cells, 1e-9).estimate(kind, design=1.0).value for kind in AGREEMENTS
    }

    assert told is not None
    assert found["exact"] == pytest.approx(told.exact)
    assert found["adjacent"] == pytest.approx(told.adjacent)
    if told.kappa is not None:
        assert found["weighted_kappa"] == pytest.approx(max(told.kappa, -1), abs=1e-6)


@given(
    st.lists(st.integers(-50, 5_000), min_size=9, max_size=9),
    st.floats(0.1, 100),
    st.sampled_from(AGREEMENTS),
)
@example([200, -20, -20, -20, 200, -20, -20, -20, 200], 4.0, "kappa")
@example([-20, 200, 200, 200, -20, 200, 200, 200, -20], 4.0, "weighted_kappa")
def test_whatever_the_noise_an_interval_holds_its_estimate(
    cells: list[int], sigma: float, kind: Kind
) -> None:
    """Within the statistic's range, finite, in order, and never a point: noise proves nothing."""
    made = Square(np.array(cells, np.float64).reshape(3, 3), sigma).estimate(kind, design=2.0)
    least = -1 if "kappa" in kind else 0

    assert least <= made.low <= made.value <= made.high <= 1
    assert made.low < made.high
    assert made.se_noise >= 0
    assert made.se_sampling >= 0


PARTS = np.array([[0.30, 0.06, 0.02], [0.05, 0.22, 0.05], [0.01, 0.07, 0.22]])


def populations(count: int) -> Sequence[list[int]]:
    """
    Noisy two-way tables of accounts with one to four sessions, of which half are all alike.

    Half of the accounts draw one pair of labels for all their sessions, the others one for each:
    the clustering that a bound on it has to bear.
    """
    dice = np.random.default_rng()
    found = []
    for _ in range(count):
        sessions = dice.integers(1, 5, ACCOUNTS)
        alike = dice.random(ACCOUNTS) < 0.5
        first = dice.choice(9, ACCOUNTS, p=PARTS.ravel())
        account = np.repeat(np.arange(ACCOUNTS), sessions)
        drawn = dice.choice(9, len(account), p=PARTS.ravel())
        cell = np.where(alike[account], first[account], drawn)
        exact = np.bincount(cell, 1 / sessions[account], 9)
        found.append([round(n * SCALE) for n in exact + dice.normal(0, SIGMA, 9)])
    return found


def truth(kind: Kind) -> float:
    """The parameter, from its definition."""
    apart = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    if kind in ("exact", "adjacent"):
        return float(PARTS[apart <= (kind == "adjacent")].sum())
    v = apart**2 if kind == "weighted_kappa" else apart > 0
    return 1 - float((v * PARTS).sum() / (PARTS.sum(1) @ v @ PARTS.sum(0)))


@pytest.mark.statistical
def test_the_truth_lies_in_the_intervals() -> None:
    """
    Of 2,000 populations as many as Bin(n, .95) allows, at a false alarm of 10⁻⁶ for all statistics.

    The control: with half the interval, each of them would be noticed.
    """
    squares = [
        Square(np.array(told).reshape(3, 3) / SCALE, SIGMA) for told in populations(POPULATIONS)
    ]
    for kind in AGREEMENTS:
        found = [made.estimate(kind, design=1.0) for made in squares]
        right, least = truth(kind), fewest(POPULATIONS, 0.95, FALSE_ALARM / 4)
        assert sum(e.low <= right <= e.high for e in found) >= least, kind
        halves = [(e.value - e.low, e.high - e.value, e.value) for e in found]
        half = sum(v - low / 2 <= right <= v + high / 2 for low, high, v in halves)
        assert half < least, kind
        # Nothing is lifted by the noise: the mean lies within five of its own errors.
        error = float(np.std([e.value for e in found])) / POPULATIONS**0.5
        assert abs(float(np.mean([e.value for e in found])) - right) < 5 * error + 1e-3, kind


def printed(made: Plan, kind: Kind, told: list[int]) -> list[Cell]:
    """The cells of one statistic, from a noisy vector."""
    (table,) = [t for t in made.tables if (t.kind, t.name) == (kind, "telemetry")]
    noisy = {table.queries[0]: told}
    return [*agreements(made, table, noisy, noisy)]


def test_it_is_tested_on_its_base() -> None:
    """Four noisy cells together; a group below it is withheld whole."""
    query = CODE.query("telemetry.count")
    few, many = [5 * SCALE] * 4, [500 * SCALE] * 4
    told = [*few, *many, *[0] * (query.size - 8)]
    first, second, *_ = printed(CODE, "kappa", told)

    assert (first.state, second.state) == ("suppressed", "published")
    assert (first.summed, second.tested) == (4, 2_000 * SCALE)
    assert [cell.keys for cell in (first, second)] == ["surface=cli", "surface=desktop"]


def test_a_release_says_how_far_labels_and_telemetry_agree() -> None:
    """Without noise, end to end: nine in ten agree; labels in another order are matched by name."""
    told = [
        {"wrote_code": "yes" if n % 2 else "no", "telemetry": "present",
         "telemetry_wrote_code": "yes" if (n % 2) ^ (n % 10 == 0) else "no"}
        for n in range(400)
    ]  # fmt: skip
    rows = unsafe_release_unsealed(quiet(CODE), [bucket(record(n, t) for n, t in enumerate(told))])
    found = {r["statistic"]: r for r in rows if r["keys"] == "surface=cli"}

    assert found["exact"]["estimate"] == pytest.approx(0.9, abs=1e-4)
    # Of 400: yes-yes 200, no-yes 40, no-no 160.  p_e = .5·.6 + .5·.4 = .5; κ = (.9 - .5)/.5.
    assert found["kappa"]["estimate"] == pytest.approx(0.8, abs=1e-4)
    assert {table.kind for table in CODE.tables if table.name == "telemetry"} == {"kappa", "exact"}
    assert {t.kind for t in CODE.tables if t.name == SIGNALS} == {*AGREEMENTS}


def text(*fields: str, more: str = "") -> str:
    """A study of one table of agreement, beside one that is not computed."""
    table = f'[[table]]\nname = "x"\nagreement_of = {[*fields]}\n'.replace("'", '"')
    return HEAD + table + more + NOTHING


SCALE_FIELDS = ("success_signal", "failure_signal")
WRONG: dict[str, Callable[[], tuple[str, str]]] = {
    "itself": lambda: (text("outcome", "outcome"), "of which a record holds one"),
    "other labels": lambda: (text("outcome", "work_mode"), "of which one alone has"),
    "absent": lambda: (text("wrote_code", "telemetry_wrote_code"), "one alone has absent"),
    "abstentions": lambda: (text(*SCALE_FIELDS), "no place among ordered labels"),
    "unknown": lambda: (text("outcome", "mood"), "unknown field 'mood'"),
    "a key too": lambda: (text(*SCALE_FIELDS, more='by = ["success_signal"]\n'), "named twice"),
    "a trend": lambda: (
        text("wrote_code", "wrote_nothing", more='statistics = ["trend"]\n'), "cannot have",
    ),
    "three": lambda: (text("outcome", "surface", "month"), "at most 2 items"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_compared_is_refused_with_its_line(what: str) -> None:
    """A second reading of one instrument is in no record; labels without a partner, or a place."""
    study, says = WRONG[what]()
    with pytest.raises(ConfigurationError, match=r"in line \d+ of study.toml") as refused:
        plan(Study.parse(study))
    assert says in refused.value.found
    # The control: leave out what has no partner, and it compiles.
    out = 'leave_out = { telemetry_wrote_code = ["absent"] }\n'
    made = plan(Study.parse(text("wrote_code", "telemetry_wrote_code", more=out)))
    assert made.queries[0].size == 4
    assert UNCLEAR not in {level.name for axis in made.queries[0].axes for level in axis.levels}
