"""The bench of coverage judges what it says: a small run of it, and its bound."""

import json

import pytest

from benchmarks import coverage
from tests.support.sampling import fewest


def test_a_small_run_tells_every_statistic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Four populations: every family is released and judged, and no cell is accused.

    Nor could intervals of half the width be among so few, and a bench that cannot fail has failed.
    """
    monkeypatch.setattr(coverage, "POPULATIONS", 4)
    with pytest.raises(SystemExit):
        coverage.main()
    told = json.loads(capsys.readouterr().out)

    assert told["undercovered"] == "none"
    assert told["undercovered_at_half_width"] == 0
    kinds = {key.partition(" ")[0] for key, value in told.items() if isinstance(value, dict)}
    assert {
        "share", "change", "slope", "rate", "geometric_mean", "mean", "quantiles", "total",
        "grand_total", "accounts", "accounts_above", "adjusted_rate", "adjusted_slope",
        "adjusted_geometric_mean", "adjusted_ratio",
    } <= kinds  # fmt: skip
    assert all(0 <= value["printed"] <= 1 for value in told.values() if isinstance(value, dict))


@pytest.mark.parametrize("trials", [4, 200, 900])
def test_the_bound_on_misses_is_that_on_hits(trials: int) -> None:
    """Two ways of reckoning one binomial tail, written apart from each other."""
    allowed = coverage._most(trials, 0.05, 1e-8)

    assert trials - allowed == fewest(trials, 0.95, 1e-8)
