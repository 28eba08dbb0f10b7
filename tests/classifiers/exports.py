"""Exports of a collector, made for a test: one JSON object a line, in words of our own."""

import json
import re
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
SECOND = 10**9
BEGAN = 1_762_336_800 * SECOND
"""2025-11-05, 10:00 UTC."""
ANN, BOB = "0a0a0a0a-0000-4000-8000-000000000001", "0b0b0b0b-0000-4000-8000-000000000002"


def kv(key: str, value: object) -> Json:
    """One attribute."""
    match value:
        case bool():
            return {"key": key, "value": {"boolValue": value}}
        case int():
            return {"key": key, "value": {"intValue": str(value)}}
        case float():
            return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": value}}


def resource(service: str = "claude-code", **more: object) -> Json:
    """The process that exports."""
    told = {"service.name": service, "os.type": "linux", **more}
    return {"attributes": [kv(key, value) for key, value in told.items()]}


def point(
    name: str,
    value: float,
    *,
    at: int = 60,
    since: int = 0,
    session: str = "s1",
    account: str = ANN,
    temporality: object = 1,
    whole: bool = False,
    **more: object,
) -> Json:
    """One point of one counter; times in seconds after BEGAN."""
    told = {"session.id": session, "user.account_uuid": account, **more}
    number = {"asInt": str(int(value))} if whole else {"asDouble": value}
    one = {
        "attributes": [kv(key.replace("__", "."), v) for key, v in told.items() if v],
        "startTimeUnixNano": str(BEGAN + since * SECOND),
        "timeUnixNano": str(BEGAN + at * SECOND),
        **number,
    }
    total = {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": [one]}
    return {"name": f"claude_code.{name}", "unit": "count", "sum": total}


def event(
    name: str, *, at: int = 60, session: str = "s1", account: str = ANN, **more: object
) -> Json:
    """One event."""
    told = {"session.id": session, "user.account_uuid": account, "event.name": name, **more}
    return {
        "timeUnixNano": str(BEGAN + at * SECOND),
        "body": {"stringValue": f"claude_code.{name}"},
        "attributes": [kv(key.replace("__", "."), v) for key, v in told.items() if v],
    }


def result(call: str, tool: str = "Edit", *, success: str = "true", **more: object) -> Json:
    """A tool's result."""
    told: Json = {"tool_use_id": call, "tool_name": tool, "success": success, **more}
    return event("tool_result", **told)


def metrics(*several: Json, by: Json | None = None) -> Json:
    """One export of counters."""
    scope = {"scope": {"name": "com.anthropic.claude_code"}, "metrics": list(several)}
    return {"resourceMetrics": [{"resource": by or resource(), "scopeMetrics": [scope]}]}


def logs(*several: Json, by: Json | None = None) -> Json:
    """One export of events."""
    scope = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": list(several)}
    return {"resourceLogs": [{"resource": by or resource(), "scopeLogs": [scope]}]}


def spans() -> Json:
    """One export of traces."""
    span = {"traceId": "0af7651916cd43dd8448eb211c80319c", "name": "claude_code.interaction"}
    return {"resourceSpans": [{"resource": resource(), "scopeSpans": [{"spans": [span]}]}]}


def lines(exports: Iterable[Json]) -> bytes:
    """A collector's file."""
    return b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in exports)


def snaked(export: Json) -> Json:
    """The same with fields named as in protobuf."""
    text = re.sub(
        r'"([a-z]+[A-Z][A-Za-z]*)":',
        lambda found: re.sub("[A-Z]", lambda one: f"_{one[0].lower()}", found[0]),
        json.dumps(export, separators=(",", ":")),
    )
    changed: Json = json.loads(text)
    return changed
