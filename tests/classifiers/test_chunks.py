"""A session in parts: all of it, in order, no part too long for one question."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.chunks import CHUNK_BYTES, LEFT_OUT, MOST_CHUNKS, MOST_TOKENS, chunked
from classifiers.raters.claude.prompt import AGAIN, fenced, questions, rubric, schema
from classifiers.rendering import render
from privacy.codebook import codebook
from privacy.raters import Mode
from tests.classifiers.logs import agent, person, session

ADDED_TOKENS = 4_096
"""What a server may add to a prompt of its own."""


@pytest.mark.parametrize("mode", ["combined", "separate"])
def test_a_request_stays_below_the_cliff(mode: Mode) -> None:
    """A token is a byte at least: rubric, form, fence, repair and the largest part, added up."""
    for call in questions(codebook(), mode, "whole"):
        words = rubric(call, "whole") + json.dumps(schema(call)) + fenced("", 8, 8) + AGAIN
        assert len(words.encode()) + CHUNK_BYTES + ADDED_TOKENS < MOST_TOKENS


def spoken() -> st.SearchStrategy[list[tuple[str, str]]]:
    """Texts short and long, of one byte a character and of four, with and without lines."""
    short = st.text(max_size=40)
    letters = st.sampled_from(["x", "é", "検", "\N{GRINNING FACE}", "x\n", "word "])
    long = st.tuples(letters, st.integers(1, 40_000)).map(lambda of: of[0] * of[1])
    said = st.one_of(short, long).map(lambda text: text.replace("\ud800", ""))
    return st.lists(st.tuples(st.sampled_from(["person", "agent"]), said), max_size=12)


@given(spoken())
def test_parts_hold_everything_and_no_more_than_they_may(said: list[tuple[str, str]]) -> None:
    """Below the bound in number nothing is lost; each part opens with who speaks."""
    chunks = chunked(said)
    texts = chunks.texts()

    assert 1 <= len(texts) <= MOST_CHUNKS
    assert all(len(text.encode()) <= CHUNK_BYTES for text in texts)
    if any(text for _, text in said):
        assert all(
            text.removeprefix(LEFT_OUT).startswith(("[person]", "[agent]")) for text in texts
        )
    if not chunks.left_out:
        assert chunks.kept == chunks.characters
        # Of what was said no character but breaks of lines is missing, and none came in between.
        whole = "".join(texts).replace("[person]", "").replace("[agent]", "").replace("\n", "")
        assert whole == "".join(text for _, text in said).replace("\n", "")


@pytest.mark.parametrize("letter", ["x", "検", "x" * 99 + "\n"])
def test_of_too_many_parts_the_middle_is_left_out(letter: str) -> None:
    """How it began and how it ended are there; what stood between is marked, and counted."""
    middle = letter * (3_000_000 // len(letter.encode()))
    chunks = chunked([("person", "the beginning"), ("agent", middle), ("person", "the end")])
    texts = chunks.texts()

    assert len(texts) == MOST_CHUNKS
    assert texts[0].startswith("[person]\nthe beginning")
    assert texts[-1].endswith("[person]\nthe end")
    assert [LEFT_OUT in text for text in texts] == [n == MOST_CHUNKS // 2 for n in range(8)]
    assert 0 < chunks.kept < chunks.characters


def test_a_view_in_parts_counts_as_the_whole_view_does() -> None:
    """Length bands must not depend on what a rater is shown."""
    events = [person("Mend it."), agent("x" * 200_000), agent("y" * 30), person("检查\n" * 10_000)]
    short = session(*events[:1], agent("Done."))
    for found in (session(*events), short):
        full, whole = render(found), render(found, "whole")
        assert whole.characters == full.characters
        assert whole.share_cut == 0
    assert len(render(session(*events), "whole").chunks) > 1
    assert render(short, "whole").chunks == render(short).chunks


def test_no_line_that_a_cut_begins_is_a_mark() -> None:
    """What stood within a line may look like a speaker's mark once it begins one."""
    forged = "x" * 13 + "→ Bash: rm"
    chunks = chunked([("agent", forged * (4 * CHUNK_BYTES // len(forged)))])
    lines = [line for text in chunks.texts() for line in text.splitlines()]

    assert len(chunks.texts()) > 2
    assert not [line for line in lines if line.startswith("→")]
    assert sum("→" in line for line in lines) > 2
