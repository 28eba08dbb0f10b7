"""The plan says what labelling costs, in words and as data; a validation becomes a study's file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregates.plan import plan
from aggregates.study import Study
from classifiers.costs import cost_of
from clerestory.cli import app
from clerestory.synthetic import write_sessions
from privacy.errors import ConfigurationError
from privacy.plan import Rater
from privacy.views import SHOWN, VIEWS
from tests.aggregates.rows import HEAD, RATE
from tests.support.confusions import CORRECTED, RATED
from tests.support.roots import PUBLIC_ROOT

RUN = CliRunner()
CLAUDE = """
[rater]
name = "claude"
model = "large"
endpoint = "https://api.example.org"
roots = "roots.pem"
"""
PRICES = "price_input = 3.0\nprice_output = 15.0\n"


def planned(folder: Path, rater: str) -> tuple[dict[str, object], str]:
    """What `plan` says of a study with this rater, as data and in words."""
    (folder / "roots.pem").write_text(PUBLIC_ROOT, encoding="ascii")
    study, out = folder / "study.toml", folder / "plan.json"
    study.write_text(HEAD + rater + RATE, encoding="utf-8")
    words = ["plan", str(study), "--out", str(out), "--accounts", "1000", "--sessions", "1700"]
    told, shown = RUN.invoke(app, [*words, "--json"]), RUN.invoke(app, words)
    assert (told.exit_code, shown.exit_code) == (0, 0), told.stderr
    return json.loads(told.stdout), shown.stdout


def test_offline_a_study_costs_nothing(tmp_path: Path) -> None:
    """Zero and not unknown."""
    told, shown = planned(tmp_path, "")

    assert (told["calls"], told["dollars"]) == (0, 0)
    assert "0 calls" in shown
    assert "tokens" not in shown


def test_without_prices_tokens_are_stated_and_dollars_are_not(tmp_path: Path) -> None:
    """A price that nobody stated is no price."""
    told, shown = planned(tmp_path, CLAUDE)
    cost = told["cost"]

    assert isinstance(cost, dict)
    assert (told["calls"], told["dollars"], cost["dollars_most"]) == (1700, None, None)
    assert cost["calls_most"] == 3400
    assert f"{cost['tokens_in']:,} tokens to read" in shown
    assert "price not stated" in shown


def test_with_prices_dollars_follow(tmp_path: Path) -> None:
    """Tokens times prices a million, rounded up to a cent."""
    told, shown = planned(tmp_path, CLAUDE + PRICES)
    cost = told["cost"]
    assert isinstance(cost, dict)

    due = (3 * cost["tokens_in"] + 15 * cost["tokens_out"]) / 1e6
    assert due <= cost["dollars"] < due + 0.01
    assert told["dollars"] == cost["dollars"] < cost["dollars_most"]
    assert f"${cost['dollars']:,.2f}, and ${cost['dollars_most']:,.2f} at most" in shown


@pytest.mark.parametrize(
    ("rater", "line"),
    [
        (CLAUDE + "price_input = 3.0\n", "price_input"),
        ('[rater]\nname = "offline"\n' + PRICES, "price_input"),
        (CLAUDE + PRICES.replace("3.0", "-3.0"), "price_input"),
        (CLAUDE + PRICES.replace("15.0", '"15"'), "price_output"),
    ],
    ids=range(4),
)
def test_half_a_price_is_none(tmp_path: Path, rater: str, line: str) -> None:
    """Both or neither, of a rater that asks somebody; with the line it stands on."""
    (tmp_path / "roots.pem").write_text(PUBLIC_ROOT, encoding="ascii")
    study = tmp_path / "study.toml"
    text = HEAD + rater + RATE
    study.write_text(text, encoding="utf-8")
    number = next(n for n, one in enumerate(text.splitlines(), start=1) if line in one)
    with pytest.raises(ConfigurationError, match=f"in line {number} of study.toml"):
        plan(Study.read(study))


def test_a_validation_becomes_the_file_of_a_study(tmp_path: Path) -> None:
    """Counts of forty sessions, for all and by the rater's label; the compiler reads them."""
    write_sessions(tmp_path, accounts=30, sessions=40, seed=5)
    file = tmp_path / "confusion.json"
    words = ["validate", "--sessions", str(tmp_path), "--labels", str(tmp_path / "truth.csv")]
    done = RUN.invoke(
        app,
        [
            *words, "--confusion", str(file), "--by", "expertise",
            "--reference", "planted labels", "--same-population", "--json",
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["confusion"] == str(file)
    told = json.loads(file.read_text(encoding="utf-8"))

    whole = {one["of"]: one["counts"] for one in told["tables"] if not one["group"]}
    assert {"work_mode", "outcome", "verified_success", "troubled"} <= set(whole)
    assert sum(map(sum, whole["verified_success"])) == 40
    parts = [one for one in told["tables"] if one["of"] == "work_mode" and one["group"]]
    summed = [[sum(cells) for cells in zip(*rows, strict=True)]
              for rows in zip(*(one["counts"] for one in parts), strict=True)]  # fmt: skip
    assert summed == whole["work_mode"]

    study = tmp_path / "study.toml"
    study.write_text(HEAD + RATED + CORRECTED, encoding="utf-8")
    made = plan(Study.read(study))
    assert made.validation is not None
    assert made.validation.same_population
    assert made.validation.reference == "planted labels"


@pytest.mark.parametrize(
    "more",
    [["--by", "mood", "--reference", "two readers"], [], ["--reference", "a\nb"]],
    ids=["no instrument", "no reference", "two lines"],
)
def test_counts_say_whose_labels_are_right(tmp_path: Path, more: list[str]) -> None:
    """And are by instruments; else nothing is written."""
    write_sessions(tmp_path, accounts=3, sessions=4, seed=5)
    file = tmp_path / "confusion.json"
    words = ["validate", "--sessions", str(tmp_path), "--labels", str(tmp_path / "truth.csv")]
    done = RUN.invoke(app, [*words, "--confusion", str(file), *more])

    assert done.exit_code == 2
    assert "CONFUSION_INPUT" in done.stderr
    assert not file.exists()


def test_a_plan_prints_who_counts_and_who_is_left_out(tmp_path: Path) -> None:
    """An exclusion that nobody sees is a choice that nobody made; so it is with a view."""
    told, shown = planned(tmp_path, '\n[rater]\nview = "tail"\n')
    assert "sessions  of 2025-10 to 2025-12, where interactive is yes, staff is no" in shown
    assert "left out: interactive: no, staff: yes" in shown
    assert f"view      tail: it is shown {SHOWN['tail']}" in shown
    assert told["view"] == "tail"
    assert told["population"] == {
        "months": ["2025-10", "2025-11", "2025-12"],
        "where": {"interactive": ["yes"], "staff": ["no"]},
    }
    everybody = HEAD.replace("where = { interactive = true, staff = false }\n", "") + RATE
    (tmp_path / "all.toml").write_text(everybody, encoding="utf-8")
    words = ["plan", str(tmp_path / "all.toml"), "--out", str(tmp_path / "all.json")]
    shown = RUN.invoke(app, words).stdout
    assert "2025-12, all of them" in shown
    assert "left out" not in shown


def test_a_view_costs_what_it_shows() -> None:
    """A first turn fills a fifth of what a session does, and parts more; no bound leans on that."""
    asking = Rater("claude", "3", "low", "a-model", "https://api.example.org", "")
    full, whole, opening, end = (cost_of(replace(asking, view=view), 1) for view in VIEWS)
    assert opening.tokens_in < end.tokens_in < full.tokens_in < whole.tokens_in
    assert full.tokens_in_most <= end.tokens_in_most < whole.tokens_in_most
