"""Tools of other agents do the same as ours under other names."""

import pytest

from classifiers.formats.actions import action, arguments, patch_lines
from classifiers.formats.conversation import Conversation
from classifiers.formats.lines import Record
from tests.classifiers.logs import call, person, result, session


@pytest.mark.parametrize(
    ("name", "given", "kind", "subject"),
    [
        ("run_shell_command", {"command": "ls"}, "shell", "ls"),
        ("shell", {"command": ["bash", "-lc", "ls -l"]}, "shell", "ls -l"),
        ("local_shell_call", {"command": ["git", "status"]}, "shell", "git status"),
        ("replace", {"file_path": "a", "old_string": "x", "new_string": "y"}, "edit", "a"),
        ("str_replace_editor", {"command": "view", "path": "a"}, "read", "a"),
        ("str_replace_editor", {"command": "create", "path": "a"}, "write", "a"),
        ("read_file", {"absolute_path": "a"}, "read", "a"),
        ("grep", {"pattern": "x"}, "search", "x"),
        ("Grep", {"path": "src", "pattern": "x"}, "search", "x"),
        ("PowerShell", {"command": "dir", "description": "look"}, "shell", "dir"),
        ("webfetch", {"url": "https://example.org"}, "web", "https://example.org"),
        ("update_plan", {}, "plan", ""),
        ("mcp__moon__shine", {"query": "q"}, "mcp", "q"),
        ("Bash", {"command": "ls"}, "shell", "ls"),
        ("levitate", {"description": "up"}, "other", "up"),
    ],
)
def test_a_tool_is_told_by_its_name(name: str, given: Record, kind: str, subject: str) -> None:
    """Kinds are what raters and measures see."""
    made = action(name, given, text="done", outcome="ok")
    assert (made.kind, "".join(made.subject), "".join(made.name)) == (kind, subject, name)


def test_lines_count_from_what_is_stated_or_else_from_the_input() -> None:
    """A call that did not go through changed nothing, whatever is stated."""
    edit: Record = {"path": "a", "old_str": "x\ny", "new_str": "x\nz\nw"}
    ended = action("str_replace", edit, text="", outcome="ok")
    assert (ended.lines_added, ended.lines_removed) == (2, 1)  # y became z and w
    stated = action("str_replace", edit, text="", outcome="ok", lines=(7, 8))
    assert (stated.lines_added, stated.lines_removed) == (7, 8)
    refused = action("str_replace", edit, text="", outcome="rejected", lines=(7, 8))
    assert (refused.lines_added, refused.lines_removed) == (0, 0)
    missing = action("str_replace", edit, text=None, outcome="ok")
    assert (missing.outcome, missing.lines_added) == ("missing", 0)
    several: Record = {"filePath": "a", "edits": [{"oldString": "x", "newString": "y\nz"}]}
    assert action("multiedit", several, text="", outcome="ok").lines_added == 2


def test_a_patch_that_a_shell_applies_is_an_edit() -> None:
    """Codex edits through its shell in some versions."""
    patch = "*** Begin Patch\n*** Add File: a.py\n+one\n+two\n*** End Patch"
    made = action("shell", {"command": ["apply_patch", patch]}, text="", outcome="ok")
    assert (made.kind, "".join(made.subject), made.lines_added) == ("edit", "a.py", 2)
    assert patch_lines("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n+z") == (2, 1)


def test_arguments_come_as_objects_or_as_strings() -> None:
    """What is no object is kept as the input, so that its words count."""
    assert arguments('{"a": 1}') == {"a": 1}
    assert arguments({"a": 1}) == {"a": 1}
    assert arguments("print(1)") == {"input": "print(1)"}
    assert arguments("[1]") == {"input": "[1]"}
    assert arguments(7) == {}
    assert action("python", {"input": "print(1) # two"}, text="", outcome="ok").words == 3


def test_a_call_keeps_the_id_it_has_in_its_log() -> None:
    """What else is known of a call, such as telemetry, finds it by nothing else."""
    told = Conversation()
    told.call("call_7", "grep", {"pattern": "x"})
    told.call("", "ls", {})
    told.answer("Found.", name="msg_1")
    made = told.session("generic")
    assert ["".join(each.call_id) for each in made.calls] == ["call_7", ""]
    assert made.answers == {"msg_1"}
    found = session(person("look"), call("Grep", "toolu_7"), call("Read", "toolu_8"), result("x"))
    assert ["".join(each.call_id) for each in found.calls] == ["toolu_7", "toolu_8"]
    assert len(found.answers) == found.model_calls == 2
