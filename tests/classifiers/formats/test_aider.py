"""aider's history: every start of the program is a session in the same file."""

from pathlib import Path

from classifiers.formats import read_session
from tests.classifiers.formats.made import answered, counted, outcomes, sealed, through
from tests.classifiers.logs import said

FIRST = """
# aider chat started at 2026-02-03 04:05:06

> Main model: claude-opus-4-5 with diff edit format
#### /add pond.py
> Added pond.py to the chat
#### dig a pond
#### with fish

I dig.

pond.py
```python
<<<<<<< SEARCH
def pond():
    pass
=======
def pond():
    dig()
    fill()
>>>>>>> REPLACE
```

> Applied edit to pond.py
> Commit 1a2b3c4 feat: dig a pond
#### /run pytest
#### /ask how deep?

Two metres.
"""
SECOND = """
# aider chat started at 2026-03-03 04:05:06

#### fill it

Filled.
"""


def test_prompts_edits_and_commits_are_told(tmp_path: Path) -> None:
    """What is added to the chat is no request; a shell command is the person's own."""
    found = through(tmp_path, FIRST.encode())
    assert said(found) == [
        ("prompt", "dig a pond\nwith fish"),
        ("shell", "/run pytest"),
        ("slash_command", "/ask how deep?"),
    ]
    assert outcomes(found) == [("edit", "pond.py", "ok"), ("shell", "git commit", "ok")]
    # of the block's lines `def pond():` stays, one goes and two come
    assert counted(found) == (2, 2, 2, 1)
    assert [call.committed for call in found.calls] == [False, True]
    assert len(answered(found)) == 2
    assert ["".join(model) for model in found.models] == ["claude-opus-4-5"]


def test_each_start_is_a_session_with_its_month(tmp_path: Path) -> None:
    """The file grows for years; a start stays the same session as others follow."""
    (alone,), _ = sealed(tmp_path, here=FIRST.encode())
    found, _ = sealed(tmp_path, here=(FIRST + SECOND).replace("\n", "\r\n").encode())
    assert [each.month for each in found] == ["2026-02", "2026-03"]
    assert found[0].session == alone.session
    assert [len(said(read_session(each.blob))) for each in found] == [3, 1]
    assert read_session(found[0].blob).format == "aider"


def test_a_start_without_a_word_is_no_conversation(tmp_path: Path) -> None:
    """The program was opened and left."""
    left = "# aider chat started at 2026-04-03 04:05:06\n\n> Aider v0.80\n"
    _, tally = sealed(tmp_path, here=(FIRST + left).encode())
    assert tally.sessions == {"TAKEN": 1, "NO_CONVERSATION": 1}
