"""What an action changed, from the shapes in which results come."""

import pytest

from classifiers.formats.claude_code_tools import finish, lines_changed, request, result_text
from tests.classifiers.logs import call, person, result, session

HUNK = {"lines": ["+a", "+b", "-c", " d"]}


@pytest.mark.parametrize(
    ("name", "given", "extra", "lines"),
    [
        ("Edit", {}, {"structuredPatch": [HUNK, HUNK]}, (4, 2)),
        ("Edit", {"old_string": "a\nb", "new_string": "a\nx\ny"}, {"structuredPatch": []}, (0, 0)),
        # No patch in the log: a and b are common at the ends, so one line becomes two.
        ("Edit", {"old_string": "a\nc\nb", "new_string": "a\nx\ny\nb"}, "text", (2, 1)),
        ("Edit", {"old_string": "a\nb\nc\nd", "new_string": "x\nb\nc\ny\nz"}, None, (3, 2)),
        ("Edit", {"old_string": "a\nb", "new_string": "b\na\na"}, None, (1, 0)),
        ("Edit", {"edits": [{"old_string": "", "new_string": "x"}] * 2}, None, (2, 0)),
        ("Edit", {"new_source": "x\ny"}, None, (2, 0)),
        ("Write", {"content": "a\nb\n"}, None, (2, 0)),
        ("Write", {}, {"type": "create", "content": "a\nb", "structuredPatch": []}, (2, 0)),
        ("Write", {"content": "a"}, {"type": "update", "structuredPatch": [HUNK]}, (2, 1)),
        ("Write", {"content": "a"}, {"type": "update", "structuredPatch": []}, (0, 0)),
        ("Bash", {"command": "sed -i s/a/b/ f"}, {"stdout": ""}, (0, 0)),
        ("Edit", {"old_string": 3, "new_string": None, "edits": "x"}, [{}], (0, 0)),
        ("Edit", {}, {"structuredPatch": [3, {"lines": "+a"}, {"lines": [1, "+a"]}]}, (1, 0)),
    ],
)
def test_lines_are_those_that_were_applied(
    name: str, given: dict[str, object], extra: object, lines: tuple[int, int]
) -> None:
    """A patch says what happened; an input only what was asked."""
    assert lines_changed(request(name, given), extra) == lines


def test_an_edit_that_did_not_go_through_changed_nothing() -> None:
    """Rejected and failed edits must not count as code written."""
    patch = {"structuredPatch": [HUNK]}
    refused = "The user doesn't want to proceed with this tool use."
    found = session(
        person("carve"),
        call("Edit", file_path="D:\\wood\\owl.py"),
        result("done", extra=patch),
        call("Edit", "call-2"),
        result(refused, "call-2", error=True, extra=patch),
        call("Edit", "call-3"),
        result("<tool_use_error>no such string</tool_use_error>", "call-3", error=True),
        call("Edit", "call-4"),
    )
    assert [each.lines_added for each in found.calls] == [2, 0, 0, 0]
    assert [each.outcome for each in found.calls] == ["ok", "rejected", "error", "missing"]


@pytest.mark.parametrize(
    ("command", "committed", "proposed", "tested"),
    [
        ("git add . && git commit -m 'x'", True, False, False),
        ("git -C /a/b commit --amend", True, False, False),
        ("git commit --dry-run", False, False, False),
        ("git log --grep commit", False, False, False),
        ("cat .git/hooks/pre-commit", False, False, False),
        ("gh pr create --fill", False, True, False),
        ("cd x && pytest -q", False, False, True),
        ("npm run test:unit", False, False, True),
        ("go test ./...", False, False, True),
        ("mise run lint", False, False, True),
        ("echo latest", False, False, False),
    ],
)
def test_commits_proposals_and_checks_are_told_by_the_command(
    *, command: str, committed: bool, proposed: bool, tested: bool
) -> None:
    """Most versions of the program do not say what a command did."""
    made = finish(request("Bash", {"command": command}), {"content": "ok"}, None)
    assert (made.committed, made.proposed, made.tested) == (committed, proposed, tested)


def test_a_commit_that_failed_is_none() -> None:
    """A hook that stops a commit is met in one of five sessions."""
    block = {"content": "Exit code 1", "is_error": True}
    assert not finish(request("Bash", {"command": "git commit"}), block, None).committed
    extra = {"gitOperation": {"commit": {"sha": "1", "kind": "committed"}}}
    assert finish(request("Bash", {"command": "make release"}), {"content": ""}, extra).committed


@pytest.mark.parametrize("content", [None, 3, [], [3, {"text": 3}, {"type": "image"}], {"a": 1}])
def test_a_result_of_any_shape_has_a_text(content: object) -> None:
    """Results come as text, lists, objects and nothing."""
    assert result_text({"content": content}) == ""
    assert result_text({"content": [{"text": "a"}, {"text": "b"}]}) == "a\nb"
