"""Validation: a rater against labels of one's own, through the command line."""

import csv
import json
from pathlib import Path

import pytest

from clerestory.synthetic import write_sessions
from tests.support.world import clerestory


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty synthetic sessions with their planted labels."""
    folder = tmp_path_factory.mktemp("labelled")
    write_sessions(folder, accounts=30, sessions=40, seed=5)
    return folder


def test_every_instrument_is_compared(labelled: Path) -> None:
    """The JSON that scripts rely on: instrument, kappa, exact, adjacent, n."""
    labels = labelled / "truth.csv"
    done = clerestory("validate", "--sessions", labelled, "--labels", labels, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["read"] == 40
    names = {row["instrument"] for row in told["instruments"]}
    assert {"work_mode", "outcome", "success_signal", "expertise"} <= names
    for row in told["instruments"]:
        assert 0 <= row["exact"] <= row["adjacent"] <= 1
        assert row["n"] + row["left_out"] == 40
        assert sum(n for found in row["mistakes"].values() for n in found.values()) == 40
        assert sum(part["n"] for part in row["groups"].values()) == 40
        if row["kappa"] is not None and row["low"] is not None:
            assert row["low"] <= row["high"] <= 1
    with labels.open(encoding="utf-8", newline="") as file:
        accounts = {row["account"] for row in csv.DictReader(file)}
    assert told["groups"] == len(accounts)  # the column `account` says what belongs together
    assert "codes" not in told


def test_mistakes_and_codes_are_told_on_demand(labelled: Path) -> None:
    """Which label was taken for which, and which rules stood behind right and wrong ones."""
    words = ("validate", "--sessions", labelled, "--labels", labelled / "truth.csv", "--codes")
    full = clerestory(*words, "--mistakes")
    assert "95 % interval" in full.stdout
    assert "right label, and what the rater said" in full.stdout
    assert "code of a rule" in full.stdout
    told = json.loads(clerestory(*words, "--json").stdout)["codes"]
    assert all(0 <= row["right"] <= row["labels"] for row in told)
    assert {"work_mode", "success_signal"} <= {row["instrument"] for row in told}


@pytest.mark.parametrize("name", ["claude", "nobody"])
def test_a_rater_that_cannot_rate_here_is_refused(labelled: Path, name: str) -> None:
    """One that would have to be asked stands in a plan only; one that is not known nowhere."""
    words = ("validate", "--sessions", labelled, "--labels", labelled / "truth.csv")
    done = clerestory(*words, "--rater", name)
    assert done.returncode == 2
    assert "VALIDATION_INPUT" in done.stderr
    assert "offline" in done.stderr


def test_a_rater_agrees_with_itself_and_not_with_shifted_labels(labelled: Path) -> None:
    """The comparison can tell: the same labels agree wholly, another session's do not."""
    from classifiers.formats import read_session
    from classifiers.raters import rater_of
    from classifiers.rendering import render
    from privacy.raters import OFFLINE

    with (labelled / "truth.csv").open(encoding="utf-8", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    hand, rated = rater_of(OFFLINE), []
    for path in paths:
        session = read_session((labelled / path).read_bytes())
        rated.append(dict(hand.rate(session, render(session))))
    kappas = []
    for shift in (0, 1):
        target = labelled / f"own-{shift}.csv"
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["path", *rated[0]])
            writer.writeheader()
            for number, path in enumerate(paths):
                writer.writerow({"path": path, **rated[(number + shift) % len(rated)]})
        done = clerestory("validate", "--sessions", labelled, "--labels", target, "--json")
        rows = {row["instrument"]: row for row in json.loads(done.stdout)["instruments"]}
        kappas.append(rows["work_mode"]["kappa"])
    assert kappas[0] == 1.0
    assert kappas[1] < 0.5


@pytest.mark.parametrize(
    ("spoil", "found"),
    [("path,work_mode\nx.jsonl,fixing\n", "work_mode"), ("work_mode\nfix\n", "path"), ("", "row")],
    ids=["label", "no-path", "empty"],
)
def test_a_bad_file_of_labels_is_refused(labelled: Path, spoil: str, found: str) -> None:
    """Wrong input: exit 2, a remedy, and what it was about."""
    labels = labelled / "bad.csv"
    labels.write_text(spoil)
    done = clerestory("validate", "--sessions", labelled, "--labels", labels)
    assert done.returncode == 2
    assert "VALIDATION_INPUT" in done.stderr
    assert found in done.stderr
