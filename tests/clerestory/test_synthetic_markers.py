"""
No word gives a label away: labels must be read from a session, not looked up in it.

A marker would be a piece of text that stands in most sessions of one label and in hardly any
other.  Anything a rule can key on is counted here: every token and every run of four words of what
people and the agent say and do, against every label that at least 40 sessions have.  What a tool's
program answers is left out: that a file was created is a fact of the session, in its own words.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from clerestory.synthetic import write_sessions
from clerestory.synthetic.domains import domains
from clerestory.synthetic.wording import wording
from privacy.codebook import codebook

SESSIONS = 900
OFTEN, SELDOM, ENOUGH = 0.6, 0.05, 40
"""A marker stands in over 60 % of one label's sessions and under 5 % of the others: a rule on it
would be right far more often than a reader.  With 40 sessions a rate of 30 % passes 60 % once in
30,000 pieces, so a natural word does not trip the test."""

Sample = list[tuple[Mapping[str, str], set[str]]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Truth and pieces of text of each session of a fresh corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    write_sessions(folder, accounts=600, sessions=SESSIONS, seed=None)
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return [(row, set(pieces(folder / row["path"]))) for row in csv.DictReader(file)]


def pieces(path: Path) -> Iterator[str]:
    """Tokens and runs of four words of all texts in a log's messages."""
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        for text in texts(record.get("message", {}).get("content", record.get("content"))):
            tokens = text.split()
            yield from tokens
            yield from (" ".join(tokens[n : n + 4]) for n in range(len(tokens) - 3))


def texts(value: object) -> Iterator[str]:
    """All texts in a value but results of tools."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and value.get("type") != "tool_result":
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def markers(sample: Sample, instruments: Iterable[str]) -> set[tuple[str, str, str]]:
    """(instrument, label, piece) of every marker in a sample."""
    everywhere = Counter(piece for _, found in sample for piece in found)
    marked = set()
    for name in instruments:
        sizes = Counter(row[name] for row, _ in sample)
        for label, size in sizes.items():
            if size < ENOUGH:
                continue
            inside = Counter(
                piece for row, found in sample if row[name] == label for piece in found
            )
            others = len(sample) - size
            marked |= {
                (name, label, piece)
                for piece, n in inside.items()
                if n > OFTEN * size and everywhere[piece] - n < SELDOM * others
            }
    return marked


@pytest.mark.statistical
def test_no_piece_of_text_marks_a_label(sample: Sample) -> None:
    """The guard itself is shown a marker that was planted in one label's sessions."""
    instruments = [instrument.name for instrument in codebook().instruments]
    planted = [
        (row, found | {"zz-marker"} if row["outcome"] == "partial" else found)
        for row, found in sample
    ]

    assert markers(sample, instruments) == set()
    assert markers(planted, instruments) == {("outcome", "partial", "zz-marker")}


def test_no_name_of_an_instrument_stands_in_a_log(sample: Sample) -> None:
    """Names of instruments and of labels that are no ordinary words belong to truth.csv."""
    names = {instrument.name for instrument in codebook().instruments}
    odd = {"no_goal", "lt25", "gt5000", "planted", "synthetic", "novice"}
    said = {piece for _, found in sample for piece in found}

    assert said & names - {"outcome", "expertise", "codebase", "occupation"} == set()
    assert said & odd == set()
    assert "please" in said


def test_domains_offer_enough_to_say() -> None:
    """Each field of work has at least three tasks a mode and its own files and facts."""
    modes = set(wording()["vague"])
    assert modes == set(wording()["plain"])
    assert {"15", "23", "13", "19", "11", "25", "29", "27", "41", "43", "17"} == set(domains())
    for domain in domains().values():
        assert set(domain.tasks) == modes
        assert all(len(set(tasks)) >= 3 for tasks in domain.tasks.values())
        assert min(map(len, (domain.code, domain.docs, domain.data, domain.loose))) >= 3
        assert min(map(len, (domain.facts, domain.checks, domain.prose, domain.signs))) == 5
    facts = [fact for domain in domains().values() for fact in domain.facts]
    assert len(set(facts)) == len(facts)
