"""
The text of a session as a rater sees it: turns in order, actions in one line each, cut to size.

Each speaker's turn is cut in the middle at 5,000 characters and the whole at 25,000, the
measures of the published study [1]; a middle cut keeps how things began and how they ended.  The
view `whole` cuts neither: a long session comes in parts (`chunks`).
What the program itself put in is left out.  The text is data: it goes between marks that the
instructions to a rater name, and no line of it is such a mark, or looks like one (`marks`).

It is bounded whatever the session, and follows from the session alone: the same session is shown
in the same way, at any time and on any machine.

[1] "Agentic coding and persistent returns to expertise", June 2026, appendix.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from privacy.views import ViewName

from .chunks import chunked
from .marks import ARROW, begun, one_line, plain
from .sessions import Actor, Event, SafeText, Session, ToolCall

TURN_KEPT = 5_000
"""Characters kept of one speaker's turn."""
SESSION_KEPT = 25_000
"""Characters kept of a session."""
RESULT_SHOWN = 400
"""Characters shown of an action's result, half from each end."""
SUBJECT_SHOWN, NAME_SHOWN = 300, 60

CUT = "\n[… cut …]\n"
LINE = "\n"
TORN = 3
"""Characters of a mark by which a part of it is known: a cut may fall within an earlier one."""
SESSION_MOST = SESSION_KEPT + len(CUT)
"""Characters of the longest view."""
_QUIET = ("read", "search", "edit", "write", "plan")
"""Kinds of actions whose result is not shown where all went well: what they say is the material."""


@dataclass(frozen=True, slots=True)
class View:
    """What a rater sees of one session."""

    chunks: tuple[SafeText, ...]
    """One text, unless the view is the whole of a long session: then its parts, in order."""
    characters: int
    """Length before any cut."""
    kept: int
    """Characters of the session that are still there, cut marks not counted."""
    name: ViewName = "full"

    @property
    def text(self) -> SafeText:
        """All of it."""
        return SafeText("\n\n".join("".join(chunk) for chunk in self.chunks))

    @property
    def share_cut(self) -> int:
        """Per cent of the text cut away, rounded down to tens, 90 at most."""
        if not self.characters:
            return 0
        return min(90, (self.characters - self.kept) * 10 // self.characters * 10)


def render(session: Session, view: ViewName = "full") -> View:
    """
    A session as text: `SESSION_MOST` characters at most; the whole of it as `chunks` bounds it.

    Args:
        session: All of it that the view shows.
        view: The view's name.
    """
    if view == "whole":
        parts = chunked(_spoken(session))
        return View((*map(SafeText, parts.texts()),), parts.characters, parts.kept, view)
    characters = kept = 0
    shown: list[str] = []
    for turn, length in _turns(session):
        characters += length
        kept += min(length, TURN_KEPT)
        shown.append(_cut(turn, TURN_KEPT))
    text = _cut("\n\n".join(shown), SESSION_KEPT)
    return View((SafeText(text),), characters, min(kept, SESSION_KEPT), view)


def _turns(session: Session) -> Iterator[tuple[str, int]]:
    """Each speaker's turn as one text, long ones without their middle, and its length in full."""
    for speaker, spoken in groupby(_spoken(session), lambda said: said[0]):
        text, left_out = "", 0
        for _, said in spoken:
            text = f"{text}\n{said}"
            if len(text) > 4 * TURN_KEPT:  # of which the ends are more than any cut leaves
                left_out += len(text) - 2 * TURN_KEPT
                text = text[:TURN_KEPT] + text[-TURN_KEPT:]
        text = f"[{speaker}]{text}"
        yield text, len(text) + left_out


def _spoken(session: Session) -> Iterator[tuple[str, str]]:
    """(speaker, text) of all that is shown, in order."""
    yield from _lines(session.prelude)
    for turn in session.turns:
        yield from _lines((turn.opener, *turn.events))
        if turn.interrupted:
            yield "person", "(stopped the agent)"


def _lines(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    for event in events:
        if text := line(event):
            yield _speaker(event), text


def _speaker(event: Event) -> str:
    if isinstance(event, ToolCall) or event.actor is Actor.MODEL:
        return "agent"
    return "person" if event.actor is Actor.HUMAN else "program"


def line(event: Event) -> str:
    """What is shown of one event; nothing of what the program itself put in."""
    if isinstance(event, ToolCall):
        return _action(event)
    match event.via:
        case "notification" | "hook" | "reminder" | "marker":
            return ""
        case "plan_approval":
            return "(approved the agent's plan)"
        case "image":
            return "(an image)"
        case "api_error":
            return "(the model's service failed)"
    text = plain(event.text.strip())
    match event.via:
        case "steering":
            return f"(while the agent worked) {text}"
        case "rejection_note":
            return f"(refusing the action) {text}"
        case "question_answer":
            return f"(answering the agent's question) {text}"
        case "plan_handoff":
            return f"(plan drafted by the agent, handed over by the person) {text}"
        case _:
            return text


def _action(call: ToolCall) -> str:
    """
    An action in a line, with the ends of its result where that is shown.

    The outcome comes before what the action was applied to: else that could pose as one.
    """
    changed = call.lines_added or call.lines_removed
    change = f", +{call.lines_added} −{call.lines_removed} lines" if changed else ""
    name = _cut(one_line(call.name), NAME_SHOWN, "…").replace("[", "(")
    subject = _cut(one_line(call.subject), SUBJECT_SHOWN, " … ")
    told = f"{ARROW} {name} [{call.outcome}{change}]: {subject}"
    if call.kind in _QUIET and call.outcome == "ok":
        return told
    result = _cut(plain(call.result.strip()), RESULT_SHOWN)
    return f"{told}\n{result}" if result else told


def _cut(text: str, size: int, mark: str = CUT) -> str:
    """The two ends of a text that is too long; so many characters of it, a torn mark left out."""
    if len(text) <= size:
        return text
    half = size // 2
    head, tail = text[:half], text[-half:]
    for torn in range(len(CUT) - 1, TORN - 1, -1):
        head, tail = head.removesuffix(CUT[:torn]), tail.removeprefix(CUT[-torn:])
    # What stood at the beginning of a line does so still; anything else begins one now.
    return f"{head}{mark}{tail if text[-half - 1] == LINE else begun(tail)}"
