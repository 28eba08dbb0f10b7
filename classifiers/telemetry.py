"""
What was counted about one session while it ran: the closed form, and what it says.

Telemetry is a second witness of the same session: the agent's own counters, exported as it
worked.  The custodian's edge reduces what a collector kept to this form (`otlp`), which holds
numbers, and hashes of the ids of tool calls; no name, path, address or word has a place in it.

A session is held to its telemetry by its key, which the headers of both name, and by its calls:
where telemetry was routed by the calls alone, at least one of them has to be in the session.

*Wrote code* is one line added or more, as `lines_of_code.count` counts it: by the agent's editing
tools, never by a shell command.  Counters that were exported and counted no line say no, since a
counter that never counted is not exported.  Where counters were not exported, the results of
calls speak: an editing tool that went through.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Literal

ABSENT = "absent"
Outcome = Literal["ok", "failed", "unknown"]
Decision = Literal["accept", "reject", "none"]
OUTCOMES: tuple[Outcome, ...] = ("unknown", "failed", "ok")
DECISIONS: tuple[Decision, ...] = ("none", "reject", "accept")
"""Of two that contradict each other the later one here stands, in whatever order they came."""

_CALL = re.compile(rb'"(toolu_[A-Za-z0-9_-]{1,100})"')
_HASH = re.compile(r"[0-9a-f]{24}")
_MARK = {"type": "clerestory", "telemetry": 1}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, as events tell of it."""

    edits: bool = False
    """Whether the tool is one that edits files."""
    outcome: Outcome = "unknown"
    decision: Decision = "none"


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums of counters over the whole session."""

    lines_added: int = 0
    lines_removed: int = 0
    commits: int = 0
    pull_requests: int = 0
    edits_accepted: int = 0
    edits_rejected: int = 0
    active_seconds: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Read from the cache, or written to it."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One session's telemetry."""

    counts: Counts | None = None
    """None where no counter was exported."""
    calls: Mapping[str, Call] = field(default_factory=dict)
    """`hash_of` a call's id → what came of it."""
    by_calls: bool = False
    """Whether it was routed to the session by its calls, and not by the session's id."""

    def encode(self) -> bytes:
        """The closed form, as it is sealed."""
        calls = {
            name: [int(call.edits), call.outcome, call.decision]
            for name, call in sorted(self.calls.items())
        }
        counts = asdict(self.counts) if self.counts else None
        told = _MARK | {"counts": counts, "calls": calls, "by_calls": self.by_calls}
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Telemetry":
        """
        Read the closed form.

        Raises:
            ValueError: It is not exactly that.
        """
        try:
            told = json.loads(data)
            counts = Counts(**told["counts"]) if told["counts"] is not None else None
            calls = {
                name: Call(bool(edits), outcome, decision)
                for name, (edits, outcome, decision) in told["calls"].items()
            }
            found = cls(counts, calls, told["by_calls"])
            if found._is_closed and found.encode() == data:
                return found
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass
        raise ValueError("no telemetry in its closed form")

    @property
    def _is_closed(self) -> bool:
        numbers = asdict(self.counts).values() if self.counts else ()
        return (
            all(type(number) is int and number >= 0 for number in numbers)
            and all(_HASH.fullmatch(name) for name in self.calls)
            and all(c.outcome in OUTCOMES and c.decision in DECISIONS for c in self.calls.values())
            and type(self.by_calls) is bool
        )


def wrote_code(telemetry: bytes, session: bytes) -> str:
    """
    Whether a session wrote code, as its telemetry counted: yes, no, or absent.

    Raises:
        ValueError: The telemetry is not in its closed form.
    """
    told = Telemetry.decode(telemetry)
    its = {hash_of(name) for name in calls_in(session)} if told.calls or told.by_calls else set()
    found = [call for name, call in told.calls.items() if name in its]
    if told.by_calls and not found:
        return ABSENT
    if told.counts is not None:
        return "yes" if told.counts.lines_added else "no"
    if told.calls and not found:
        return ABSENT
    return "yes" if any(call.edits and call.outcome == "ok" for call in found) else "no"


def calls_in(session: bytes) -> set[str]:
    """
    Ids of the tool calls in a session's lines, whatever its format.

    Within a text an id in quotes has its quotes escaped, and is not found.
    """
    return {name.decode("ascii") for name in _CALL.findall(session)}


def hash_of(call: str) -> str:
    """What stands for a call's id: a client may write anything where an id belongs."""
    return sha256(call.encode("utf-8", "replace")).hexdigest()[:24]


def call_record(hashed: str) -> str:
    """By what the custodian's memory knows a call, among the records of a session."""
    return f"call:{hashed}"


WARM_UP_TELEMETRY = Telemetry(Counts(lines_added=1), {hash_of("toolu_1"): Call()}).encode()
"""Made-up telemetry, to warm a worker up."""
