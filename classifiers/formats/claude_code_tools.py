"""
What an action was, what it changed and how it ended, from its input and its result.

Lines come from the result's patch, which says what was applied; the input only says what was
asked.  A call that was rejected, denied or failed changed nothing.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from classifiers.commands import done_by
from classifiers.sessions import Kind, Outcome, SafeText, ToolCall, count_words, safe

from .claude_code_replies import offered_in
from .claude_code_words import without_reminders
from .lines import Record

KINDS: Mapping[str, Kind] = {
    "Read": "read", "NotebookRead": "read", "LS": "read", "BashOutput": "read",
    "TaskOutput": "read", "AgentOutputTool": "read", "Grep": "search", "Glob": "search",
    "ToolSearch": "search", "LSP": "search",
    "Edit": "edit", "MultiEdit": "edit", "NotebookEdit": "edit", "Write": "write",
    "Bash": "shell", "PowerShell": "shell", "KillShell": "shell", "TaskStop": "shell",
    "Monitor": "shell", "WebFetch": "web", "WebSearch": "web", "Task": "agent", "Agent": "agent",
    "Workflow": "agent", "SendMessage": "agent", "ListMcpResourcesTool": "mcp",
    "ReadMcpResourceTool": "mcp",
    "TodoWrite": "plan", "TaskCreate": "plan", "TaskUpdate": "plan", "TaskList": "plan",
    "TaskGet": "plan", "EnterPlanMode": "plan", "ExitPlanMode": "plan", "AskUserQuestion": "ask",
}  # fmt: skip

_SUBJECTS = (
    "file_path", "notebook_path", "command", "pattern", "path", "url", "query", "description",
    "skill", "subject", "prompt",
)  # fmt: skip
"""Inputs that say what a call is about, the more telling first."""

# Every repetition is bounded: a person can write any command, and must not be able to stop a run.
_COMMIT = re.compile(
    r"\bgit\b(?:\s{1,20}-\S{1,500}(?:\s{1,20}[^\s-]\S{0,500})?){0,8}?"
    r"\s{1,20}commit\b(?![^|;&\n]{0,2000}--dry-run)"
)
_PROPOSAL = re.compile(r"\b(?:gh\s+pr|glab\s+mr)\s+create\b")
_TESTS = re.compile(
    r"\b(?:pytest|unittest|tox|nox|jest|vitest|mocha|rspec|phpunit|ctest|playwright test"
    r"|(?:go|cargo|bun|deno|dotnet|swift|mix|zig|flutter) test|(?:npm|pnpm|yarn|bun)"
    r"(?: run)?(?: -\S{1,80}){0,8} \S{0,80}(?:test|lint|check|typecheck)\S{0,80}|mise run \S{0,80}"
    r"(?:test|lint|ci)\S{0,80}|make \S{0,80}(?:test|check|lint)\S{0,80}|gradlew? \S{0,80}test"
    r"|mvn \S{0,80}(?:test|verify)\S{0,80}|golangci-lint|go vet|ruff"
    r"|mypy|pyright|eslint|biome check|tsc|cargo clippy|shellcheck)\b"
)
_REJECTED = ("The user doesn't want to proceed with this tool use", "The user doesn't want to take")
_DENIALS: Mapping[str, Outcome] = {
    "user-rejected": "rejected", "interrupted": "interrupted", "cancelled": "interrupted",
}  # fmt: skip
"""Words of the log for a person's doing; any other is a rule's or a classifier's."""
RESULT_KEPT = 4000
"""Characters of a result kept, half from each end: raters see less, rules read the ends."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a call asked for, as far as its result does not change it; the input itself is gone."""

    call_id: SafeText
    name: SafeText
    kind: Kind
    subject: SafeText
    words: int
    """Words in the input."""
    lines: tuple[int, int]
    """Lines (added, removed) that were asked for."""
    commits: bool
    proposes: bool
    tests: bool
    offered: frozenset[str]
    """Answers that it offers, where it is a question."""


def request(name: str, given: Record, call_id: str = "") -> Request:
    """
    What a call asks for.

    Args:
        name: The tool's name.
        given: The tool's input.
        call_id: The call's id in the log; empty if it has none.
    """
    kind: Kind = KINDS.get(name) or ("mcp" if name.startswith("mcp__") else "other")
    subject = next((v for key in _SUBJECTS if isinstance(v := given.get(key), str) and v), "")
    command = done_by(subject) if kind == "shell" else ""
    return Request(
        call_id=safe(call_id),
        name=safe(name),
        kind=kind,
        subject=safe(subject),
        words=sum(count_words(value) for value in texts_in(given)),
        lines=_lines_asked(kind, given),
        commits=bool(_COMMIT.search(command)),
        proposes=bool(_PROPOSAL.search(command)) or _is_proposal(name),
        tests=bool(_TESTS.search(command)),
        offered=offered_in(given) if kind == "ask" else frozenset(),
    )


