"""The form to bridge from: whatever programs of the field write about messages and calls."""

import json
from pathlib import Path

from classifiers.edge import STATED
from classifiers.formats import read_session
from tests.classifiers.formats.made import (
    TIME,
    Json,
    answered,
    counted,
    lines,
    outcomes,
    sealed,
    through,
)
from tests.classifiers.logs import said


def session(name: str, *messages: Json, **more: object) -> Json:
    """One line."""
    return {"session_id": name, "messages": list(messages), **more}


ASKED: Json = {"role": "user", "content": "sow", "timestamp": TIME}
DONE: Json = {"role": "assistant", "content": "Sown."}


def test_calls_are_read_in_every_usual_shape(tmp_path: Path) -> None:
    """Content blocks, functions with a later answer, and uses with their output."""
    read = {"tool": "Read", "input": {"path": "b"}, "output": "", "status": "error"}
    edit = {"file_path": "a.py", "old_string": "x", "new_string": "y\nz"}
    found = through(
        tmp_path,
        lines(
            session(
                "s",
                {"role": "system", "content": "be kind"},
                ASKED,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm"},
                        {"type": "text", "text": "I will."},
                        {"type": "tool_use", "id": "1", "name": "Edit", "input": edit},
                    ],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "2", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
                    ],
                },
                {"role": "tool", "tool_call_id": "2", "content": "a.py"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_uses": [read],
                },
                {"role": "moon", "content": "?"},
                model="claude-opus-4-5",
                surface="ide",
                title="private",
            )
        ),
    )  # fmt: skip
    assert said(found) == [("prompt", "sow")]
    assert outcomes(found) == [
        ("edit", "a.py", "ok"),
        ("shell", "ls", "ok"),
        ("read", "b", "error"),
    ]
    assert counted(found) == (1, 3, 2, 1)  # one line became two
    assert answered(found) == ["I will."]
    assert (found.surface, found.interactive, found.format) == ("ide", True, "generic")
    assert found.completeness.unknown_types == 1


def test_a_file_holds_sessions_of_several_accounts(tmp_path: Path) -> None:
    """The custodian's word counts; if he leaves it to the file, the line's does."""
    data = lines(
        session("s", ASKED, account_id="ann", title="private"),
        session("s", ASKED, account_id="bob"),
        session("t", ASKED),
    )
    stated, tally = sealed(tmp_path, account=STATED, here=data)
    assert [(each.account, each.session) for each in stated] == [("ann", "s"), ("bob", "s")]
    assert tally.sessions == {"TAKEN": 2, "NO_ACCOUNT": 1}
    assert not any(b"private" in each.blob or b"ann" in each.blob for each in stated)
    assert {each.month for each in stated} == {"2026-02"}
    told, _ = sealed(tmp_path, account="acme")
    assert {each.account for each in told} == {"acme"}
    nobodys, tally = sealed(tmp_path, account=STATED, here=lines(session("t", ASKED)))
    assert (nobodys, set(tally.files.values())) == ([], {"NO_ACCOUNT"})


def test_messages_with_ids_add_up_and_copies_stay_with_the_first(tmp_path: Path) -> None:
    """Without ids, lines of one session are captures of it, and the longest stands."""
    one, two = ASKED | {"id": "m1"}, DONE | {"id": "m2"}
    later = ASKED | {"id": "m3", "content": "reap", "timestamp": "2026-04-01T00:00:00Z"}
    data = lines(session("s", one), session("s", one, two), session("fork", one, two, later))
    found, tally = sealed(tmp_path, here=data)
    by_name = {each.session: read_session(each.blob) for each in found}
    assert said(by_name["s"]) == [("prompt", "sow")]
    assert answered(by_name["s"]) == ["Sown."]
    assert said(by_name["fork"]) == [("prompt", "reap")]
    assert (tally.records["COPY"], tally.records["REPEATED"]) == (2, 1)
    (kept,), tally = sealed(tmp_path, here=lines(session("s", ASKED), session("s", ASKED, DONE)))
    assert len(answered(read_session(kept.blob))) == 1
    assert tally.records["REPEATED"] == 1


def test_a_run_without_a_person_says_so_and_an_image_goes(tmp_path: Path) -> None:
    """`interactive` is the bridge's to state."""
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    line = session("s", {"role": "user", "content": [url]}, DONE, interactive=False)
    (one,), tally = sealed(tmp_path, here=lines(line))
    found = read_session(one.blob)
    assert (said(found), found.interactive) == ([("image", "")], False)
    assert tally.records["IMAGE"] == 1
    assert b"QUJD" not in one.blob
    assert b"QUJD" in json.dumps(line).encode()


def test_a_line_without_messages_of_this_form_is_foreign(tmp_path: Path) -> None:
    """`session_id` alone is in many programs' logs."""
    data = lines({"session_id": "s", "messages": [{"level": "info"}]}, {"session_id": "s"})
    assert set(sealed(tmp_path, here=data)[1].files.values()) == {"NOT_A_SESSION_LOG"}


def test_public_collections_of_this_shape_are_read_as_they_are(tmp_path: Path) -> None:
    """DataClaw's exports have a line a session, calls among the messages, thinking apart."""
    edit = {"tool": "Edit", "input": {"file_path": "a", "old_string": "x", "new_string": "y"}}
    ran = {"tool": "Bash", "input": {"command": "ls"}, "output": {"text": "a"}, "status": "success"}
    asked: Json = {"role": "user", "content": "mend it", "timestamp": TIME}
    done: Json = {"role": "assistant", "content": "Mended.", "thinking": "hm"}
    done["tool_uses"] = [edit, ran]
    about: Json = {"project": "secret", "git_branch": "main", "start_time": TIME, "stats": {"x": 1}}
    line = session("s", asked, done, model="claude-x", **about)
    (one,), _ = sealed(tmp_path, here=lines(line))
    assert b"secret" not in one.blob
    assert one.month == "2026-02"
    found = read_session(one.blob)
    assert said(found) == [("prompt", "mend it")]
    assert answered(found) == ["Mended."]
    assert outcomes(found) == [("edit", "a", "ok"), ("shell", "ls", "ok")]
