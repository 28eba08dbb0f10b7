"""The scorecard's page says every verdict in words, and shows nothing that was not printed."""

import re
from html import escape

from aggregates.parameters import parameters
from aggregates.reproduction.published import NOT_HELD, claims
from aggregates.reproduction.scorecard import score
from clerestory.pages.scorecard import render_scorecard
from tests.aggregates.rows import BOOK, SHARE, small_plan

MADE = small_plan(SHARE)


def page(rows: list[dict[str, str | int | float | None]]) -> str:
    """The page of some rows."""
    card = score(rows, parameters(MADE, BOOK))
    return render_scorecard(MADE, card, 100, 170).decode()


def row(state: str, estimate: float | None = None) -> dict[str, str | int | float | None]:
    """The share of fixing, of which the study says 26 %."""
    told = {"table": "work_modes", "statistic": "share", "keys": "work_mode=fix", "state": state}
    ends = {"estimate": estimate, "low": estimate, "high": estimate}
    return {**told, **ends, "k": "1", "se_noise": 0.0, "se_sampling": 0.0}


def chips(text: str) -> list[str]:
    """The verdicts, in the page's order."""
    return re.findall(r'class="chip [a-z]+">([a-z ]+)<', text)


def test_without_a_release_nothing_can_be_told() -> None:
    """Every claim has its line and its word; every figure that is not held has its reason."""
    text = page([])

    assert chips(text) == ["cannot tell"] * len(claims())
    assert text.count(">not printed<") == sum(len(claim.quantities) for claim in claims())
    for words in NOT_HELD:
        assert escape(words) in text


def test_a_number_decides_its_claim() -> None:
    """26 % is what the study says, 43.7 % is not, and a withheld number shows none."""
    assert chips(page([row("published", 0.26)])).count("reproduced") == 1
    assert chips(page([row("published", 0.437)])).count("not reproduced") == 1
    withheld = page([row("suppressed", 0.437)])
    assert set(chips(withheld)) == {"cannot tell"}
    assert "43.7" not in withheld


def test_the_page_loads_and_runs_nothing() -> None:
    """One file, whatever stands on it."""
    text = page([row("published", 0.26)])

    assert "<script" not in text
    assert "http" not in re.sub(r"http-equiv", "", text)
