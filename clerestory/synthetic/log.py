"""
Write one session as Claude Code logs it: one JSON record a line, one content block a record.

The shapes are those of real logs of the versions 2.0 to 2.1: lines of one model answer share
`message.id`, `requestId` and repeat its usage; calls and results come in pairs; edits carry a
`structuredPatch`; words typed meanwhile stand in queue operations only.  What is written is counted
as it is written, so that a truth beside the log says what is in the log.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

Json = dict[str, object]


@dataclass(slots=True)
class Call:
    """One action and what came of it."""

    tool: str
    given: Json
    result: str
    extra: object = None
    """`toolUseResult`; None leaves it out, as some versions do."""
    failed: bool = False
    added: int = 0
    removed: int = 0
    commits: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """One action that was logged: when its result came, its id, and itself."""

    at: datetime
    name: str
    call: Call


@dataclass(slots=True)
class Place:
    """What the envelope of every record of a session repeats."""

    session: str
    cwd: str
    branch: str
    version: str
    entrypoint: str
    agent: str = ""
    """A sub-agent's id; empty in the trunk."""


@dataclass(slots=True)
class Log:
    """The records of one file, growing."""

    place: Place
    models: Sequence[str]
    random: Random
    now: datetime
    lines: list[str] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    """prompts, actions, words_out, lines_added, lines_removed, commits, model_calls."""
    done: list[Done] = field(default_factory=list)
    """Every action, in order."""
    _parent: str | None = None

    def uuid(self) -> str:
        """A random name, the session's own random numbers deciding."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def wait(self, low: float, high: float) -> None:
        """Let seconds pass."""
        self.now += timedelta(seconds=self.random.uniform(low, high))

    def stamp(self) -> str:
        """The time now, as logs write it."""
        return f"{self.now:%Y-%m-%dT%H:%M:%S}.{self.now.microsecond // 1000:03d}Z"

    def write(self, record: Mapping[str, object]) -> None:
        """Append one record as it is."""
        self.lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")))

    def record(self, kind: str, **fields: object) -> str:
        """Append one record with its envelope to the chain; returns its uuid."""
        name, place = self.uuid(), self.place
        whole: Json = {
            "parentUuid": self._parent,
            "isSidechain": bool(place.agent),
            "userType": "external",
            "cwd": place.cwd,
            "sessionId": place.session,
            "version": place.version,
            "gitBranch": place.branch,
            **({"agentId": place.agent} if place.agent else {}),
            "type": kind,
            **fields,
            "uuid": name,
            "timestamp": self.stamp(),
            "entrypoint": place.entrypoint,
        }
        self.write(whole)
        self._parent = name
        return name

    def user(self, text: str, **fields: object) -> str:
        """A user record that is no prompt: an interrupt, a plan handed over, a notice."""
        return self.record("user", message={"role": "user", "content": text}, **fields)

    def prompt(self, text: str, *, mode: str = "default") -> None:
        """Words of the person; sometimes as a list of blocks."""
        self.count["prompts"] += 1
        listed = self.random.random() < 0.04
        content: object = [{"type": "text", "text": text}] if listed else text
        name = self.record(
            "user", message={"role": "user", "content": content}, permissionMode=mode
        )
        if self.random.random() < 0.5:
            snapshot = {"messageId": name, "trackedFileBackups": {}, "timestamp": self.stamp()}
            self.write(
                {
                    "type": "file-history-snapshot",
                    "messageId": name,
                    "snapshot": snapshot,
                    "isSnapshotUpdate": False,
                }
            )

    def steer(self, text: str) -> None:
        """Words typed while the agent works: queued, then taken into the turn, never a record."""
        self.count["prompts"] += 1
        for operation in ("enqueue", "remove"):
            words = {"content": text} if operation == "enqueue" else {}
            self.write(
                {
                    "type": "queue-operation",
                    "operation": operation,
                    "timestamp": self.stamp(),
                    "sessionId": self.place.session,
                    **words,
                }
            )
            self.wait(1, 20)

    def answer(self, text: str = "", *, thinking: str = "", calls: Sequence[Call] = ()) -> None:
        """One answer of the model, block by block, then the results of its calls."""
        self.count["model_calls"] += 1
        dice = self.random
        message = f"msg_01{dice.getrandbits(110):022x}"[:28]
        request = f"req_011{dice.getrandbits(100):021x}"[:28]
        usage = {
            "input_tokens": dice.randrange(2, 900),
            "cache_creation_input_tokens": dice.randrange(200, 9_000),
            "cache_read_input_tokens": dice.randrange(9_000, 120_000),
            "output_tokens": dice.randrange(40, 2_500),
            "service_tier": "standard",
        }
        named = [(f"toolu_01{dice.getrandbits(88):022x}", call) for call in calls]
        blocks: list[Json] = []
        if thinking:
            signature = f"{dice.getrandbits(320):080x}"
            blocks.append({"type": "thinking", "thinking": thinking, "signature": signature})
        if text:
            blocks.append({"type": "text", "text": text})
            self.count["words_out"] += len(text.split())
        for name, call in named:
            blocks.append({"type": "tool_use", "id": name, "name": call.tool, "input": call.given})
            self.count["words_out"] += words_in(call.given)
        model = self.models[min(self.count["model_calls"] - 1, len(self.models) - 1)]
        for block in blocks:
            self.record(
                "assistant",
                message={
                    "model": model,
                    "id": message,
                    "type": "message",
                    "role": "assistant",
                    "content": [block],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": usage,
                },
                requestId=request,
            )
            self.wait(0.3, 6)
        for name, call in named:
            self._result(name, call)

    def _result(self, name: str, call: Call) -> None:
        block: Json = {"tool_use_id": name, "type": "tool_result", "content": call.result}
        if call.failed or call.tool == "Bash":
            block["is_error"] = call.failed
        extra = {} if call.extra is None else {"toolUseResult": call.extra}
        self.wait(0.2, 25)
        if call.tool == "Bash" and self.random.random() < 0.06:
            self.progress(name)
        self.record("user", message={"role": "user", "content": [block]}, **extra)
        self.done.append(Done(self.now, name, call))
        self.count["actions"] += 1
        self.count["lines_added"] += call.added
        self.count["lines_removed"] += call.removed
        self.count["commits"] += call.commits

    def progress(self, call: str) -> None:
        """A sign of life of a running command."""
        data = {"type": "bash_progress", "output": "", "fullOutput": "", "elapsedTimeSeconds": 2}
        tool = f"bash-progress-{self.random.randrange(9)}"
        self.record("progress", data=data, toolUseID=tool, parentToolUseID=call)

    def duration(self) -> None:
        """How long a turn took, as the program notes it."""
        self.record(
            "system",
            subtype="turn_duration",
            durationMs=self.random.randrange(4_000, 400_000),
            isMeta=False,
        )


def words_in(value: object) -> int:
    """Words of all texts in a tool's input, however deep."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, Mapping):
        return sum(words_in(part) for part in value.values())
    if isinstance(value, Sequence):
        return sum(words_in(part) for part in value)
    return 0


def damaged(lines: list[str], dice: Random) -> list[str]:
    """The lines with what goes wrong in the wild: a torn record, a blank, NULs, two on one line."""
    at = dice.randrange(1, len(lines))
    torn = '{"type":"progress","data":{"type":"bash_progress","output":"'
    match dice.randrange(4):
        case 0:
            return [*lines[:at], torn, *lines[at:]]
        case 1:
            return [*lines[:at], "", *lines[at:]]
        case 2:
            return [*lines[:at], "\0" * dice.randrange(8, 90), *lines[at:]]
    return [*lines[: at - 1], lines[at - 1] + lines[at], *lines[at + 1 :]]
