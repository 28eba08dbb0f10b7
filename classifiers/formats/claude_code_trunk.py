"""
One conversation, record by record, into turns; of a record stays what was said and done.

Calls wait for their results and keep their place.  Some versions write the history once more
under new ids when a session is taken up again: what goes back in time and has been met is such
a copy.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from classifiers.limits import Room
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
from .claude_code_queue import Queue
from .claude_code_records import IN_USER, SYSTEM, blocks_of, content_of
from .claude_code_replies import answers, rejection_note
from .claude_code_words import sort
from .lines import Record, timestamp
from .values import dict_of, text_of

_HARNESS: dict[str, Via] = {
    "hook": "hook",
    "notification": "notification",
    "reminder": "reminder",
    "marker": "marker",
}


@dataclass(slots=True)
class _Pending:
    """A call whose result may still come."""

    asked: tools.Request
    done: ToolCall | None = None
    agent: str = ""
    """Id of the sub-agent that it started."""
    errand: int = 0
    """A number for what it told the sub-agent."""


@dataclass(slots=True)
class _Open:
    """A turn under way; without an opener it is the prelude."""

    opener: Utterance | None
    events: "list[Utterance | _Pending]" = field(default_factory=list)
    interrupted: bool = False
    compactions: int = 0


Agents = Callable[[str, int], Session | None]
"""A sub-agent by its id or the number of its errand; the same one is given once."""


class Trunk:
    """Takes records in order, gives turns at the end."""

    def __init__(self, room: Room, *, is_subagent: bool) -> None:
        self._room, self._is_subagent = room, is_subagent
        self._open = [_Open(None)]
        self._pending: dict[str, _Pending] = {}
        self._begun: set[str] = set()
        self._queue = Queue()
        self._met: set[tuple[str, int]] = set()
        self._latest = ""
        """The latest time in the records taken, as they write it."""
        self.answers: set[str] = set()
        """Ids of the model's answers."""
        self.models: set[str] = set()
        self.errand = 0
        """A number for what a sub-agent was told first."""
        self.thinking_words = 0
        self.unknown = self.orphans = self.images = self.copies = 0

    def take(self, record: Record) -> None:
        """Take the next record; one that is not as it should be is counted."""
        match record.get("type"):
            case "user":
                self._user(record)
            case "assistant":
                self._assistant(record)
            case "queue-operation":
                self._room.take(text_of(record.get("content")))
                self._steer(self._queue.operation(record), record)
            case "attachment":
                self._steer(self._queue.attachment(record), record)
            case "system":
                self._system(record)
        self._latest = max(self._latest, text_of(record.get("timestamp")))

    def finish(self, agents: Agents) -> tuple[tuple[Event, ...], tuple[Turn, ...]]:
        """The prelude and the turns, sub-agents on the calls that started them."""
        prelude, *rest = self._open
        before = _events(prelude, agents)
        turns = tuple(
            Turn(turn.opener, _events(turn, agents), turn.interrupted, turn.compactions)
            for turn in rest
            if turn.opener
        )
        return before, turns

    def _say(self, actor: Actor, via: Via, text: str, record: Record, *, own: bool = True) -> None:
        said = Utterance(actor, via, safe(text), timestamp(record), own)
        self._room.take(said.text)
        if via in OPENERS:
            self._open.append(_Open(said))
        else:
            self._open[-1].events.append(said)

    def _user(self, record: Record) -> None:
        content = content_of(record)
        if content is None:
            self.unknown += 1
            return
        blocks = blocks_of(content)
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for block in results:
            self._result(block, record, alone=len(results) == 1)
        pictures = sum(block.get("type") in ("image", "document") for block in blocks)
        self.images += pictures
        self.unknown += sum(block.get("type") not in IN_USER for block in blocks)
        texts = [text for block in blocks if isinstance(text := block.get("text"), str)]
        if texts or (pictures and not results):
            self._words("\n".join(texts), record, pictures=pictures, beside_result=bool(results))

    def _words(self, text: str, record: Record, *, pictures: int, beside_result: bool) -> None:
        kind, words = sort(text)
        origin = dict_of(record.get("origin")).get("kind")
        foreign = origin not in (None, "human") or record.get("promptSource") == "system"
        if self._is_copy(record, kind, words):
            return
        if pictures:  # a copy may write them as a record of their own
            self._met.add(_moment(record, kind, ""))
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
            self.errand = self.errand or hash(words)
            self._say(Actor.MODEL, "plan_handoff", words, record)
        elif kind == "slash_command":
            self._say(Actor.HUMAN, "slash_command", words, record)
        elif (words or pictures) and not self._is_piece(words, record):
            via: Via = "prompt" if words else "image"
            self._say(Actor.HUMAN, "steering" if beside_result else via, words, record)

    def _is_copy(self, record: Record, *about: str) -> bool:
        """Whether a record goes back in time to say what was said at that time."""
        moment = _moment(record, *about)
        is_copy = "" < moment[0] < self._latest and moment in self._met
        if moment not in self._met:
            self._room.take(moment[0])
            self._met.add(moment)
        self.copies += is_copy
        return is_copy

    def _is_piece(self, words: str, record: Record) -> bool:
        """Whether a picture and words were sent as one, and written as two records."""
        turn, time = self._open[-1], timestamp(record)
        opener = turn.opener
        if not opener or turn.events or time is None or opener.at != time:
            return False
        if words and opener.via == "image":
            self._open.pop()  # the words open the turn
            return False
        return not words and opener.via in ("image", "prompt")

    def _note(self, name: str, names: set[str]) -> None:
        if name and name not in names:
            self._room.take(name)
            names.add(name)

    def _unsay(self) -> None:
        """A hook stopped the prompt: the agent never got it, and it will be typed again."""
        if len(self._open) > 1 and not self._open[-1].events:
            self._open.pop()

    def _result(self, block: Record, record: Record, *, alone: bool) -> None:
        waiting = self._pending.pop(text_of(block.get("tool_use_id")), None)
        if waiting is None:
            is_copy = text_of(block.get("tool_use_id")) in self._begun
            self.copies += is_copy
            self.orphans += not is_copy
            return
        extra = record.get("toolUseResult") if alone else None
        denial = text_of(record.get("toolDenialKind"))
        asked, waiting.agent = waiting.asked, text_of(dict_of(extra).get("agentId"))
        waiting.done = tools.finish(asked, block, extra, denial=denial)
        self._room.take(waiting.done.result)
        text = tools.result_text(block)
        if note := rejection_note(text) if block.get("is_error") is True else "":
            self._say(Actor.HUMAN, "rejection_note", note, record)
        if asked.name == "AskUserQuestion":
            for answer, own in answers(asked.offered, extra, text):
                self._say(Actor.HUMAN, "question_answer", answer, record, own=own)
        elif asked.name == "ExitPlanMode" and block.get("is_error") is not True:
            self._say(Actor.HUMAN, "plan_approval", "", record)

    def _assistant(self, record: Record) -> None:
        content, message = content_of(record), record.get("message")
        if content is None or not isinstance(message, dict):
            self.unknown += 1
            return
        model = message.get("model")
        failed = record.get("isApiErrorMessage") is True
        made_up = failed or model == "<synthetic>"
        name = str(message.get("id") or record.get("requestId") or record.get("uuid"))
        if not made_up:
            self._note(name, self.answers)
            self._note(text_of(model), self.models)
        for block in blocks_of(content):
            match block.get("type"):
                case "text":
                    text = text_of(block.get("text"))
                    if made_up:
                        self._say(Actor.HARNESS, "api_error" if failed else "marker", "", record)
                    elif not self._is_copy(record, name, text):
                        self._say(Actor.MODEL, "assistant_text", text, record)
                case "tool_use" | "server_tool_use":
                    self._begin(block)
                case "thinking":
                    thought = text_of(block.get("thinking"))
                    if not self._is_copy(record, name, "thinking", thought):
                        self.thinking_words += count_words(thought)
                case "redacted_thinking" | "fallback":
                    pass
                case _:
                    self.unknown += 1

    def _begin(self, block: Record) -> None:
        call, given = text_of(block.get("id")), dict_of(block.get("input"))
        # A history that was copied under new record ids repeats its calls, answered or not.
        if call and call in self._begun:
            return
        self._begun.add(call)
        asked = tools.request(text_of(block.get("name")), given, call)
        self._room.take(asked.call_id, asked.name, asked.subject)
        errand = sort(text_of(given.get("prompt")))[1] if asked.kind == "agent" else ""
        waiting = self._pending[call] = _Pending(asked, errand=hash(errand) if errand else 0)
        self._open[-1].events.append(waiting)

    def _steer(self, text: str, record: Record) -> None:
        """Words that the running turn got, a person's or the program's."""
        kind, words = sort(text)
        if kind in ("prompt", "slash_command") and words:
            self._say(Actor.HUMAN, "steering", words, record)
        elif kind in _HARNESS:
            self._say(Actor.HARNESS, _HARNESS[kind], "", record)

    def _system(self, record: Record) -> None:
        subtype = record.get("subtype")
        if subtype == "compact_boundary":
            self._open[-1].compactions += 1
        elif subtype == "api_error":
            self._say(Actor.HARNESS, "api_error", "", record)
        elif not isinstance(subtype, str) or subtype not in SYSTEM:
            self.unknown += 1


def _events(turn: _Open, agents: Agents) -> tuple[Event, ...]:
    return tuple(e if isinstance(e, Utterance) else _call(e, agents) for e in turn.events)


def _call(waiting: _Pending, agents: Agents) -> ToolCall:
    call = waiting.done or tools.finish(waiting.asked, None, None)
    agent = agents(waiting.agent, waiting.errand)
    return replace(call, subagent=agent) if agent else call


def _moment(record: Record, *about: str) -> tuple[str, int]:
    """When something was said, and a number for what it was."""
    return text_of(record.get("timestamp")), hash(about)
