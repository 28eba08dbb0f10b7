"""Pages of the Compliance API: many traps, all of them documented by the vendor."""

import json
from pathlib import Path

import pytest

from classifiers.edge import STATED
from classifiers.formats import read_session
from classifiers.limits import LONGEST_RECORD
from classifiers.sessions import UnreadableError
from tests.classifiers.formats.made import (
    TIME,
    Json,
    answered,
    counted,
    document,
    lines,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import said

SESSION: Json = {
    "type": "compliance_local_session",
    "id": "clls_1",
    "user": {"id": "user_7", "email_address": "ann@example.org"},
    "product_surface": "claude_code",
    "created_at": TIME,
}


def message(number: int, role: str, *content: Json, **more: object) -> Json:
    """One message; all have the same time."""
    return {
        "type": "compliance_local_session_message",
        "id": f"clsm_{number}",
        "role": role,
        "created_at": TIME,
        "provenance": None,
        "content": list(content),
        **more,
    }


def text(words: str) -> Json:
    """A block of text."""
    return {"type": "text", "text": words, "truncated": False}


def used(name: str, call_id: str, given: str, *, truncated: bool = False) -> Json:
    """A call; its input is a string."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": given, "truncated": truncated}


def got(call_id: str, words: str, *, error: bool = False) -> Json:
    """A result."""
    return {
        "type": "tool_result",
        "tool_use_id": call_id,
        "is_error": error,
        "content": [text(words)],
    }


def page(*messages: Json) -> Json:
    """A page of messages."""
    return {"session": SESSION, "data": list(messages), "next_page": None}


def test_what_a_person_wrote_is_told_from_what_the_program_put_in(tmp_path: Path) -> None:
    """T33: marks, memory files and compaction come in the role of the user."""
    marker = {"type": "synthetic_marker"}
    found = through(
        tmp_path,
        document(
            page(
                message(1, "user", text("[system prompt content not shown]")),
                message(2, "user", text("# CLAUDE.md\nBe kind.")),
                message(3, "user", text("plant a tree")),
                message(4, "assistant", text("Planting."), model="claude-opus-4-5"),
                message(5, "user", text("Conversation compacted"), provenance=marker),
                message(6, "user", text("gone"), provenance={"type": "content_unavailable"}),
                message(7, "user", text("[Request interrupted by user]")),
                message(8, "user", text("<command-name>/water</command-name>")),
                message(9, "assistant", text("As told."), provenance="client_asserted"),
            )
        ),
    )  # fmt: skip
    assert said(found) == [("prompt", "plant a tree"), ("slash_command", "/water")]
    assert answered(found) == ["Planting.", "As told."]
    assert (found.turns[0].interrupted, found.turns[0].compactions) == (True, 1)
    assert (found.format, found.surface) == ("compliance_local", "cli")


def test_an_input_that_is_cut_off_names_its_file_and_changes_nothing() -> None:
    """It is no JSON any more; what it wrote cannot be counted."""
    refused = "The user doesn't want to proceed with this tool use. the user said:\nnever"
    whole = json.dumps({"file_path": "a.py", "old_string": "x", "new_string": "y"})
    cut = json.dumps({"file_path": "b.py", "content": "many\nlines\n"})[:-8]
    log = page(
        message(1, "user", text("go")),
        message(2, "assistant", used("Edit", "1", whole), used("Write", "2", cut, truncated=True)),
        message(3, "user", got("1", "ok"), got("2", "ok")),
        message(4, "assistant", used("Bash", "3", '{"command": "rm')),
        message(5, "assistant", used("Bash", "4", '{"command":"ls"}')),
        message(6, "user", got("3", refused, error=True)),
    )
    found = read_session(document(log))
    assert outcomes(found) == [
        ("edit", "a.py", "ok"),
        ("write", "b.py", "ok"),
        ("shell", "", "rejected"),
        ("shell", "ls", "missing"),
    ]
    assert counted(found)[2:] == (1, 1)
    assert said(found) == [("prompt", "go"), ("rejection_note", "never")]


def test_pages_in_a_folder_and_in_one_file_are_the_same_session(tmp_path: Path) -> None:
    """Equal times keep the order of the pages; a message on two pages counts once."""
    first = page(message(1, "user", text("one")), message(2, "assistant", text("A.")))
    second = page(message(2, "assistant", text("A.")), message(3, "user", text("two")))
    listed = {"data": [SESSION], "next_page": None}
    shapes: tuple[dict[str, bytes], ...] = (
        {"1": document(listed), "2": document(first), "3": document(second)},
        {"1": lines(listed, first, second)},
        {"1": document([first, second])},
        {"1": lines(SESSION, *first["data"], *second["data"])},
    )
    for place, shape in enumerate(shapes):
        folder = tmp_path / str(place)
        folder.mkdir()
        (one,), tally = sealed(folder, None, STATED, **shape)
        assert (one.account, one.session, one.month) == ("user_7", "clls_1", "2026-02")
        assert b"example.org" not in one.blob
        assert said(read_session(one.blob)) == [("prompt", "one"), ("prompt", "two")]
        assert answered(read_session(one.blob)) == ["A."]
        assert tally.records["REPEATED"] == 1


def test_a_list_of_sessions_alone_is_no_conversation(tmp_path: Path) -> None:
    """Its messages are on other pages."""
    _, tally = sealed(tmp_path, here=document({"data": [SESSION], "next_page": None}))
    assert tally.sessions == {"NO_CONVERSATION": 1}
    with pytest.raises(UnreadableError, match="NO_CONVERSATION"):
        read_session(document(page()))


def test_a_page_may_be_longer_than_a_line_that_a_worker_reads(tmp_path: Path) -> None:
    """The API gives a mebibyte for each string; sealed, every message is a line of its own."""
    calls = [
        each
        for n in range(20)
        for each in (
            message(2 * n, "assistant", used("Bash", f"t{n}", '{"command": "dig"}')),
            message(2 * n + 1, "user", got(f"t{n}", "x" * 2**20)),
        )
    ]
    data = lines(page(message(99, "user", text("dig")), *calls))
    assert len(data) > LONGEST_RECORD
    found = through(tmp_path, data)
    assert outcomes(found) == [("shell", "dig", "ok")] * 20
