"""Refusals and the states of a plan, as the documentation tells them: held to the code."""

import re
from pathlib import Path

import pytest
import typer

from clerestory.cli import app
from tests.support.pages import pages
from tests.support.refusals import REFUSED, refusals

FOUND = refusals()
SEVERAL_RULES = {
    "KEY_UNREADABLE": "a key file, or what stands behind an option",
    "LABEL_GATE": "records of the codebook, or the sessions that they speak of",
    "PLAN_EPSILON": "an ε that is none, or one that is too small",
    "RECOVERY_NOT_SIGNED": "that officers sign, or which officers do",
    "SIGNATURE_INVALID": "whatever was signed; the keeper's own word on its key",
    "UNEXPECTED": "at the keeper, or at the terminal",
    "VAULT_DAMAGED": "a blob, or its header",
}
"""Codes that more than one rule speaks under, and why that is one meaning."""


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_page_is_what_the_code_makes(path: Path) -> None:
    """A diagram that lies is worse than none: `python -m tests.support.pages` makes it anew."""
    assert path.read_text(encoding="utf-8") == pages()[path]


def test_refusals_are_found_where_they_are() -> None:
    """The control: calls, findings, tables and helpers are all read."""
    codes = {one.code: one for one in FOUND}
    assert len(codes) > 100
    for code, exit_code in {
        "POLICY_UNREADABLE": 2,
        "PLAN_REVOKED": 3,
        "PLAN_NOISE": 3,
        "ENDPOINT_NOT_ALLOWED": 3,
        "NOISE_LENGTH": 3,
        "SIGNATURE_INVALID": 4,
        "NO_LABELS": 5,
        "UNEXPECTED": 1,
    }.items():
        assert codes[code].exit == exit_code
    assert not [one for one in FOUND if one.rule.strip("…") == ""]


def test_a_code_means_one_thing() -> None:
    """One rule and one exit code each; what differs is named, with its reason."""
    rules: dict[str, set[str]] = {}
    exits: dict[str, set[int]] = {}
    for one in FOUND:
        rules.setdefault(one.code, set()).add(one.rule)
        exits.setdefault(one.code, set()).add(one.exit)
    assert {code for code, told in rules.items() if len(told) > 1} == set(SEVERAL_RULES)
    assert {code: told for code, told in exits.items() if len(told) > 1} == {}


def test_every_refusal_names_its_rule_and_a_remedy() -> None:
    """As whole sentences: whoever is refused must be able to go on."""
    assert [one for one in FOUND if not one.rule.endswith((".", "…"))] == []
    without = [one for one in FOUND if not one.remedy and one.exit != REFUSED]
    assert without == []


def test_remedies_name_commands_that_exist() -> None:
    """A remedy that cannot be followed is a second refusal."""
    known = _commands()
    named = [
        (one.place, words)
        for one in FOUND
        for words in re.findall(r"`clerestory ([a-z-]+(?: [a-z]+)?)", one.rule + one.remedy)
    ]
    assert len(named) > 30
    wrong = [
        (place, words)
        for place, words in named
        if words not in known and (words.split()[0] not in known or words.split()[0] in GROUPS)
    ]
    assert wrong == []


def _commands() -> set[str]:
    found = set()
    for name, one in getattr(typer.main.get_command(app), "commands", {}).items():
        found |= {name, *(f"{name} {below}" for below in getattr(one, "commands", {}))}
    return found


GROUPS = {words.split()[0] for words in _commands() if " " in words}
