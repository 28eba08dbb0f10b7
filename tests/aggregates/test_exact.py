"""Exact tables: what the numbers would be without noise, and who may ask for them."""

import re
from pathlib import Path

import pytest

from aggregates.exact import of_right_labels, unsafe_exact_tables
from tests.aggregates.rows import BOOK, MEAN, RATE, SHARE, bucket, record, small_plan
from tests.support.confusions import GOOD, MODES, of_modes, plan_of, told

PLAN = small_plan(SHARE, RATE, MEAN)
ROOT = Path(__file__).resolve().parents[2]


def test_shares_count_accounts_and_not_sessions() -> None:
    """With k = 1 an account with three sessions is one account, parted among its modes."""
    rows = [
        *(record(1, {"work_mode": mode}) for mode in ("fix", "fix", "build")),
        record(2, {"work_mode": "build"}),
        record(3, {"work_mode": "build"}),
    ]
    told = unsafe_exact_tables(PLAN, [bucket(rows)], BOOK)
    # Account 1 gives 2/3 to fix and 1/3 to build, accounts 2 and 3 give 1 each to build: of 3
    # accounts 2/9 fix and 7/9 build.  A weight is a whole number of 2⁻²⁰, and fix, with less
    # than one account behind it, is not shown alone.
    modes = {keys: value for (table, _, keys), value in told.items() if table == "modes"}
    assert modes.get("work_mode=build", 7 / 9) == pytest.approx(7 / 9, abs=1e-5)
    assert "work_mode=plan" not in modes


def test_a_rate_and_a_mean_by_hand() -> None:
    """Numbers that can be done on paper."""
    yes = {"outcome": "succeeded", "success_signal": "4", "expertise": "novice"}
    no = {"outcome": "failed", "success_signal": "1", "expertise": "novice"}
    rows = [
        *(record(n, yes, actions_per_prompt=8.0) for n in range(1, 4)),
        *(record(n, no, actions_per_prompt=2.0) for n in range(4, 10)),
    ]
    told = unsafe_exact_tables(PLAN, [bucket(rows)], BOOK)
    # Three of nine novices succeeded verifiably.
    assert told["verified", "rate", "expertise=novice"] == pytest.approx(1 / 3, abs=1e-4)
    # (8³ · 2⁶)^(1/9) = 2^(15/9) = 3.1748; logarithms are kept in thousandths.
    mean = told["actions", "geometric_mean", "expertise=novice"]
    assert mean == pytest.approx(2 ** (15 / 9), rel=2e-3)
    assert ("verified", "rate", "expertise=expert") not in told


def test_buckets_add_up() -> None:
    """Parted by account, the tables are those of the whole."""
    rows = [record(n, {"work_mode": ("fix", "build", "plan")[n % 3]}) for n in range(60)]
    whole = unsafe_exact_tables(PLAN, [bucket(rows)], BOOK)
    parts = unsafe_exact_tables(PLAN, [bucket(rows[:20]), bucket(rows[20:])], BOOK)
    assert parts == whole
    assert whole["modes", "share", "work_mode=fix"] == pytest.approx(1 / 3, abs=1e-5)
    assert unsafe_exact_tables(PLAN, [], BOOK) == {}


def test_only_pages_for_synthetic_data_ask_for_them() -> None:
    """No worker and no keeper may: two modules do, and both refuse a vault of real people."""
    users = {
        path.relative_to(ROOT).as_posix()
        for package in ("privacy", "classifiers", "aggregates", "clerestory")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"unsafe_exact_tables|from .*exact import", path.read_text(encoding="utf-8"))
    }
    assert users == {"aggregates/exact.py", "clerestory/reproducing.py", "clerestory/truth.py"}


def test_right_labels_need_no_correction(tmp_path: Path) -> None:
    """What a corrected number is held against is the plain one of the right labels."""
    made = plan_of(tmp_path, told(GOOD), of_modes())
    people = [record(n, {"work_mode": MODES[n % 9]}) for n in range(90)]
    exact = unsafe_exact_tables(made, [bucket(people)], BOOK)
    right = of_right_labels(exact)

    for mode in MODES[:9]:
        keys = f"work_mode={mode}"
        # 10 of 90 each; a correction by mistakes that nobody made would move them.
        assert right["modes", "corrected", keys] == right["modes", "share", keys]
        assert right["modes", "share", keys] == pytest.approx(1 / 9, abs=1e-4)
        assert exact["modes", "corrected", keys] != pytest.approx(1 / 9, abs=1e-4)
