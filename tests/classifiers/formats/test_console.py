"""A paste of the terminal: what is typed, said and done by the marks before it."""

from pathlib import Path

from classifiers.formats import read_session
from tests.classifiers.formats.made import answered, counted, outcomes, sealed, through
from tests.classifiers.logs import said

BANNER = "╭──────╮\n│ ✻ Welcome to Claude Code! │\n╰──────╯\n\n Tips for getting started:\n\n"
TALK = """> weed the beds
  and mind the roses


⏺ I will look first.

  - one
  - two

⏺ Read(beds.py)…

  ⎿  Read 36 lines (ctrl+r to expand)

⏺ Update(beds.py)

  ⎿  Updated beds.py with 3 additions and 1 removal
       1 - weeds
       1 + roses

⏺ Write(new.py)
  ⎿  Wrote 12 lines to new.py
     │ ✻ Welcome to Claude Code! │

✻ Thinking…

  quietly

⏺ Bash(git push
      --force)…

  ⎿  No (tell Claude what to do differently)

> /clear

> /water now

! ls

⏺ Bash(pytest)…
  ⎿  Error: no tests
  ⎿  Interrupted by user

⏺ Update Todos
  ⎿  ☐ rest
"""


def test_marks_tell_who_speaks(tmp_path: Path) -> None:
    """Wrapped prompts are one; commands that set the program are no prompts."""
    found = through(tmp_path, (BANNER + TALK).encode())
    assert said(found) == [
        ("prompt", "weed the beds\nand mind the roses"),
        ("slash_command", "/water now"),
        ("shell", "ls"),
    ]
    assert outcomes(found) == [
        ("read", "beds.py", "ok"),
        ("edit", "beds.py", "ok"),
        ("write", "new.py", "ok"),
        ("shell", "git push --force", "rejected"),
        ("shell", "pytest", "error"),
        ("plan", "", "ok"),
    ]
    assert counted(found) == (2, 6, 3 + 12, 1)
    assert answered(found) == ["I will look first.\n\n- one\n- two"]
    assert [turn.interrupted for turn in found.turns] == [False, True]
    assert found.format == "console"


def test_each_banner_begins_a_session(tmp_path: Path) -> None:
    """A day's paste holds several; none has a time."""
    second = BANNER + "> prune\n\n⏺ Pruned.\n"
    found, tally = sealed(tmp_path, here=("claude\n" + BANNER + TALK + second).encode())
    assert [said(read_session(each.blob))[0][1][:5] for each in found] == ["weed ", "prune"]
    assert {each.month for each in found} == {"unknown"}
    assert tally.sessions == {"TAKEN": 2, "NO_TIMESTAMP": 2}
    again, _ = sealed(tmp_path, here=(BANNER + TALK + "\n> more\n" + second).encode())
    assert {each.session for each in again} == {each.session for each in found}


def test_prose_that_quotes_is_not_a_paste(tmp_path: Path) -> None:
    """Most Markdown has quotations; without the agent's marks it is foreign."""
    text = b"# Notes\n\nOn Claude Code v2 and Welcome to Claude Code\n\n> a quotation\n\n{braces}\n"
    assert set(sealed(tmp_path, here=text)[1].files.values()) == {"NOT_A_SESSION_LOG"}
    assert sealed(tmp_path, here=text + "\n⏺ Seen.\n".encode())[1].sessions["TAKEN"] == 1
