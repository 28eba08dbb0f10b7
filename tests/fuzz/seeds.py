"""
Logs to begin from: of every format, with a mark in every place where a word could stand.

Words are our fixtures'; more come from `synthesize`, and from real logs where there are any.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from classifiers.stub import WARM_UP
from clerestory.synthesis import synthesize_sessions
from tests.classifiers import exports, logs
from tests.classifiers.formats import made
from tests.classifiers.formats.test_any_bytes import RECORDS, TEXTS
from tests.fuzz.pipeline import MARK

LONGEST = 24_000
"""bytes: what is longer makes the fuzzer slow and finds nothing more."""

EXPORTS = [
    [
        exports.metrics(exports.point("lines_of_code.count", 3, type="added", session="sound")),
        exports.metrics(exports.point("commit.count", 1, temporality=2, whole=True)),
    ],
    [exports.logs(exports.result("toolu_1"), exports.event("user_prompt", prompt="please"))],
]
"""What a collector kept: counters, and events."""
KEPT = frozenset(
    {
        "key", "name",
        "type", "role", "operation", "subtype", "sender", "source", "status", "schema_version",
        "kind", "entrypoint", "commandMode", "product_surface", "provenance",
    }
)  # fmt: skip
"""Keys by whose value a format knows its own: a mark there would make another log of it."""

CLAUDE_CODE = [
    logs.queue("enqueue", "typed meanwhile"),
    logs.person("please mend the sum", permissionMode="default"),
    logs.call("Edit", "call-1", file_path="src/sum.py", old_string="a", new_string="b"),
    logs.queue("remove", "typed meanwhile"),
    logs.result("ok", "call-1", extra={"structuredPatch": [{"lines": ["+b", "-a"]}]}),
    logs.call("Task", "call-2", prompt="look"),
    logs.person("look", isSidechain=True, agentId="agent"),
    logs.agent("seen", isSidechain=True, agentId="agent"),
    logs.result("done", "call-2", extra={"agentId": "agent"}),
    logs.call("AskUserQuestion", "call-3", questions=[{"question": "which?"}]),
    logs.result("answered", "call-3", extra={"answers": {"which?": "this"}}),
    logs.call("ExitPlanMode", "call-4", plan="first"),
    logs.result("the user said:\nnot so", "call-4", error=True),
    logs.person([{"type": "image", "source": {"type": "base64", "data": "aaaa"}}]),
    logs.person("<command-name>/review</command-name><command-args>it</command-args>"),
    logs.person("Implement the following plan:\n\n# Plan", planContent="# Plan"),
    logs.person("This session is being continued from a previous conversation"),
    {"type": "system", "subtype": "compact_boundary", "uuid": "u", "sessionId": "session-a"},
    {"type": "attachment", "sessionId": "session-a", "uuid": "v",
     "attachment": {"type": "queued_command", "prompt": "and this", "origin": {"kind": "human"}}},
    logs.person("[Request interrupted by user]"),
    {"type": "summary", "summary": "of it", "leafUuid": "w"},
    logs.agent("an error", isApiErrorMessage=True),
]  # fmt: skip


def marked(value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON
    """A value with the mark at the end of every word that is free."""
    if isinstance(value, dict):
        return {name: marked(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [marked(part, key) for part in value]
    if not isinstance(value, str) or key in KEPT or _is_time(value):
        return value
    return value + MARK


def records() -> dict[str, list[made.Json]]:
    """The records of a log of each format that is made of records."""
    return {"claude_code": CLAUDE_CODE, **RECORDS}


def fixtures() -> Iterator[bytes]:
    """Logs of every format, as fixtures make them, plain and marked, and some that are torn."""
    for found in records().values():
        yield made.lines(*found)
        yield made.lines(*marked(found))
        yield made.document(marked(found))
        yield made.document(marked(found[0]))
    for text in TEXTS.values():
        yield text.encode()
        yield text.replace("a", "a" + MARK, 40).encode()
    for export in EXPORTS:
        yield made.lines(*export)
        yield made.lines(*marked(export))
    yield WARM_UP
    yield from _spoilt()


def seeds(more: Path | None = None) -> Iterator[bytes]:
    """
    Logs to begin from.

    Args:
        more: A folder of real logs, or None.
    """
    yield from fixtures()
    with TemporaryDirectory() as folder:
        synthesize_sessions(Path(folder), accounts=4, sessions=12, seed=1)
        yield from _files(Path(folder) / "logs")
    if more is not None:
        yield from _files(more)


def _files(folder: Path) -> Iterator[bytes]:
    """The beginning of every file, cut where a line ends."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        with path.open("rb") as file:
            head = file.read(LONGEST)
        yield head[: head.rfind(b"\n") + 1] or head


def _spoilt() -> Iterator[bytes]:
    line = made.lines(logs.person(MARK))
    yield line[:-1] + line
    yield line[:40] + line
    yield b"\0" * 100 + line + b"\0" * 100
    yield b"\xef\xbb\xbf" + line
    yield line.decode().encode("utf-16")
    yield line.replace(MARK.encode(), b"\\ud83d" + MARK.encode())
    yield line.replace(MARK.encode(), "\u2028\u0085".encode() + MARK.encode())
    yield line.replace(b'"Qzxv"', b"[" * 2000 + b"]" * 2000)


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
