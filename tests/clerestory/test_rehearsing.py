"""A rehearsal is a whole release of nobody, and can be taken for nothing else."""

import json
from html import escape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregates.bundle import read_bundle
from aggregates.forecast import prior
from aggregates.plan import plan
from aggregates.power import Supposed, would_show
from aggregates.study import Study
from clerestory.cli import app
from clerestory.rehearsing import MARK, NAME, rehearse
from privacy.errors import ConfigurationError
from tests.aggregates.rows import (
    AGAIN,
    AGREEMENT_AGAIN,
    BOOK,
    HEAD,
    RATE,
    SHARE,
    SIZES,
    TOTAL,
    TRENDS,
)

RUN = CliRunner()
SECOND = """
[[table]]
name = "seconds"
share_of = "again.work_mode"
"""
STUDY = HEAD + SHARE + RATE + SIZES + TOTAL + TRENDS


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rehearsal of every kind of table, by the command line."""
    folder = tmp_path_factory.mktemp("rehearsal")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    done = RUN.invoke(
        app, ["rehearse", str(folder / "study.toml"), "--out", str(folder / "out"), "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["mark"] == MARK
    assert 0 < told["published"] <= told["rows"]
    return folder / "out"


def test_every_file_and_every_row_says_that_it_is_a_rehearsal(rehearsed: Path) -> None:
    """Whichever of them is passed on, and to whom."""
    files = {path.name: path.read_text(encoding="utf-8") for path in rehearsed.iterdir()}

    assert set(files) == {"tables.csv", "comparisons.csv", "plan.json", "README.txt", "report.html"}
    for name, text in files.items():
        assert "rehearsal" in text.lower(), name
    lines = files["tables.csv"].splitlines()[1:]
    assert all(line.startswith(f"{NAME}small,") for line in lines)
    assert MARK in files["report.html"]
    assert files["README.txt"].startswith(MARK.upper())


def test_a_rehearsal_is_read_like_a_bundle_and_verified_like_none(rehearsed: Path) -> None:
    """The same tables as a release will have; nobody signed them."""
    bundle = read_bundle(rehearsed)
    assert {*bundle.tables} == {
        "modes", "verified", "sizes", "work", "modes_over_time", "verified_over_time",
    }  # fmt: skip
    statistics = set(bundle.tables["sizes"]["statistic"])
    assert statistics == {"geometric_mean", "mean", "quantiles"}
    assert RUN.invoke(app, ["verify", str(rehearsed)]).exit_code == 2


def test_a_rehearsal_replaces_nothing(tmp_path: Path) -> None:
    """A folder that holds something could hold a release."""
    (tmp_path / "tables.csv").write_text("a release", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="FOLDER_NOT_EMPTY"):
        rehearse(Study.parse(HEAD + SHARE), tmp_path, accounts=100, sessions=170)
    assert (tmp_path / "tables.csv").read_text(encoding="utf-8") == "a release"


def test_a_second_reading_is_rehearsed_to_its_page(tmp_path: Path) -> None:
    """
    Expectation, table and page before anybody signs: κ, whose labels they are, what they mean.

    At ε = 20 the noise of a cell is below one account, of a thousand and more that the table
    rests on: it is printed surely, and its interval is of the sampling, a few points wide.
    """
    head = HEAD.replace("epsilon = 2.0", "epsilon = 20.0")
    study = Study.parse(head + AGAIN + AGREEMENT_AGAIN + SECOND)
    expected = plan(study, accounts=4_000, sessions=6_000).forecast
    assert "stable" not in {one.partition(":")[0] for one in expected.suppressed}
    rows = rehearse(study, tmp_path / "out", accounts=4_000, sessions=6_000)
    (kappa,) = (row for row in rows if (row["table"], row["statistic"]) == ("stable", "kappa"))
    assert kappa["state"] == "published"
    low, value, high = (float(str(kappa[name])) for name in ("low", "estimate", "high"))
    assert low <= value <= high
    assert 0 < high - low < 0.2
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "A share of 1/2 of the sessions" in page
    assert "as “again”" in page
    # Work modes are of the second reading alone here, code bases of both: each explained once.
    for instrument in BOOK.instruments:
        if instrument.name in ("work_mode", "codebase"):
            own = instrument.definitions[:-1]  # the last is `unclear`, which several have
            assert [page.count(escape(text)) for text in own] == [1] * len(own)


FIRST = Supposed("expertise=beginner", 0.209)
LAST = Supposed("expertise=advanced", 0.295)


def test_a_plan_says_whether_it_would_show_a_difference() -> None:
    """Surely with many accounts, hardly with few; by hand from the table's own noise."""
    study = Study.parse(HEAD + RATE)
    many, few = (plan(study, accounts=n, sessions=2 * n) for n in (50_000, 600))
    sure = would_show(many, prior(many, 50_000, 100_000, BOOK), "verified", FIRST, LAST)
    unsure = would_show(few, prior(few, 600, 1_200, BOOK), "verified", FIRST, LAST)

    assert sure.withheld == ()
    assert sure.chance > 0.99
    assert unsure.chance < 0.5
    assert sure.half_width < unsure.half_width
    same = Supposed("expertise=advanced", 0.209)
    none = would_show(many, prior(many, 50_000, 100_000, BOOK), "verified", FIRST, same)
    # No difference shows with half of the error of one in twenty.
    assert none.chance == pytest.approx(0.025, abs=1e-3)


def test_a_group_that_is_withheld_shows_nothing() -> None:
    """However large the difference: novices are one in sixty."""
    made = plan(Study.parse(HEAD + RATE), accounts=300, sessions=600)
    told = would_show(
        made, prior(made, 300, 600, BOOK), "verified", Supposed("expertise=novice", 0.1), LAST
    )

    assert told.chance == 0
    assert "expertise=novice" in told.withheld


@pytest.mark.parametrize(
    ("table", "first"),
    [("nothing", FIRST), ("verified", Supposed("expertise=wizard", 0.2)),
     ("verified", Supposed("expertise=novice", 1.2)),
     ("verified", LAST), ("modes", FIRST)],
)  # fmt: skip
def test_what_the_plan_does_not_have_is_refused(table: str, first: Supposed) -> None:
    """A misspelt key must not become an answer."""
    made = plan(Study.parse(HEAD + RATE + SHARE))
    with pytest.raises(ConfigurationError, match="NOTHING_TO_SHOW"):
        would_show(made, prior(made, 4_500, 7_650, BOOK), table, first, LAST)


def test_the_command_line_answers(tmp_path: Path) -> None:
    """In words and as data."""
    (tmp_path / "study.toml").write_text(HEAD + RATE, encoding="utf-8")
    asked = ["verified", "expertise=novice", "0.145", "expertise=expert", "0.329"]
    command = [
        "plan", str(tmp_path / "study.toml"), "--out", str(tmp_path / "plan.json"),
        "--accounts", "50000", "--would-show", *asked,
    ]  # fmt: skip
    told = RUN.invoke(app, command)
    assert "would show with a chance of" in told.output
    data = json.loads(RUN.invoke(app, [*command, "--json"]).stdout)
    assert 0.5 < data["would_show"]["chance"] <= 1
