"""
What a rater is shown of a session, where that is not the whole of it.

Labels that were read off the same text share their evidence: a person who is told that it works
looks more expert, and a request that looks expert lets its outcome look better.  A study that wants
to know names a view.  `first_turn` holds what the person asked before any answer, so that nothing
in it can tell how the work ended; `tail` holds the end, without that opening.  No event of a
session is in both.  `full` leaves out the middle of what is long; `whole` does not: a long session
is read in parts, and each instrument says what becomes of their labels.  The name stands in the
plan, is signed, and is a part of the name of the labels: what was judged by one view is never mixed
with what was judged by another.
"""

from collections.abc import Mapping
from typing import Literal, get_args

ViewName = Literal["full", "whole", "first_turn", "tail"]

VIEWS: tuple[ViewName, ...] = get_args(ViewName)

SHOWN: Mapping[ViewName, str] = {
    "full": "the whole session",
    "whole": "the whole session, in parts where it is long",
    "first_turn": "what the person asked before the agent's first answer, and nothing after it",
    "tail": "the end of the session, without its first request",
}
"""In words, for raters and for readers."""

PARTIAL: tuple[ViewName, ...] = ("first_turn", "tail")
"""Views that leave out a part by intention."""

UNSEEN: Mapping[ViewName, tuple[str, ...]] = {
    "full": (),
    "whole": (),
    "first_turn": ("outcome", "success_signal", "failure_signal"),
    "tail": (),
}
"""Instruments that ask for what lies outside a view: their label is `unclear`, whoever rates."""
