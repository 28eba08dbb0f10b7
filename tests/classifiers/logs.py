"""
Small logs in the real format, written record by record.

All words are made up; nothing is taken from anybody's session.
"""

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from classifiers.formats import read_session
from classifiers.sessions import Session

_numbers = count()


def record(kind: str, content: object, **more: object) -> dict[str, Any]:
    """One user or assistant record with an id of its own."""
    number = next(_numbers)
    message = {"role": kind, "content": content}
    if kind == "assistant":
        message |= {"id": f"msg-{number}", "model": "claude-opus-4-5"}
    return {
        "type": kind,
        "uuid": f"uuid-{number}",
        "sessionId": "session-a",
        "timestamp": _time(number),
        "message": message,
    } | more


def _time(number: int) -> str:
    """A second later with every record."""
    return f"{datetime(2026, 2, 3, 4, 5) + timedelta(seconds=number):%Y-%m-%dT%H:%M:%S.000Z}"  # noqa: DTZ001


def person(text: object, **more: object) -> dict[str, Any]:
    """What stands in a user record."""
    return record("user", text, **more)


def agent(text: str, **more: object) -> dict[str, Any]:
    """What the agent says."""
    return record("assistant", [{"type": "text", "text": text}], **more)


def call(name: str, call_id: str = "call-1", **given: object) -> dict[str, Any]:
    """A tool call."""
    return record("assistant", [{"type": "tool_use", "id": call_id, "name": name, "input": given}])


def result(
    text: str, call_id: str = "call-1", *, error: bool = False, extra: object = None, **more: object
) -> dict[str, Any]:
    """A call's result."""
    block = {"type": "tool_result", "tool_use_id": call_id, "content": text, "is_error": error}
    return record("user", [block], **({"toolUseResult": extra} if extra else {}), **more)


def queue(operation: str, content: str | None = None) -> dict[str, Any]:
    """A queue operation; it has no id."""
    said = {} if content is None else {"content": content}
    return {
        "type": "queue-operation",
        "operation": operation,
        "timestamp": _time(next(_numbers)),
        "sessionId": "session-a",
    } | said


def attachment(prompt: str, kind: str, *, mode: str = "prompt") -> dict[str, Any]:
    """Words typed while the agent worked, as newer versions write them once more."""
    body = {"type": "queued_command", "prompt": prompt, "commandMode": mode}
    origin = {"origin": {"kind": kind}}
    return record("attachment", "") | {"attachment": body | origin}


def log(*records: dict[str, Any]) -> bytes:
    """Records as a file's bytes."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def session(*records: dict[str, Any]) -> Session:
    """Records as a session."""
    return read_session(log(*records))


def said(found: Session) -> list[tuple[str, str]]:
    """What the person said: the way it came, and the words."""
    return [(each.via, "".join(each.text)) for each in found.human]
