"""
Real logs of Claude Code against the counts that came with them, column by column and file by file.

Where both mean the same, the numbers are equal.  Where they do not, the other's meaning is
written here as a rule and applied to what we read: then those numbers are equal, file by file, and
the rule says what differs.  What a rule explains, it explains exactly; there is no tolerance.

Two files hold their history twice, under new ids; what is counted in them by lines is not compared.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from classifiers.formats import read_session
from classifiers.formats.claude_code_words import without_reminders
from classifiers.formats.lines import Damage, Record, line_records
from classifiers.sessions import Session, ToolCall, UnreadableError
from classifiers.structure import prompts
from tests.support.corpus import real_logs

pytestmark = pytest.mark.corpus

TWICE = ("general-tool-calls.jsonl", "images-in-user-messages.jsonl")
"""Their history stands in them twice, under new ids."""
_COMMIT = re.compile(r"\bgit\b[^|;&]*\bcommit\b")
_TEST = re.compile(
    r"\b(?:pytest|go test|npm (?:run )?test|yarn test|pnpm test|cargo test|bun test|jest|vitest"
    r"|mise run test|make test)\b"
)


@dataclass(frozen=True)
class File:
    """A file, what the manifest says of it, and the session that we read in it."""

    row: dict[str, str]
    session: Session
    raw: list[Record]

    def stated(self, column: str) -> int:
        """A number of the manifest."""
        return int(self.row[column] or 0)

    @property
    def calls(self) -> list[ToolCall]:
        """The trunk's actions."""
        return list(self.session.calls)

    @property
    def commands(self) -> list[str]:
        """What its shells were told to do."""
        return ["".join(call.subject) for call in self.calls if call.kind == "shell"]


@pytest.fixture(scope="module")
def files() -> list[File]:
    """Every trunk of Claude Code that the manifest names."""
    folder = real_logs()
    if not (folder / "manifest.csv").is_file():
        pytest.skip("no manifest.csv beside the real session logs")
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (folder / row["local"]).is_file()]
    found, refused = [], Counter[str]()
    for row in rows:
        if row["format"] not in ("claude_code", "claude_code_fixtures"):
            continue
        data = (folder / row["local"]).read_bytes()
        try:
            session = read_session(data)
        except UnreadableError as error:
            refused[error.reason] += 1
            assert int(row["n_prompts"]) == int(row["n_actions"]) == 0
            continue
        lines = (line for line in data.split(b"\n") if line.strip(b"\0\r\t "))
        raw = [record for line in lines for record in line_records(line, Damage())]
        found.append(File(row, session, raw))
    assert set(refused) <= {"SUBAGENT_ALONE"}  # they are read beside the session that sent them
    assert found
    return found


def differing(files: list[File], column: str, ours: Callable[[File], int]) -> list[str]:
    """Files, by the names that the manifest gives them, in which a number is not the manifest's."""
    return [each.row["local"] for each in files if ours(each) != each.stated(column)]


def told_once(files: list[File]) -> list[File]:
    """Files without those that tell all twice."""
    return [each for each in files if not each.row["local"].endswith(TWICE)]


@pytest.mark.parametrize(
    ("column", "ours"),
    [
        ("edits", lambda file: sum(call.kind in ("edit", "write") for call in file.calls)),
        ("lines_removed", lambda file: sum(call.lines_removed for call in file.calls)),
        ("compactions", lambda file: sum(turn.compactions for turn in file.session.turns)),
        ("interrupts", lambda file: sum(turn.interrupted for turn in file.session.turns)),
        ("rejected", lambda file: sum(call.outcome == "rejected" for call in file.calls)),
    ],
)
def test_counts_that_mean_the_same_are_equal(
    files: list[File], column: str, ours: Callable[[File], int]
) -> None:
    """No rule stands between them, so that no file may differ."""
    assert differing(told_once(files), column, ours) == []
    assert sum(ours(file) for file in told_once(files)) > 0  # the column is not empty


def test_actions_are_equal_but_for_those_of_another_session(files: list[File]) -> None:
    """The manifest counts by file; we count by session."""
    single = [file for file in files if not file.session.completeness.other_sessions]
    assert differing(single, "n_actions", lambda file: len(file.calls)) == []
    mixed = [file for file in files if file.session.completeness.other_sessions]
    assert differing(mixed, "n_actions", _calls_of_all) == []
    assert mixed


def test_bad_lines_are_those_that_hold_no_single_record(files: list[File]) -> None:
    """The manifest counts a line of two records among them; we read both."""

    def ours(file: File) -> int:
        counted = file.session.completeness
        return counted.bad_lines + counted.joined_lines

    assert differing(files, "bad_lines", ours) == []
    assert sum(file.session.completeness.joined_lines for file in files) == 1


