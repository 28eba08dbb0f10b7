"""
Synthetic sessions are logs that a real program could have written, and hold what was planted.

Everything is counted here from the files alone, with code of this test's own.
"""

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clerestory.synthetic import Summary, write_sessions
from privacy.codebook import codebook
from privacy.errors import ConfigurationError

ACCOUNTS, SESSIONS = 360, 600
Record = dict[str, Any]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """A fresh corpus: what holds must hold for every seed."""
    folder = tmp_path_factory.mktemp("corpus")
    return folder, write_sessions(folder, accounts=ACCOUNTS, sessions=SESSIONS, seed=None)


@pytest.fixture(scope="module")
def truth(corpus: tuple[Path, Summary]) -> list[dict[str, str]]:
    """The planted truth."""
    with (corpus[0] / "truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path, path: str) -> list[Path]:
    """A session's file and its sub-agents'."""
    main = folder / path
    return [main, *sorted(main.with_suffix("").glob("subagents/*.jsonl"))]


def records(file: Path) -> Iterator[Record]:
    """Records of a file; damaged lines are passed over, two on one line are both read."""
    for line in file.read_text(encoding="utf-8").split("\n"):
        text = line.strip("\0")
        while text:
            try:
                record, end = json.JSONDecoder().raw_decode(text)
            except json.JSONDecodeError:
                break
            yield record
            text = text[end:]


def blocks(record: Record) -> list[Record]:
    """A message's content as blocks."""
    content = record.get("message", {}).get("content", [])
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def human(record: Record) -> str | None:
    """Words of a person that count as a prompt; None for everything else."""
    if record["type"] == "queue-operation" and record["operation"] == "enqueue":
        return str(record["content"])
    if record["type"] != "user" or record.get("isMeta") or record.get("planContent"):
        return None
    texts = [block["text"] for block in blocks(record) if block["type"] == "text"]
    text = "\n".join(texts)
    return None if not texts or text.startswith("[Request interrupted") else text


def words(value: object) -> int:
    """Words of all texts in a value."""
    if isinstance(value, str):
        return len(value.split())
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(words(part) for part in parts)


def count(paths: list[Path]) -> dict[str, int]:
    """What a session's files hold."""
    found: Counter[str] = Counter()
    messages = set()
    for record in (record for path in paths for record in records(path)):
        if not record.get("isSidechain"):
            found["prompts"] += human(record) is not None
        for block in blocks(record) if record["type"] == "assistant" else []:
            messages.add(record["message"]["id"])
            found["actions"] += block["type"] == "tool_use"
            found["words_out"] += words(block.get("text", block.get("input")))
        extra = record.get("toolUseResult")
        if isinstance(extra, dict):
            lines = [
                line[:1] for hunk in extra.get("structuredPatch", []) for line in hunk["lines"]
            ]
            new = len(extra["content"].splitlines()) if extra.get("type") == "create" else 0
            found["lines_added"] += lines.count("+") + new
            found["lines_removed"] += lines.count("-")
            found["commits"] += "commit" in extra.get("gitOperation", {})
    return {**found, "model_calls": len(messages)}


def test_a_corpus_has_the_size_asked_for(
    corpus: tuple[Path, Summary], truth: list[dict[str, str]]
) -> None:
    """Counts are exact, every file has an owner, and files stay small."""
    folder, summary = corpus
    with (folder / "accounts.csv").open(encoding="utf-8", newline="") as file:
        owners = {row["path"]: row["account"] for row in csv.DictReader(file)}
    found = {str(path.relative_to(folder)) for path in folder.glob("logs/**/*.jsonl")}

    assert (summary.accounts, summary.sessions) == (ACCOUNTS, SESSIONS)
    assert len(truth) == len({row["session_id"] for row in truth}) == SESSIONS
    assert len({row["account"] for row in truth}) == len(set(owners.values())) == ACCOUNTS
    assert found == set(owners)
    assert len(found) == summary.files
    assert sum((folder / path).stat().st_size for path in found) == summary.bytes
    assert summary.bytes / SESSIONS < 45_000
    assert all(owners[row["path"]] == row["account"] for row in truth)


def test_truth_is_what_the_logs_hold(
    corpus: tuple[Path, Summary], truth: list[dict[str, str]]
) -> None:
    """A rater's counts can be held against truth only if truth was counted from the log."""
    for row in truth:
        paths = files(corpus[0], row["path"])
        found = count(paths)
        trunk = [record for record in records(paths[0]) if record.get("sessionId")]
        stamps = [record["timestamp"] for record in trunk if "timestamp" in record]
        models = {
            record["message"]["model"].split("-")[1]
            for record in trunk
            if record["type"] == "assistant"
        }
        family = models.pop() if len(models) == 1 else "mixed"

        assert {name: found.get(name, 0) for name in found} == {
            name: int(row[name]) for name in found
        }
        assert row["wrote_code"] == ("yes" if found.get("lines_added") else "no")
        assert {record["sessionId"] for record in trunk} == {row["session_id"]}
        assert {stamp[:7] for stamp in stamps} == {row["month"]}
        assert stamps == sorted(stamps) or len(paths) > 1
        assert family == row["model_family"]
        assert {r["entrypoint"] for r in trunk if "entrypoint" in r} == {row["entrypoint"]}


def test_labels_are_those_of_the_codebook(truth: list[dict[str, str]]) -> None:
    """Truth and rater speak one language."""
    for instrument in codebook().instruments:
        assert {row[instrument.name] for row in truth} <= set(instrument.labels)
    assert {row["task_value"] for row in truth} - {"unclear"} != set()


def test_records_make_one_chain(corpus: tuple[Path, Summary], truth: list[dict[str, str]]) -> None:
    """Parents exist, calls are answered, lines of one answer share its name and usage."""
    for row in truth:
        for path in files(corpus[0], row["path"]):
            chain = [record for record in records(path) if "uuid" in record]
            names = [record["uuid"] for record in chain]
            answers: dict[str, set[tuple[str, str]]] = defaultdict(set)
            asked, answered = [], []
            for record in chain:
                for block in blocks(record):
                    asked += [block["id"]] if block["type"] == "tool_use" else []
                    answered += [block["tool_use_id"]] if block["type"] == "tool_result" else []
                if record["type"] == "assistant":
                    assert len(record["message"]["content"]) == 1
                    usage = json.dumps(record["message"]["usage"])
                    answers[record["message"]["id"]].add((record["requestId"], usage))

            assert len(set(names)) == len(names)
            assert [record["parentUuid"] for record in chain] == [None, *names[:-1]]
            assert sorted(asked) == sorted(answered)
            assert len(set(asked)) == len(asked)
            assert all(len(shared) == 1 for shared in answers.values())


def test_what_happens_in_the_wild_happens_here(corpus: tuple[Path, Summary]) -> None:
    """
    A parser that is tried on these logs only must have met the traps of real ones.

    The rarest asked for are expected some twenty times in 600 sessions, so all of them are there
    but in one run of 10⁷ (a few times e⁻²⁰).  Sub-agents are rarer and not asked for.
    """
    seen: Counter[str] = Counter()
    for path in corpus[0].glob("logs/**/*.jsonl"):
        text = path.read_text(encoding="utf-8")
        seen["damaged"] += any(_damaged(line) for line in text.removesuffix("\n").split("\n"))
        for record in records(path):
            kind = record["type"]
            seen[kind] += 1
            seen[f"{kind} {record.get('operation', record.get('subtype', ''))}"] += 1
            seen["plan"] += bool(record.get("planContent"))
            for block in blocks(record):
                seen[f"{block['type']} {block.get('name', '')}"] += 1
                text = str(block.get("text", block.get("content", "")))
                seen["interrupt"] += text == "[Request interrupted by user]"
                seen["rejected"] += "the user said:\n" in text
                seen["command"] += text.startswith("<command-message>")
                seen["failed"] += block.get("is_error") is True

    wanted = (
        "damaged", "plan", "interrupt", "rejected", "command", "failed", "progress",
        "file-history-snapshot", "system turn_duration", "queue-operation enqueue",
        "queue-operation remove", "thinking ", "tool_use AskUserQuestion", "tool_use Write",
        "tool_use Edit", "tool_use TodoWrite", "tool_use WebSearch",
    )  # fmt: skip
    assert [name for name in wanted if not seen[name]] == []


def _damaged(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return True
    return False


def test_each_session_has_its_own_canary_once(
    corpus: tuple[Path, Summary], truth: list[dict[str, str]]
) -> None:
    """A canary in an output must name the session that leaked, and only that one."""
    canaries = {row["canary"]: row["path"] for row in truth}
    whole = {row["path"]: files(corpus[0], row["path"]) for row in truth}
    pattern = re.compile(r"\b(?:[b-z][aeiou]){7}\b")

    assert len(canaries) == SESSIONS
    for path, paths in whole.items():
        text = "".join(p.read_text(encoding="utf-8") for p in paths)
        found = [word for word in pattern.findall(text) if word in canaries]
        assert [canaries[canary] for canary in found] == [path]
        said = [h for record in records(paths[0]) if (h := human(record))]
        assert any(found[0] in text for text in said)


def test_a_seed_names_a_corpus(tmp_path: Path) -> None:
    """Same seed, same bytes; another seed, other bytes."""
    contents = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_sessions(tmp_path / name, accounts=5, sessions=9, seed=seed)
        found = sorted((tmp_path / name).rglob("*.*"))
        contents.append([(str(f.relative_to(tmp_path / name)), f.read_bytes()) for f in found])

    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_fewer_sessions_than_accounts_are_refused(tmp_path: Path) -> None:
    """The message says what to do."""
    with pytest.raises(ConfigurationError, match="at least as many sessions"):
        write_sessions(tmp_path, accounts=3, sessions=2, seed=1)
