"""
What inspect-swe finds in logs of Claude Code.  Paths come in, one a line; an object each goes out.

Run by the tests in an environment of its own, since it brings half a hundred packages.  Lines are
taken as plainly as can be, so that its reading is not ours: the JSON values a line begins with.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from inspect_swe._claude_code._events.extraction import extract_user_message
from inspect_swe._claude_code._events.models import (
    AssistantEvent,
    BaseEvent,
    ContentToolUse,
    consolidate_assistant_events,
    parse_content_block,
    parse_events,
)
from inspect_swe._claude_code._events.tree import get_conversation_events
from pydantic import ValidationError


def objects(path: Path) -> Iterator[dict[str, object]]:
    """The objects of a file's lines."""
    decoder = json.JSONDecoder()
    for line in path.read_bytes().split(b"\n"):
        text, position = line.decode("utf-8", "replace").strip(), 0
        while position < len(text):
            try:
                value, position = decoder.raw_decode(text, position)
            except json.JSONDecodeError:
                break
            if isinstance(value, dict):
                yield value


def found_in(path: Path) -> dict[str, object]:
    """Ids of calls and of answers, what it takes for a user's words, and records it fails on."""
    events: list[BaseEvent] = []
    failed: list[str] = []
    for raw in objects(path):
        try:
            events += parse_events([raw])
        except ValidationError:
            failed.append(str(raw.get("uuid")))
    answers = [e for e in consolidate_assistant_events(events) if isinstance(e, AssistantEvent)]
    blocks = [parse_content_block(raw) for e in answers for raw in e.message.content]
    spoken = [extract_user_message(e) for e in get_conversation_events(events)]
    return {
        "calls": sorted({b.id for b in blocks if isinstance(b, ContentToolUse)}),
        "answers": sorted({str(e.message.id) for e in answers if e.message.model != "<synthetic>"}),
        "made_up": sorted({str(e.message.id) for e in answers if e.message.model == "<synthetic>"}),
        "words": [message.text for message in spoken if message is not None],
        "failed": failed,
    }


if __name__ == "__main__":
    for given in sys.stdin.read().splitlines():
        sys.stdout.write(json.dumps(found_in(Path(given))) + "\n")
