"""
Actions of other agents in the terms of the normal form.

Agents name their tools differently and do the same with them: read, search, edit, run.  A tool
is told by its name, its input brought into the one shape that `claude_code_tools` knows; what
then counts as a line, a commit or a test is decided there, once for all formats.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from classifiers.sessions import Outcome, ToolCall, count_words, safe

from . import claude_code_tools as tools
from .lines import Record
from .values import dicts_of, text_of

_ALIKE: dict[str, str] = {
    "Bash": "shell exec_command local_shell_call container.exec write_stdin run_shell_command bash"
    " execute_bash bash_command bash_tool run_terminal_cmd run_terminal_command execute_command"
    " exec terminal python execute_ipython_cell bash_session command_execution shell_command"
    " run_in_terminal awaitshell run_notebook_cell powershell",
    "Read": "read read_file read_many_files list list_directory list_dir ls view view_image open"
    " goto scroll_up scroll_down cat fetch_rules read_lints readfile readlints copilot_readfile"
    " get_errors get_terminal_output read_bash read_powershell",
    "Grep": "grep grep_search search_file_content search_dir search_file find_file glob file_search"
    " codebase_search search rg find semanticsearch semantic_search",
    "Edit": "edit replace str_replace edit_file search_replace multiedit apply_patch patch"
    " file_change insert str_replace_editor str_replace_based_edit_tool text_editor notebookedit"
    " update applypatch strreplace editnotebook replace_string_in_file insert_edit_into_file"
    " multi_replace_string_in_file edit_notebook_file",
    "Write": "write write_file create create_file",
    "WebFetch": "web_fetch webfetch web_search websearch web_search_call google_web_search"
    " codesearch fetch fetch_webpage",
    "Task": "task agent spawn_agent delegate_to_agent subagent runsubagent",
    "TodoWrite": "update_plan todowrite todoread todo_write todo_list write_todos plan_exit"
    " manage_todo_list",
    "AskUserQuestion": "ask_user question request_user_input askquestion",
}
_CANONICAL: Mapping[str, str] = {
    alias: name for name, aliases in _ALIKE.items() for alias in aliases.split()
}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "command": ("command", "cmd", "script", "code", "keystrokes", "input", "action"),
    "file_path": ("file_path", "filePath", "absolute_path", "target_file", "path", "dir_path"),
    "pattern": ("pattern", "regex", "query", "search_term"),
    "old_string": ("old_string", "oldString", "old_str", "oldText"),
    "new_string": ("new_string", "newString", "new_str", "newText", "insert_text"),
    "content": ("content", "contents", "file_text"),
}
_ABOUT = (
    "file_path", "command", "pattern", "url", "query", "description", "prompt", "question", "name",
)  # fmt: skip
_INLINE = frozenset({"-lc", "-c", "-ic", "-Command", "/c"})
"""Options after which a shell gets its command as one text."""
_SEARCH = re.compile(r"[<-]{5,9} SEARCH>?\s{0,9}")
_HEADING = re.compile(r":(?:start|end)_line:\s?\d{0,9}|-{5,9}")
"""Lines of Roo Code's blocks between their beginning and what is searched."""
_BETWEEN = re.compile(r"={5,9}\s{0,9}")
_REPLACE = re.compile(r"[>+]{5,9} REPLACE>?\s{0,9}")
_PATCH = "*** Begin Patch"
_FILE = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.+)$", re.MULTILINE)


