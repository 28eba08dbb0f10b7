"""The codes that the custodian is told: each explained, none missing, none that nobody gives."""

import re

import pytest

from classifiers.sessions import REASONS as NO_SESSION
from clerestory.reasons import REASONS, reason
from tests.support.world import ROOT

PLACES = [
    path
    for pattern in ("edge*", "limits", "sessions", "otlp", "telemetry*")
    for path in (ROOT / "classifiers").glob(f"{pattern}.py")
]


def given() -> set[str]:
    """Every code that stands as a string in what reads raw logs."""
    texts = [path.read_text(encoding="utf-8") for path in PLACES]
    found = {code for text in texts for code in re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', text)}
    return {code for code in found if not code.startswith("AGGREGATION_")}  # OTLP's own words


def test_every_code_is_explained_and_every_explained_one_given() -> None:
    """Whoever is told a code must find what it means; a page of dead codes misleads."""
    assert len(given()) > 15
    assert given() == set(REASONS)
    assert set(NO_SESSION) <= set(REASONS)


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_is_two_sentences(code: str) -> None:
    """What it means, and what to do, if only nothing."""
    means, to_do = REASONS[code]
    assert means.endswith(".")
    assert means[0].isupper()
    assert to_do.endswith(".")
    assert "|" not in means + to_do  # it would break the page's table


def test_a_code_of_somebody_elses_is_admitted() -> None:
    """A plug-in may give any; nothing fails on it."""
    assert "not known" in reason("MINE").means
