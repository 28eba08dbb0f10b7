"""
Read what an OpenTelemetry collector kept of Claude Code, and keep what may be kept.

The collector's file exporter writes one export a line, metrics, logs and traces in files of
their own, in no promised order, and repeats what it could not deliver [1].  Of an attribute
nothing is used that is not named here: `KEPT` is the whole list, so that an attribute which comes
with the next version goes nowhere.  E-mail, paths, host, prompts and names are not on it.

Numbers of 64 bits are texts or numbers, temporality is a number or a name, field names may be
spelt in either of protobuf's ways [2].  One point that is malformed costs that point.

[1] opentelemetry-collector-contrib, exporter/fileexporter.  [2] OTLP specification, JSON Protobuf
encoding; ProtoJSON.  Names of metrics, events and attributes: Claude Code's monitoring reference.
"""

import json
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from math import isfinite
from typing import Literal

from .formats.lines import Record
from .formats.values import dict_of, dicts_of, text_of, time_of

SERVICE = "claude-code"
SIGNALS = ("resourceMetrics", "resourceLogs", "resourceSpans")
IDENTITIES = ("user.account_uuid", "user.id")
"""By what telemetry names an account, the better one first."""
KEPT = frozenset(
    {
        *IDENTITIES,
        *("session.id", "type", "start_type", "decision", "tool_name", "tool"),
        *("event.name", "tool_use_id", "success", "decision_type"),
    }
)
"""Attributes whose values are looked at; all others only tell two series apart."""
_OF_EVENTS = KEPT | {"event.timestamp"}
EDITORS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})
LARGEST_VALUE = 10.0**12
"""No counter of a session comes near it."""

Temporality = Literal["delta", "cumulative"]
_TEMPORALITIES: dict[object, Temporality] = {
    **dict.fromkeys((1, "1", "AGGREGATION_TEMPORALITY_DELTA"), "delta"),
    **dict.fromkeys((2, "2", "AGGREGATION_TEMPORALITY_CUMULATIVE"), "cumulative"),
}
_NOT_RECORDED = 1
"""Flag of a point that says that there is none."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one counter, or one event."""

    account: str
    """By what it names its account; empty if by nothing."""
    session: str
    """The session's id; empty where clients are told to leave it out."""
    name: str
    """The counter's or event's, without the prefix."""
    attributes: dict[str, str]
    """Of `KEPT`, no other."""
    series: bytes
    """Tells it from points with other attributes, whichever those are; empty in an event."""
    start: int
    """Nanoseconds: since when it counts; 0 in an event."""
    time: int
    """Nanoseconds."""
    value: float = 0.0
    temporality: Temporality | None = None
    """None in an event."""


