"""
The rules' tables, read from the TOML files beside this module when it is imported.

They are data, so that they can be read, criticised and changed without touching a rule.
"""

import re
from importlib.resources import files
from tomllib import loads
from typing import Any

Patterns = tuple[re.Pattern[str], ...]


def _read(name: str) -> dict[str, Any]:
    return loads((files(__package__) / name).read_text(encoding="utf-8"))


def _any(alternatives: list[str]) -> str:
    return rf"\b(?:{'|'.join(alternatives)})\b"


def _words(text: str) -> str:
    return _any([word.replace("_", "[ -]") for word in text.split()])


CUES: tuple[tuple[str, float, re.Pattern[str]], ...] = tuple(
    (cue["mode"], cue["weight"], re.compile(cue.get("raw") or _any(cue["any"])))
    for cue in _read("work.toml")["cue"]
)
"""(mode, weight, what a request says)."""

SPEECH: dict[str, Patterns] = {
    name: tuple(re.compile(pattern) for pattern in patterns)
    for name, patterns in _read("speech.toml").items()
}
"""How people speak, by what it shows."""

PATHS, COMMANDS = (
    {name: re.compile(pattern) for name, pattern in table.items()}
    for table in _read("artefacts.toml").values()
)
"""What a file is for, by its path; what a shell command does."""

WORK: dict[str, re.Pattern[str]] = {}
MINE: dict[str, re.Pattern[str]] = {}
ROLES: dict[str, re.Pattern[str]] = {}
"""By occupational group: words of the work, of work as one's own, of what one is."""
for _code, _trade in _read("trades.toml").items():
    _work, _roles = _words(_trade["work"]), _words(_trade["roles"])
    WORK[_code] = re.compile(_work)
    MINE[_code] = re.compile(
        rf"{_words(_trade['mine'])}|\b(?:my|our) (?:\w+ )?(?:{_work}|{_roles})"
    )
    ROLES[_code] = re.compile(
        rf"\b(?:i.m|i am|as|my job as|work as) (?:an?|the) (?:\w+ ){{0,2}}{_roles}"
    )


def matches(patterns: Patterns, text: str) -> int:
    """How many of the patterns occur in a text."""
    return sum(bool(pattern.search(text)) for pattern in patterns)


def distinct(pattern: re.Pattern[str], text: str) -> int:
    """How many different words a pattern finds."""
    return len(set(pattern.findall(text)))
