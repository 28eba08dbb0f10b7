"""
Sum the points of one session, in whatever order and however often they come.

A delta is added, once: a point that is exported again has the same attributes, start and time.
A cumulative counter says how much it has counted since it began: of each beginning the last
value counts, and where a value falls without a new beginning, the counter began again there.
Events tell of calls, and a call is one however many events tell of it.  So the sums are a function
of the set of points: files may be split, rotated, repeated and read in any order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .otlp import EDITORS, Point
from .telemetry import DECISIONS, OUTCOMES, Call, Counts, Telemetry, hash_of

_TYPED = {
    "lines_of_code.count": ("type", {"added": "lines_added", "removed": "lines_removed"}),
    "code_edit_tool.decision": (
        "decision",
        {"accept": "edits_accepted", "reject": "edits_rejected"},
    ),
    "token.usage": (
        "type",
        {
            "input": "tokens_in",
            "output": "tokens_out",
            "cacheRead": "tokens_cached",
            "cacheCreation": "tokens_cached",
        },
    ),
}
_PLAIN = {
    "commit.count": "commits",
    "pull_request.count": "pull_requests",
    "active_time.total": "active_seconds",
}
_NOT_A_SESSION = "agents_view"
"""A start of the program that only shows what agents do."""


@dataclass(slots=True)
class Sums:
    """What has been read of one session."""

    calls: dict[str, Call] = field(default_factory=dict)
    began: int = 2**64
    """Nanoseconds of its first point."""
    _counters: bool = False
    _deltas: dict[str, dict[bytes, float]] = field(default_factory=lambda: defaultdict(dict))
    _cumulative: dict[str, dict[bytes, dict[tuple[int, int], float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )

    def add(self, point: Point) -> int:
        """Add a point or an event; returns how many more it has to remember."""
        before = self.began
        self.began = min(self.began, point.time)
        if point.temporality is None:
            return self._happened(point)
        if point.attributes.get("start_type") == _NOT_A_SESSION:
            self.began = before
            return 0
        self._counters = True
        name = _counted(point)
        if not name:
            return 0
        if point.temporality == "delta":
            held, key = self._deltas[name], _key(point)
            fresh = key not in held
            held[key] = max(point.value, held.get(key, 0.0))
            return fresh
        series, at = self._cumulative[name][point.series], (point.start, point.time)
        fresh = at not in series
        series[at] = max(point.value, series.get(at, 0.0))
        return fresh

    @property
    def counts(self) -> Counts | None:
        """The sums; None where no counter was exported."""
        if not self._counters:
            return None
        sums = {name: sum(held.values()) for name, held in self._deltas.items()}
        for name, several in self._cumulative.items():
            grown = sum(_grown(values) for values in several.values())
            sums[name] = sums.get(name, 0.0) + grown
        return Counts(**{name: round(value) for name, value in sums.items()})

    @property
    def points(self) -> int:
        """Points and calls, each counted once."""
        cumulative = (v for several in self._cumulative.values() for v in several.values())
        return (
            len(self.calls)
            + sum(len(held) for held in self._deltas.values())
            + sum(len(values) for values in cumulative)
        )

    def _happened(self, event: Point) -> int:
        told = event.attributes
        name = told.get("tool_use_id")
        if event.name not in ("tool_result", "tool_decision") or not name:
            return 0
        success = {"true": "ok", "false": "failed"}.get(told.get("success", "").lower(), "unknown")
        stated = told.get("decision_type") or told.get("decision") or ""
        call = Call(
            (told.get("tool_name") or told.get("tool")) in EDITORS,
            next(each for each in OUTCOMES if each == success),
            next((each for each in DECISIONS if each == stated), "none"),
        )
        key = hash_of(name)
        known = self.calls.get(key)
        self.calls[key] = both(known, call) if known else call
        return known is None


def both(one: Call, other: Call) -> Call:
    """What two events tell of one call."""
    return Call(
        one.edits or other.edits,
        max(one.outcome, other.outcome, key=OUTCOMES.index),
        max(one.decision, other.decision, key=DECISIONS.index),
    )


def together(several: Iterable[Telemetry]) -> Telemetry:
    """Several client sessions that are one session of ours: a resumed one has an id of its own."""
    counts: Counts | None = None
    calls: dict[str, Call] = {}
    by_calls = True
    for one in several:
        by_calls = by_calls and one.by_calls
        counts = _added(counts, one.counts)
        for name, call in one.calls.items():
            calls[name] = both(calls[name], call) if name in calls else call
    return Telemetry(counts, calls, by_calls)


def _added(one: Counts | None, other: Counts | None) -> Counts | None:
    if one is None or other is None:
        return one or other
    names = Counts.__dataclass_fields__
    return Counts(**{name: getattr(one, name) + getattr(other, name) for name in names})


def _counted(point: Point) -> str:
    """Which sum a counter adds to; empty for one that only shows that counters were exported."""
    if point.name in _PLAIN:
        return _PLAIN[point.name]
    by, names = _TYPED.get(point.name, ("", {}))
    return names.get(point.attributes.get(by, ""), "")


def _key(point: Point) -> bytes:
    return point.series + point.start.to_bytes(8) + point.time.to_bytes(8)


def _grown(values: Mapping[tuple[int, int], float]) -> float:
    """By how much a cumulative counter grew, over all of its beginnings."""
    total, start, last = 0.0, -1, 0.0
    for (since, _), value in sorted(values.items()):
        last = last if since == start and value >= last else 0.0
        total, start, last = total + value - last, since, value
    return total
