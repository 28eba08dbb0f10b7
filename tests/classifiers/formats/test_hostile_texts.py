"""What a person can write must not be able to stop a run: marks that begin and never end."""

import json
import re
from contextlib import suppress
from time import process_time

import pytest

from classifiers.formats import read_session
from classifiers.sessions import UnreadableError
from tests.classifiers.formats.made import document, lines
from tests.classifiers.formats.test_aider import FIRST
from tests.classifiers.formats.test_cline import TASK, say
from tests.classifiers.formats.test_codex import message, meta
from tests.classifiers.formats.test_cursor import line, told
from tests.classifiers.formats.test_specstory import HEAD, TALK
from tests.classifiers.formats.test_swe_agent import run

SIZE = 600_000
"""Characters: at a quadratic cost some minutes, at a linear one a fraction of a second."""


def many(mark: str) -> str:
    """A mark again and again."""
    return mark * (SIZE // len(mark))


LOGS = {
    "specstory": (HEAD + TALK + many("<details>\n<summary>")).encode(),
    "specstory_tags": (HEAD + TALK + many("<tool-use <think ")).encode(),
    "aider": (FIRST + many("<<<<<<< SEARCH\nx\n=======\n")).encode(),
    "cursor": lines(
        line("user", {"type": "text", "text": many("<timestamp><image_files>")}), told("x")
    ),
    "codex": lines(meta(), message("user", many("<a_b> <c_d>")), message("user", "x")),
    "codex_shell": lines(meta(), message("user", many("<user_shell_command><command>"))),
    "cline": document(
        [*TASK[:2], say("tool", {"tool": "appliedDiff", "diff": many("------- SEARCH\n=====\n")})]
    ),
    "swe_agent": document(run("x", ("x", many("edit 1:2\n") + "'", "y"))),
    "swe_agent_editor": document(
        run("x", ("x", "str_replace_editor str_replace a --old_str " + many("'\"'\"'"), "y"))
    ),
    "mini": document(
        {
            "trajectory_format": "mini-swe-agent-1",
            "messages": [{"role": "assistant", "content": many("```bash\n")}],
        }
    ),
    "gemini": json.dumps(
        {
            "sessionId": "g",
            "projectHash": "h",
            "messages": [{"type": "user", "content": many("--- Content from ")}],
        }
    ).encode(),
}


@pytest.mark.parametrize("name", LOGS)
def test_a_log_of_marks_without_ends_takes_linear_time(name: str) -> None:
    """Processor time, so that who else is at work does not matter."""
    began = process_time()
    with suppress(UnreadableError):
        read_session(LOGS[name])
    assert process_time() - began < 5


def test_the_control_takes_longer() -> None:
    """What searches anew from each mark would be noticed, at a thirty-second of the size."""
    text = many("<details>\n<summary>")[: SIZE // 32]
    began = process_time()
    assert not re.findall(r"<details>\s*<summary>(.*?)</summary>", text, re.DOTALL)
    assert process_time() - began > 5 / 32**2  # the square of the share of the bound
