"""The plan says what labelling costs, in words and as data; a validation becomes a study's file."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aggregates.asked import spending_of
from aggregates.plan import plan
from aggregates.study import Study
from classifiers.costs import cost_of
from clerestory.cli import app
from clerestory.costing import SAMPLES
from clerestory.devstub import authority
from clerestory.synthetic import write_sessions
from privacy.anchor_set import shipped
from privacy.errors import ConfigurationError
from privacy.plan import Rater
from privacy.prices import price_list
from privacy.spending import Spending
from privacy.views import SHOWN, VIEWS
from tests.aggregates.rows import HEAD, RATE
from tests.support.confusions import CORRECTED, RATED
from tests.support.messages import labelled, serving
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


def planned(
    folder: Path, rater: str, *, accounts: int = 1000, sessions: int = 1700
) -> tuple[dict[str, object], str]:
    """What `plan` says of a study with this rater, as data and in words."""
    (folder / "roots.pem").write_text(PUBLIC_ROOT, encoding="ascii")
    study, out = folder / "study.toml", folder / "plan.json"
    study.write_text(HEAD + rater + RATE, encoding="utf-8")
    words = ["plan", str(study), "--out", str(out)]
    words += ["--accounts", str(accounts), "--sessions", str(sessions)]
    told, shown = RUN.invoke(app, [*words, "--json"]), RUN.invoke(app, words)
    assert (told.exit_code, shown.exit_code) == (0, 0), told.stderr
    return json.loads(told.stdout), shown.stdout


def test_offline_a_study_costs_nothing(tmp_path: Path) -> None:
    """Zero and not unknown."""
    told, shown = planned(tmp_path, "")

    assert (told["calls"], told["dollars"]) == (0, 0)
    assert "labelling" not in shown
    assert "tokens" not in shown


def test_without_prices_tokens_are_stated_and_dollars_are_not(tmp_path: Path) -> None:
    """A price that nobody stated is no price, and a limit that nobody knows no hour."""
    told, shown = planned(tmp_path, CLAUDE)
    cost = told["cost"]

    assert isinstance(cost, dict)
    assert (told["calls"], told["dollars"], cost["dollars_most"]) == (1700, None, None)
    assert (cost["calls_most"], cost["hours"]) == (3400, None)
    assert f"{cost['tokens_in']:,}" in shown
    assert "price not known" in shown
    assert "rate limits not known" in shown


def test_with_prices_dollars_follow(tmp_path: Path) -> None:
    """Tokens times prices a million, rounded up to a microdollar a call and then to a cent."""
    told, shown = planned(tmp_path, CLAUDE + PRICES)
    cost = told["cost"]
    assert isinstance(cost, dict)

    due = (3 * cost["tokens_in"] + 15 * cost["tokens_out"]) / 1e6
    assert due <= cost["dollars"] < due + 0.01 + 1_700e-6
    assert told["dollars"] == cost["dollars"] < cost["dollars_most"]
    assert f"${cost['dollars']:,.2f}" in shown
    assert f"${cost['dollars_most']:,.2f}" in shown
    assert "at the study's prices" in shown


def test_a_second_reading_is_told_beside_the_first(tmp_path: Path) -> None:
    """
    One call for each session of the sample: 1/20 of 1,700 sessions are 85; the first stay 1,700.

    What is read twice is paid twice: a twentieth of the dollars of the first reading.
    """
    again = '[[reading]]\nname = "again"\nshare = "1/20"\n'
    told, shown = planned(tmp_path, CLAUDE + PRICES + again)
    cost = told["cost"]
    assert isinstance(cost, dict)
    readings = cost["readings"]
    assert (told["calls"], readings["again"]["calls"]) == (1_700, 85)
    assert readings["again"]["dollars"] == pytest.approx(float(str(told["dollars"])) / 20, rel=0.01)
    assert "second readings of a share" in shown
    # Each has labels of its own, and so anchors of its own.
    assert cost["anchors"]["calls"] == 2 * len(shipped().digests)


def test_the_ways_of_asking_stand_side_by_side(tmp_path: Path) -> None:
    """Combined, separate, batches: the study's own marked; by the dated list's prices."""
    listed = CLAUDE.replace("large", "claude-haiku-5-5")
    limits = "requests_per_minute = 1000\ntokens_per_minute = 4_000_000\n"
    told, shown = planned(tmp_path, listed + limits)
    cost, apart = told["cost"], planned(tmp_path, f'{listed}mode = "separate"\n')
    assert isinstance(cost, dict)
    ways = cost["ways"]

    assert list(ways) == ["combined", "separate", "batches"]
    assert ways["combined"]["calls"] == ways["batches"]["calls"] == 1700
    assert ways["separate"]["calls"] == 11 * 1700
    assert ways["batches"]["dollars"] < ways["combined"]["dollars"] < ways["separate"]["dollars"]
    # 1,700 calls of 13,000 tokens: 22 million tokens at 4 a minute are above 1.7 minutes.
    assert ways["combined"]["bound"] == "tokens"
    assert ways["combined"]["hours"] == round(ways["combined"]["tokens_in"] / 4e6 / 60, 2)
    assert ways["batches"]["hours"] == 24
    assert "at the prices of 2026-" in shown
    marks = [line[:12] for line in shown.splitlines() if line[2:12].strip() in ways]
    assert marks == ["* combined  ", "  separate  ", "  batches   "]
    assert "* separate" in apart[1]
    both, shown_both = planned(tmp_path, f'{listed}mode = "separate"\nbatches = true\n')
    assert isinstance(both["cost"], dict)
    assert both["cost"]["way"] == "both"
    assert both["cost"]["ways"]["both"]["dollars"] == both["dollars"] < ways["separate"]["dollars"]
    assert "* both" in shown_both
    assert "not known" not in shown


def test_the_anchor_set_is_told_of(tmp_path: Path) -> None:
    """It is read besides the sessions, at the same price, by plain calls even beside batches."""
    listed = CLAUDE.replace("large", "claude-haiku-5-5")
    plainly, shown = planned(tmp_path, listed)
    batched, _ = planned(tmp_path, listed + "batches = true\n")
    one, other = plainly["cost"], batched["cost"]
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    anchors, number = one["anchors"], len(shipped().digests)

    assert (anchors["sessions"], anchors["calls"], one["calls"]) == (number, number, 1700)
    assert anchors == other["anchors"]
    assert anchors["dollars"] == pytest.approx(one["dollars"] * number / 1700, abs=0.01)
    assert f"the anchor set: {number} sessions" in shown


def test_four_hundred_thousand_sessions_are_reckoned_with(tmp_path: Path) -> None:
    """Two queues of batches are two days; 400,000 calls at 1,000 a minute are 6.67 hours."""
    listed = CLAUDE.replace("large", "claude-haiku-5-5") + "requests_per_minute = 1000\n"
    told, shown = planned(tmp_path, listed, accounts=100_000, sessions=400_000)
    cost = told["cost"]
    assert isinstance(cost, dict)
    ways = cost["ways"]

    assert [ways[way]["calls"] for way in ways] == [400_000, 4_400_000, 400_000]
    assert [ways[way]["hours"] for way in ways] == [6.67, 73.33, 48]
    assert all(0 < ways[way]["dollars"] < ways[way]["dollars_most"] for way in ways)
    assert f"${ways['separate']['dollars']:,.2f}" in shown


def test_the_endpoint_counts_tokens_of_made_up_sessions(tmp_path: Path) -> None:
    """A server that counts a token for four bytes; the plan is the same, the forecast is not."""
    ours = authority()
    key = tmp_path / "key"
    key.write_text("a-key\n", encoding="ascii")
    (tmp_path / "roots.pem").write_text(ours.roots, encoding="ascii")
    with serving(ours.sign(), labelled()) as server:
        study = tmp_path / "study.toml"
        rater = CLAUDE.replace("https://api.example.org", server.url)
        study.write_text(HEAD + rater + RATE, encoding="utf-8")
        words = ["plan", str(study), "--out", str(tmp_path / "plan.json"), "--json"]
        guessed = RUN.invoke(app, words)
        found = RUN.invoke(app, [*words, "--count-tokens", str(key)])
        asked = list(server.asked)
    gone = RUN.invoke(app, [*words, "--count-tokens", str(key)])

    assert (guessed.exit_code, found.exit_code, gone.exit_code) == (0, 0, 5), found.stderr
    before, after = json.loads(guessed.stdout), json.loads(found.stdout)
    assert before["plan"] == after["plan"]
    assert before["cost"]["characters_per_token"] == 3.0
    # What stands around a made-up session is counted with it: a little less than four.
    assert 3.3 < after["cost"]["characters_per_token"] < 4.2
    assert after["cost"]["tokens_in"] < before["cost"]["tokens_in"]
    assert len(asked) == SAMPLES
    assert all("The session stands between" in one.text for one in asked)
    assert "ENDPOINT_UNREACHABLE" in gone.stderr


def test_a_list_that_is_old_is_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices change: from ninety days on whoever plans is told to look."""
    listed = CLAUDE.replace("large", "claude-haiku-5-5")
    now = datetime.now(UTC).date()
    for days, doubted in ((90, False), (91, True)):
        aged = replace(price_list(), dated=now - timedelta(days=days))
        monkeypatch.setattr("clerestory.costing.price_list", lambda aged=aged: aged)
        assert ("look whether they still hold" in planned(tmp_path, listed)[1]) == doubted


