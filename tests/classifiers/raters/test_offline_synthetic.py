"""The offline rater on sessions whose truth was planted: what rises must rise."""

import csv
from collections import defaultdict

import pytest

from classifiers.agreement import agreement
from classifiers.formats import read_session
from classifiers.raters.offline import OfflineRater
from classifiers.rendering import render
from classifiers.structure import contexts, structure_of
from clerestory.synthetic import write_sessions
from privacy.codebook import codebook

SESSIONS = 400
LEVELS = (("none", "1"), ("2", "3"), ("4", "5"))
"""Of both signals: traces at most, soft to moderate, hard."""
Row = dict[str, str]


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Row, Row]]:
    """Planted labels beside the rater's, of a fresh corpus each time."""
    folder = tmp_path_factory.mktemp("synthetic")
    write_sessions(folder, accounts=200, sessions=SESSIONS, seed=None)
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows, pairs = list(csv.DictReader(file)), []
    for row in rows:
        session = read_session((folder / row["path"]).read_bytes())
        view = render(session)
        context = contexts(structure_of(session), view, share_cut=view.share_cut)
        pairs.append((row, {**OfflineRater().rate(session, view), **context}))
    return pairs


@pytest.mark.parametrize("whose", ["planted", "rated"])
@pytest.mark.parametrize(
    ("signal", "rises"), [("success_signal", True), ("failure_signal", False)], ids=["rise", "fall"]
)
def test_success_follows_the_signals(
    rated: list[tuple[Row, Row]], signal: str, *, rises: bool, whose: str
) -> None:
    """
    P(succeeded) rises with the success signal that the rater saw and falls with the failure signal.

    By the planted outcome too, so that it is no echo of its own rule.  Of 400 sessions the levels
    hold about 30, 240 and 120 (success) and 170, 190 and 25 (failure), and their shares were
    0, .53, .84 and .87, .44, 0 where 1,200 were looked at: gaps of six standard errors and more,
    so that a false alarm is a matter of one in 10⁸.
    """
    told: dict[str, list[bool]] = defaultdict(list)
    for planted, found in rated:
        outcome = (planted if whose == "planted" else found)["outcome"]
        if outcome != "no_goal":
            told[found[signal]].append(outcome == "succeeded")
    pooled = [[one for level in levels for one in told[level]] for levels in LEVELS]
    assert min(len(part) for part in pooled) >= 5
    shares = [sum(part) / len(part) for part in pooled]
    assert shares == sorted(shares, reverse=not rises)
    assert abs(shares[0] - shares[-1]) > 0.5


@pytest.mark.parametrize(
    ("name", "least"), [("work_mode", 0.7), ("success_signal", 0.38), ("failure_signal", 0.3)]
)
def test_labels_agree_with_what_was_planted(
    rated: list[tuple[Row, Row]], name: str, least: float
) -> None:
    """
    κ against the planted labels, on sessions in every walk of life.

    It was .83, .58 and .52 on 1,200 sessions with standard errors of .03, .04 and .05 at 400: the
    bounds lie four of them below.
    """
    instrument = next(one for one in codebook().instruments if one.name == name)
    found = agreement(instrument, [(planted[name], given[name]) for planted, given in rated])
    assert found is not None
    assert found.kappa is not None
    assert found.kappa >= least


def test_code_was_written_where_it_was_planted(rated: list[tuple[Row, Row]]) -> None:
    """A count and no judgement: at least 98 of 100 sessions."""
    same = [planted["wrote_code"] == found["wrote_code"] for planted, found in rated]
    assert sum(same) >= 0.98 * len(same)
    assert len({planted["wrote_code"] for planted, _ in rated}) == 2


def test_code_was_written_where_telemetry_counted_it(rated: list[tuple[Row, Row]]) -> None:
    """Label and telemetry count the same thing in two ways: at least 90 of 100 must agree."""
    heard = [pair for pair in rated if pair[0]["telemetry"] == "present"]
    assert len(heard) > SESSIONS / 4
    same = [planted["telemetry_wrote_code"] == found["wrote_code"] for planted, found in heard]
    assert sum(same) >= 0.9 * len(same)
    assert len({planted["telemetry_wrote_code"] for planted, _ in heard}) == 2
