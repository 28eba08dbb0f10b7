"""
What a shell command does, apart from what it only says.

A commit's message or a proposal's text is words of somebody about the work, and no command: who
writes `git push` into a message has pushed nothing.  Told by the options that take such a text, as
it is quoted or written as a here-document within quotes; a text that comes through a pipe or a
file is not told from the rest.
"""

import re

_SAID = re.compile(
    r"(\s-[a-z]{0,3}m|\s--(?:message|title|body|notes|description))(?:[ \t]{1,4}|=|(?=[\"']))"
    r"(?:\"\$\(cat[ \t]{1,4}<<-?[ \t]{0,4}['\"]?(?P<end>\w{1,40})['\"]?\n"
    r"(?:[^\n]{0,2000}\n){0,200}?[ \t]{0,40}(?P=end)\s{0,40}\)\""
    r"|\"(?:[^\"\\]|\\.)*\"|\$?'[^']*')",
    re.DOTALL,
)
"""An option that takes a text, and the text; bounded, so that no command takes long to read."""
_PROGRAM = re.compile(r"\b(?:git|gh|glab|hub|jj|hg)\b")


def done_by(command: str) -> str:
    """A command without the texts of commits, tags and proposals."""
    return _SAID.sub(r"\1", command) if _PROGRAM.search(command) else command
