"""
Whose words stand in Codex' messages, and which of them were typed.

The program puts files, settings and notices into messages of the user's role.  Newer logs name
the kind of each part of a message; in older ones a text counts as the program's if it begins as
such texts begin, or is one element of markup and nothing else.
"""

import json
import re

from .lines import Record
from .values import dict_of, dicts_of, text_of, words_in

_ADDED = (
    "<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<INSTRUCTIONS>",
    "<turn_aborted>", "<skill>", "<subagent_notification>", "<permissions instructions>",
    "<app-context>", "<system-reminder>", "<hook_prompt ",
)  # fmt: skip
"""How texts begin that the program adds in the user's name."""
_ELEMENT = re.compile(r"<([a-z]{1,40}(?:_[a-z]{1,40}){1,9})[ >]")
_SHELL = re.compile(r"<user_shell_command>\s*<command>(.*?)</command>", re.DOTALL)
_REQUEST = "## My request for Codex:"
_APPROVED = "Implement the plan."
_HANDED_OVER = "A previous agent produced the plan below to accomplish the user's"


def is_added(text: str) -> bool:
    """Whether the program wrote a text that stands in the user's name."""
    text = text.strip()
    element = _ELEMENT.match(text)
    return text.startswith(_ADDED) or bool(element and text.endswith(f"</{element[1]}>"))


def typed_in(item: Record) -> str:
    """What a person typed in a message of the user's role; empty if nothing."""
    about = dict_of(item.get("internal_chat_message_metadata_passthrough"))
    kinds, content = about.get("content_item_kinds"), item.get("content")
    if isinstance(kinds, list) and isinstance(content, list) and len(kinds) == len(content):
        named = zip(kinds, content, strict=True)
        content = [part for kind, part in named if text_of(kind).startswith("user.")]
    text = words_in(content)
    return "" if is_added(text) else request(text)


def request(text: str) -> str:
    """A prompt without what an editor puts before it: open files and the like."""
    return text.split(_REQUEST, 1)[1] if _REQUEST in text else text


def shell_in(item: Record) -> str:
    """A command that the person ran, in a message of the user's role; empty if it is none."""
    found = _SHELL.match(words_in(item.get("content")).lstrip())
    return found[1].strip() if found else ""


def is_approval(text: str) -> bool:
    """Whether the program typed a prompt when the person had accepted a plan."""
    return text.strip() == _APPROVED


def is_handed_over(text: str) -> bool:
    """Whether a prompt is a plan of the model's that the person carried into a new session."""
    return text.lstrip().startswith(_HANDED_OVER)


def reply(given: Record, text: str) -> list[tuple[str, bool]]:
    """
    What a person answered to the agent's questions.

    Args:
        given: The questions as the model asked them.
        text: What the tool gave back.

    Returns:
        Each answer, and whether its words are the person's own.
    """
    offered = {
        text_of(option.get("label"))
        for question in dicts_of(given.get("questions"))
        for option in dicts_of(question.get("options"))
    }
    try:
        answers = dict_of(dict_of(json.loads(text)).get("answers"))
    except (ValueError, RecursionError):
        return []
    found: list[tuple[str, bool]] = []
    for answer in answers.values():
        said = dict_of(answer).get("answers")
        for each in said if isinstance(said, list) else []:
            words = text_of(each).removeprefix("user_note: ")
            found += [(words, words not in offered)] if words else []
    return found
