"""What a person said in a call's result: a refusal's note, answers to the agent's questions."""

import re

from classifiers.sessions import SafeText, safe

from .claude_code_words import without_reminders
from .lines import Record
from .values import dict_of, dicts_of, text_of

_SAID = re.compile(r"the user said:\s*\n(.*)", re.DOTALL)
_NOTE = re.compile(r"\nNote: The user's next message may contain a correction.*", re.DOTALL)
_INTERVIEWED = (
    "The user wants to clarify these questions",
    "The user has indicated they have provided enough answers",
)
"""How the program begins when a person leaves questions unanswered; answers given follow."""
_ANSWER = re.compile(r"^  Answer: (.*?)(?=\n- \"|\Z)", re.DOTALL | re.MULTILINE)


def rejection_note(text: str) -> str:
    """What the person said when refusing a call; empty if nothing."""
    found = _SAID.search(text)
    note = _NOTE.sub("", without_reminders(found[1])).strip() if found else ""
    return "" if note.startswith(_INTERVIEWED) else note


def offered_in(asked: Record) -> frozenset[str]:
    """The answers that questions offer."""
    labels = (
        text_of(option.get("label"))
        for question in dicts_of(asked.get("questions"))
        for option in dicts_of(question.get("options"))
    )
    return frozenset(labels) - {""}


def answers(offered: frozenset[str], extra: object, text: str) -> list[tuple[SafeText, bool]]:
    """
    A person's answers to the agent's questions.

    Args:
        offered: The answers that the questions offered, if the call's input told them.
        extra: The record's `toolUseResult`.
        text: The result's text, which holds the answers where the questions were put aside.

    Returns:
        Each answer, and whether its words are the person's own (not an offered option's).
    """
    result = dict_of(extra)
    offered = offered or offered_in(result)
    stated = [value for value in dict_of(result.get("answers")).values() if isinstance(value, str)]
    for beside in dict_of(result.get("annotations")).values():
        note = dict_of(beside).get("notes")
        stated += [note] if isinstance(note, str) else []
    said = _SAID.search(text)
    if said and said[1].startswith(_INTERVIEWED):
        stated += _ANSWER.findall(_NOTE.sub("", said[1]))
    return [
        (safe(answer), answer not in offered and not set(answer.split(", ")) <= offered)
        for answer in stated
    ]
