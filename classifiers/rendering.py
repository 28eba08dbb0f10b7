"""
The text of a session as a rater sees it: turns in order, actions in one line each, cut to size.

Each speaker's turn is cut in the middle at 5,000 characters and the whole at 25,000, the
measures of the published study [1]; a middle cut keeps how things began and how they ended.
What the program itself put in is left out.  The text is data: it goes between marks that the
instructions to a rater name, and marks inside it lose their brackets.

[1] "Agentic coding and persistent returns to expertise", June 2026, appendix.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from .sessions import Actor, Event, SafeText, Session, ToolCall

TURN_KEPT = 5_000
"""Characters kept of one speaker's turn."""
SESSION_KEPT = 25_000
"""Characters kept of a session."""
RESULT_SHOWN = 400
"""Characters shown of an action's result, half from each end."""
SUBJECT_SHOWN = 300

CUT = "\n[… cut …]\n"
SESSION_MOST = SESSION_KEPT + len(CUT)
"""Characters of the longest view."""
_SPACE = re.compile(r"[ \t\r\f\v]+")
_MARK = re.compile(r"^\[(person|agent|program|… cut)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class View:
    """What a rater sees of one session."""

    text: SafeText
    characters: int
    """Length before any cut."""
    kept: int
    """Characters of the session that are still there, cut marks not counted."""

    @property
    def share_cut(self) -> int:
        """Per cent of the text cut away, rounded down to tens, 90 at most."""
        if not self.characters:
            return 0
        return min(90, (self.characters - self.kept) * 10 // self.characters * 10)


def render(session: Session) -> View:
    """The view of a session: `SESSION_MOST` characters at most."""
    characters = kept = 0
    shown: list[str] = []
    for turn, length in _turns(session):
        characters += length
        kept += min(length, TURN_KEPT)
        shown.append(_cut(turn, TURN_KEPT))
    text = _cut("\n\n".join(shown), SESSION_KEPT)
    return View(SafeText(text), characters, min(kept, SESSION_KEPT))


def _turns(session: Session) -> Iterator[tuple[str, int]]:
    """Each speaker's turn as one text, long ones without their middle, and its length in full."""
    for speaker, events in groupby(session.events, _speaker):
        text, left_out = "", 0
        for event in events:
            if line := _line(event):
                text = f"{text}\n{line}"
            if len(text) > 4 * TURN_KEPT:  # of which the ends are more than any cut leaves
                left_out += len(text) - 2 * TURN_KEPT
                text = text[:TURN_KEPT] + text[-TURN_KEPT:]
        if text:
            text = f"[{speaker}]{text}"
            yield text, len(text) + left_out


def _speaker(event: Event) -> str:
    if isinstance(event, ToolCall) or event.actor is Actor.MODEL:
        return "agent"
    return "person" if event.actor is Actor.HUMAN else "program"


def _line(event: Event) -> str:
    if isinstance(event, ToolCall):
        return _action(event)
    text = _MARK.sub(r"(\1", event.text).strip()
    match event.via:
        case "steering":
            return f"(while the agent worked) {text}"
        case "rejection_note":
            return f"(refusing the action) {text}"
        case "question_answer":
            return f"(answering the agent's question) {text}"
        case "plan_approval":
            return "(approved the agent's plan)"
        case "plan_handoff":
            return f"(plan drafted by the agent, handed over by the person) {text}"
        case "image":
            return "(an image)"
        case "api_error":
            return "(the model's service failed)"
        case "notification" | "hook" | "reminder" | "marker":
            return ""
        case _:
            return text


def _action(call: ToolCall) -> str:
    subject = _MARK.sub(r"(\1", _cut(_SPACE.sub(" ", call.subject).strip(), SUBJECT_SHOWN))
    change = f", +{call.lines_added} −{call.lines_removed} lines" if call.lines_added else ""
    line = f"→ {''.join(call.name)}: {subject} [{call.outcome}{change}]"
    if call.kind in ("read", "search", "edit", "write", "plan") and call.outcome == "ok":
        return line
    result = _MARK.sub(r"(\1", _cut(call.result.strip(), RESULT_SHOWN))
    return f"{line}\n{result}" if result else line


def _cut(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    half = size // 2
    return f"{text[:half]}{CUT}{text[-half:]}"