def finish(asked: Request, block: Record | None, extra: object, *, denial: str = "") -> ToolCall:
    """
    Make a call of its request, its result block and what the log adds to the result.

    Args:
        asked: What the call asked for.
        block: The `tool_result` block; None if there is none.
        extra: The record's `toolUseResult`; None if it cannot be told which call it is of.
        denial: Why it was not carried out, in the log's own word; empty if it does not say.
    """
    text = result_text(block)
    outcome = _outcome(block, text, extra, denial)
    went_through = outcome == "ok"
    added, removed = lines_changed(asked, extra) if went_through else (0, 0)
    operation = _dict(_dict(extra).get("gitOperation"))
    return ToolCall(
        call_id=asked.call_id,
        name=asked.name,
        kind=asked.kind,
        subject=asked.subject,
        words=asked.words,
        outcome=outcome,
        result=safe(_ends(without_reminders(text))),
        lines_added=added,
        lines_removed=removed,
        committed=went_through and ("commit" in operation or asked.commits),
        proposed=went_through
        and (asked.proposes or _dict(operation.get("pr")).get("action") == "created"),
        tested=asked.tests,
    )


def _is_proposal(name: str) -> bool:
    return name.startswith("mcp__") and name.endswith("__create_pull_request")


def result_text(block: Record | None) -> str:
    """The text of a result block, whatever its shape."""
    content = (block or {}).get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(
        part["text"]
        for part in content
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    )


def _outcome(block: Record | None, text: str, extra: object, denial: str) -> Outcome:
    if block is None:
        return "missing"
    if denial:
        return _DENIALS.get(denial, "denied")
    if text.startswith(_REJECTED):
        return "rejected"
    if text.startswith("[Request interrupted by user") or _dict(extra).get("interrupted") is True:
        return "interrupted"
    if block.get("is_error") is not True:
        return "ok"
    opening = text[:300]
    denied = "Permission to use" in opening or "hook error" in opening or "blocked by" in opening
    return "denied" if denied else "error"


def lines_changed(asked: Request, extra: object) -> tuple[int, int]:
    """
    Lines added and removed by a call that went through.

    Returns:
        (added, removed) in lines: from the patch; for a new file its length; without either
        from the input, lines that it takes away and gives back left out.
    """
    if asked.kind not in ("edit", "write"):
        return 0, 0
    result = _dict(extra)
    patch = result.get("structuredPatch")
    if isinstance(patch, list) and patch:
        lines = [
            line[:1]
            for hunk in patch
            if isinstance(hunk, dict) and isinstance(hunk.get("lines"), list)
            for line in hunk["lines"]
            if isinstance(line, str)
        ]
        return lines.count("+"), lines.count("-")
    if asked.kind == "write":
        is_new = result.get("type", "create") == "create"
        added = _line_count(result["content"]) if "content" in result else asked.lines[0]
        return (added, 0) if is_new else (0, 0)
    return (0, 0) if isinstance(patch, list) else asked.lines


def _lines_asked(kind: Kind, given: Record) -> tuple[int, int]:
    if kind == "write":
        return _line_count(given.get("content")), 0
    if kind != "edit":
        return 0, 0
    edits = given.get("edits")
    changes = [edit for edit in edits if isinstance(edit, dict)] if isinstance(edits, list) else []
    added = removed = 0
    for change in changes or [given]:
        more, fewer = _difference(
            change.get("old_string"), change.get("new_string", change.get("new_source"))
        )
        added, removed = added + more, removed + fewer
    return added, removed


def _difference(old: object, new: object) -> tuple[int, int]:
    """Lines (added, removed): those of one text that the other has not; a moved line is neither."""
    before = Counter(old.split("\n") if isinstance(old, str) and old else [])
    after = Counter(new.split("\n") if isinstance(new, str) and new else [])
    return (after - before).total(), (before - after).total()


def _line_count(text: object) -> int:
    if not isinstance(text, str) or not text:
        return 0
    return text.count("\n") + (not text.endswith("\n"))


def texts_in(value: object) -> list[str]:
    """Every string in an input, to the depth at which inputs nest."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found


def _ends(text: str) -> str:
    if len(text) <= RESULT_KEPT:
        return text
    half = RESULT_KEPT // 2
    return f"{text[:half]}\n[…]\n{text[-half:]}"


def _dict(value: object) -> Record:
    return value if isinstance(value, dict) else {}
