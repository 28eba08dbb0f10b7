"""
One conversation, record by record, into turns.

Calls wait for their results and keep their place.  Words typed while the agent worked stand
only in queue operations: `enqueue` holds them, `remove` gives them to the running turn,
`dequeue` lets them become a user record later, `popAll` takes them back into the prompt.
"""

from dataclasses import dataclass, field, replace

from classifiers.sessions import (
    OPENERS,
    Actor,
    Event,
    Session,
    ToolCall,
    Turn,
    Utterance,
    Via,
    count_words,
    safe,
)

from . import claude_code_tools as tools
from .claude_code_words import sort
from .lines import Record, timestamp

_HARNESS: dict[str, Via] = {
    "hook": "hook",
    "notification": "notification",
    "reminder": "reminder",
    "marker": "marker",
}
_KNOWN_SYSTEM = frozenset(
    {
        "stop_hook_summary", "turn_duration", "compact_boundary", "microcompact_boundary",
        "api_error", "local_command", "away_summary", "model_refusal_fallback", "informational",
    }
)  # fmt: skip


@dataclass(slots=True)
class _Pending:
    """A call whose result may still come."""

    name: str
    given: Record
    block: Record | None = None
    extra: object = None


@dataclass(slots=True)
class _Open:
    """A turn under way; without an opener it is the prelude."""

    opener: Utterance | None
    events: "list[Utterance | _Pending]" = field(default_factory=list)
    interrupted: bool = False
    compactions: int = 0