def action(
    name: str,
    given: Record,
    *,
    text: str | None,
    outcome: Outcome,
    lines: tuple[int, int] | None = None,
    call_id: str = "",
) -> ToolCall:
    """
    One action and its result.

    Args:
        name: The tool's name in its own program.
        given: Its input.
        text: What it answered; None if the log holds no answer.
        outcome: How it ended; a call without an answer is `missing` whatever is said.
        lines: Lines (added, removed), where the log states them.
        call_id: Its id in the log; empty if it has none.
    """
    known = _canonical(name, given)
    shaped = _shaped(known, given)
    patch = next((each for each in tools.texts_in(given) if _PATCH in each), "")
    if patch and known in ("Bash", "Edit", "Write"):
        known, found = "Edit", _FILE.search(patch)
        shaped = {"file_path": found[1] if found else ""}
    changed = lines if lines is not None else (patch_lines(patch) if patch else None)
    block: Record | None = None
    if text is not None:
        block = {"content": text, "is_error": outcome != "ok"}
    call = tools.finish(tools.request(known, shaped, call_id), block, None)
    ended: Outcome = "missing" if text is None else outcome
    if changed is None:
        changed = (call.lines_added, call.lines_removed)
    added, removed = changed if ended == "ok" else (0, 0)
    subject = call.subject or safe(
        next((v for key in _ABOUT if (v := text_of(given.get(key)))), "")
    )
    return replace(
        call,
        name=safe(name),
        subject=subject,
        words=sum(count_words(each) for each in tools.texts_in(given)),
        outcome=ended,
        lines_added=added,
        lines_removed=removed,
        committed=call.committed and ended == "ok",
        proposed=call.proposed and ended == "ok",
    )


def patch_lines(patch: str) -> tuple[int, int]:
    """Lines (added, removed) of a patch, unified or in the form between Begin and End Patch."""
    added = removed = 0
    for line in patch.split("\n"):
        if line.startswith(("+++ ", "--- ")) or line in ("+++", "---"):
            continue
        added += line.startswith("+")
        removed += line.startswith("-")
    return added, removed


def block_sizes(text: str) -> list[tuple[int, int]]:
    """
    Lines (added, removed) of each block that says what is searched and what replaces it.

    Lines that both ends have in common are left out.
    """
    sizes: list[tuple[int, int]] = []
    before: list[str] = []
    after: list[str] | None = None
    is_open = False
    for line in text.split("\n"):
        if _SEARCH.fullmatch(line):
            before, after, is_open = [], None, True
        elif is_open and after is None and _BETWEEN.fullmatch(line):
            after = []
        elif is_open and after is not None and _REPLACE.fullmatch(line):
            sizes.append(_difference(before, after))
            is_open = False
        elif is_open and after is not None:
            after.append(line)
        elif is_open and (before or not _HEADING.fullmatch(line)):
            before.append(line)
    return sizes


def _difference(before: list[str], after: list[str]) -> tuple[int, int]:
    while before and after and before[-1] == after[-1]:
        before.pop()
        after.pop()
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    return len(after) - same, len(before) - same


def arguments(stated: object) -> Record:
    """An input that may be written as a JSON string; what is no object stands under `input`."""
    if isinstance(stated, dict):
        return stated
    if isinstance(stated, str):
        try:
            read = json.loads(stated)
        except (ValueError, RecursionError):
            read = None
        return read if isinstance(read, dict) else {"input": stated}
    return {}


def _canonical(name: str, given: Record) -> str:
    if name in tools.KINDS or name.startswith("mcp__"):
        return name
    plain = name.lower().rsplit("functions.", 1)[-1]
    known = _CANONICAL.get(plain, name)
    if known == "Edit":  # one tool of several commands
        match given.get("command"):
            case "view":
                return "Read"
            case "create":
                return "Write"
    return known


def _shaped(known: str, given: Record) -> Record:
    shaped: Record = {}
    for key, names in _KEYS.items():
        stated = next((given[each] for each in names if each in given), None)
        if key == "command" and isinstance(stated, list):  # an argument vector; the shell's last
            words = [text_of(each) for each in stated]
            stated = words[-1] if words[1:2] and words[1] in _INLINE else " ".join(words)
        if isinstance(stated, str):
            shaped[key] = stated
    kind = tools.KINDS.get(known)
    if kind != "shell":
        shaped.pop("command", None)
    if kind == "search":  # a search is about what it looks for, not about where
        shaped.pop("file_path", None)
    if edits := dicts_of(given.get("edits")) or dicts_of(given.get("replacements")):
        shaped["edits"] = [
            {key: edit[name] for key, names in _KEYS.items() for name in names if name in edit}
            for edit in edits
        ]
    return {**{k: v for k, v in given.items() if isinstance(v, str) and k != "command"}, **shaped}
