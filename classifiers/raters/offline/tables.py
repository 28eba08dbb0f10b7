"""
The rules' tables, read from the TOML files beside this module when it is imported.

They are data, so that they can be read, criticised and changed without touching a rule.
"""

import re
from dataclasses import dataclass
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


def _cue(cue: dict[str, Any]) -> re.Pattern[str]:
    return re.compile(rf"^{cue['head']}" if "head" in cue else cue.get("raw") or _any(cue["any"]))


_WORK = _read("work.toml")
CUES: tuple[tuple[str, float, bool, re.Pattern[str]], ...] = tuple(
    (cue["mode"], cue["weight"], "head" in cue, _cue(cue)) for cue in _WORK["cue"]
)
"""(mode, weight, whether it is about how a request begins, what the request says)."""

REPORTS, SUBJECTS = (
    tuple((cue["mode"], cue["weight"], _cue(cue)) for cue in _WORK[name])
    for name in ("report", "subject")
)
"""(mode, weight, what the agent reports); the same of what a change is called."""

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


@dataclass(frozen=True, slots=True)
class Trade:
    """The expressions of one occupational group; see the head of trades.toml."""

    work: re.Pattern[str]
    is_one: re.Pattern[str]
    """The person says to be one of them."""
    is_theirs: re.Pattern[str]
    """The person speaks of that work as their own."""
    signs: re.Pattern[str]
    places: re.Pattern[str]


def _trade(words: dict[str, str]) -> Trade:
    work, roles = _words(words["work"]), _words(words["roles"])
    return Trade(
        work=re.compile(work),
        is_one=re.compile(
            r"\b(?:i.m|i am|as|my job (?:is|as)|work(?:ing)? as) (?:an?|the) (?:\w+ ){0,2}" + roles
        ),
        is_theirs=re.compile(
            rf"{_words(words['mine'])}"
            r"|\b(?:i|we)(?:.ve|.re|.m)? (?:also |mostly |usually |always )?"
            + _words(words["does"])
        ),
        signs=re.compile(rf"{_words(words['signs'])}|\b(?:my|our) (?:\w+ )?{work}"),
        places=re.compile(_words(words["places"])),
    )


TRADES = {code: _trade(words) for code, words in _read("trades.toml").items()}
"""Occupational groups by their two digits."""


def matches(patterns: Patterns, text: str) -> int:
    """How many of the patterns occur in a text."""
    return sum(bool(pattern.search(text)) for pattern in patterns)


def distinct(pattern: re.Pattern[str], text: str) -> int:
    """How many different words a pattern finds."""
    return len(set(pattern.findall(text)))