def test_a_cap_needs_a_price(tmp_path: Path) -> None:
    """Nobody can hold an unknown price below a sum; with one, the plan could be held to it."""
    (tmp_path / "roots.pem").write_text(PUBLIC_ROOT, encoding="ascii")

    def spending(more: str) -> Spending | None:
        study = tmp_path / "study.toml"
        study.write_text(HEAD + CLAUDE + more + RATE, encoding="utf-8")
        read = Study.read(study)
        return spending_of(read, plan(read).rater)

    with pytest.raises(ConfigurationError, match=r"a cap in dollars.*price_input"):
        spending("dollars = 20.0\n")
    held = spending("dollars = 20.5\n" + PRICES)
    assert held is not None
    assert (held.cap, held.prices.read, held.prices.written) == (20_500_000, 3_000_000, 15_000_000)
    assert spending("") is None


@pytest.mark.parametrize(
    ("rater", "line"),
    [
        ('[rater]\nname = "offline"\ndollars = 3.0\n', "dollars"),
        ('[rater]\nname = "offline"\ntokens_per_minute = 3\n', "tokens_per_minute"),
        (CLAUDE + PRICES + "dollars = 0.0\n", "dollars"),
        (CLAUDE + "requests_per_minute = 1.5\n", "requests_per_minute"),
        (CLAUDE + "price_input = 3.0\n", "price_input"),
        ('[rater]\nname = "offline"\n' + PRICES, "price_input"),
        (CLAUDE + PRICES.replace("3.0", "-3.0"), "price_input"),
        (CLAUDE + PRICES.replace("15.0", '"15"'), "price_output"),
    ],
    ids=range(8),
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
    ("more", "code"),
    [
        (["--by", "mood", "--reference", "two readers"], "VALIDATION_INPUT"),
        ([], "CONFUSION_INPUT"),
        (["--reference", "a\nb"], "CONFUSION_INPUT"),
    ],
    ids=["no instrument", "no reference", "two lines"],
)
def test_counts_say_whose_labels_are_right(tmp_path: Path, more: list[str], code: str) -> None:
    """And are by instruments; else nothing is written."""
    write_sessions(tmp_path, accounts=3, sessions=4, seed=5)
    file = tmp_path / "confusion.json"
    words = ["validate", "--sessions", str(tmp_path), "--labels", str(tmp_path / "truth.csv")]
    done = RUN.invoke(app, [*words, "--confusion", str(file), *more])

    assert done.exit_code == 2
    assert code in done.stderr
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
