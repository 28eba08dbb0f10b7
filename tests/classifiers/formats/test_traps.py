"""The page of formats, held to the code: every trap has its test, every format its row."""

import re
from pathlib import Path

import pytest

from classifiers import limits
from classifiers.formats import FORMATS
from tests.support.world import ROOT

PAGE = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
TRAPS = {
    int(row[1]): re.findall(r"`(tests/[^`]+)`", row[0])
    for row in re.finditer(r"^\| T(\d+) \|.*$", PAGE, re.MULTILINE)
}


def found_in(path: Path) -> dict[str, str]:
    """The tests in a file and what they say of themselves; none if there is no file."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return dict(re.findall(r'^def (test_\w+)\(.*?"""\s*(.*?)"""', text, re.MULTILINE | re.DOTALL))


def test_there_are_thirty_six_traps() -> None:
    """A row that got lost is a trap that nobody looks at."""
    assert list(TRAPS) == list(range(1, 37))
    assert all(TRAPS.values())


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_names_tests_that_exist(trap: int) -> None:
    """One of which says whose it is, in its name or in its first words."""
    told = []
    for named in TRAPS[trap]:
        path, _, name = named.partition("::")
        assert name in found_in(ROOT / path), named
        told.append(f"{name} {found_in(ROOT / path)[name]}")
    assert any(f"_t{trap:02}_" in each or f" T{trap}:" in each for each in told)


def test_no_test_of_a_trap_is_unnamed() -> None:
    """A test that the page does not know of is not found by who looks for it."""
    found = {
        f"{path.relative_to(ROOT)}::{name}": int(name[6:8])
        for path in (ROOT / "tests/classifiers").rglob("test_*.py")
        for name in found_in(path)
        if re.match(r"test_t\d\d_", name)
    }
    assert len(found) > 36
    assert {name: trap for name, trap in found.items() if name not in TRAPS[trap]} == {}


def test_every_format_has_its_row() -> None:
    """A format that is read and not told of is not used; one that is only told of disappoints."""
    part = PAGE.split("## Formats\n", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
    assert sorted(named) == sorted(known.NAME for known in FORMATS)


def test_the_limits_are_those_of_the_code() -> None:
    """They decide what becomes `too_large`."""
    part = PAGE.split("## How much is read\n", 1)[1].split("\n## ", 1)[0]
    stated = [row.split("|")[2].strip() for row in part.splitlines() if row.startswith("| ")][1:]
    assert stated == [
        f"{limits.LARGEST // 2**20} MiB",
        f"{limits.LONGEST_RECORD // 2**20} MiB",
        f"{limits.MOST_RECORDS:,}",
        f"one for {limits.BYTES_A_VALUE} bytes, a million in any",
        f"{limits.MOST_EVENTS:,}",
        f"{limits.MOST_PARTS:,}",
        f"{limits.MOST_KEPT // 2**20} MiB",
    ]
    assert limits.LONGEST_RECORD // limits.BYTES_A_VALUE == 2**20