@dataclass(slots=True)
class Reader:
    """Points of exports, one after the other, and what became of the rest."""

    codes: Counter[str] = field(default_factory=Counter)
    """What was passed over, by reason code."""

    def points(self, export: Record) -> Iterator[Point]:
        """The points and events of Claude Code in one export."""
        for metrics in dicts_of(_of(export, "resourceMetrics")):
            if (shared := self._shared(metrics)) is not None:
                for scope in dicts_of(_of(metrics, "scopeMetrics")):
                    for metric in dicts_of(_of(scope, "metrics")):
                        yield from self._counted(metric, shared)
        for logs in dicts_of(_of(export, "resourceLogs")):
            if (shared := self._shared(logs)) is not None:
                for scope in dicts_of(_of(logs, "scopeLogs")):
                    for record in dicts_of(_of(scope, "logRecords")):
                        yield from self._happened(record, shared)
        self.codes["TELEMETRY_TRACES"] += len(dicts_of(_of(export, "resourceSpans")))

    def _shared(self, resource: Record) -> Record | None:
        """Attributes of the process that exported, if it was Claude Code."""
        shared = attributes_of(dict_of(resource.get("resource")))
        if shared.get("service.name") == SERVICE:
            return shared
        self.codes["TELEMETRY_OTHER_SERVICE"] += 1
        return None

    def _counted(self, metric: Record, shared: Record) -> Iterator[Point]:
        name = text_of(metric.get("name"))
        total = dict_of(metric.get("sum"))
        if not name.startswith("claude_code.") or not total:
            return
        stated = _of(total, "aggregationTemporality")
        temporality = _TEMPORALITIES.get(stated) if isinstance(stated, int | str) else None
        for point in dicts_of(_of(total, "dataPoints")):
            time, value = whole(_of(point, "timeUnixNano")), _value(point)
            flags = whole(point.get("flags")) or 0
            if not time or value is None or temporality is None or flags & _NOT_RECORDED:
                self.codes["TELEMETRY_BAD_POINT"] += 1
                continue
            start = whole(_of(point, "startTimeUnixNano")) or 0
            told = shared | attributes_of(point)
            yield _point(name, told, start, time, value, temporality)

    def _happened(self, record: Record, shared: Record) -> Iterator[Point]:
        told = shared | attributes_of(record, _OF_EVENTS)
        body = next((text_of(v) for v in dict_of(record.get("body")).values()), "")
        name = str(told.get("event.name") or body or text_of(_of(record, "eventName")))
        time = whole(_of(record, "timeUnixNano")) or whole(_of(record, "observedTimeUnixNano"))
        if not time and (stated := time_of(told.get("event.timestamp"))):
            time = int(stated.timestamp() * 10**9)
        if not time or not name:
            self.codes["TELEMETRY_BAD_POINT"] += 1
            return
        yield _point(name, told, 0, time)


def is_telemetry(record: Record) -> bool:
    """Whether a record is an export, of whatever service."""
    return any(isinstance(_of(record, signal), list) for signal in SIGNALS)


def attributes_of(holder: Record, wanted: Container[str] | None = None) -> Record:
    """Attributes as texts, all or the wanted ones; a list or a mapping is one text as well."""
    found: Record = {}
    several = holder.get("attributes")
    for each in several if isinstance(several, list) else ():
        key = each.get("key") if isinstance(each, dict) else None
        if isinstance(key, str) and (wanted is None or key in wanted):
            value = each.get("value")
            inner = next(iter(value.values()), "") if isinstance(value, dict) else ""
            found[key] = inner if isinstance(inner, str) else _as_text(inner)
    return found


def whole(value: object) -> int | None:
    """A count of 64 bits, which is a text or a number; None if it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64
    return value if is_count and isinstance(value, int) else None


def _as_text(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else "" if value is None else json.dumps(value, sort_keys=True)


def month_of(nanoseconds: int) -> str:
    """Month (UTC) of a point's time; `unknown` beyond our days."""
    time = time_of(nanoseconds // 10**9)
    return f"{time.astimezone(UTC):%Y-%m}" if isinstance(time, datetime) else "unknown"


def _point(
    name: str,
    told: Record,
    start: int,
    time: int,
    value: float = 0.0,
    temporality: Temporality | None = None,
) -> Point:
    kept = {key: str(told[key]) for key in KEPT if key in told}
    name = name.removeprefix("claude_code.")
    series = b""
    if temporality:  # an event needs none: its call is one, however often it is told of
        whole_series = repr((name, temporality, sorted(told.items())))
        series = blake2b(whole_series.encode("utf-8", "replace"), digest_size=16).digest()
    account = next((kept[key] for key in IDENTITIES if kept.get(key)), "")
    session = kept.get("session.id", "")
    return Point(account, session, name, kept, series, start, time, value, temporality)


def _value(point: Record) -> float | None:
    """A counter's value: never negative, never beyond reason."""
    stated = _of(point, "asInt")
    value: float | None = whole(stated) if stated is not None else None
    if stated is None:
        given = _of(point, "asDouble")
        try:
            value = float(given) if isinstance(given, str | int | float) else None
        except (ValueError, OverflowError):
            value = None
    sound = value is not None and isfinite(value) and 0 <= value <= LARGEST_VALUE
    return value if sound else None


def _of(record: Record, name: str) -> object:
    """A field by its name in JSON, or by the name that it has in protobuf."""
    if name in record:
        return record[name]
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return record.get(snake)
