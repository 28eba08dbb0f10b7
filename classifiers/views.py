"""
The part of a session that a rater is shown, where a plan names one.

Promise: what lies outside a view is not there, neither for a rater that reads the text nor for one
that reads the session.  `seen` makes a session of the events in view and of nothing else: no
sub-agent, no count, no time of anything outside is left in it; the text is then made of that.

The first turn is what the person asked, or handed over, before the agent's first answer.  The tail
is what comes after that answer began, as far back as its last characters reach.  What a log holds
before its first request, a summary of what went before above all, is in neither.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from privacy.views import ViewName

from .rendering import line
from .sessions import (
    NOTHING,
    OPENERS,
    Actor,
    Completeness,
    Event,
    Session,
    ToolCall,
    Turn,
    Utterance,
)

TAIL_KEPT = 10_000
"""Characters of the events that a tail is made of: two turns of full length."""

_UNSEEN = Utterance(Actor.HARNESS, "marker", NOTHING)
"""Stands where a turn's request lies outside the view; it is shown as nothing."""


def seen(session: Session, view: ViewName) -> Session:
    """A session as a view shows it; the whole of it is the session itself."""
    match view:
        case "full" | "whole":
            return session
        case "first_turn":
            return _first_turn(session)
        case "tail":
            return _tail(session)


def _first_turn(session: Session) -> Session:
    asked = () if any(map(_is_agents, session.prelude)) else tuple(_own(session.prelude))
    turns = []
    for turn in session.turns:
        answer = _answer(turn)
        turns.append(Turn(turn.opener, tuple(_own(turn.events[:answer]))))
        if answer < len(turn.events):
            break
    return _bare(session, asked, tuple(turns))


def _tail(session: Session) -> Session:
    turns, kept = _answered(session), list[Turn]()
    events = [event for turn in turns for event in (turn.opener, *turn.events)]
    hidden = len(events) - _reach(events)
    for turn in turns:
        here, hidden = hidden, max(0, hidden - 1 - len(turn.events))
        if here <= len(turn.events):
            opener = _UNSEEN if here else turn.opener
            shown = tuple(map(_alone, turn.events[max(0, here - 1) :]))
            kept.append(Turn(opener, shown, turn.interrupted))
    return _bare(session, (), tuple(kept))


def _answered(session: Session) -> list[Turn]:
    """The turns from the agent's first answer on; the first of them without its request."""
    turns = session.turns or (Turn(_UNSEEN, session.prelude),)
    for number, turn in enumerate(turns):
        answer = _answer(turn)
        if answer < len(turn.events):
            first = replace(turn, opener=_UNSEEN, events=turn.events[answer:])
            return [first, *turns[number + 1 :]]
    return []


def _reach(events: Sequence[Event]) -> int:
    """How many of the last events the tail holds; one that shows anything, whatever its size."""
    left, shown = TAIL_KEPT, False
    for count, event in enumerate(reversed(events)):
        size = len(line(event))
        if shown and size > left:
            return count
        left, shown = left - size, shown or size > 0
    return len(events)


def _answer(turn: Turn) -> int:
    """Place of the agent's first word or action in a turn; behind its end if there is none."""
    events = enumerate(turn.events)
    return next((place for place, event in events if _is_agents(event)), len(turn.events))


def _own(events: tuple[Event, ...]) -> Iterator[Event]:
    """What a person typed."""
    ways = (*OPENERS, "steering", "shell")
    for event in events:
        if isinstance(event, Utterance) and event.actor is Actor.HUMAN and event.via in ways:
            yield event


def _is_agents(event: Event) -> bool:
    if isinstance(event, ToolCall):
        return True
    return event.actor is Actor.MODEL and event.via not in OPENERS


def _alone(event: Event) -> Event:
    return replace(event, subagent=None) if isinstance(event, ToolCall) else event


def _bare(session: Session, prelude: tuple[Event, ...], turns: tuple[Turn, ...]) -> Session:
    """A session of some events, and of nothing that tells of others."""
    return replace(
        session,
        started_at=None,
        ended_at=None,
        models=(),
        answers=frozenset(),
        prelude=prelude,
        turns=turns,
        subagents=(),
        thinking_words=0,
        completeness=Completeness(),
    )
