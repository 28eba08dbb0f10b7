"""
Reads sessions of people with a coding agent and emits labels, nothing else.

Reading order: `sessions` (the normal form), `formats` (logs into it), `structure` (what can be
counted), `rendering` (what a rater sees), `raters`, `worker` (the only way out), and `edge`
(the custodian's side, before sealing).  Names are imported when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .formats import read_session
    from .sessions import Session, UnreadableError
    from .worker import classify

__all__ = ["Session", "UnreadableError", "classify", "read_session"]

_HOMES = {
    "Session": "sessions",
    "UnreadableError": "sessions",
    "classify": "worker",
    "read_session": "formats",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
