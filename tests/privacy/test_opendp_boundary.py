"""
What we take from OpenDP, and the bugs of it that this keeps away.

Eight privacy bugs of OpenDP's tracker that touch what a project like this could have used were
reproduced on 0.16.0: seven in its Polars planner, one in its threshold mechanisms.  We use one
measurement on vectors of 64-bit integers.  These tests hold that boundary, bug by bug: whoever
widens it meets them first.
"""

import ast
import subprocess
import sys
import tomllib
from fractions import Fraction
from importlib.metadata import version
from math import exp, inf, nan
from pathlib import Path

import numpy as np
import pytest

from aggregates import worker
from aggregates.kernel import partial, view
from privacy.measurements import add_noise, cost_of
from privacy.minimum import Minimum
from tests.aggregates.rows import BOOK, MEAN, SHARE, SIZES, TOTAL, bucket, record, small_plan

ROOT = Path(__file__).parents[2]
TAKEN = {
    "opendp.combinators": {"make_zCDP_to_approxDP"},
    "opendp.domains": {"atom_domain", "vector_domain"},
    "opendp.measurements": {"make_gaussian"},
    "opendp.metrics": {"l2_distance"},
    "opendp.mod": {"enable_features", "Domain", "Measurement", "Metric"},
}
"""Everything of OpenDP that product code names."""
CHARGE = Fraction(1, 2)
KINDS = small_plan(SHARE, MEAN, SIZES, TOTAL)


def names_of(source: str) -> dict[str, set[str]]:
    """Module of OpenDP → what a source imports from it."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opendp"):
            found.setdefault(node.module or "", set()).update(name.name for name in node.names)
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.startswith("opendp"):
                    found.setdefault(name.name, set()).add("*")
    return found


def test_one_measurement_is_taken_and_nothing_else() -> None:
    """No planner (2945, 2949, 2936, 2938, 2939, 2941, 2944), no thresholds (2922), no noisy max."""
    for package in ("privacy", "aggregates", "classifiers", "clerestory"):
        for path in (ROOT / package).rglob("*.py"):
            expected = TAKEN if path.name == "measurements.py" and package == "privacy" else {}
            assert names_of(path.read_text(encoding="utf-8")) == expected, path.name
    assert names_of("import opendp.prelude as dp") == {"opendp.prelude": {"*"}}


def test_a_release_loads_no_prelude_and_no_planner() -> None:
    """Not by the back door either: what a whole release has loaded, in a process of its own."""
    program = (
        "import sys\n"
        "from aggregates.worker import unsafe_release_unsealed\n"
        "from tests.aggregates.rows import SHARE, SIZES, TOTAL, small_plan\n"
        "unsafe_release_unsealed(small_plan(SHARE, SIZES, TOTAL), [])\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('polars', 'sklearn')\n"
        "       or n in ('opendp.prelude', 'opendp.context', 'opendp.accuracy')\n"
        "       or n.startswith('opendp.extras')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_version_that_was_read_is_the_one_that_runs() -> None:
    """Its upgrades are read before they are taken."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (pinned,) = [one for one in project["dependencies"] if one.startswith("opendp")]

    assert pinned == f"opendp=={version('opendp')}"


def test_2922_a_count_at_the_threshold_is_in_the_tail_that_is_reckoned() -> None:
    """
    A threshold's tail is that of *at least*, with the whole unit that a discrete tail adds.

    OpenDP's own threshold keeps counts equal to it and reckons with *more than*.  Ours: the chance
    that noise lifts a count of c to the threshold, by summing the discrete Gaussian itself, is at
    most that of the continuous one at z; without the added unit it is more.
    """
    sigma, z = 1.2, 2.0
    test = Minimum(1, k=Fraction(1), z=z, scale=1)
    lifted = test.threshold(sigma) - 1  # what noise must add to a count of m·k = 1
    weights = {x: exp(-(x**2) / (2 * sigma**2)) for x in range(-60, 61)}
    whole = sum(weights.values())
    allowed = 0.02275  # P(N(0, 1) > 2)

    assert sum(w for x, w in weights.items() if x >= lifted) / whole <= allowed
    assert sum(w for x, w in weights.items() if x >= lifted - 2) / whole > allowed


def test_2945_the_distance_is_our_own_arithmetic_and_its_price_opendps() -> None:
    """No margin stands for a sensitivity: twice as far costs four times as much."""
    once, twice = cost_of(sensitivity=10, sigma=100.0), cost_of(sensitivity=20, sigma=100.0)

    assert float(twice) == pytest.approx(4 * float(once), rel=1e-9)
    assert float(once) == pytest.approx(0.005, rel=1e-9)


def test_2949_no_label_moves_a_session_after_it_was_bounded() -> None:
    """Columns that were redefined after truncation: here one weight holds for all cells."""
    made = small_plan(SHARE)
    modes = BOOK.field("work_mode").labels
    spread = [record(1, {"work_mode": modes[n % 9]}) for n in range(100)]
    gathered = [record(1, {"work_mode": "fix"}) for _ in range(100)]
    for rows in (spread, gathered):
        (vector,) = partial(made, view(bucket(rows), BOOK), BOOK).values()
        assert vector.sum() <= made.queries[0].sensitivity


@pytest.mark.parametrize("value", [nan, inf, None])
def test_2936_2941_nothing_but_whole_numbers_reaches_the_noise(value: object) -> None:
    """No NaN that a fill lets in, no float that is read at another width."""
    with pytest.raises((ValueError, TypeError, OverflowError)):
        add_noise([value], size=1, sensitivity=1, sigma=1.0, charge=CHARGE)  # type: ignore[list-item]
    sums = partial(KINDS, view(bucket([record(1, {})]), BOOK), BOOK)
    assert {vector.dtype for vector in sums.values()} == {np.dtype(np.int64)}


def test_2938_2939_no_number_leaves_without_its_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cast or a cut that failed was counted for free; here each number has been measured."""
    measured: list[int] = []

    def marked(vector: list[int], *, size: int, **_: object) -> list[int]:
        measured.append(size)
        return [10**15] * len(vector)

    monkeypatch.setattr(worker, "add_noise", marked)
    noisy, _ = worker._measure(KINDS, {q.name: [7] * q.summed for q in KINDS.queries})

    assert len(measured) == len(KINDS.queries)
    assert sum(measured) == sum(query.size for query in KINDS.queries)
    assert {cell for vector in noisy.values() for cell in vector} == {10**15}


def test_2944_a_sessions_cell_depends_on_that_session_alone() -> None:
    """Levels are numbered by the plan, never in the order in which the data bring them."""
    made = small_plan(SHARE)
    one, other = record(1, {"work_mode": "plan"}), record(2, {"work_mode": "fix"})
    cells = made.queries[0].cells

    def counted(rows: list[bytes]) -> dict[tuple[str, ...], int]:
        (vector,) = partial(made, view(bucket(rows), BOOK), BOOK).values()
        return dict(zip(cells, vector.tolist(), strict=True))

    both, alone = counted([one, other]), counted([other])
    assert both["fix",] == alone["fix",] > 0
    assert both["plan",] > alone["plan",] == 0
