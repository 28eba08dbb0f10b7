"""
The synthetic population has the margins it says it has.

Statistical tests draw afresh each time, from two populations: one session per account, and many
per account, where sessions are alike.  Of each account one session is looked at, the first by its
random key: so what is counted is independent, however alike an account's sessions are.  Each
figure must lie within Z = 6 standard deviations: 2·10⁻⁹ false alarms per figure by the normal law,
up to 10⁻⁶ for the few rates of which some thirty cases are expected; all 300 figures together
alarm less than once in 10,000 runs.  Each test has a control that it rejects.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from aggregates import margins as m
from aggregates.accounts import account_sizes, published_tail
from aggregates.law import model
from aggregates.sizes import stored
from aggregates.twin import Twin, draw, planted
from privacy.codebook import codebook
from privacy.errors import ConfigurationError
from privacy.labels import LabelRecord, bucket_of, pack_bucket, row_width, unpack_bucket

Bools = NDArray[np.bool_]

BOOK = codebook()
Z = 6.0


@pytest.fixture(scope="module", params=[(120_000, 120_000), (60_000, 100_000)])
def twin(request: pytest.FixtureRequest) -> Twin:
    """A session of each account of a fresh population, for all statistical tests of a run."""
    drawn = draw(*request.param, seed=None, codebook=BOOK)
    owners = np.ascontiguousarray(drawn.rows[:, -16:]).view("V16")[:, 0]
    first = np.concatenate([[True], owners[1:] != owners[:-1]])
    return Twin(drawn.rows[first], BOOK)


def design(twin: Twin) -> float:
    """Most that alikeness within accounts can multiply a variance by."""
    owners = np.ascontiguousarray(twin.rows[:, -16:]).view("V16")[:, 0]
    sizes = np.unique(owners, return_counts=True)[1]
    return float((sizes**2).sum() / sizes.sum())


def labels(twin: Twin, name: str) -> NDArray[np.str_]:
    """A column as labels."""
    return np.array(BOOK.field(name).labels)[twin.column(name)]


def off(rate: float, base: Bools, yes: Bools, spread: float) -> float:
    """How many standard deviations a rate lies from what was planted."""
    n = int(base.sum())
    sd = math.sqrt(spread * max(rate * (1 - rate), 1e-4) / max(n, 1))
    return abs(float((yes & base).sum()) / max(n, 1) - rate) / sd


def all_near(
    expected: Mapping[str, float], column: Iterable[str], base: Bools, spread: float
) -> bool:
    """Whether each label has its planted share."""
    values = np.array(list(column))
    return all(off(share, base, values == label, spread) < Z for label, share in expected.items())


@pytest.mark.parametrize(("accounts", "sessions"), [(1, 1), (1, 9), (7, 7), (300, 501), (40, 9000)])
def test_there_are_exactly_as_many_as_asked_for(accounts: int, sessions: int) -> None:
    """Sizes are public constants of a rehearsal."""
    drawn = draw(accounts, sessions, seed=None, codebook=BOOK)

    assert drawn.rows.shape == (sessions, row_width(BOOK))
    assert len({row[-16:].tobytes() for row in drawn.rows}) == accounts
    assert len({row[:16].tobytes() for row in drawn.rows}) == sessions


@pytest.mark.parametrize(("accounts", "sessions"), [(0, 0), (2, 1), (-1, 4)])
def test_an_impossible_population_is_refused(accounts: int, sessions: int) -> None:
    """An account without a session is no account of the population."""
    with pytest.raises(ConfigurationError, match="TWIN_SIZE"):
        draw(accounts, sessions, seed=1, codebook=BOOK)


def test_the_tail_of_account_sizes_is_the_published_one() -> None:
    """Contribution bounds matter because of this tail."""
    sizes = account_sizes(m.ACCOUNTS, m.SESSIONS)

    assert sizes.sum() == m.SESSIONS
    assert math.isclose(published_tail().sum(), m.SESSIONS / m.ACCOUNTS, rel_tol=1e-9)
    # Rounding the sum to the published one moves a few accounts: 0.5 % at most.
    for more, share in m.MORE_THAN.items():
        assert math.isclose((sizes > more).mean(), share, rel_tol=0.005)


def test_every_row_passes_the_gate_of_labels() -> None:
    """A twin stands in for real records, so it must be some."""
    drawn = draw(200, 340, seed=None, codebook=BOOK)
    for row in drawn.rows:
        record = row[16:].tobytes()
        assert LabelRecord.decode(record, BOOK).encode() == record

    broken = drawn.rows[0, 16:].copy()
    broken[0] = 255
    with pytest.raises(Exception, match="LABEL_GATE"):
        LabelRecord.decode(broken.tobytes(), BOOK)


def test_buckets_are_what_the_classify_side_would_have_packed() -> None:
    """The aggregate worker must not be able to tell the difference."""
    drawn = draw(300, 520, seed=None, codebook=BOOK)
    rows = [(row[:16].tobytes(), row[16:].tobytes()) for row in drawn.rows]

    assert drawn.rows.tobytes() == pack_bucket(rows)
    for number, bucket in enumerate(drawn.buckets(5)):
        mine = [row for row in rows if bucket_of(row[1][-16:], 5) == number]
        assert bucket == pack_bucket(mine)
        assert len(list(unpack_bucket(bucket, BOOK))) == len(mine)


def test_a_seed_names_a_population() -> None:
    """Same seed, same data; another seed or none, other data."""
    first, again = (draw(50, 80, seed=3, codebook=BOOK).rows for _ in range(2))
    other, fresh = (draw(50, 80, seed=s, codebook=BOOK).rows for s in (4, None))

    assert (first == again).all()
    assert not (first == other).all()
    assert not (other == fresh).all()


def test_expertise_and_occupation_belong_to_the_account() -> None:
    """Other labels may differ within an account, and do."""
    drawn = draw(30, 600, seed=None, codebook=BOOK)
    owner = [row[-16:].tobytes() for row in drawn.rows]
    kinds = {
        name: len(set(zip(owner, drawn.column(name).tolist(), strict=True)))
        for name in ("expertise", "occupation", "work_mode", "month")
    }

    assert kinds["expertise"] == kinds["occupation"] == 30
    assert kinds["work_mode"] > 30
    assert kinds["month"] > 30


def test_columns_agree_with_each_other(twin: Twin) -> None:
    """A record that contradicts itself would be no twin of a counted one."""
    decoded = {
        name: np.array([BOOK.measure(name).decode(v) for v in twin.column(name).tolist()])
        for name in ("prompts", "actions", "actions_per_prompt", "lines_added", "lines_removed")
    }
    wrote = labels(twin, "wrote_code") == "yes"
    telemetry = labels(twin, "telemetry_wrote_code")
    busy = (twin.column("actions") > 0) & (twin.column("actions_per_prompt") > 0)

    assert ((twin.column("lines_added") > 0) == wrote).all()
    assert (twin.column("actions")[wrote] > 0).all()
    assert (twin.column("lines_removed")[~wrote] == 0).all()
    assert (wrote[twin.column("commits") > 0]).all()
    assert (wrote[telemetry == "yes"]).all()
    assert not wrote[telemetry == "no"].any()
    # Each stored value is rounded to a thousandth of a logarithm: three of them, 1.5/1000.
    ratio = (
        decoded["actions"][busy] / decoded["prompts"][busy] / decoded["actions_per_prompt"][busy]
    )
    assert np.abs(np.log(ratio)).max() < 0.0016


@pytest.mark.statistical
def test_shares_are_those_of_the_margins(twin: Twin) -> None:
    """Every planted share of every column, and of work modes in each month."""
    everyone, spread = np.ones(len(twin.rows), dtype=bool), design(twin)
    truth = planted()
    for name, shares in truth.share.items():
        assert all_near(shares, labels(twin, name), everyone, spread), name
    mode, month = labels(twin, "work_mode"), labels(twin, "month")
    for name, shares in truth.work_mode_by_month.items():
        assert all_near(shares, mode, month == name, spread), name

    assert not all_near(truth.work_mode_by_month["2025-10"], mode, month == "2026-04", spread)


@pytest.mark.statistical
def test_outcomes_are_those_of_the_margins(twin: Twin) -> None:
    """Success by expertise, work mode and profession; trouble and what becomes of it."""
    truth = planted()
    level, outcome = labels(twin, "expertise"), labels(twin, "outcome")
    signal, failure = labels(twin, "success_signal"), labels(twin, "failure_signal")
    judged, spread = outcome != "no_goal", design(twin)
    success, failed = outcome == "succeeded", outcome == "failed"
    verified = success & np.isin(signal, ("4", "5"))
    trouble = judged & np.isin(failure, ("3", "4", "5"))
    nothing = labels(twin, "wrote_code") == "no"
    found = {
        "verified": verified,
        "judged": success,
        "partial": ~failed,
        "verified_failure": failed & np.isin(failure, ("4", "5")),
        "abandoned": failed & nothing,
    }
    distances = []
    for name in m.EXPERTISE:
        mine = judged & (level == name)
        distances += [
            off(truth.verified_success_by_expertise[name], mine, verified, spread),
            off(truth.judged_success_by_expertise[name], mine, success, spread),
            off(truth.at_least_partial_by_expertise[name], mine, ~failed, spread),
            off(truth.troubled_by_expertise[name], mine, trouble, spread),
            *(
                off(rate, mine & trouble, found[k], spread)
                for k, rate in truth.in_trouble[name].items()
            ),
        ]
        assert all_near(truth.outcome_by_expertise[name], outcome, level == name, spread)
    by_signal = [
        *(
            (truth.succeeded_by_success_signal, signal),
            (truth.succeeded_by_failure_signal, failure),
        ),
        (truth.verified_success_by_work_mode, labels(twin, "work_mode")),
        (truth.verified_success_by_occupation, labels(twin, "occupation")),
    ]
    for number, (rates, column) in enumerate(by_signal):
        wanted = success if number < 2 else verified
        distances += [
            off(rate, judged & (column == k), wanted, spread) for k, rate in rates.items()
        ]

    assert max(distances) < Z
    # Control: the neighbouring level's rate is noticed.
    beginners = judged & (level == "beginner")
    assert off(truth.verified_success_by_expertise["expert"], beginners, verified, spread) > Z


@pytest.mark.statistical
def test_sizes_have_the_planted_geometric_means(twin: Twin) -> None:
    """Mean logarithms of actions and words per prompt, by expertise."""
    level, spread = labels(twin, "expertise"), design(twin)

    def distance(measure: str, name: str, mean: float) -> float:
        values = twin.column(measure)[level == name] / 1000 + math.log(0.5)
        sd = float(values.std()) * math.sqrt(spread / len(values))
        return abs(float(values.mean()) - mean) / sd

    truth = planted().mean_log_actions_per_prompt_by_expertise
    words = planted().words_per_prompt_by_expertise
    assert all(distance("actions_per_prompt", name, mean) < Z for name, mean in truth.items())
    assert all(distance("words_per_prompt", n, math.log(mean)) < Z for n, mean in words.items())
    assert distance("actions_per_prompt", "beginner", truth["advanced"]) > Z


def test_planted_figures_are_the_published_ones() -> None:
    """Where somebody published a figure, the population's parameter is that figure."""
    truth = planted()
    # Table A2 weighted by its own sessions is 27.5 %; unclear expertise is planted beside it.
    assert truth.verified_success == pytest.approx(0.275, abs=0.002)
    assert truth.verified_success_by_software_occupation == pytest.approx(
        {"software": 0.30, "other": 0.26}
    )
    assert truth.succeeded_by_success_signal["1"] == pytest.approx(0.13)
    assert truth.succeeded_by_success_signal["5"] == pytest.approx(0.90)
    assert truth.succeeded_by_failure_signal["1"] == pytest.approx(0.85)
    assert truth.succeeded_by_failure_signal["5"] == pytest.approx(0.03)
    for signal in (truth.succeeded_by_success_signal, truth.succeeded_by_failure_signal):
        steps = [signal[str(n)] for n in range(1, 6)]
        assert steps in (sorted(steps), sorted(steps, reverse=True))
    assert truth.work_mode_by_month["2025-10"]["fix"] == pytest.approx(0.33)
    assert truth.work_mode_by_month["2026-04"]["fix"] == pytest.approx(0.19)
    assert truth.share["work_mode"]["fix"] == pytest.approx(0.26)
    # Person's share of planning about 70 %, of execution about 20 %.
    for name, mean in (("planning_by_user", 70), ("execution_by_user", 20)):
        shares = truth.share[name]
        decided = sum(int(p) * w for p, w in shares.items() if p != "none") / (1 - shares["none"])
        assert decided == pytest.approx(mean, abs=3)


def test_no_probability_of_the_law_is_clipped() -> None:
    """A clipped probability would make every figure of `planted` slightly false."""
    law = model()
    low = law.by_mode.min() + law.by_band.min() + law.by_occupation.min()
    high = law.by_mode.max() + law.by_band.max() + law.by_occupation.max()

    assert (law.reached[:, 0] + low).min() >= 0
    assert (law.reached[:, 0] + high <= law.reached[:, 1] + law.by_occupation.min()).all()
    for table in (law.mode, law.band, law.codebase, law.success_signal, law.failure_signal):
        assert table.min() >= 0
        assert np.allclose(table.sum(axis=-1), 1)


def test_a_stored_value_is_what_the_codebook_would_store() -> None:
    """Two implementations of the encoding, one of them over arrays."""
    measure = BOOK.measure("actions_per_prompt")
    values = np.array([0.0, 0.2, 0.5, 0.51, 1.0, 7 / 3, 11.7, 499.99, 10_000.0, 1e9])

    assert stored(measure, values).tolist() == [measure.encode(v) for v in values.tolist()]
