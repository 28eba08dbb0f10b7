"""The page of threats, held to the tests and the modules that it names."""

import re

import pytest

from tests.support.world import ROOT

PAGE = (ROOT / "docs/threats.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in row.strip("|").split("|")]
    for row in PAGE.splitlines()
    if re.match(r"\| \d", row)
]
NUMBER, THREAT, ANSWER, TESTS, LEFT = range(5)


def test_there_are_twenty_two() -> None:
    """A row that got lost is a threat that nobody looks at."""
    assert [row[NUMBER] for row in ROWS] == [str(n) for n in range(1, 23)]
    assert all(len(row) == 5 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[NUMBER])
def test_each_threat_names_tests_that_exist(row: list[str]) -> None:
    """An attack that is only told of is not made."""
    named = re.findall(r"`([^`]+)`", row[TESTS])
    assert named
    for test in named:
        path, _, name = test.partition("::")
        assert path.startswith("tests/"), test
        assert (ROOT / path).is_file(), test
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {name or 'test_[a-z0-9_]+'}\(", text, flags=re.MULTILINE), test


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[NUMBER])
def test_each_answer_names_modules_that_exist(row: list[str]) -> None:
    """Whoever follows the page finds the code."""
    named = re.findall(r"`([^`]+)`", row[ANSWER])
    assert named
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_no_test_of_a_threat_is_forgotten() -> None:
    """What is made for this page stands on it."""
    made = {f"tests/threats/{path.name}" for path in (ROOT / "tests/threats").glob("test_*.py")}
    assert made
    assert made <= {test for row in ROWS for test in re.findall(r"`([^`:]+)", row[TESTS])}
