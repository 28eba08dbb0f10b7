"""
What a file is for and what a command does, told by its path and its words.

A file's place says more than its suffix: a Markdown file may be prose, or a prompt to an agent.
"""

from collections.abc import Iterator

from .tables import COMMANDS, PATHS

_READ = 2_000
"""Characters of a command that are looked at."""


def artefact(path: str) -> str:
    """What a file is for: prompt, test, workflow, data, document, setting or code."""
    plain = "/" + path.replace("\\", "/").lower()
    return next((name for name, pattern in PATHS.items() if pattern.search(plain)), "code")


def command_kind(command: str) -> Iterator[str]:
    """What a command does: any of git, review, deploy, package, data, document."""
    plain = command[:_READ].lower()
    return (name for name, pattern in COMMANDS.items() if pattern.search(plain))
