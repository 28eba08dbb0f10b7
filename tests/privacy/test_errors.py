"""Errors: every one names its rule and crosses the keeper's socket as what it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import (
    BY_EXIT_CODE,
    ClerestoryError,
    ConfigurationError,
    IncompleteError,
    RefusedError,
    VerificationError,
)

words = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.sampled_from(list(BY_EXIT_CODE.values())), words, words, words, words)
def test_an_error_is_the_same_on_both_sides_of_the_socket(
    kind: type[ClerestoryError], code: str, rule: str, found: str, remedy: str
) -> None:
    """A client must exit with the code, and show the words, of the keeper's own error."""
    error = kind(code, rule=rule, found=found, remedy=remedy)
    told = json.loads(json.dumps(error.to_json()))
    again = BY_EXIT_CODE[told["exit"]].from_json(told)

    assert type(again) is kind
    assert (again.code, again.rule, again.found, again.remedy) == (code, rule, found, remedy)
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (ClerestoryError, 1),
        (ConfigurationError, 2),
        (RefusedError, 3),
        (VerificationError, 4),
        (IncompleteError, 5),
    ],
)
def test_exit_codes_are_the_documented_ones(kind: type[ClerestoryError], exit_code: int) -> None:
    """Scripts branch on them: they are an interface."""
    assert kind.exit_code == exit_code
    assert BY_EXIT_CODE[exit_code] is kind


def test_the_text_holds_all_four_parts() -> None:
    """Where only `str(error)` is shown, the remedy must not be lost."""
    text = str(RefusedError("CODE", rule="A rule.", found="A thing.", remedy="an act."))
    assert text == "CODE: A rule. Found: A thing. Do: an act."