def test_lines_added_differ_by_the_empty_end_of_new_files(files: list[File]) -> None:
    """
    The manifest counts what stands behind a new file's last line feed as a line; we do not.

    And it counts none where an old log holds no patch; we take them from the edit that was asked.
    """

    def as_stated(file: File) -> int:
        made = {"".join(call.call_id): call for call in file.calls if call.outcome == "ok"}
        patched = sum(call.lines_added for name, call in made.items() if name in _told(file))
        return patched + sum(text.endswith("\n") for text in _created(file))

    assert differing(told_once(files), "lines_added", as_stated) == []
    ours = sum(call.lines_added for file in files for call in file.calls)
    assert 0 < ours < sum(file.stated("lines_added") for file in files)


def test_commits_and_tests_differ_by_what_counts_as_one(files: list[File]) -> None:
    """
    The manifest takes any command with the words; we take what was carried out.

    Commits: it counts a pattern in the command, failed, quoted or of a file's name.  Tests: it
    knows fewer runners, and neither linters nor type checkers; and it takes one that a proposal's
    text says was run, and its command did not run.
    """
    for column, pattern in (("git_commit", _COMMIT), ("tests", _TEST)):

        def as_stated(file: File, pattern: re.Pattern[str] = pattern) -> int:
            return sum(bool(pattern.search(command)) for command in file.commands)

        assert differing(told_once(files), column, as_stated) == []
    for call in (call for file in files for call in file.calls if call.kind == "shell"):
        command = "".join(call.subject)
        if call.committed:
            assert (call.outcome, bool(_COMMIT.search(command))) == ("ok", True)
        if _TEST.search(command) and not call.tested:
            before, _, text = command.partition('--body "')
            assert (call.proposed, bool(_TEST.search(before))) == (True, False)
            assert not _TEST.search(text.rpartition('"')[2])


def test_prompts_are_the_manifests_and_what_it_does_not_see(files: list[File]) -> None:
    """
    Ours: those it counts, those typed while the agent worked, those behind a reminder.

    Less what a hook stopped: it counts the stopped prompt and the hook's words as prompts.
    """

    def as_stated(file: File) -> int:
        vias = Counter(said.via for said in file.session.human)
        return prompts(file.session) - vias["steering"] - _behind(file) + _stopped(file)

    assert differing(told_once(files), "n_prompts", as_stated) == []
    fewer = {
        file.row["local"] for file in files if prompts(file.session) < file.stated("n_prompts")
    }
    stopped = {file.row["local"] for file in files if _stopped(file)}
    assert fewer == stopped | {f.row["local"] for f in files if f.row["local"].endswith(TWICE)}


def _texts(file: File, kind: str = "user") -> Iterator[tuple[Record, str]]:
    """User records that hold a plain text and no flag of the program."""
    for record in file.raw:
        message = record.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            texts = [each["text"] for each in content if isinstance(each, dict) and "text" in each]
            content = "\n".join(texts)
        if record.get("type") == kind and isinstance(content, str):
            yield record, content


def _behind(file: File) -> int:
    """Prompts that stand behind a reminder in their record."""
    return sum(
        text.startswith("<system-reminder>") and bool(without_reminders(text).strip())
        for _, text in _texts(file)
    )


def _stopped(file: File) -> int:
    """The words of hooks that stopped a prompt, and those of these prompts that are a person's."""
    texts = [text for _, text in _texts(file)]
    return sum(
        1 + (not before.startswith("Implement the following plan"))
        for before, text in pairwise(texts)
        if text.startswith("Operation stopped by hook:")
    )


def _results(file: File) -> Iterator[tuple[str, Record]]:
    """(call, what the log adds to its result), where that is an object."""
    for record in file.raw:
        extra, message = record.get("toolUseResult"), record.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and isinstance(extra, dict) and "tool_use_id" in block:
                yield str(block["tool_use_id"]), extra


def _told(file: File) -> set[str]:
    """Calls of whose changes the log says more than their input."""
    return {name for name, extra in _results(file) if "structuredPatch" in extra}


def _created(file: File) -> Iterator[str]:
    """What new files held."""
    for _, extra in _results(file):
        content = extra.get("content")
        if extra.get("type") == "create" and isinstance(content, str):
            yield content


def _calls_of_all(file: File) -> int:
    """Calls of every session in a file."""
    return len(
        {
            str(block.get("id"))
            for record in file.raw
            if record.get("type") == "assistant" and isinstance(record.get("message"), dict)
            for block in record["message"]["content"]  # type: ignore[index]
            if isinstance(block, dict) and block.get("type") == "tool_use"
        }
    )
