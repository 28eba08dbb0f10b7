"""Cursor's transcripts: no ids, no results, prompts between marks."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifiers.formats import read_session
from classifiers.sessions import Actor
from tests.classifiers.formats.made import Json, answered, counted, lines, outcomes, sealed, through
from tests.classifiers.logs import said

STAMP = "<timestamp>Friday, May 8, 2026, 6:05 AM (UTC+5:30)</timestamp>\n"


def line(role: str, *blocks: Json) -> Json:
    """A line of a transcript."""
    return {"role": role, "message": {"content": list(blocks)}}


def asked(text: str, before: str = STAMP) -> Json:
    """A prompt with its marks."""
    marked = f"{before}<user_query>\n{text}\n</user_query>"
    return line("user", {"type": "text", "text": marked})


def told(text: str, *calls: Json) -> Json:
    """An answer and its calls."""
    return line("assistant", {"type": "text", "text": text}, *calls)


def used(name: str, given: object) -> Json:
    """A call."""
    return {"type": "tool_use", "name": name, "input": given}


PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-x\n+y\n+z\n*** End Patch"
SESSION = [
    asked("mend the roof"),
    told("I mend.", used("ApplyPatch", PATCH), used("Shell", {"command": "pytest -q"})),
    told("**Looking**", used("Grep path\n/x", {"pattern": "cat"})),
    told("Mended."),
    asked("thanks", "[Image]\n<image_files>1. /x.png</image_files>\n" + STAMP),
]


def test_prompts_lie_between_marks_and_calls_have_no_results(tmp_path: Path) -> None:
    """What the editor puts before a prompt is not typed."""
    found = through(tmp_path, lines(*SESSION))
    assert said(found) == [("prompt", "mend the roof"), ("prompt", "thanks")]
    assert answered(found) == ["I mend.", "**Looking**", "Mended."]
    assert outcomes(found) == [("edit", "a.py", "ok"), ("shell", "pytest -q", "ok"),
                               ("search", "cat", "ok")]  # fmt: skip
    # the patch has two lines with a plus and one with a minus
    assert counted(found) == (2, 3, 2, 1)
    assert (found.format, found.surface, found.completeness.images) == ("cursor", "ide", 1)
    assert found.started_at == datetime(2026, 5, 8, 0, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("Friday, May 8, 2026, 12:05 AM (UTC+5:30)", datetime(2026, 5, 7, 18, 35, tzinfo=UTC)),
        ("Friday, May 8, 2026, 12:05 PM (UTC-3)", datetime(2026, 5, 8, 15, 5, tzinfo=UTC)),
        ("Friday, May 8, 2026, 6:05 PM (UTC)", datetime(2026, 5, 8, 18, 5, tzinfo=UTC)),
        ("Friday, May 8, 2026, 6:05 PM", datetime(2026, 5, 8, 18, 5, tzinfo=UTC)),
        ("Friday, Mai 8, 2026, 6:05 PM (UTC)", None),
        ("Friday, Feb 31, 2026, 6:05 PM (UTC)", None),
        ("Friday, May 8, 2026, 6:05 PM (UTC+99)", None),
    ],
)
def test_a_time_is_read_with_its_zone(stamp: str, time: datetime | None) -> None:
    """A time whose zone is passed over would move sessions into other months."""
    found = read_session(lines(asked("x", f"<timestamp>{stamp}</timestamp>\n"), told("y")))
    assert found.started_at == time


def test_what_the_program_puts_between_the_marks_is_not_the_persons() -> None:
    """It speaks to the model when a sub-agent is done; quotations of marks stay."""
    put_in = line(
        "user",
        {"type": "text", "text": STAMP + "<user_query>The above subagent result is already "
         "visible to the user.</user_query>"},
    )  # fmt: skip
    quoted = asked("why </user_query> and <user_query>?")
    found = read_session(
        lines(*SESSION, put_in, quoted, line("user", {"type": "text", "text": "hm"}))
    )
    assert said(found)[2:] == [("prompt", "why </user_query> and <user_query>?"), ("prompt", "hm")]
    assert [each.actor for each in found.utterances].count(Actor.HARNESS) == 1


def test_a_sub_agents_transcript_goes_with_its_parents(tmp_path: Path) -> None:
    """Its first words are those that a call gave it; alone it looks like a session."""
    task = "Look through every room of the house and tell what the cat has done to it. " * 4
    parent = [asked("where is the cat?"), told("I send.", used("Subagent", {"prompt": task}))]
    child = [asked(task.strip(), ""), told("Asleep.", used("Shell", {"command": "ls"}))]
    found, tally = sealed(tmp_path, a=lines(*parent), b=lines(*child))
    assert tally.sessions == {"TAKEN": 1}
    assert said(read_session(found[0].blob))[0] == ("prompt", "where is the cat?")
    # The control: without its parent nothing tells it from a person's session.
    (tmp_path / "a").unlink()
    assert sealed(tmp_path)[1].sessions == {"TAKEN": 1, "NO_TIMESTAMP": 1}


def test_sessions_that_begin_alike_are_not_taken_for_one(tmp_path: Path) -> None:
    """Two people's, or one person's two, may begin with the same short word."""
    one, two = [asked("hi", ""), told("Hello.")], [asked("hi", ""), told("Hi there.")]
    found, _ = sealed(tmp_path, a=lines(*one), b=lines(*two), c=lines(*one, asked("more", "")))
    assert sorted(len(list(read_session(each.blob).human)) for each in found) == [1, 2]


def test_a_line_with_more_in_it_is_not_claimed(tmp_path: Path) -> None:
    """Two keys are little to know a format by, so there must be no third."""
    _, tally = sealed(tmp_path, here=lines(asked("x") | {"id": "1"}))
    assert set(tally.files.values()) == {"NOT_A_SESSION_LOG"}
