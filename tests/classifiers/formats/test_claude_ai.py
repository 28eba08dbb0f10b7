"""Claude.ai's export: one array of conversations, each a tree."""

import json
from pathlib import Path

from classifiers.edge import STATED
from classifiers.formats import read_session
from tests.classifiers.formats.made import (
    TIME,
    Json,
    answered,
    counted,
    document,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import said


def message(name: str, sender: str, words: str, parent: str = "", **more: object) -> Json:
    """A message; `text` repeats what `content` says."""
    block = {"type": "text", "text": words}
    parents = {"parent_message_uuid": parent} if parent else {}
    return {
        "uuid": name,
        "sender": sender,
        "text": words,
        "content": [block],
        "created_at": TIME,
        **parents,
        **more,
    }


def conversation(name: str, *messages: Json) -> Json:
    """A conversation of an export."""
    return {
        "uuid": name,
        "name": "private title",
        "created_at": TIME,
        "account": {"uuid": "owner"},
        "chat_messages": list(messages),
    }


def test_the_branch_that_ends_last_counts(tmp_path: Path) -> None:
    """A prompt that was written anew leaves its first wording in the export."""
    found = through(
        tmp_path,
        document(
            [
                conversation(
                    "c",
                    message("1", "human", "draw", "root"),
                    message("2", "assistant", "A cat.", "1"),
                    message("3", "human", "larger", "2"),
                    message("4", "human", "smaller", "2"),
                    message("5", "assistant", "A small cat.", "4"),
                )
            ]
        ),
    )
    assert said(found) == [("prompt", "draw"), ("prompt", "smaller")]
    assert answered(found) == ["A cat.", "A small cat."]
    assert (found.format, found.surface, found.models) == ("claude_ai_export", "web", ())
    flat = conversation("c", message("1", "human", "a"), message("2", "human", "b"))
    assert len(said(read_session(document([flat])))) == 2


def test_what_was_attached_and_the_title_are_not_sealed(tmp_path: Path) -> None:
    """Attachments hold whole documents."""
    attached = [{"file_name": "will.pdf", "extracted_content": "to my heirs"}]
    asked = message("1", "human", "", attachments=attached, content=[])
    (one,), _ = sealed(tmp_path, account=STATED, here=document([conversation("c", asked)]))
    assert b"heirs" not in one.blob
    assert b"private title" not in one.blob
    assert one.account == "owner"
    assert said(read_session(one.blob)) == [("image", "")]


def test_calls_and_their_results_are_actions() -> None:
    """The web version searches and writes files too."""
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "tool_use", "id": "1", "name": "web_search", "input": {"query": "cats"}},
        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "many"}]},
        {"type": "text", "text": "Many."},
        {"type": "nebula"},
    ]
    found = read_session(
        document(
            [
                conversation(
                    "c",
                    message("1", "human", "count"),
                    message("2", "assistant", "x", content=content),
                )
            ]
        )
    )
    assert outcomes(found) == [("web", "cats", "ok")]
    assert answered(found) == ["Many."]
    assert counted(found)[:2] == (1, 1)
    assert found.completeness.unknown_types == 1


def test_a_large_array_is_read_one_conversation_at_a_time(tmp_path: Path) -> None:
    """A second export holds what the first did; a torn end costs its last conversation."""
    told = [conversation(str(n), message(f"m{n}", "human", "é" * 9_000)) for n in range(300)]
    whole = json.dumps(told).encode()
    found, tally = sealed(tmp_path, a=whole, b=whole[:-50])
    assert len(found) == 300
    assert tally.records["REPEATED"] == 299
    assert tally.records["BAD_LINE"] == 1


def test_a_document_beside_the_chat_is_a_file_that_was_made(tmp_path: Path) -> None:
    """It is written, changed in places, and written anew."""

    def used(number: int, **given: object) -> Json:
        return {"type": "tool_use", "id": str(number), "name": "artifacts",
                "input": {"id": "poem", **given}}  # fmt: skip

    content = [
        used(1, command="create", type="text/markdown", content="one\ntwo\n"),
        {"type": "tool_result", "tool_use_id": "1", "content": "OK"},
        used(2, command="update", old_str="one\ntwo", new_str="one\nthree\nfour"),
        {"type": "tool_result", "tool_use_id": "2", "content": "OK"},
        used(3, command="update", old_str="five", new_str="six"),
        {"type": "tool_result", "tool_use_id": "3", "content": "no", "is_error": True},
    ]
    told = [message("1", "human", "write"), message("2", "assistant", "", content=content)]
    found = through(tmp_path, document([conversation("c", *told)]))
    assert outcomes(found) == [
        ("write", "poem", "ok"),
        ("edit", "poem", "ok"),
        ("edit", "poem", "error"),
    ]
    # two lines created; then one line gives way to two; the change that failed counts nothing
    assert counted(found) == (1, 3, 2 + 2, 1)


def test_a_notice_in_the_place_of_a_call_is_not_said() -> None:
    """Where an export has text alone, it stands for what cannot be shown."""
    notice = "```\nThis block is not supported on your current device yet.\n```"
    told = message("2", "assistant", f"I look.\n{notice}\n\nSeen.", content=[])
    quiet = message("3", "assistant", notice, content=[])
    found = read_session(document([conversation("c", message("1", "human", "look"), told, quiet)]))
    assert answered(found) == ["I look.\n\n\nSeen."]