class Trunk:
    """Takes records in order, gives turns at the end."""

    def __init__(self, agents: dict[str, Session], *, is_subagent: bool) -> None:
        self._agents, self._is_subagent = agents, is_subagent
        self._open = [_Open(None)]
        self._pending: dict[str, _Pending] = {}
        self._begun: set[str] = set()
        self._queue: list[str] = []
        self._steered: set[str] = set()
        self.messages: set[str] = set()
        self.models: set[str] = set()
        self.unknown = self.orphans = self.images = self.thinking_words = 0

    def take(self, record: Record) -> None:
        """Take the next record; one that is not as it should be is counted."""
        match record.get("type"):
            case "user":
                self._user(record)
            case "assistant":
                self._assistant(record)
            case "queue-operation":
                self._queued(record)
            case "attachment":
                self._attachment(record)
            case "system":
                self._system(record)

    def finish(self) -> tuple[tuple[Event, ...], tuple[Turn, ...]]:
        """The prelude and the turns."""
        prelude, *rest = self._open
        turns = tuple(
            Turn(turn.opener, self._events(turn), turn.interrupted, turn.compactions)
            for turn in rest
            if turn.opener
        )
        return self._events(prelude), turns

    def _events(self, turn: _Open) -> tuple[Event, ...]:
        return tuple(
            event if isinstance(event, Utterance) else self._call(event) for event in turn.events
        )

    def _call(self, waiting: _Pending) -> ToolCall:
        call = tools.finish(waiting.name, waiting.given, waiting.block, waiting.extra)
        extra = waiting.extra if isinstance(waiting.extra, dict) else {}
        agent = self._agents.get(str(extra.get("agentId")))
        return replace(call, subagent=agent) if agent else call

    def _say(self, actor: Actor, via: Via, text: str, record: Record, *, own: bool = True) -> None:
        said = Utterance(actor, via, safe(text), timestamp(record), own)
        if via in OPENERS:
            self._open.append(_Open(said))
        else:
            self._open[-1].events.append(said)

    def _user(self, record: Record) -> None:
        content = _content(record)
        if content is None:
            self.unknown += 1
            return
        blocks = _blocks(content)
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for block in results:
            self._result(block, record, alone=len(results) == 1)
        pictures = sum(block.get("type") in ("image", "document") for block in blocks)
        self.images += pictures
        texts = [text for block in blocks if isinstance(text := block.get("text"), str)]
        if texts or (pictures and not results):
            self._words("\n".join(texts), record, pictures=pictures, beside_result=bool(results))

    def _words(self, text: str, record: Record, *, pictures: int, beside_result: bool) -> None:
        kind, words = sort(text)
        origin = record.get("origin")
        foreign = isinstance(origin, dict) and origin.get("kind") not in (None, "human")
        if record.get("isMeta") is True or foreign:
            self._say(Actor.HARNESS, "notification" if foreign else "marker", "", record)
        elif record.get("isCompactSummary") is True or kind == "summary":
            self._say(Actor.MODEL, "summary", words or text, record)
        elif record.get("planContent") or kind == "plan_handoff":
            self._say(Actor.MODEL, "plan_handoff", words or text, record)
        elif kind == "interrupt":
            self._open[-1].interrupted = True
        elif kind in _HARNESS:
            if kind == "hook":
                self._unsay()
            self._say(Actor.HARNESS, _HARNESS[kind], "", record)
        elif kind == "built_in":
            self._say(Actor.HARNESS, "marker", "", record)
        elif kind == "shell":
            self._say(Actor.HUMAN, "shell", words, record)
        elif self._is_subagent:  # the first words of a sub-agent are the model's
            self._say(Actor.MODEL, "plan_handoff", words, record)
        elif kind == "slash_command":
            self._say(Actor.HUMAN, "slash_command", words, record)
        elif words or pictures:
            via: Via = "prompt" if words else "image"
            self._say(Actor.HUMAN, "steering" if beside_result else via, words, record)

    def _unsay(self) -> None:
        """A hook stopped the prompt: the agent never got it, and it will be typed again."""
        if len(self._open) > 1 and not self._open[-1].events:
            self._open.pop()

    def _result(self, block: Record, record: Record, *, alone: bool) -> None:
        waiting = self._pending.pop(str(block.get("tool_use_id")), None)
        if waiting is None:
            self.orphans += 1
            return
        waiting.block = block
        waiting.extra = record.get("toolUseResult") if alone else None
        text = tools.result_text(block)
        if note := tools.rejection_note(text) if block.get("is_error") is True else "":
            self._say(Actor.HUMAN, "rejection_note", note, record)
        if waiting.name == "AskUserQuestion":
            for answer, own in tools.answers(waiting.extra):
                self._say(Actor.HUMAN, "question_answer", answer, record, own=own)
        elif waiting.name == "ExitPlanMode" and block.get("is_error") is not True:
            self._say(Actor.HUMAN, "plan_approval", "", record)

    def _assistant(self, record: Record) -> None:
        content, message = _content(record), record.get("message")
        if content is None or not isinstance(message, dict):
            self.unknown += 1
            return
        model = message.get("model")
        failed = record.get("isApiErrorMessage") is True or model == "<synthetic>"
        if not failed:
            name = message.get("id") or record.get("requestId") or record.get("uuid")
            self.messages.add(str(name))
            if isinstance(model, str):
                self.models.add(model)
        for block in _blocks(content):
            match block.get("type"):
                case "text":
                    text = block.get("text")
                    via: Via = "api_error" if failed else "assistant_text"
                    actor = Actor.HARNESS if failed else Actor.MODEL
                    self._say(actor, via, text if isinstance(text, str) else "", record)
                case "tool_use" | "server_tool_use":
                    self._begin(block)
                case "thinking":
                    thought = block.get("thinking")
                    self.thinking_words += count_words(thought) if isinstance(thought, str) else 0
                case "redacted_thinking" | "fallback":
                    pass
                case _:
                    self.unknown += 1

    def _begin(self, block: Record) -> None:
        name, given = block.get("name"), block.get("input")
        waiting = _Pending(
            name if isinstance(name, str) else "", given if isinstance(given, dict) else {}
        )
        call = str(block.get("id"))
        # A history that was copied under new record ids repeats its calls, answered or not.
        if call in self._begun and isinstance(block.get("id"), str):
            return
        self._begun.add(call)
        self._pending[call] = waiting
        self._open[-1].events.append(waiting)

    def _queued(self, record: Record) -> None:
        content = record.get("content")
        match record.get("operation"):
            case "enqueue":
                self._queue.append(content if isinstance(content, str) else "")
            case "dequeue" if self._queue:
                self._queue.pop(0)
            case "popAll":
                self._queue.clear()
            case "remove" if self._queue:
                place = self._queue.index(content) if content in self._queue else 0
                self._steer(self._queue.pop(place), record)

    def _attachment(self, record: Record) -> None:
        attachment = record.get("attachment")
        if not isinstance(attachment, dict) or attachment.get("type") != "queued_command":
            return
        origin = attachment.get("origin") or record.get("origin")
        human = not isinstance(origin, dict) or origin.get("kind") in (None, "human")
        prompt = attachment.get("prompt")
        if (
            human
            and isinstance(prompt, str)
            and attachment.get("commandMode", "prompt") == "prompt"
        ):
            self._steer(prompt, record)

    def _steer(self, text: str, record: Record) -> None:
        """Words typed while the agent worked; the log may hold them twice."""
        kind, words = sort(text)
        if kind in ("prompt", "slash_command") and words and text not in self._steered:
            self._steered.add(text)
            self._say(Actor.HUMAN, "steering", words, record)
        elif kind in _HARNESS:
            self._say(Actor.HARNESS, _HARNESS[kind], "", record)

    def _system(self, record: Record) -> None:
        subtype = record.get("subtype")
        if subtype == "compact_boundary":
            self._open[-1].compactions += 1
        elif subtype == "api_error":
            self._say(Actor.HARNESS, "api_error", "", record)
        elif not isinstance(subtype, str) or subtype not in _KNOWN_SYSTEM:
            self.unknown += 1


def _blocks(content: str | list[Record]) -> list[Record]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _content(record: Record) -> str | list[Record] | None:
    message = record.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return [
            block if isinstance(block, dict) else {"type": "text", "text": block}
            for block in content
            if isinstance(block, dict | str)
        ]
    return content if isinstance(content, str) else None
