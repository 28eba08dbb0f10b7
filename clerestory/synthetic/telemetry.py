"""
Write what a collector would have kept of synthetic sessions: metrics, events and traces.

One export a line, as the collector's file exporter writes them.  What happens in the wild
happens here: deltas and totals, counters that begin again, numbers as texts, exports sent twice,
clients that are told to leave the session's id out, services that are not ours.  Attributes hold
what a client sends by default, e-mail and paths included, and now and then a prompt.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, Self

from .log import Done, Json
from .story import Story

EDITORS = ("Edit", "Write")
SPANS = "resourceSpans"
_FILES = {"resourceMetrics": "metrics", "resourceLogs": "events", SPANS: "traces"}
_SECOND = 10**9
_NAMED = {
    "lines_added": ("lines_of_code.count", {"type": "added"}),
    "lines_removed": ("lines_of_code.count", {"type": "removed"}),
    "commits": ("commit.count", {}),
    "accepted": ("code_edit_tool.decision", {"tool_name": "Edit", "decision": "accept"}),
    "rejected": ("code_edit_tool.decision", {"tool_name": "Edit", "decision": "reject"}),
    "seconds": ("active_time.total", {"type": "cli"}),
    "tokens": ("token.usage", {"type": "output"}),
    "fresh": ("session.count", {"start_type": "fresh"}),
    "resume": ("session.count", {"start_type": "resume"}),
}


@dataclass(slots=True)
class _Client:
    """How one session's process exports."""

    account: str
    story: Story
    dice: Random
    canary: str
    has_id: bool = True
    totals: bool = False
    """Cumulative counters, and no deltas."""
    number: str = "asDouble"

    def attributes(self, **more: object) -> list[Json]:
        """What every point carries, and more."""
        told = {
            "user.id": f"{sum(map(ord, self.account)):064x}",
            "user.account_uuid": self.account,
            "user.email": f"{self.account}@example.org",
            "terminal.type": "tmux",
            **({"session.id": self.story.session} if self.has_id else {}),
            **more,
        }
        return [{"key": key, "value": _value(value)} for key, value in told.items()]


