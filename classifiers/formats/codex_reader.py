"""
The lines of one Codex log, in order, into a conversation.

What was typed stands in up to three places, what was done in two; a glance at the whole log
tells which of them this version of the program wrote.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from classifiers.sessions import Actor

from .actions import arguments
from .codex_actions import (
    CALLS,
    ITEMS,
    OUTPUTS,
    SCRIPTS,
    agent_in,
    done_in,
    id_of,
    input_of,
    name_of,
    output_of,
    payload_of,
    shown_in,
)
from .codex_words import (
    is_added,
    is_approval,
    is_handed_over,
    reply,
    request,
    shell_in,
    typed_in,
)
from .conversation import Conversation
from .lines import Record, type_of
from .values import dict_of, pictures_in, text_of, words_in


@dataclass(slots=True)
class Known:
    """What has to be known of a log before it can be read in order."""

    is_shown: bool = False
    """Whether the program's half has what was typed."""
    is_answered: bool = False
    """Whether the model's half has what it said."""
    is_compacted: bool = False
    asked: set[str] = field(default_factory=set)
    """Ids of the calls that the model made."""
    scripts: set[str] = field(default_factory=set)
    """Ids of those scripts of which the program logged what they did."""
    agents: dict[str, str] = field(default_factory=dict)
    lines: dict[str, tuple[int, int]] = field(default_factory=dict)


def glance(log: list[Record]) -> Known:
    """What the log as a whole tells."""
    known = Known(asked={id_of(payload_of(r)) for r in log if type_of(payload_of(r)) in CALLS})
    script = ""
    for record in log:
        payload = payload_of(record)
        kind, is_event = type_of(payload), type_of(record) == "event_msg"
        if kind in CALLS:
            script = id_of(payload) if name_of(payload) in SCRIPTS else script
        known.is_answered |= not is_event and payload.get("role") == "assistant"
        known.is_shown |= is_event and (
            kind == "user_message" or shown_in(payload) == "UserMessage"
        )
        known.is_compacted |= type_of(record) == "compacted"
        call_id, agent = agent_in(payload) if is_event else ("", "")
        if agent:
            known.agents[call_id] = agent
        if is_event and (done := done_in(payload)):
            if done.lines is not None:
                known.lines[done.call_id] = done.lines
            if script and done.call_id not in known.asked:
                known.scripts.add(script)
    return known


class Reader:
    """Takes a log's records in order."""

    def __init__(self, told: Conversation, known: Known) -> None:
        self._told, self._known = told, known
        self._is_busy = self._has_asked = self._is_reviewing = False
        self._typed: dict[str, Counter[str]] = {"event": Counter(), "item": Counter()}
        self._done: set[str] = set()
        self._questions: dict[str, Record] = {}

    def event(self, payload: Record, at: datetime | None) -> None:
        """Take what the program showed."""
        told = self._told
        match type_of(payload), shown_in(payload):
            case ("task_started" | "turn_started", _):
                # The prompt comes before or after its task, as the version has it.
                self._has_asked = self._has_asked and not self._is_busy
                self._is_busy = True
            case ("task_complete" | "turn_complete" | "turn_aborted" as kind, _):
                self._is_busy = self._has_asked = self._is_reviewing = False
                if kind == "turn_aborted" and payload.get("reason") == "interrupted":
                    told.interrupt()
            case ("user_message", _):
                shown = (payload.get("images"), payload.get("local_images"))
                pictures = sum(len(each) for each in shown if isinstance(each, list))
                if payload.get("kind") in (None, "plain"):
                    self._take("event", text_of(payload.get("message")), pictures, at)
            case ("item_completed", "UserMessage"):
                content = dict_of(payload.get("item")).get("content")
                self._take("item", words_in(content), pictures_in(content), at)
            case ("agent_message", _) if not self._known.is_answered:
                told.answer(text_of(payload.get("message")), at)
            case ("item_completed", "AgentMessage") if not self._known.is_answered:
                told.answer(words_in(dict_of(payload.get("item")).get("content")), at)
            case ("context_compacted", _) | ("item_completed", "ContextCompaction"):
                if not self._known.is_compacted:
                    told.compact()
            case ("entered_review_mode", _):
                self._is_reviewing = True  # its prompt is the program's
                hint = text_of(payload.get("user_facing_hint"))
                told.say(Actor.HUMAN, "slash_command", f"/review {hint}".strip(), at)
            case ("exited_review_mode", _):
                self._is_reviewing = False
            case ("error" | "stream_error", _):
                told.say(Actor.HARNESS, "api_error", "", at)
            case _:
                self._carry_out(payload)

    def _take(self, log: str, text: str, pictures: int, at: datetime | None) -> None:
        """Take what was typed; what both kinds of events show counts once."""
        if self._is_reviewing or is_added(text):
            return
        mine, other = self._typed[log], self._typed["item" if log == "event" else "event"]
        mine[text] += 1
        if mine[text] > other[text]:
            self._ask(request(text), at, pictures)

    def _ask(self, text: str, at: datetime | None, pictures: int = 0) -> None:
        if is_handed_over(text):
            self._told.say(Actor.MODEL, "plan_handoff", text, at)
        elif is_approval(text):
            self._told.say(Actor.HUMAN, "plan_approval", "", at)
        else:
            meanwhile = self._is_busy and self._has_asked
            self._told.ask(text, at, pictures=pictures, meanwhile=meanwhile)
        self._has_asked = True

    def _carry_out(self, payload: Record) -> None:
        """Take what a script did; what the model asked for itself is taken from its own half."""
        done = done_in(payload)
        if done is None or done.call_id in self._known.asked | self._done:
            return
        self._done |= {done.call_id} if done.call_id else set()
        self._told.call(done.call_id, done.name, done.given)
        self._told.result(done.call_id, done.text, outcome=done.outcome, lines=done.lines)

    def item(self, item: Record, record: Record, at: datetime | None) -> None:
        """Take what the model got or gave."""
        told, kind, call_id = self._told, type_of(item), id_of(item)
        if kind == "message":
            self._message(item, at)
        elif kind in CALLS:
            told.answers.add(told.step)
            if call_id not in self._known.scripts:
                told.call(call_id, name_of(item), input_of(item))
            if name_of(item) == "request_user_input":
                self._questions[call_id] = arguments(item.get("arguments"))
        elif kind == "web_search_call":
            told.call("", kind, dict_of(item.get("action")))
            told.result("", "")
        elif kind in OUTPUTS and call_id not in self._known.scripts:
            text, outcome, agent = output_of(item.get("output"))
            agent = agent or self._known.agents.get(call_id, "")
            lines = self._known.lines.get(call_id)
            told.result(call_id, text, outcome=outcome, agent=agent, lines=lines)
            for words, own in reply(self._questions.pop(call_id, {}), text):
                told.say(Actor.HUMAN, "question_answer", words, at, own=own)
        elif kind not in ITEMS and "record_type" not in record:
            told.unknown += "payload" in record or bool(kind)

    def _message(self, item: Record, at: datetime | None) -> None:
        if item.get("role") == "assistant":
            self._told.answer(words_in(item.get("content")), at, name=self._told.step)
        elif item.get("role") == "user":
            if shell := shell_in(item):
                self._told.say(Actor.HUMAN, "shell", shell, at)
            elif not self._known.is_shown and (text := typed_in(item)):
                self._ask(text, at, pictures_in(item.get("content")))
            elif not self._known.is_shown and (pictures := pictures_in(item.get("content"))):
                self._ask("", at, pictures)
