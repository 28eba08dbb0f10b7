"""Real logs of Claude Code, told as pages of the API would: the same sessions come out."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from classifiers.formats import read_session
from classifiers.sessions import Session, UnreadableError
from tests.classifiers.formats.made import TIME, Json
from tests.classifiers.formats.test_compliance import page, text
from tests.support.corpus import real_logs

pytestmark = pytest.mark.corpus


def records_of(log: bytes) -> Iterator[Json]:
    """What a program sent of a log's trunk, and what it was answered."""
    for line in log.split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        is_said = isinstance(record, dict) and record.get("type") in ("user", "assistant")
        message = record.get("message") if is_said and not record.get("isSidechain") else None
        if isinstance(message, dict) and message.get("model") != "<synthetic>":
            yield record


def as_pages(log: bytes) -> bytes:
    """A log as the API would tell it: no flags, no patches, no pictures, inputs as strings."""
    told: list[Json] = []
    answers: dict[str, Json] = {}
    for record in records_of(log):
        said = record["message"]
        content = said.get("content")
        blocks = [text(content)] if isinstance(content, str) else content or []
        shown = [found for each in blocks if (found := _shown(each))]
        if said.get("id") in answers:
            answers[said["id"]]["content"] += shown
            continue
        told.append({
            "type": "compliance_local_session_message",
            "id": f"clsm_{len(told)}",
            "role": record["type"],
            "model": said.get("model"),
            "created_at": record.get("timestamp", TIME),
            "provenance": None,
            "content": shown,
        })  # fmt: skip
        if record["type"] == "assistant" and said.get("id"):
            answers[said["id"]] = told[-1]
    return json.dumps(page(*told)).encode()


def _shown(block: Json) -> Json | None:
    match block.get("type"):
        case "text":
            return text(block["text"])
        case "tool_use":
            return {**block, "input": json.dumps(block["input"]), "truncated": False}
        case "tool_result":
            content = block.get("content") or []
            parts = [text(content)] if isinstance(content, str) else content
            return {**block, "content": [each for each in parts if each.get("type") == "text"]}
        case "image" | "document" as kind:
            return text(f"[{kind} content not shown]") | {"truncated": True}
    return None


def spoken(session: Session) -> Counter[tuple[str, str]]:
    """What a person said, and how."""
    return Counter((said.via, "".join(said.text)) for said in session.human)


def test_pages_tell_what_logs_tell() -> None:
    """
    The same calls with the same ends; the same words of people, but for what pages cannot tell.

    They have no record of what was typed meanwhile (a program hands it on in reminders, which
    logs do not keep), and no flag on what a program put in: of that a few texts may be taken
    for a person's, at most one in fifty.  Lines are those of inputs, without what overwrote.
    """
    told, extra, sessions = 0, Counter[tuple[str, str]](), 0
    lines: Counter[str] = Counter()
    for path in sorted((real_logs() / "claude_code").rglob("*.jsonl")):
        log = path.read_bytes()
        try:
            true, found = read_session(log), read_session(as_pages(log))
        except UnreadableError:
            continue
        sessions += 1
        assert calls(found) == calls(true), path.name
        missing = spoken(true) - spoken(found)
        assert {via for via, _ in missing} <= {"steering"}, path.name
        extra += spoken(found) - spoken(true)
        told += spoken(true).total()
        for name, session in (("true", true), ("found", found)):
            lines[name] += sum(call.lines_added for call in session.calls)
    assert sessions > 100
    assert told > 300
    assert extra.total() <= told / 50
    assert 0.8 * lines["true"] <= lines["found"] <= lines["true"]


def calls(session: Session) -> list[tuple[str, str]]:
    """Each call's id and what it was applied to."""
    return [("".join(call.call_id), "".join(call.subject)) for call in session.calls]