@dataclass(slots=True)
class Collector:
    """A collector's files; use it in a `with` statement."""

    folder: Path
    _files: dict[str, IO[str]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        for signal, name in _FILES.items():
            path = self.folder / f"{name}.jsonl"
            opened = path.open("w", encoding="utf-8", newline="")
            self._files[signal] = self._open.enter_context(opened)
        self._send(SPANS, [{"traceId": "5b8efff798038103d269b633813fc60c"}], "scopeSpans", "spans")
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def hear(self, account: str, story: Story, canary: str) -> str:
        """
        Keep what a session's process exports.

        Returns:
            Whether it wrote code, as its telemetry says: yes or no.
        """
        dice = Random(story.session)  # noqa: S311 - this is data, not a secret
        client = _Client(account, story, dice, canary)
        client.has_id = not story.done or dice.random() > 0.08
        client.totals = dice.random() < 0.2
        client.number = dice.choice(("asDouble", "asInt", "asInt text"))
        for metrics in _counted(client):
            self._send("resourceMetrics", metrics, "scopeMetrics", "metrics", dice)
        happened = list(_happened(client))
        for at in range(0, len(happened), 20):
            self._send("resourceLogs", happened[at : at + 20], "scopeLogs", "logRecords", dice)
        if dice.random() < 0.05:
            self._send("resourceMetrics", [], "scopeMetrics", "metrics", service="billing")
        wrote = any(done.call.tool in EDITORS and not done.call.failed for done in story.done)
        return "yes" if (story.count.get("lines_added") if client.has_id else wrote) else "no"

    def _send(
        self,
        signal: str,
        what: Sequence[Json],
        scope: str,
        name: str,
        dice: Random | None = None,
        *,
        service: str = "claude-code",
    ) -> None:
        told = {"service.name": service, "service.version": "2.1.12", "host.arch": "arm64"}
        attributes = [{"key": key, "value": _value(value)} for key, value in told.items()]
        inner = {"scope": {"name": "com.anthropic.claude_code"}, name: list(what)}
        export = {signal: [{"resource": {"attributes": attributes}, scope: [inner]}]}
        line = json.dumps(export, separators=(",", ":")) + "\n"
        again = dice is not None and dice.random() < 0.1
        self._files[signal].write(line * (2 if again else 1))


def _counted(client: _Client) -> Iterator[list[Json]]:
    """The counters of each interval; a process that was resumed begins again."""
    done, dice = client.story.done, client.dice
    began = int(client.story.began.timestamp()) * _SECOND
    parts = min(len(done), dice.randrange(1, 4)) or 1
    resumed = parts > 1 and dice.random() < 0.3
    total: Counter[str] = Counter()
    since = before = began
    for part in range(parts):
        some = done[len(done) * part // parts : len(done) * (part + 1) // parts]
        start = "resume" if resumed and part == parts - 1 else "fresh"
        if start == "resume":
            total.clear()
            since = before + 1
        grown = _grown(some, dice)
        grown.update({start: 1} if part == 0 or start == "resume" else {})
        total.update(grown)
        last = int(some[-1].at.timestamp()) * _SECOND if some else began
        now = max(last, before) + 30 * _SECOND
        counted, from_when = (total, since) if client.totals else (grown, before)
        yield [_metric(client, name, n, from_when, now) for name, n in counted.items() if n]
        before = now
    if dice.random() < 0.06:
        view = {"start_type": "agents_view", "session.id": f"view-{client.story.session}"}
        yield [_point(client, "session.count", 1, began, before, **view)]


def _grown(done: Sequence[Done], dice: Random) -> Counter[str]:
    edits = [each.call for each in done if each.call.tool in EDITORS]
    return Counter(
        lines_added=sum(each.call.added for each in done),
        lines_removed=sum(each.call.removed for each in done),
        commits=sum(each.call.commits for each in done),
        accepted=sum(not call.failed for call in edits),
        rejected=sum(call.failed for call in edits),
        seconds=dice.randrange(5, 60),
        tokens=dice.randrange(100, 9_000),
    )


def _metric(client: _Client, name: str, value: int, since: int, now: int) -> Json:
    named, more = _NAMED[name]
    return _point(client, named, value, since, now, **more)


def _point(client: _Client, name: str, value: int, since: int, now: int, **more: object) -> Json:
    number: object = str(value) if client.number.endswith("text") else value
    point = {
        "attributes": client.attributes(**more),
        "startTimeUnixNano": str(since),
        "timeUnixNano": str(now),
        client.number.split()[0]: number,
    }
    of_totals = client.dice.choice((2, "AGGREGATION_TEMPORALITY_CUMULATIVE"))
    sums = {
        "aggregationTemporality": of_totals if client.totals else 1,
        "isMonotonic": True,
        "dataPoints": [point],
    }
    return {"name": f"claude_code.{name}", "unit": "count", "sum": sums}


def _happened(client: _Client) -> Iterator[Json]:
    """The events of a session: its first prompt, and what became of every call."""
    about: Json = {"prompt_length": 30, "prompt": "<REDACTED>"}
    if client.dice.random() < 0.1:
        about["prompt"] = f"please look at {client.canary} in {client.story.cwd}"
    yield _event(client, "user_prompt", 0, int(client.story.began.timestamp()), **about)
    for number, done in enumerate(client.story.done, 1):
        rejected = done.call.failed and done.call.tool in EDITORS
        told: Json = {"tool_name": done.call.tool, "tool_use_id": done.name}
        told |= {"decision": "reject" if rejected else "accept", "source": "config"}
        name = "tool_decision"
        if not rejected:
            name, told["success"] = "tool_result", str(not done.call.failed).lower()
            told["duration_ms"] = client.dice.randrange(3, 9_000)
        yield _event(client, name, number, int(done.at.timestamp()), **told)


def _event(client: _Client, name: str, number: int, seconds: int, **more: object) -> Json:
    more |= {"event.name": name, "event.sequence": number, "workspace.host_paths": client.story.cwd}
    return {
        "timeUnixNano": str(seconds * _SECOND + number),
        "body": {"stringValue": f"claude_code.{name}"},
        "attributes": client.attributes(**more),
    }


def _value(value: object) -> Json:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
