"""
Contents as Google's API has them, in the logs of programs that talk to it: a list of parts.

A part is a text, a thought, a call, a call's result or a file.
"""

from classifiers.sessions import Outcome

from .actions import arguments, patch_lines
from .conversation import Conversation
from .lines import Record
from .values import dict_of, dicts_of, number_of, text_of, words_in

_ENDED: dict[str, Outcome] = {"success": "ok", "cancelled": "rejected", "error": "error"}


def said_in(content: object) -> str:
    """The text of a content; thoughts, calls and results are none."""
    if not isinstance(content, list):
        return words_in(content)
    return words_in([part for part in content if not _is_thought(part)])


def take_calls(told: Conversation, content: object) -> None:
    """Take the calls among a content's parts."""
    for part in dicts_of(content):
        if call := dict_of(part.get("functionCall")):
            name = text_of(call.get("name"))
            told.call(text_of(call.get("id")), name, arguments(call.get("args")))


def answers_in(content: object) -> tuple[str, bool]:
    """What the results among a content's parts say, and whether one of them is an error."""
    found = [
        dict_of(dict_of(part.get("functionResponse")).get("response")) for part in dicts_of(content)
    ]
    text = "\n".join(words_in(each.get("output") or each.get("error")) for each in found)
    return text, any("error" in each and "output" not in each for each in found)


def ended(status: object, *, failed: bool) -> Outcome | None:
    """How a call ended, by its state and its answer; None while it has not."""
    outcome = _ENDED.get(text_of(status))
    return "error" if outcome == "ok" and failed else outcome


def lines_in(shown: object) -> tuple[int, int] | None:
    """Lines (added, removed) of an edit as the program shows it."""
    stated = dict_of(dict_of(shown).get("diffStat"))
    if "model_added_lines" in stated:
        added, removed = stated.get("model_added_lines"), stated.get("model_removed_lines")
        return number_of(added), number_of(removed)
    patch = text_of(dict_of(shown).get("fileDiff"))
    return patch_lines(patch) if patch else None


def reply_in(given: Record, text: str) -> list[tuple[str, bool]]:
    """A person's answers to the agent's questions, and whether the words are their own."""
    offered = {
        text_of(option.get("label"))
        for question in dicts_of(given.get("questions"))
        for option in dicts_of(question.get("options"))
    }
    answers = [text_of(each) for each in dict_of(arguments(text).get("answers")).values()]
    return [(each, not set(each.split(", ")) <= offered) for each in answers if each]


def _is_thought(part: object) -> bool:
    return isinstance(part, dict) and (part.get("thought") is True or "functionResponse" in part)
