"""What a command does, apart from the texts that it hands over."""

import time

import pytest

from classifiers.commands import done_by
from tests.classifiers.logs import call, person, result, session

HEREDOC = """git commit -m "$(cat <<'EOF'\nmend "it": pytest -q\n\nand push\nEOF\n)" && git push"""


@pytest.mark.parametrize(
    ("command", "done"),
    [
        ('git commit -m "gh pr create && pytest"', "git commit -m"),
        ("git add a && git commit -am 'pytest -q' && tox", "git add a && git commit -am && tox"),
        (HEREDOC, "git commit -m && git push"),
        ('gh pr create --title "run tox" --body="kubectl apply"', "gh pr create --title --body"),
        ('git commit -m "a \\" quote" && mypy', "git commit -m && mypy"),
        ("python -m pytest -q", "python -m pytest -q"),
        ('git grep -n "pytest"', 'git grep -n "pytest"'),
        ('mail -m "git"; mypy', "mail -m; mypy"),
        ('docker run -m "2g" pytest', 'docker run -m "2g" pytest'),
    ],
)  # fmt: skip
def test_texts_are_told_from_what_is_done(command: str, done: str) -> None:
    """Options that take a text lose it; other programs' options, and what follows, stay."""
    assert done_by(command) == done


def test_a_message_does_nothing() -> None:
    """Neither a check nor a proposal is made by naming one; the control is to run them."""

    def made(command: str) -> tuple[bool, bool, bool]:
        found = session(person("go"), call("Bash", command=command), result("ok"))
        (one,) = found.calls
        return one.committed, one.tested, one.proposed

    assert made('git commit -m "pytest, then gh pr create"') == (True, False, False)
    assert made('git commit -m "a" && pytest && gh pr create') == (True, True, True)


@pytest.mark.parametrize(
    "part", ['git -m "$(cat <<E\n', 'git -m "\\', "git -m ", "git -m 'x", 'git -m "$(cat <<E\na\n']
)
def test_no_command_takes_long_to_read(part: str) -> None:
    """Beginnings without an end, a megabyte of them: half a second was most, ten are allowed."""
    begun = time.process_time()
    done_by(part * (10**6 // len(part)))
    assert time.process_time() - begun < 10
